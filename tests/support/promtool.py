"""Prometheus' own checks of what we write for it."""

import subprocess

from support.root import ROOT

OBSERVABILITY = ROOT / "deploy" / "observability"


def promtool(*arguments, text=None):
    done = subprocess.run(["promtool", *arguments], input=text, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def accepted_by_promtool(text):
    """Syntax and, as it also looks at names, units and help, not a word of complaint."""
    assert promtool("check", "metrics", text=text) == ""


def families(text):
    """Names of what is served."""
    return {line.split(" ")[2] for line in text.splitlines() if line.startswith("# TYPE ")}
