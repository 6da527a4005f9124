"""What happened travels: from an order's commit to the row that tells of it, and what that costs."""

import os
import pathlib
import re
import signal
import sqlite3
import statistics
import subprocess
import threading
import time

from common import ROOT, SERVICES, WORK, Service, answers, free_port, half_load, limit, progress, rate_at_least, ratio, wrk

BACKLOG = 100_000
TOKEN = "b" * 32
CONNECTIONS = 64
LATENCY_SECONDS = 8


def measure(arguments):
    (WORK / "token").write_text(TOKEN + "\n")
    return latency() + placement(arguments.repetitions) + drain(arguments.repetitions) + up(arguments.repetitions)


class Notification:
    """The release binary beside an order service. Its users have no mail address: mails are noted as going nowhere."""

    def __init__(self, order):
        self.data, self.internal = order.data, free_port()
        self.process = subprocess.Popen(
            [str(SERVICES / "notification" / "notification-service"), "--data", str(self.data), "--port", str(free_port()), "--internal-port",
             str(self.internal), "--offers", str(WORK / "offers.jsonl"), "--order-feed", f"feed:http://127.0.0.1:{order.internal}",
             "--service-token-file", str(WORK / "token"), "--log-level", "warn"],
            env={**os.environ, "AGORA_ENV": "demo"}, stdin=subprocess.DEVNULL)
        while not answers(f"http://127.0.0.1:{self.internal}/readyz"):
            assert self.process.poll() is None, "notification-service ended"

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)

    def database(self):
        return sqlite3.connect(f"file:{self.data / 'notification.db'}?mode=ro", uri=True, isolation_level=None)


def order_service(name):
    return Service(name, "--service-token-file", str(WORK / "token"))


def placement(repetitions):
    """Durable placement with the consumer attached, against without."""
    pairs = []
    for repetition in range(repetitions):
        rates = []
        for attached in (True, False):
            service = order_service(f"db-p-{repetition}-{attached}")
            notification = Notification(service) if attached else None
            rates.append(wrk(service.url + "/orders", CONNECTIONS, WORK / "place.lua"))
            if notification:
                notification.stop()
            service.stop()
        pairs.append(tuple(rates))
        progress(f"placement: {rates[0]:,.0f}/s with the consumer, {rates[1]:,.0f}/s without")
    return [ratio(f"placement, {CONNECTIONS} connections, with notification attached, against without", pairs, 0.9)]


def latency():
    """From the time an order's events carry (its request's, before the commit) until another process sees the row: more than commit to row."""
    service = order_service("db-latency")
    notification = Notification(service)
    script = half_load(service)
    settle(service, notification)
    seen, stop = [], threading.Event()

    def watch():
        database = notification.database()
        while not stop.is_set():
            newest = database.execute("SELECT max(rowid) FROM notifications").fetchone()[0]
            seen.append((newest, time.time()))
            stop.wait(0.001)

    watcher = threading.Thread(target=watch)
    watcher.start()
    rate = wrk(service.url + "/orders", CONNECTIONS, script, seconds=LATENCY_SECONDS)
    settle(service, notification)
    stop.set()
    watcher.join()
    database = notification.database()
    database.execute("ATTACH ? AS orders", (f"file:{service.data / 'order.db'}?mode=ro",))
    first = seen[0][0]
    rows = database.execute("SELECT n.rowid, o.time FROM notifications n JOIN orders.outbox o ON o.event_id = n.event_id "
                            "WHERE n.rowid > ? AND n.channel = 'in_app' ORDER BY n.rowid", (first,)).fetchall()
    waits, at = [], 0
    for rowid, micros in rows:
        while seen[at][0] < rowid:
            at += 1
        waits.append(1000 * (seen[at][1] - micros / 1e6))
    notification.stop()
    service.stop()
    quantiles = statistics.quantiles(waits, n=100)
    progress(f"latency at {rate:,.0f} orders/s: p50 {quantiles[49]:.1f} ms, p99 {quantiles[98]:.1f} ms, {len(waits):,} rows")
    return [limit(f"order placed until its row is seen, p50 (ms), {rate:,.0f} orders/s, {len(waits):,} rows", quantiles[49], 50),
            limit("the same, p99 (ms)", quantiles[98], 50)]


def settle(service, notification):
    """Waits until the log has been read."""
    orders = sqlite3.connect(f"file:{service.data / 'order.db'}?mode=ro", uri=True)
    head = orders.execute("SELECT max(sequence) FROM outbox WHERE topic <> 'agora.stock'").fetchone()[0]
    database = notification.database()
    while (database.execute("SELECT max(sequence) FROM inbox_positions").fetchone()[0] or 0) < head:
        time.sleep(0.01)


def drain(repetitions):
    """A backlog that the consumer finds when it starts, read and applied to the last event."""
    service = order_service("db-drain")
    orders = sqlite3.connect(f"file:{service.data / 'order.db'}?mode=ro", uri=True)
    backlog = 0
    while backlog < BACKLOG:
        wrk(service.url + "/orders", CONNECTIONS, WORK / "place.lua")
        backlog = orders.execute("SELECT count(*) FROM outbox WHERE topic <> 'agora.stock'").fetchone()[0]
    rates = []
    for _ in range(repetitions):
        for path in service.data.glob("notification.db*"):
            path.unlink()
        started = time.monotonic()
        notification = Notification(service)
        settle(service, notification)
        rates.append(backlog / (time.monotonic() - started))
        notification.stop()
        progress(f"drain: {rates[-1]:,.0f} events/s of {backlog:,}")
    service.stop()
    return [rate_at_least(f"feed drain from a backlog of {backlog:,} events, start of the consumer included", rates, 20_000)]


def up(repetitions):
    """agora up on an empty folder until both are ready, and what both then take."""
    seconds, memory = [], []
    for repetition in range(repetitions):
        ports = [str(free_port()) for _ in range(5)]
        names = ("--order-port", "--order-internal-port", "--order-grpc-port", "--notification-port", "--notification-internal-port")
        started = time.monotonic()
        agora = subprocess.Popen([ROOT / "build" / "release" / "cli" / "agora", "up", "--json", "--data", WORK / f"db-up-{repetition}",
                                  *(word for pair in zip(names, ports) for word in pair)],
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        pids = []
        for line in agora.stdout:
            if '"event":"started"' in line:
                pids.append(re.search(r'"pid":(\d+)', line)[1])
            if '"event":"up"' in line:
                break
        seconds.append(time.monotonic() - started)
        time.sleep(2)
        memory.append(sum(int(re.search(r"^Pss:\s+(\d+) kB", pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)[1]) for pid in pids) / 1024)
        agora.send_signal(signal.SIGTERM)
        agora.wait(timeout=60)
    progress(f"agora up: {statistics.median(seconds):.3f} s; both at rest {statistics.median(memory):.1f} MB")
    return [limit("agora up until both services are ready, new databases (s)", statistics.median(seconds), 1),
            limit("both services at rest (PSS, MB)", statistics.median(memory), 40)]
