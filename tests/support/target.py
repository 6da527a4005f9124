"""A service as whoever sends it bad input sees it: its routes, out of its contract, and one request that changes something."""

import re
import socket

from support.contract import CONTRACTS
from support.service import JSON, OFFERS, TOKENS, order_body, place
from support.shopping import cart_with_a_line
from support.tokens import bearer

FLAGS = {"order": (), "notification": ("--mail", "none")}


def start(launch, name, *flags):
    return launch("--offers", OFFERS, *TOKENS, *FLAGS[name], *flags, name=name)


class Target:
    def __init__(self, service):
        self.service = service
        self.user = service.as_user("token-u1")
        self.authorization = f"Authorization: Bearer {bearer('token-u1')}\r\n".encode()
        self.prefix = CONTRACTS[service.name].document["servers"][0]["url"].rstrip("/")
        if service.name == "order":
            order = place(self.user).json()
            self.id, self.ids = order["order_id"], {"order_group_id": order["order_group_id"], **cart_with_a_line(self.user)}
            self.write = ("POST", "/orders", order_body().encode())
        else:
            self.id, self.ids = self.user.get("/api/v1/notifications").json()["items"][0]["notification_id"], {}
            self.write = ("PATCH", f"/api/v1/notifications/{self.id}", b'{"read":true}')

    def path(self, template, id=None):
        """A path of the contract with an id of the user's own thing, or this."""
        contract = CONTRACTS[self.service.name]
        ids = self.ids if id is None else {}
        return contract.prefixes(template)[0] + re.sub(r"\{(\w+)\}", lambda found: ids.get(found[1], id or self.id), template)

    def routes(self, having=lambda path, operation: True, id=None):
        """(method, path) of the contract's operations that have something; ids in paths are the user's own, or this."""
        return [(method, self.path(path, id)) for method, path, operation in CONTRACTS[self.service.name].operations()
                if having(path, operation)]

    def body_routes(self, id=None, required=False):
        return self.routes(lambda _, operation: operation.get("requestBody", {}).get("required", False) >= required and "requestBody" in operation, id)

    def id_routes(self, id):
        return self.routes(lambda path, _: "{" in path, id)

    def lists(self):
        """The path of what a user lists."""
        return f"{self.prefix}/{'orders' if self.service.name == 'order' else 'notifications'}".encode()

    def caller(self, path):
        return self.service.as_user("token-support") if "/admin/" in path else self.user

    def ask(self, method, path, **options):
        return self.caller(path).request(method, path, **options)

    def send(self, method, path, body, headers=JSON):
        return self.ask(method, path, content=body, headers=headers)

    def state(self):
        """All that a request may write: equal before and after a refusal."""
        if self.service.name == "order":
            return self.service.counts()
        return self.service.query("SELECT notification_id, user_id, read_at, status, attempts FROM notifications ORDER BY notification_id")

    # Over a bare connection

    def raw(self, data, wait=5):
        """What a connection answers to these bytes, until it closes or falls silent."""
        with self.connect(wait) as s:
            s.sendall(data)
            answer = b""
            try:
                while chunk := s.recv(65536):
                    answer += chunk
            except (TimeoutError, socket.timeout):
                pass
            return answer

    def connect(self, wait=5):
        return socket.create_connection(("127.0.0.1", self.service.port), timeout=wait)

    def head(self, headers=b"", line=b"@METHOD @PATH HTTP/1.1\r\nHost: x\r\n"):
        """The head of the request that changes something, with other headers or another line."""
        method, path, body = self.write
        head = line + self.authorization + b"Content-Type: application/json\r\n" + headers + b"\r\n"
        return head.replace(b"@METHOD", method.encode()).replace(b"@PATH", path.encode()).replace(b"@LENGTH", b"%d" % len(body))

    def whole(self):
        return self.head(b"Content-Length: @LENGTH\r\n") + self.write[2]

    def chunked(self):
        return b"%x\r\n%s\r\n0\r\n\r\n" % (len(self.write[2]), self.write[2])

    def resident(self):
        return int(re.search(r"process_resident_memory_bytes (\d+)", self.service.metrics())[1])

    def connections(self):
        return int(re.search(r'http_server_open_connections\{server="public"\} (\d+)', self.service.metrics())[1])


