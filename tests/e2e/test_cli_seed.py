"""agora seed and migrate, and what all commands have in common."""

import json
import os
import subprocess

import pytest

from support.service import BUILD

AGORA = os.environ.get("AGORA_BINARY", str(BUILD / "cli" / "agora"))
COMMANDS = ("up", "demo", "seed", "backup", "restore", "audit", "events", "migrate")


def agora(*arguments):
    return subprocess.run([AGORA, *map(str, arguments)], capture_output=True, text=True, timeout=60)


def test_seeding_twice_places_once(demo):
    assert json.loads(agora("seed", "--url", demo.url, "--count", 7, "--json").stdout) == {"placed": 7, "kept": 0, "wrong": 0}
    before = demo.counts()
    done = agora("seed", "--url", demo.url, "--count", 7)
    assert done.returncode == 0 and "placed 0 orders" in done.stdout and "7 were there" in done.stdout
    assert demo.counts() == before
    assert agora("seed", "--url", demo.url).returncode == 0
    assert demo.query("SELECT count(*) AS n FROM orders") == [{"n": 20}]


def test_a_wrong_answer_is_told(sqlite_shop):
    done = agora("seed", "--url", sqlite_shop.url, "--count", 2)
    assert done.returncode == 1 and "seed-0002 was answered 401" in done.stderr
    sqlite_shop.stop()
    done = agora("seed", "--url", sqlite_shop.url)
    assert done.returncode == 2 and "no answer" in done.stderr


@pytest.mark.no_audit
def test_a_database_is_migrated_once(folder, engine, request):
    url = request.getfixturevalue("postgres").new_database() if engine == "postgresql" else f"sqlite:{folder}/order.db"
    missing = json.loads(agora("migrate", "--service", "order", "--database", url, "--dry-run", "--json").stdout)["missing"]
    assert missing[0] == "0001_idempotency_keys" and not (folder / "order.db").exists()
    assert json.loads(agora("migrate", "--service", "order", "--database", url, "--json").stdout) == {"applied": missing}
    assert json.loads(agora("migrate", "--service", "order", "--database", url, "--json").stdout) == {"applied": []}


def test_what_is_in_use_is_not_migrated(demo):
    done = agora("migrate", "--service", "order", "--database", f"sqlite:{demo.data}/order.db")
    assert done.returncode == 2 and f"process {demo.process.pid}" in done.stderr


@pytest.mark.no_audit
def test_every_command_explains_itself(folder):
    listed = agora("--help")
    assert listed.returncode == 0 and all(f"  {command} " in listed.stdout for command in COMMANDS)
    for command in COMMANDS:
        done = agora(command, "--help")
        assert done.returncode == 0 and f"agora {command}" in done.stdout and "Exit codes" in done.stdout and done.stderr == "", command
    for wrong in ((), ("dance",), ("audit", "--colour", "red"), ("backup",), ("restore",), ("migrate",), ("events",)):
        done = agora(*wrong)
        assert done.returncode == 2 and done.stderr and not done.stdout, wrong
    assert agora("--version").stdout.startswith("agora ")
