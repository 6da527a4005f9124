"""What all measurements share: services and peers on loopback, load, ratios and the table at the end."""

import json
import os
import pathlib
import re
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
WORK = ROOT / "build" / "bench"
SERVICES = ROOT / "build" / "release" / "services"
AGORA = ROOT / "build" / "release" / "cli" / "agora"
OFFERS = 1_000
SECONDS = 3
BIN = pathlib.Path("/usr/lib/postgresql/15/bin")


def write_offers():
    events = [("user.registered", "u1", {"user_id": "u1"})]
    events += [("seller.opened", seller, {"seller_id": seller, "status": "open", "name": "S"}) for seller in ("s1", "s2")]
    for i in range(OFFERS):
        events.append(("product.published", f"p{i}", {"product_id": f"p{i}", "status": "published", "title": "A product"}))
        events.append(("offer.created", f"offer{i}", {
            "offer_id": f"offer{i}", "seller_id": f"s{1 + i % 2}", "product_id": f"p{i}", "variant_id": "v1", "sku": f"SKU-{i}", "price": 49999, "currency": "USD",
            "status": "active", "requires_shipping": True, "tax_included": True, "handling_days": 2, "initial_quantity": 10**9}))
    with (WORK / "offers.jsonl").open("w") as out:
        for number, (kind, subject, data) in enumerate(events):
            out.write(json.dumps({"specversion": "1.0", "id": f"b{number}", "source": "/agora/offers-file", "type": kind, "subject": subject,
                                  "time": "2026-01-01T00:00:00.000Z", "logid": "offers-file", "version": "1", "data": data}) + "\n")
    (WORK / "place.lua").write_text(
        'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n'
        "request = function()\n  return wrk.format(nil, nil, nil, "
        """'{"user_id":"u1","offer_id":"offer' .. math.random(0, %d) .. '","quantity":1,"price":499.99}')\nend\n""" % (OFFERS - 1))


class Service:
    """The release binary on a folder of build/bench, optionally on one core."""

    def __init__(self, folder, *flags, core=None, name="order", env=None):
        self.data = WORK / folder
        self.port, self.internal = free_port(), free_port()
        pin = ["taskset", "-c", str(core)] if core is not None else []
        started = time.monotonic()
        self.process = subprocess.Popen(
            [*pin, str(SERVICES / name / f"{name}-service"), *(["--demo-guests", "--grpc-port", str(free_port())] if name == "order" else []),
             "--offers", str(WORK / "offers.jsonl"), "--data", str(self.data), "--port", str(self.port), "--internal-port", str(self.internal),
             "--log-level", "warn", *flags],
            env={**os.environ, "AGORA_ENV": "demo", **(env or {})}, stdin=subprocess.DEVNULL)
        self.url = f"http://127.0.0.1:{self.port}"
        while not answers(f"http://127.0.0.1:{self.internal}/readyz"):
            assert self.process.poll() is None, f"{name}-service ended"
        self.seconds_to_ready = time.monotonic() - started

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)

    def pss_mb(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return int(re.search(r"^Pss:\s+(\d+) kB", text, re.M)[1]) / 1024

    def metrics(self):
        return urllib.request.urlopen(f"http://127.0.0.1:{self.internal}/metrics").read().decode()

    def order(self):
        request = urllib.request.Request(self.url + "/orders", b'{"user_id":"u1","offer_id":"offer0","quantity":1,"price":499.99}', {"Content-Type": "application/json"})
        return urllib.request.urlopen(request).read()


class Nginx:
    def __init__(self, body, core):
        self.port = free_port()
        folder = WORK / "nginx"
        folder.mkdir(exist_ok=True)
        (folder / "order.json").write_bytes(body)
        (folder / "nginx.conf").write_text(f"""
            worker_processes 1; daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log crit;
            events {{ worker_connections 1024; }}
            http {{ access_log off; types {{ application/json json; }} keepalive_requests 100000000; client_body_temp_path {folder}; proxy_temp_path {folder};
                    fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
                    server {{ listen 127.0.0.1:{self.port}; root {folder};
                              location = /health {{ default_type application/json; return 200 '{{"status":"OK","service":"Order Service"}}'; }} }} }}""")
        self.process = subprocess.Popen(["taskset", "-c", str(core), "/usr/sbin/nginx", "-c", str(folder / "nginx.conf"), "-p", str(folder)], stderr=subprocess.DEVNULL)
        self.url = f"http://127.0.0.1:{self.port}"
        while not answers(self.url + "/health"):
            assert self.process.poll() is None, "nginx ended"

    def stop(self):
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(timeout=10)


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def answers(url):
    try:
        return urllib.request.urlopen(url, timeout=5).status == 200
    except OSError:
        return False


def token_of(subject):
    """A bearer token, and the key set that it is verified with."""
    key, jwks = WORK / "key.pem", WORK / "jwks.json"
    if not key.exists():
        subprocess.run([str(AGORA), "keys", "new", "--key", str(key), "--jwks", str(jwks)], check=True, stdout=subprocess.DEVNULL)
    made = subprocess.run([str(AGORA), "tokens", "make", "--key", str(key), "--subject", subject, "--lifetime", "24h"], check=True, capture_output=True, text=True)
    return made.stdout.strip(), str(jwks)


def run_wrk(url, connections, script=None, core=None, seconds=SECONDS):
    """What wrk prints; refuses a run with errors."""
    pin = ["taskset", "-c", str(core)] if core is not None else []
    command = [*pin, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", *(["-s", str(script)] if script else []), url]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "Non-2xx" not in output and "Socket errors" not in output, output
    return output


def rate_of(output):
    return float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1])


def p99_ms(output):
    number, unit = re.search(r"^\s+99%\s+([\d.]+)(us|ms|s)$", output, re.M).groups()
    return float(number) * {"us": 0.001, "ms": 1, "s": 1000}[unit]


def wrk(url, connections, script=None, core=None, seconds=SECONDS):
    """Requests per second."""
    return rate_of(run_wrk(url, connections, script, core, seconds))


def half_load(service, connections=64):
    """A script of about half the placements that the service takes. Pauses are drawn: connections with equal ones would come in step, all at once."""
    half = wrk(service.url + "/orders", connections, WORK / "place.lua") / 2
    path, pause = WORK / "half.lua", 1000 * connections / half
    for _ in range(3):  # what an answer takes comes on top of the pause: by how much is tried
        path.write_text((WORK / "place.lua").read_text() + f"function delay() return math.random(0, {max(1, round(2 * pause))}) end\n")
        rate = wrk(service.url + "/orders", connections, path)
        pause = max(1, pause + 1000 * connections / half - 1000 * connections / rate)
    return path


# Report


def ratio(name, pairs, target):
    ours, theirs = (statistics.median(side) for side in zip(*pairs))
    value = statistics.median(a / b for a, b in pairs)
    spread = f"{min(a / b for a, b in pairs):.2f}–{max(a / b for a, b in pairs):.2f}"
    return name, f"{value:.2f}×", f"≥ {target}×", value >= target, f"{ours:,.0f}/s against {theirs:,.0f}/s; {spread} over {len(pairs)} pairs"


def limit(name, value, target):
    return name, f"{value:.3g}", f"≤ {target}", value <= target, ""


def rate_at_least(name, rates, target):
    rate = statistics.median(rates)
    return name, f"{rate:,.0f}/s", f"≥ {target:,}/s", rate >= target, f"{min(rates):,.0f}–{max(rates):,.0f} over {len(rates)} runs"


def progress(text):
    print(text, file=sys.stderr, flush=True)


def report(what, results):
    print("\n| figure | measured | target | | detail |\n|---|---|---|---|---|")
    for name, value, target, met, detail in results:
        print(f"| {name} | {value} | {target} | {'met' if met else 'missed'} | {detail} |")
    print(f"\nReproduce: ./dev bench {what}")
