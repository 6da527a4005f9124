"""B-04: who drips a header, drips a body or does not read is cut off, and others do not notice. Limits are settings: here they are short."""

import contextlib
import os
import socket
import threading
import time

import pytest

from support.publisher import eventually
from support.target import Target, start

SLOW = 2_000 if os.environ.get("AGORA_PROVE") == "1" else 200
HEADER_SECONDS, IDLE_SECONDS = 0.5, 1.0


@pytest.fixture(params=["order", "notification"])
def target(launch, request):
    return Target(start(launch, request.param, "--http.header-deadline", f"{int(HEADER_SECONDS * 1000)}ms", "--http.idle-deadline", f"{int(IDLE_SECONDS * 1000)}ms"))


@contextlib.contextmanager
def healthy_traffic(target):
    """Asks for /health all the while, and says afterwards how long the answers took."""
    times, stop = [], threading.Event()

    def ask():
        with target.service.connect() as client:
            while not stop.is_set():
                began = time.monotonic()
                assert client.get("/health").status_code == 200
                times.append(time.monotonic() - began)

    thread = threading.Thread(target=ask)
    thread.start()
    yield times
    stop.set()
    thread.join()
    assert len(times) > 10


def is_closed(connection):
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def drip(connections, byte, seconds):
    """At most 50 bytes a second to each, until all were cut off."""
    began = time.monotonic()
    left = list(connections)
    while left:
        assert time.monotonic() - began < seconds, f"{len(left)} are still served"
        for connection in left:
            with contextlib.suppress(OSError):
                connection.send(byte)
        left = [connection for connection in left if not is_closed(connection)]
        time.sleep(0.02)


@pytest.mark.parametrize("head,byte", [(b"GET /health HTTP/1.1\r\nHost: x\r\nX: ", b"a"), (None, b" ")], ids=["header", "body"])
def test_who_drips_is_cut_off_and_others_do_not_notice(target, head, byte):
    before = target.state()
    with healthy_traffic(target) as times:
        time.sleep(0.3)
        alone = sorted(times)[int(len(times) * 0.99)]
        connections = [target.connect() for _ in range(SLOW)]
        for connection in connections:
            connection.sendall(head or target.head(b"Content-Length: 1000000\r\n"))
            connection.setblocking(False)
        del times[:]
        # A byte buys a header nothing, and a body a millisecond.
        drip(connections, byte, 10 * HEADER_SECONDS + SLOW / 200)
        slowed = sorted(times)[int(len(times) * 0.99)]
    for connection in connections:
        connection.close()
    print("p99 alone", alone, "beside", slowed)
    # The drips come out of this very process: what is asserted is that nobody waits for a deadline of theirs.
    assert slowed < HEADER_SECONDS
    assert target.state() == before
    eventually(lambda: target.connections() <= 1)


def test_who_does_not_read_is_cut_off(target):
    slow = socket.socket()
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    slow.settimeout(5)
    slow.connect(("127.0.0.1", target.service.port))
    others = target.connections()
    slow.setblocking(False)
    request = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
    with healthy_traffic(target), contextlib.suppress(BlockingIOError, ConnectionError):
        for _ in range(100_000):
            slow.sendall(request)
    # It cannot even be told: nothing more fits.
    began = time.monotonic()
    eventually(lambda: target.connections() < others)
    assert time.monotonic() - began < 5 * IDLE_SECONDS
    slow.close()


def test_who_says_nothing_is_let_go(target):
    """No byte at all, a header that stops, and a body that never comes."""
    for start_of_it in (b"", b"GET /health HTTP/1.1\r\nHost:", target.head(b"Content-Length: 100000\r\n")):
        with target.connect(wait=10) as connection:
            connection.sendall(start_of_it)
            began = time.monotonic()
            assert connection.recv(100) == b""
            assert time.monotonic() - began < 5


def test_too_many_connections_are_told(launch):
    service = start(launch, "notification", "--http.connections-max", "10")
    connect = lambda: socket.create_connection(("127.0.0.1", service.port), timeout=5)

    def ask(connection):
        try:
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            return connection.recv(4096)[:12]
        except OSError:  # it was told before it asked, and then cut off
            return b"HTTP/1.1 503"

    held = [connect() for _ in range(8)]
    # They have been let in, and stay. How many more are depends on who asked for /readyz, and is at most two.
    assert [ask(connection) for connection in held] == [b"HTTP/1.1 200"] * 8
    late = [connect() for _ in range(4)]
    answers = [ask(connection) for connection in late]
    assert set(answers) <= {b"HTTP/1.1 200", b"HTTP/1.1 503"} and answers.count(b"HTTP/1.1 503") >= 2
    for connection in held + late:
        connection.close()
