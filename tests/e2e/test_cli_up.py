"""agora up: starts what a marketplace needs, restarts what dies, leaves nothing behind."""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

import httpx
import pytest

from support.ports import free_port
from support.publisher import eventually
from support.service import BUILD, place
from support.transport import without_delay

AGORA = os.environ.get("AGORA_BINARY", str(BUILD / "cli" / "agora"))
pytestmark = pytest.mark.no_audit


class Stack:
    """`agora up --json` on free ports."""

    def __init__(self, data, *flags):
        self.data = pathlib.Path(data)
        self.log_file = self.data.with_suffix(".log")
        self.port, self.internal_port, self.grpc_port = free_port(), free_port(), free_port()
        self.flags = ["--data", str(self.data), "--order-port", str(self.port), "--order-internal-port", str(self.internal_port),
                      "--order-grpc-port", str(self.grpc_port),
                      "--notification-port", str(free_port()), "--notification-internal-port", str(free_port()), *flags]
        self.events = []
        self.agora = AGORA

    def start(self, *flags):
        self.process = subprocess.Popen([self.agora, "up", *self.flags, *flags], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=self.log_file.open("ab"), text=True, start_new_session=True)
        return self

    def wait_for(self, kind):
        # What never comes must not keep the test waiting: without the process its output ends.
        guard = threading.Timer(20, self.process.kill)
        guard.start()
        try:
            for line in self.process.stdout:
                self.events.append(json.loads(line))
                if self.events[-1]["event"] == kind:
                    return self.events[-1]
        finally:
            guard.cancel()
        raise AssertionError(f"no {kind}: {self.events} {self.log_file.read_text()}")

    def up(self):
        self.start("--json")
        self.wait_for("up")
        return self

    def pid(self, service="order-service"):
        return [event["pid"] for event in self.events if event["event"] == "started" and event["service"] == service][-1]

    def children(self):
        return pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()

    def end(self, with_signal=signal.SIGINT):
        self.process.send_signal(with_signal)
        return self.process.wait(timeout=40)

    def client(self):
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", transport=without_delay(), timeout=10)

    def order(self):
        return place(self.client(), offer="o42", price="499.99", user_id="u1")


@pytest.fixture
def stack(folder):
    stack = Stack(folder / "data", "--restart-first", "50ms")
    yield stack
    if stack.process.poll() is None:
        stack.end(signal.SIGKILL)
    assert eventually(lambda: not any(is_alive(event["pid"]) for event in stack.events if event["event"] == "started"))


# Says what it was started with, answers that it is ready, ends as it is told.
SECOND_SERVICE = """#!/usr/bin/python3 -S
import http.server, json, os, pathlib, sys
flags = dict(zip(sys.argv[1::2], sys.argv[2::2]))
pathlib.Path(flags["--data"], "started").write_text(json.dumps([flags, {k: v for k, v in os.environ.items() if k.startswith("AGORA_")}]))
if end := os.environ.get("SECOND_ENDS_WITH"):
    sys.exit(int(end))

class Ready(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

http.server.HTTPServer(("127.0.0.1", int(flags["--internal-port"])), Ready).serve_forever()
"""


@pytest.fixture
def stack_of_two(stack, folder):
    """The command beside two services, the second one the test's own."""
    programs = folder / "programs"
    programs.mkdir()
    shutil.copy(AGORA, programs / "agora")
    (programs / "order-service").symlink_to(BUILD / "services" / "order" / "order-service")
    (programs / "notification-service").write_text(SECOND_SERVICE)
    (programs / "notification-service").chmod(0o755)
    stack.agora = str(programs / "agora")
    return stack


def is_alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_it_starts_and_answers(stack):
    stack.up()
    (first, *_) = stack.events[-1]["services"]
    assert first == {"service": "order-service", "url": f"http://127.0.0.1:{stack.port}", "internal_url": f"http://127.0.0.1:{stack.internal_port}"}
    placed = stack.order()
    assert placed.status_code == 201
    assert stack.client().get(f"/orders/{placed.json()['order_id']}").json() == placed.json()
    token = stack.data / "service-token"
    assert token.stat().st_mode & 0o777 == 0o600 and re.fullmatch("[0-9a-f]{64}\n", token.read_text())
    # The feed is served, to whoever has that token.
    feed = f"http://127.0.0.1:{stack.internal_port}/internal/feed?consumer=notification&topics=agora.orders"
    assert httpx.get(feed).status_code == 401
    assert len(httpx.get(feed, headers={"Authorization": f"Bearer {token.read_text().strip()}"}).json()["events"]) == 1


def test_people_are_told_where_and_what_to_try(stack):
    stack.start()
    said = ""
    for line in stack.process.stdout:
        said += line
        if "ORDER_ID" in line:
            break
    assert f"http://127.0.0.1:{stack.port}" in said and f"http://[::1]:{stack.port}" in said and said.count("  curl ") == 3
    assert stack.end() == 0
    assert "stopped" in stack.log_file.read_text()


@pytest.mark.parametrize("with_signal", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_all(stack, with_signal):
    stack.up()
    assert stack.end(with_signal) == 0
    stopped = {line["service"]: line for line in map(json.loads, stack.process.stdout) if line["event"] == "stopped"}
    for service in ("order-service", "notification-service"):
        assert stopped[service] == {"event": "stopped", "service": service, "pid": stack.pid(service), "exit_code": 0}
        assert not is_alive(stack.pid(service))


def test_what_dies_is_started_again_and_that_is_said(stack):
    stack.up()
    order = stack.order().json()
    pauses = []
    for _ in range(3):
        os.kill(stack.pid(), signal.SIGKILL)
        died = stack.wait_for("died")
        assert died["signal"] == 9
        pauses.append(died["restart_after_ms"])
        stack.wait_for("ready")
    assert pauses == [50, 100, 200]
    assert len(stack.children()) == 2, "a zombie is left"
    assert stack.client().get(f"/orders/{order['order_id']}").json() == order
    assert stack.end() == 0


def test_what_dies_is_told_to_people(stack):
    stack.start()
    ready = re.compile(r"order-service \(process (\d+)\) is ready")
    pid = int(eventually(lambda: ready.search(stack.log_file.read_text()))[1])
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: len(ready.findall(stack.log_file.read_text())) == 2)
    assert f"order-service (process {pid}) was killed by signal 9; starting it again in 0.05 s" in stack.log_file.read_text()
    assert stack.end() == 0


def test_nothing_survives_the_supervisor(stack):
    stack.up()
    pid = stack.pid()
    stack.end(signal.SIGKILL)
    eventually(lambda: not is_alive(pid))
    # Its ports, its files and its lock are free again.
    stack.up()
    assert stack.order().status_code == 201


@pytest.mark.parametrize("which", ["port", "internal_port", "grpc_port"])
def test_a_busy_port_stops_all_with_its_message(stack, which):
    variable = f"AGORA_ORDER_{which.upper()}"
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", getattr(stack, which)))
        holder.listen()
        stack.start("--json")
        assert stack.process.wait(timeout=20) == 2
    log = stack.log_file.read_text()
    assert variable in log and f"process {os.getpid()}" in log
    told = [json.loads(line)["event"] for line in stack.process.stdout]
    assert "refused" in told and "up" not in told and "died" not in told


def test_a_second_one_on_the_same_data_is_told_who_holds_it(stack):
    stack.up()
    done = subprocess.run([AGORA, "up", *Stack(stack.data).flags], capture_output=True, text=True, timeout=20)
    assert done.returncode == 2 and f"process {stack.process.pid}" in done.stderr
    assert stack.order().status_code == 201


def test_who_does_not_stop_is_killed(stack):
    stack.flags += ["--stop-deadline", "200ms"]
    stack.up()
    os.kill(stack.pid(), signal.SIGSTOP)
    began = time.monotonic()
    assert stack.end() == 0 and time.monotonic() - began < 10
    assert [json.loads(line)["event"] for line in stack.process.stdout][-2:] == ["killed", "stopped"]


def made_token(stack):
    made = subprocess.run([AGORA, "tokens", "make", "--data", str(stack.data), "--subject", "u1"], capture_output=True, text=True, check=True)
    return {"Authorization": f"Bearer {made.stdout.strip()}"}


def test_its_services_take_tokens_of_its_key_which_is_kept(stack):
    stack.up()
    key, urls = stack.data / "demo-signing-key.pem", [service["url"] for service in stack.events[-1]["services"]]
    assert key.stat().st_mode & 0o777 == 0o600
    before, token = key.read_text(), made_token(stack)
    assert stack.order().status_code == 201
    assert len(httpx.get(f"{urls[0]}/orders", headers=token).json()["items"]) == 1
    assert httpx.get(f"{urls[1]}/api/v1/notifications", headers=token).status_code == 200
    assert httpx.get(f"{urls[0]}/orders", headers={"Authorization": "Bearer x"}).status_code == 401
    stack.end()
    (stack.data / "demo-jwks.json").unlink()
    stack.up()
    assert key.read_text() == before
    assert httpx.get(f"{urls[0]}/orders", headers=token).status_code == 200


def test_a_token_that_is_there_is_kept(stack):
    stack.data.mkdir()
    token = stack.data / "service-token"
    token.write_text("o" * 32 + "\n" + "p" * 32 + "\n")
    stack.up()
    assert token.read_text() == "o" * 32 + "\n" + "p" * 32 + "\n"
    answer = httpx.get(f"http://127.0.0.1:{stack.internal_port}/internal/consumers", headers={"Authorization": "Bearer " + "p" * 32})
    assert answer.status_code == 200


def test_a_wrong_setting_is_told(folder):
    for flags in (["--order-port", "many"], ["--restart-first", "1h"], ["--colour", "red"]):
        done = subprocess.run([AGORA, "up", "--data", str(folder / "x"), *flags], capture_output=True, text=True, timeout=20)
        assert done.returncode == 2 and flags[0] in done.stderr
    assert not (folder / "x").exists()


def test_a_dry_run_starts_nothing(folder):
    stack = Stack(folder / "data")
    done = subprocess.run([AGORA, "up", *stack.flags, "--dry-run", "--json"], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0 and (line := json.loads(done.stdout)["would_start"][0]) and "order-service --demo-guests" in line and "--offers builtin" in line
    assert not stack.data.exists()


def test_two_services_are_started_with_what_they_need(stack_of_two):
    stack_of_two.up()
    assert [service["service"] for service in stack_of_two.events[-1]["services"]] == ["order-service", "notification-service"]
    flags, environment = json.loads((stack_of_two.data / "started").read_text())
    assert flags["--order-feed"] == f"feed:http://127.0.0.1:{stack_of_two.internal_port}" and flags["--data"] == str(stack_of_two.data)
    assert flags["--order-grpc"] == f"127.0.0.1:{stack_of_two.grpc_port}"
    assert environment["AGORA_ENV"] == "demo" and environment["AGORA_SERVICE_TOKEN_FILE"] == str(stack_of_two.data / "service-token")
    os.kill(stack_of_two.pid("notification-service"), signal.SIGKILL)
    assert stack_of_two.wait_for("died")["service"] == "notification-service"
    stack_of_two.wait_for("ready")
    assert stack_of_two.order().status_code == 201
    assert stack_of_two.end() == 0
    stopped = [json.loads(line) for line in stack_of_two.process.stdout]
    assert sorted(event["service"] for event in stopped if event["event"] == "stopped") == ["notification-service", "order-service"]


def test_one_that_refuses_stops_all(stack_of_two, monkeypatch):
    monkeypatch.setenv("SECOND_ENDS_WITH", "2")
    stack_of_two.start("--json")
    assert stack_of_two.process.wait(timeout=20) == 2
    told = [(event["event"], event["service"]) for event in map(json.loads, stack_of_two.process.stdout)]
    assert ("refused", "notification-service") in told and ("stopped", "order-service") in told


def test_one_that_keeps_dying_does_not_stop_the_other(stack_of_two, monkeypatch):
    monkeypatch.setenv("SECOND_ENDS_WITH", "3")
    stack_of_two.start("--json", "--restart-max", "100ms")
    pauses = [stack_of_two.wait_for("died")["restart_after_ms"] for _ in range(4)]
    assert pauses == [50, 100, 100, 100]
    eventually(lambda: stack_of_two.order().status_code == 201)
    assert stack_of_two.end() == 0


def test_one_that_was_ready_is_started_again_whatever_keeps_it(stack_of_two):
    stack_of_two.up()
    program = pathlib.Path(stack_of_two.agora).with_name("order-service")
    away = program.with_name("away")
    program.rename(away)
    os.kill(stack_of_two.pid("order-service"), signal.SIGKILL)
    stack_of_two.wait_for("died")
    eventually(lambda: "order-service cannot be started now" in stack_of_two.log_file.read_text())
    away.rename(program)
    stack_of_two.wait_for("ready")
    assert stack_of_two.order().status_code == 201 and is_alive(stack_of_two.pid("notification-service"))
    assert stack_of_two.end() == 0
