"""PostgreSQL and Kafka by tools/engines: those that ./dev started for the run, or ones of a test's own that it may kill."""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile

from support.root import ROOT


class Engine:
    """`postgresql` or `kafka`, for whoever wants one for itself. It ends with this process if nobody stops it."""

    def __init__(self, name):
        self.name = name
        self.state = pathlib.Path(tempfile.mkdtemp(prefix="agora-engines-", dir="/dev/shm"))
        self.run("start", "--for", str(os.getpid()))

    def run(self, command, *options):
        done = subprocess.run([str(ROOT / "tools" / "engines"), command, "--only", self.name, "--state", str(self.state), *options],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        self.url = (re.search(r"^export \w+=(\S+)$", done.stdout, re.M) or [None, None])[1]

    @property
    def pid(self):
        return json.loads((self.state / "state.json").read_text())[self.name]["pid"]

    def kill(self):
        """SIGKILL; the data stays."""
        os.kill(self.pid, signal.SIGKILL)

    def restart(self):
        """Again, on the same port and data."""
        self.run("start")

    def stop(self):
        self.run("stop")
        shutil.rmtree(self.state, ignore_errors=True)


def url_of(name):
    """Of the run's engine; none when nobody started one."""
    return os.environ.get(f"AGORA_ENGINE_{name.upper()}")
