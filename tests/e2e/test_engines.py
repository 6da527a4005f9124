"""tools/engines: both engines are there within seconds, for whoever has the packages; one that does not start is a failure."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import time

import pytest

from support.engines import Engine
from support.root import ROOT

ENGINES = ROOT / "tools" / "engines"
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
START_SECONDS_MAX = 10
NOBODY = 65_534


class User:
    """Who may read nothing of ours: the program, the broker's files and a folder are given to them. A root is nobody here; everybody else is who they are."""

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="agora-nobody-", dir="/dev/shm"))
        shutil.copytree(CACHE / "agora", self.folder / "cache" / "agora")
        shutil.copy(ENGINES, self.folder / "engines")
        if os.getuid() == 0:
            shutil.chown(self.folder, NOBODY, NOBODY)
        self.folder.chmod(0o755)

    def run(self, command):
        who = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 else {}
        return subprocess.run([str(self.folder / "engines"), command, "--state", str(self.folder / "state")], capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL, cwd="/", env={"PATH": os.environ["PATH"], "XDG_CACHE_HOME": str(self.folder / "cache")}, **who)


@pytest.fixture
def user():
    user = User()
    yield user
    user.run("stop")
    shutil.rmtree(user.folder)


def test_an_unprivileged_user_starts_both_within_seconds(user):
    began = time.monotonic()
    started = user.run("start")
    took = time.monotonic() - began
    assert started.returncode == 0, started.stderr
    print(f"both engines after {took:.1f} s")
    assert took <= START_SECONDS_MAX
    urls = dict(line.removeprefix("export ").split("=", 1) for line in started.stdout.splitlines())
    asked = subprocess.run(["/usr/lib/postgresql/15/bin/psql", "-XAtqc", "SELECT 1", urls["AGORA_ENGINE_POSTGRESQL"]], capture_output=True, text=True)
    assert asked.stdout == "1\n", asked.stderr
    listed = subprocess.run(["kcat", "-L", "-b", urls["AGORA_ENGINE_KAFKA"].removeprefix("kafka://")], capture_output=True, text=True)
    assert "1 brokers" in listed.stdout, listed.stderr
    assert user.run("status").returncode == 0
    assert user.run("stop").returncode == 0
    assert user.run("status").returncode == 1 and not (user.folder / "state").exists()


def test_an_engine_that_does_not_start_is_a_failure(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(AssertionError, match="Kafka is not installed; run: tools/engines install"):
        Engine("kafka")
