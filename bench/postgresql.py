"""Order and notification on PostgreSQL and Kafka: placement against pgbench and against bare libpq, two replicas, events by Kafka."""

import contextlib
import json
import os
import pathlib
import re
import select
import statistics
import subprocess
import threading
import time

from common import AGORA, BIN, OFFERS, ROOT, SECONDS, WORK, Service, half_load, limit, progress, ratio, rate_at_least, wrk

STATE = WORK / "engines"
CONNECTIONS = 64
PGBENCH_CLIENTS = (4, 8, 16, 32)
SPANS = ((32, 2), (64, 2))
BACKLOG = 100_000
LATENCY_SECONDS = 8


def measure(arguments):
    subprocess.run(["gcc", "-O2", "-I/usr/include/postgresql", "-o", str(WORK / "pg_span"), str(ROOT / "bench" / "pg_span.c"), "-lpq", "-lpthread"], check=True)
    with engines() as urls:
        statements = record(urls["postgresql"])
        return (placement(urls["postgresql"], statements, arguments.repetitions) + replicas(urls["postgresql"], arguments.repetitions) + latency(urls["postgresql"])
                + events(urls, arguments.repetitions))


@contextlib.contextmanager
def engines():
    """PostgreSQL with fsync on the project's disk, and Kafka, for as long as this runs."""
    command = [str(ROOT / "tools" / "engines"), "--state", str(STATE)]
    subprocess.run([*command, "install"], check=True)
    started = subprocess.run([*command, "start", "--durable", "--for", str(os.getpid())], check=True, capture_output=True, text=True).stdout
    try:
        yield {name.lower(): url for name, url in re.findall(r"^export AGORA_ENGINE_(\w+)=(\S+)$", started, re.M)}
    finally:
        subprocess.run([*command, "stop"], check=True)


def psql(url, statement):
    return subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", statement], check=True, capture_output=True, text=True).stdout


databases = iter(range(1_000_000))


def new_database(server):
    name = f"bench{next(databases)}"
    psql(server, f"CREATE DATABASE {name}")
    return f"{server.rpartition('/')[0]}/{name}"


def on(database, *flags, name="order", replica=0):
    return Service(f"db-{database.rpartition('/')[2]}-{replica}", *flags, name=name, env={f"AGORA_{name.upper()}_DB": database})


# What a placement is, in PostgreSQL's words


def record(server):
    """Statements and parameters of one placement, as the server heard them."""
    database = new_database(server)
    psql(server, f"ALTER DATABASE {database.rpartition('/')[2]} SET log_statement = 'all'")
    service = on(database)
    order = json.loads(service.order())
    service.stop()
    folder = json.loads((STATE / "state.json").read_text())["postgresql"]["folder"]
    lines = re.split(r"\n(?=\d{4}-\d\d-\d\d )", (pathlib.Path(folder) / "log").read_text())
    at = next(i for i, line in enumerate(lines) if "INSERT INTO orders" in line)
    session = re.search(r"\[\d+\]", lines[at])[0]
    of_session = [line.split(session, 1)[1] for line in lines if session in line]
    at = next(i for i, line in enumerate(of_session) if "INSERT INTO orders" in line)
    begin = max(i for i in range(at) if of_session[i].endswith(": BEGIN"))
    end = next(i for i in range(at, len(of_session)) if of_session[i].endswith(": COMMIT"))
    statements = []
    for line in of_session[begin:end + 1]:
        if "execute" in line:
            statements.append((line.split(": ", 2)[2].replace("\n", " "), []))
        elif "parameters: " in line:
            found = re.findall(r"\$\d+ = (?:'((?:[^']|'')*)'|(NULL))", line)
            statements[-1][1].extend(None if null else text.replace("''", "'") for text, null in found)
    return [(each_of(sql, parameters), sql, [marked(p, sql, i, order) for i, p in enumerate(parameters)]) for sql, parameters in statements]


def each_of(sql, parameters):
    if "FROM stock" in sql:
        return "r"
    if "UPDATE stock" in sql or "stock.changed" in parameters:
        return "f"
    return "o" if sql.startswith(("INSERT", "WITH event AS (INSERT")) else "s"


def marked(parameter, sql, position, order):
    """With marks where another order has other values (bench/pg_span.c says which)."""
    if parameter is None:
        return None
    if "UPDATE stock" in sql:
        return {1: "@r@", 2: "@w@", 3: "@i@", 4: "@v@"}.get(position, parameter)
    if sql.startswith("WITH event AS") and position == 0:
        return "@e@"
    if sql.startswith("WITH event AS") and position == 4 and parameter == "2":
        return "@w@"
    for value, mark in ((order["order_id"], "@o@"), (order["order_group_id"], "@g@"), (order["items"][0]["line_id"], "@l@"), (order["number"], "@n@"), ('["offer0"]', "@a@"), ("offer0", "@i@")):
        parameter = parameter.replace(value, mark)
    if "INSERT INTO order_groups" in sql and position == 1:
        return "@n@"
    return re.sub(r'("number":")[0-9A-Z]{10}"', r'\1@n@"', parameter)


def write_span_file(statements):
    path = WORK / "statements.txt"
    with path.open("w") as out:
        for each, sql, parameters in statements:
            out.write("\n".join([f"{each} {sql}", *(r"\N" if p is None else p for p in parameters)]) + "\n\n")
    return path


def write_pgbench_file(statements):
    """The same, an order per commit. Marks become expressions over what pgbench draws; ids rise for each client, as UUIDs of version 7 do."""
    marks = {"g": "'01a217ce-bdfa-7f72-8001-' || :id::text", "o": "'01a217ce-bdfa-7f72-8002-' || :id::text", "l": "'01a217ce-bdfa-7f72-8003-' || :id::text",
             "n": ":number::text", "i": "'offer' || :offer::text", "a": "'[\"offer' || :offer::text || '\"]'", "v": ":version", "w": "(:version + 1)", "r": "(:reserved + 1)"}
    script = [f"\\set offer random(0, {OFFERS - 1})", "\\set number random(1000000000, 9999999999)", "\\set n :n + 1", "\\set id 100000000000 + :client_id * 100000000 + :n"]
    event = 4
    for each, sql, parameters in statements:
        if any(p == "@e@" for p in parameters):
            marks["e"] = f"'01a217ce-bdfa-7f72-800{event}-' || :id::text"
            event += 1

        def expression(match):
            parameter = parameters[int(match[1]) - 1]
            if parameter is None:
                return "NULL"
            if re.fullmatch("@[vwr]@", parameter):
                return marks[parameter[1]]
            parts = re.split("@([a-z])@", parameter)
            texts = [marks[part] if i % 2 else literal(part) for i, part in enumerate(parts) if part]
            return "(" + " || ".join(texts) + ")" if len(texts) > 1 or len(parts) > 1 else texts[0]

        script.append(re.sub(r"\$(\d+)", expression, sql) + (" \\gset" if each == "r" else ";"))
    path = WORK / "place.pgbench"
    path.write_text("\n".join(script) + "\n")
    return path


def literal(text):
    """pgbench takes what follows a colon for a variable, in texts too."""
    return "E'" + text.replace("\\", "\\\\").replace("'", "''").replace(":", "\\x3a") + "'"


# Placement


def placement(server, statements, repetitions):
    span_file, pgbench_file = write_span_file(statements), write_pgbench_file(statements)
    against_pgbench, against_spans, detail = [], [], {}
    for repetition in range(repetitions):
        # The best of each peer's ways is looked for once, and then kept.
        clients = [detail["clients"]] if repetition else PGBENCH_CLIENTS
        spans = [detail["span"]] if repetition else SPANS
        pgbench = {count: run_pgbench(prepared(server), pgbench_file, count) for count in clients}
        bare = {span: run_spans(prepared(server), span_file, *span) for span in spans}
        detail["clients"], detail["span"] = max(pgbench, key=pgbench.get), max(bare, key=bare.get)
        service = on(new_database(server))
        rate = wrk(service.url + "/orders", CONNECTIONS, WORK / "place.lua")
        service.stop()
        against_pgbench.append((rate, max(pgbench.values())))
        against_spans.append((rate, max(bare.values())))
        progress(f"placement on PostgreSQL: {rate:,.0f}/s, pgbench {({c: round(r) for c, r in pgbench.items()})}, bare spans {({s: round(r) for s, r in bare.items()})}")
    span, connections = detail["span"]
    return [ratio(f"placement on PostgreSQL, {CONNECTIONS} connections, against pgbench with the same statements, one order per commit, {detail['clients']} clients", against_pgbench, 2.2),
            ratio(f"the same against the same batches by bare libpq, spans of {span} on {connections} connections", against_spans, 0.75)]


def prepared(server):
    """A database with the service's tables and offers."""
    database = new_database(server)
    on(database).stop()
    return database


def run_pgbench(database, script, clients):
    command = [str(BIN / "pgbench"), "-n", "-M", "prepared", "-c", str(clients), "-j", "1", "-T", str(SECONDS), "-D", "n=0", "-f", str(script), database]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return float(re.search(r"tps = ([\d.]+) \(without", done.stdout)[1])


def run_spans(database, statements, span, connections):
    done = subprocess.run([str(WORK / "pg_span"), database, str(statements), str(OFFERS), str(span), str(connections), str(SECONDS)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return float(done.stdout)


def replicas(server, repetitions):
    """Two on one database, half of the connections each, against one."""
    pairs = []
    for _ in range(repetitions):
        rates = []
        for count in (2, 1):
            database = new_database(server)
            services = [on(database, replica=number) for number in range(count)]
            with contextlib.ExitStack() as running:
                together = [threading.Thread(target=lambda s=s: found.append(wrk(s.url + "/orders", CONNECTIONS // count, WORK / "place.lua"))) for s in services]
                found = []
                for thread in together:
                    thread.start()
                for thread in together:
                    thread.join()
                for service in services:
                    running.callback(service.stop)
            rates.append(sum(found))
        pairs.append(tuple(rates))
        progress(f"two replicas {rates[0]:,.0f}/s, one {rates[1]:,.0f}/s")
    return [ratio("placement, two replicas on one database, against one", pairs, 0.9)]


def latency(server):
    service = on(new_database(server))
    script = half_load(service)
    output = subprocess.run(["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{LATENCY_SECONDS}s", "--latency", "-s", str(script), service.url + "/orders"], capture_output=True, text=True, check=True).stdout
    service.stop()
    assert "Non-2xx" not in output, output
    of = {name: float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit] for name, value, unit in re.findall(r"(50|99)%\s+([\d.]+)(us|ms|s)", output)}
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1])
    return [(f"placement on PostgreSQL at half load, {rate:,.0f}/s: p50, p99 (ms)", f"{of['50']:.1f}, {of['99']:.1f}", "", True, "no target")]


# Events by Kafka


def events(urls, repetitions):
    return kafka_latency(urls) + relay_drain(urls, repetitions) + apply_rate(urls, repetitions)


def new_cluster(broker):
    cluster = f"{broker}/bench{next(databases)}"
    for publisher in ("auth", "catalog", "order", "payment"):
        subprocess.run([str(AGORA), "migrate", "--service", publisher, "--kafka", cluster, "--partitions", "3"], check=True, capture_output=True)
    return cluster


def kafka_latency(urls):
    """From the time that an order's event carries (its request's) until another process has it from Kafka."""
    cluster = new_cluster(urls["kafka"])
    brokers, _, prefix = cluster.removeprefix("kafka://").partition("/")
    service = on(new_database(urls["postgresql"]), "--kafka", cluster)
    script = half_load(service)
    wait_until_relayed(service)
    consumer = subprocess.Popen(["kcat", "-b", brokers, "-C", "-t", f"{prefix}.agora.orders", "-o", "end", "-u", "-q", "-f", "%h\n", "-X", "isolation.level=read_committed", "-X", "fetch.wait.max.ms=5"],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    time.sleep(2)
    chunks, stop = [], threading.Event()

    def read():
        while not stop.is_set():
            if select.select([consumer.stdout], [], [], 0.1)[0]:
                chunks.append((os.read(consumer.stdout.fileno(), 1 << 20), time.time()))

    reader = threading.Thread(target=read)
    reader.start()
    rate = wrk(service.url + "/orders", CONNECTIONS, script, seconds=LATENCY_SECONDS)
    wait_until_relayed(service)
    time.sleep(1)
    stop.set()
    reader.join()
    consumer.kill()
    consumer.wait()
    service.stop()
    waits, line = [], b""
    for chunk, at in chunks:
        *whole, line = (line + chunk).split(b"\n")
        waits += [1000 * (at - seconds_of(re.search(rb"ce_time=([^,]+)", one)[1].decode())) for one in whole]
    assert len(waits) > rate * LATENCY_SECONDS * 0.9, len(waits)
    quantiles = statistics.quantiles(waits, n=100)
    return [limit(f"order placed until a consumer has its event from Kafka, half load ({rate:,.0f} orders/s), p99 (ms); p50 {quantiles[49]:.1f}", quantiles[98], 50)]


def seconds_of(text):
    """RFC 3339 in UTC."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    return time.mktime(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) - time.timezone + float(f"0.{fraction or 0}")


def metric(service, name):
    found = re.search(rf"^{name}(?:{{[^}}]*}})? (\S+)$", service.metrics(), re.M)
    return float(found[1]) if found else 0


def wait_until_relayed(service):
    """The backlog is told once a second; two rounds without one."""
    quiet = 0
    while quiet < 3:
        quiet = quiet + 1 if metric(service, "agora_events_outbox_backlog") == 0 else 0
        time.sleep(0.5)


def backlog_of(urls, cluster=None):
    """A database with BACKLOG events or more; published when there is a cluster."""
    database = new_database(urls["postgresql"])
    service = on(database, *(("--kafka", cluster) if cluster else ()))
    count = 0
    while count < BACKLOG:
        wrk(service.url + "/orders", CONNECTIONS, WORK / "place.lua")
        count = int(psql(database, "SELECT count(*) FROM outbox"))
    if cluster:
        wait_until_relayed(service)
    service.stop()
    return database, count


def relay_drain(urls, repetitions):
    database, count = backlog_of(urls)
    rates = []
    for _ in range(repetitions):
        psql(database, "DELETE FROM relay_cursors")
        cluster = new_cluster(urls["kafka"])
        started = time.monotonic()
        service = on(database, "--kafka", cluster)
        while metric(service, "agora_events_relayed_total") < count:
            time.sleep(0.01)
        rates.append(count / (time.monotonic() - started))
        service.stop()
        progress(f"relay: {rates[-1]:,.0f} events/s of {count:,}")
    return [rate_at_least(f"relay from PostgreSQL to Kafka, a backlog of {count:,} events, start included", rates, 20_000)]


def apply_rate(urls, repetitions):
    cluster = new_cluster(urls["kafka"])
    backlog_of(urls, cluster)
    rates = []
    for _ in range(repetitions):
        # What it has applied is its database's to know: a new one begins at the beginning.
        started = time.monotonic()
        service = on(new_database(urls["postgresql"]), "--kafka", cluster, "--mail", "none", name="notification")
        applied = 0
        while applied == 0 or metric(service, "agora_events_lag") > 0:
            applied = metric(service, "agora_events_applied_total")
            time.sleep(0.02)
        rates.append(applied / (time.monotonic() - started))
        service.stop()
        progress(f"notification applies {rates[-1]:,.0f} events/s of {applied:,.0f}")
    return [rate_at_least("notification applies from Kafka to PostgreSQL, start included", rates, 5_000)]
