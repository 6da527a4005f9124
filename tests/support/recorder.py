"""A server that keeps what it was sent: what an upstream sees can only be seen there."""

import queue
import socket
import threading


class Recorder:
    """Reads heads, answers each with `answer`; `holds`: and stays silent, without an end."""

    def __init__(self, answer=b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}", holds=False):
        self.answer, self.holds = answer, holds
        self.heads = queue.Queue()
        self.stopped = threading.Event()
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection:
                data = b""
                while b"\r\n\r\n" not in data and (chunk := connection.recv(65536)):
                    data += chunk
                self.heads.put(data.decode())
                connection.sendall(self.answer)
                if self.holds:
                    self.stopped.wait(30)

    def head(self):
        """Of the next request: its first line, and the values of its fields by lower-case name."""
        first, *lines = self.heads.get(timeout=10).split("\r\n\r\n")[0].split("\r\n")
        fields = {}
        for line in lines:
            name, _, value = line.partition(":")
            fields.setdefault(name.lower(), []).append(value.strip())
        return first, fields

    def stop(self):
        self.stopped.set()
        self.socket.close()
