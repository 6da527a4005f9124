"""Live updates: what 2,000 streams of notifications, a hundred of which are one user's that nobody reads, cost those who place orders meanwhile."""

import json
import re
import resource
import selectors
import socket
import statistics
import subprocess
import threading
import time

from common import AGORA, OFFERS, WORK, Service, half_load, limit, p99_ms, progress, rate_of, run_wrk, token_of

STREAMS, STALLED = 2_000, 100
SECONDS = 10
OPEN_SECONDS_MAX = 60
PATH = "/api/v1/notifications/events"


def measure(arguments):
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits[1], limits[1]))
    readers = [f"r{i}" for i in range(STREAMS - STALLED)]
    with (WORK / "offers.jsonl").open("a") as out:
        for user in readers:
            out.write(json.dumps({"specversion": "1.0", "id": f"b-{user}", "source": "/agora/offers-file", "type": "user.registered", "subject": user,
                                  "time": "2026-01-01T00:00:00.000Z", "logid": "offers-file", "version": "1", "data": {"user_id": user}}) + "\n")
    # A tenth of what happens is u1's.
    (WORK / "place.lua").write_text(
        'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\nrequest = function()\n'
        f"  local user = math.random(10) == 1 and 'u1' or 'r' .. math.random(0, {len(readers) - 1})\n"
        """  return wrk.format(nil, nil, nil, '{"user_id":"' .. user .. '","offer_id":"offer' .. math.random(0, %d) .. '","quantity":1,"price":499.99}')\nend\n""" % (OFFERS - 1))
    tokens = make_tokens(["u1", *readers])
    ratios, without, with_them, pss, arrived = [], [], [], [], []
    for repetition in range(arguments.repetitions):
        order, notification = start(repetition)
        script = half_load(order)
        alone = run_wrk(order.url + "/orders", 64, script, seconds=SECONDS)
        streams = Streams(notification, tokens)
        beside = run_wrk(order.url + "/orders", 64, script, seconds=SECONDS)
        pss.append(notification.pss_mb())
        closed = re.findall(r'agora_http_closed_streams_total\{server="public",reason="(\w+)"\} ([1-9]\d*)', notification.metrics())
        streams.stop()
        arrived.append(streams.events)
        without.append(p99_ms(alone))
        with_them.append(p99_ms(beside))
        ratios.append(with_them[-1] / without[-1])
        progress(f"p99 of a placement {without[-1]:.1f} ms, with streams {with_them[-1]:.1f} ms, at {rate_of(beside):,.0f}/s; {arrived[-1]:,} events reached their "
                 f"readers, closed {dict(closed)}, PSS {pss[-1]:.0f} MB")
        for service in (notification, order):
            service.stop()
    name, value, target, met, _ = limit("placement p99 at half load with 2,000 streams, a hundred not read, against without (×)", statistics.median(ratios), 2)
    detail = f"{statistics.median(without):.1f} ms and {statistics.median(with_them):.1f} ms; {min(ratios):.2f}–{max(ratios):.2f} over {len(ratios)} pairs"
    return [(name, value, target, met, detail), limit("memory of notification meanwhile (PSS, MB)", max(pss), 150)]


def make_tokens(subjects):
    token_of("u1")
    made = {}
    for subject in subjects:
        command = [str(AGORA), "tokens", "make", "--key", str(WORK / "key.pem"), "--subject", subject, "--lifetime", "24h"]
        made[subject] = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    return made


def start(repetition):
    secret = WORK / "token"
    secret.write_text("t" * 32 + "\n")
    order = Service(f"db-order-{repetition}", "--service-token-file", str(secret))
    notification = Service(f"db-notification-{repetition}", "--service-token-file", str(secret), "--order-feed", f"feed:http://127.0.0.1:{order.internal}",
                           "--mail", "none", "--jwks", str(WORK / "jwks.json"), name="notification")
    return order, notification


class Streams:
    """All but u1's are read, on a thread of their own."""

    def __init__(self, service, tokens):
        self.selector = selectors.DefaultSelector()
        self.events, self.stopped = 0, False
        self.stalled = [self.connect(service, tokens["u1"], receive_buffer=4096) for _ in range(STALLED)]
        for subject, token in tokens.items():
            if subject != "u1":
                self.selector.register(self.connect(service, token), selectors.EVENT_READ)
        until = time.monotonic() + OPEN_SECONDS_MAX
        while f'agora_http_open_streams{{server="public"}} {STREAMS}\n' not in service.metrics():
            assert time.monotonic() < until, f"{STREAMS} streams are not open after {OPEN_SECONDS_MAX} s"
        self.thread = threading.Thread(target=self.read)
        self.thread.start()

    @staticmethod
    def connect(service, token, receive_buffer=None):
        one = socket.socket()
        if receive_buffer:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        one.connect(("127.0.0.1", service.port))
        one.sendall(f"GET {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
        return one

    def read(self):
        while not self.stopped:
            for key, _ in self.selector.select(0.2):
                more = key.fileobj.recv(65536)
                self.events += more.count(b"\nevent: ")
                if not more:
                    self.selector.unregister(key.fileobj)
                    key.fileobj.close()

    def stop(self):
        self.stopped = True
        self.thread.join()
        for one in [*self.stalled, *(key.fileobj for key in list(self.selector.get_map().values()))]:
            one.close()
