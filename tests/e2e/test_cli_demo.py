"""agora demo: the whole journey, as people and programs see it."""

import json
import os
import pathlib
import signal
import subprocess

import pytest

from support.publisher import eventually
from support.service import BUILD

AGORA = os.environ.get("AGORA_BINARY", str(BUILD / "cli" / "agora"))


def demo(folder, *flags):
    return subprocess.run([AGORA, "demo", *flags], capture_output=True, text=True, timeout=60, env={**os.environ, "TMPDIR": str(folder)})


@pytest.mark.no_audit
def test_every_step_is_right_and_nothing_is_left(folder):
    done = demo(folder)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    assert "── 7." in done.stdout and "answers was right" in done.stdout
    assert not list(folder.iterdir())


@pytest.mark.no_audit
def test_programs_get_a_line_for_each_request(folder):
    done = demo(folder, "--json", "--keep")
    assert done.returncode == 0, done.stderr
    *steps, audit = [json.loads(line) for line in done.stdout.splitlines()]
    assert {step["chapter"] for step in steps} == {1, 2, 3, 4, 5, 6} and audit["clean"]
    assert steps[0]["path"] == "/api/v1/carts" and steps[0]["status"] == 201 and steps[0]["answer"]["status"] == "open"
    kept, = folder.iterdir()
    assert str(kept) in done.stderr and (kept / "order.db").exists() and (kept / "services.log").exists()


@pytest.mark.no_audit
def test_what_the_environment_says_of_another_marketplace_is_left_alone(folder):
    other = folder / "other.db"
    foreign = {"AGORA_ORDER_DB": f"sqlite:{other}", "AGORA_KAFKA_URL": "kafka://127.0.0.1:1", "AGORA_ORDER_HTTP_BODY_BYTES_MAX": "64"}
    done = subprocess.run([AGORA, "demo"], capture_output=True, text=True, timeout=60, env={**os.environ, **foreign, "TMPDIR": str(folder)})
    assert done.returncode == 0, done.stderr
    assert not list(folder.iterdir())


@pytest.mark.no_audit
def test_stopped_it_stops_what_it_started_and_names_what_it_left(folder):
    process = subprocess.Popen([AGORA, "demo"], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(folder)},
                               preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN))
    eventually(lambda: list(folder.glob("*/services.log")))
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=30) == 2
    left, = folder.iterdir()
    assert str(left) in process.stderr.read()
    assert not [path for path in pathlib.Path("/proc").glob("[0-9]*/cmdline") if str(left) in read(path)]


def read(path):
    try:
        return path.read_text()
    except OSError:  # it has ended
        return ""
