"""The edge: a real nginx on the configuration that deploy/edge/generate makes, and the names that it asks for."""

import contextlib
import json
import pathlib
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time

import httpx

from support.ports import free_port
from support.root import ROOT
from support.transport import without_delay

READY_SECONDS = 10


class Names:
    """A name server on loopback: tests say who is where, and change it while nginx asks (RFC 1035; A records alone)."""

    def __init__(self):
        self.addresses = {}
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                query, client = self.socket.recvfrom(512)
            except OSError:
                return
            # Whatever strays here from a test of bad input is no question.
            with contextlib.suppress(IndexError, UnicodeDecodeError):
                self.socket.sendto(self.answer(query), client)

    def answer(self, query):
        labels, position = [], 12
        while query[position]:
            labels.append(query[position + 1:position + 1 + query[position]].decode())
            position += 1 + query[position]
        question = query[12:position + 5]
        found = self.addresses.get(".".join(labels), [])
        records = b"".join(struct.pack(">HHHIH", 0xC00C, 1, 1, 0, 4) + socket.inet_aton(address) for address in found)
        flags = 0x8180 if found else 0x8183
        return query[:2] + struct.pack(">HHHHH", flags, 1, len(found), 0, 0) + question + records

    def stop(self):
        self.socket.close()


class Edge:
    """Runs on free ports; `ports` are the services', by name. Nothing needs to be there when it starts."""

    def __init__(self, folder, names, ports, *options):
        self.folder = pathlib.Path(folder)
        self.names = names
        self.port, self.order_port = free_port(), free_port()
        self.access_log = self.folder / "access.log"
        upstreams = [option for name, port in ports.items() for option in ("--upstream", f"{name}={name}:{port}")]
        self.command = [sys.executable, str(ROOT / "deploy" / "edge" / "generate"), "--edge-listen", f"127.0.0.1:{self.port}", "--order-listen",
                        f"127.0.0.1:{self.order_port}", "--resolver", f"127.0.0.1:{names.port}", "--state", str(self.folder), "--access-log",
                        str(self.access_log), *upstreams, *options]

    def start(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "nginx.conf"
        config.write_text(subprocess.run(self.command, check=True, capture_output=True, text=True).stdout)
        self.log = self.folder / "error.log"
        self.process = subprocess.Popen(["/usr/sbin/nginx", "-p", str(self.folder), "-c", str(config), "-e", "stderr"], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=self.log.open("ab"))
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=30, transport=without_delay())
                assert self.client.get("/health").json() == {"status": "OK", "service": "Edge"}
                break
            except httpx.TransportError:
                assert self.process.poll() is None and time.monotonic() < deadline, self.log.read_text()
                time.sleep(0.01)
        self.order = httpx.Client(base_url=f"http://127.0.0.1:{self.order_port}", timeout=30, transport=without_delay())
        return self

    def kill(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)  # nginx ends its workers, at once
        self.process.wait(timeout=30)

    def logged(self, count):
        """The `count` requests since the start; a line is written when all is over, which may be after the answer was read."""
        deadline = time.monotonic() + 5
        while True:
            lines = self.access_log.read_text().splitlines()[1:]  # the first was start()'s
            if len(lines) >= count:
                return [json.loads(line) for line in lines]
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def send(self, data, port=None):
        """Bytes, as nobody's library would send them; the whole answer."""
        with socket.create_connection(("127.0.0.1", port or self.port), 10) as connection:
            connection.sendall(data)
            received = b""
            while not is_whole(received) and (chunk := connection.recv(65536)):
                received += chunk
        return received


def is_whole(answer):
    head, end, body = answer.partition(b"\r\n\r\n")
    return bool(end) and len(body) >= int(re.search(rb"content-length: (\d+)", head.lower())[1])
