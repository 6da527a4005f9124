"""Clients that follow events, over raw connections: what a stream sends, byte for byte, and clients that do not read."""

import json
import re
import socket

from support.contract import CONTRACTS
from support.tokens import bearer

VALIDATORS = {name: CONTRACTS[service].validator({"$ref": f"#/components/schemas/{schema}"})
              for name, service, schema in (("order", "order", "Order"), ("notification", "notification", "Notification"))}


def request(path, token, last_id=None):
    lines = [f"GET {path} HTTP/1.1", "Host: x", f"Authorization: Bearer {bearer(token)}", "Accept: text/event-stream"]
    if last_id is not None:
        lines.append(f"Last-Event-ID: {last_id}")
    return "\r\n".join([*lines, "", ""]).encode()


class Event(dict):
    """`id`, `event`, `data` (read as JSON), `retry`, or `comment`: what a block has."""

    @property
    def number(self):
        return int(self["id"].rpartition(":")[2])


def parse(block):
    event = Event()
    for line in block.split("\n"):
        name, _, value = line.partition(":")
        event[name or "comment"] = value.removeprefix(" ")
    if "data" in event:
        event["data"] = json.loads(event["data"])
    return event


class Stream:
    """One that is open: `last_id` is what it would go on from."""

    def __init__(self, port, path, token, last_id=None, receive_buffer=None):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(15)
        self.socket.connect(("127.0.0.1", port))
        self.socket.sendall(request(path, token, last_id))
        self.buffer = b""
        self.last_id = last_id
        head = self.until(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ") and b"\r\nContent-Type: text/event-stream\r\n" in head, head
        # An edge passes it on in chunks.
        self.chunked, self.text = b"\r\ntransfer-encoding: chunked" in head.lower(), b""
        self.kind = "order" if "/orders/" in path else "notification"

    def until(self, end):
        while end not in self.buffer:
            more = self.socket.recv(65536)
            if not more:
                raise EOFError(self.buffer)
            self.buffer += more
        found, _, self.buffer = self.buffer.partition(end)
        return found

    def block(self):
        if not self.chunked:
            return self.until(b"\n\n").decode()
        while b"\n\n" not in self.text:
            size = int(self.until(b"\r\n"), 16)
            if size == 0:
                raise EOFError(self.text)
            while len(self.buffer) < size + 2:
                more = self.socket.recv(65536)
                assert more, f"it ended within a chunk: {self.buffer}"
                self.buffer += more
            self.text, self.buffer = self.text + self.buffer[:size], self.buffer[size + 2:]
        found, _, self.text = self.text.partition(b"\n\n")
        return found.decode()

    def next(self):
        """The next block that is not a heartbeat; its document is as the contract says."""
        while True:
            event = parse(self.block())
            self.last_id = event.get("id", self.last_id)
            if event.keys() == {"comment"}:
                continue
            if event.get("event", "reset") != "reset":
                VALIDATORS[self.kind].validate(event["data"])
            return event

    def opening(self):
        event = self.next()
        assert event.keys() == {"id"}, event
        return event

    def take(self, count):
        return [self.next() for _ in range(count)]

    def rest(self):
        """What comes until it ends."""
        events = []
        try:
            while True:
                events.append(self.next())
        except EOFError:
            return events

    def close(self):
        self.socket.close()


def open_streams(service):
    return int(re.search(r'agora_http_open_streams\{server="public"\} (\d+)', service.metrics())[1])


def closed_streams(service, reason):
    return int(re.search(r'agora_http_closed_streams_total\{server="public",reason="%s"\} (\d+)' % reason, service.metrics())[1])
