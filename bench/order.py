"""The order service: durable placement, reads, memory, start."""

import re
import sqlite3
import subprocess
import time

from common import ROOT, WORK, Nginx, Service, limit, progress, ratio, wrk

BASELINE_ORDERS = 4_000


def measure(arguments):
    build_baseline()
    return placement(arguments.repetitions) + reads(arguments.repetitions) + size(arguments.orders)


def build_baseline():
    subprocess.run(["gcc", "-O2", "-o", str(WORK / "baseline"), str(ROOT / "bench" / "baseline_order.c"), "-lsqlite3"], check=True)
    folder = ROOT / "services" / "order" / "store" / "migrations"
    text = "".join(step.read_text() for step in sorted(folder.glob("*.sql")))
    text = re.sub(r"-- only: postgresql\n.*?-- end\n", "", text, flags=re.S)
    (WORK / "schema.sql").write_text(text.replace(' COLLATE "C"', ""))


def placement(repetitions):
    """Durable placement against one FULL commit per order by a C loop on the same disk, each on an empty database."""
    pairs = {64: [], 1: []}
    for repetition in range(repetitions):
        for connections, pair in pairs.items():
            folder = WORK / f"db-c-{repetition}-{connections}"
            folder.mkdir()
            done = subprocess.run([str(WORK / "baseline"), str(folder / "c.db"), str(BASELINE_ORDERS), str(WORK / "schema.sql")], capture_output=True, text=True, check=True)
            service = Service(f"db-s-{repetition}-{connections}")
            rate = wrk(service.url + "/orders", connections, WORK / "place.lua")
            service.stop()
            pair.append((rate, float(done.stdout)))
            progress(f"placement, {connections} connections: {rate:,.0f}/s against {float(done.stdout):,.0f}/s")
    return [
        ratio("placement, 64 connections, against a FULL commit per order in C", pairs[64], 3.5),
        ratio("placement, 1 connection, against the same", pairs[1], 0.6),
    ]


def reads(repetitions, token=None, jwks=None):
    """GET of one of 10^5 orders, and /health, against nginx; each server alone on one core, the client on the other. With a token, all ask with it."""
    service = Service("db-reads")
    body = service.order()
    wrk(service.url + "/orders", 64, WORK / "place.lua", seconds=12)
    service.stop()
    ids = sample_ids(WORK / "db-reads" / "order.db", 100_000)
    (WORK / "ids.txt").write_text("\n".join(ids))
    (WORK / "get.lua").write_text(
        (f'wrk.headers["Authorization"] = "Bearer {token}"\n' if token else "") + f"local ids = {{}}\nfor id in io.lines('{WORK}/ids.txt') do ids[#ids + 1] = '/orders/' .. id end\n"
        "request = function() return wrk.format('GET', ids[math.random(#ids)]) end\n")
    gets, healths = [], []
    for _ in range(repetitions):
        service = Service("db-reads", *(["--jwks", jwks] if jwks else []), core=0)
        ours = wrk(service.url, 16, WORK / "get.lua", core=1), wrk(service.url + "/health", 16, core=1)
        service.stop()
        nginx = Nginx(body, core=0)
        theirs = wrk(nginx.url + "/order.json", 16, core=1), wrk(nginx.url + "/health", 16, core=1)
        nginx.stop()
        gets.append((ours[0], theirs[0]))
        healths.append((ours[1], theirs[1]))
        progress(f"GET {ours[0]:,.0f}/s against {theirs[0]:,.0f}/s; /health {ours[1]:,.0f}/s against {theirs[1]:,.0f}/s")
    if token:
        return [ratio("GET /orders/{id} with a token that is known, against nginx and a file of the same bytes", gets, 0.7)]
    return [
        ratio(f"GET /orders/{{id}}, ids at random among {len(ids):,}, against nginx and a file of the same bytes", gets, 0.8),
        ratio("/health against nginx `return 200`", healths, 0.6),
    ]


def sample_ids(path, limit):
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    return [row[0] for row in connection.execute("SELECT order_id FROM orders LIMIT ?", (limit,))]


def size(orders):
    """Memory and time to ready, empty and with many orders."""
    service = Service("db-size")
    empty_ready, at_rest = service.seconds_to_ready, service.pss_mb()
    placed, started = 0, time.monotonic()
    while placed < orders and time.monotonic() - started < 600:
        wrk(service.url + "/orders", 64, WORK / "place.lua", seconds=20)
        placed = count_orders(WORK / "db-size" / "order.db")
        progress(f"{placed:,} orders")
    time.sleep(30)
    full = service.pss_mb()
    wrk(service.url + "/orders", 64, WORK / "place.lua", seconds=2)
    service.process.kill()
    service.process.wait()
    wal = (WORK / "db-size" / "order.db-wal").stat().st_size / 2**20
    again = Service("db-size")
    full_ready = again.seconds_to_ready
    again.stop()
    return [
        limit("memory at rest (PSS, MB)", at_rest, 20),
        limit(f"memory after {placed:,} orders and 30 s idle (PSS, MB)", full, 40),
        limit("start to ready, new database (s)", empty_ready, 0.1),
        limit(f"start to ready after SIGKILL, {placed:,} orders, WAL of {wal:.0f} MB (s)", full_ready, 0.3),
    ]


def count_orders(path):
    return sqlite3.connect(f"file:{path}?mode=ro", uri=True).execute("SELECT count(*) FROM orders").fetchone()[0]
