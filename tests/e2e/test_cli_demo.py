"""agora demo: the whole journey, as people and programs see it."""

import json
import os
import subprocess

import pytest

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
    assert {step["chapter"] for step in steps} == {1, 2, 3, 4, 5, 6} and not audit["violations"]
    assert steps[0]["path"] == "/api/v1/carts" and steps[0]["status"] == 201 and steps[0]["answer"]["status"] == "open"
    kept, = folder.iterdir()
    assert str(kept) in done.stderr and (kept / "order.db").exists() and (kept / "services.log").exists()


@pytest.mark.no_audit
def test_what_is_not_right_is_told_and_kept(folder):
    """A marketplace that takes no body as long as a cart is."""
    done = subprocess.run([AGORA, "demo"], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "TMPDIR": str(folder), "AGORA_ORDER_HTTP_BODY_BYTES_MAX": "64"})
    assert done.returncode == 1 and "was answered 413" in done.stderr, done.stderr
    assert str(next(folder.iterdir())) in done.stderr
