"""Connections that wait for nobody: httpx sends a request in two writes, and Nagle's algorithm would hold the second back for 40 ms."""

import socket

import httpcore
import httpx
from httpcore.backends.sync import SyncBackend


class WithoutDelay(SyncBackend):
    def connect_tcp(self, *arguments, **options):
        stream = super().connect_tcp(*arguments, **options)
        stream.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return stream


def without_delay():
    # verify=False: it would read the machine's certificates first, which takes longer than most tests.
    transport = httpx.HTTPTransport(verify=False)
    transport._pool = httpcore.ConnectionPool(network_backend=WithoutDelay())  # httpx has no public way to say so
    return transport
