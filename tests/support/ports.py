import pathlib
import random
import socket

# Below those that the kernel gives to outgoing connections: one of them would be taken again before a service has it.
BELOW = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])


def free_port():
    while True:
        port = random.SystemRandom().randrange(10_000, BELOW)
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
