"""agora backup and restore: copies of a running service, put back while it is stopped, with a log that says it is another."""

import json
import os
import shutil
import sqlite3
import subprocess
import threading

import pytest

from support.service import BUILD, OFFERS, TOKENS, place
from support.streams import Stream

AGORA = os.environ.get("AGORA_BINARY", str(BUILD / "cli" / "agora"))


def agora(*arguments):
    return subprocess.run([AGORA, *map(str, arguments)], capture_output=True, text=True, timeout=60)


def backup(shop, to):
    done = agora("backup", "--data", shop.data, "--to", to, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["files"][0]


def orders(shop):
    return [row["order_id"] for row in shop.query("SELECT order_id FROM orders ORDER BY order_id")]


def log_id(shop):
    return shop.query("SELECT log_id FROM event_log")[0]["log_id"]


def test_a_running_service_is_copied_as_of_one_moment(sqlite_shop, folder):
    stop = threading.Event()

    def buy():
        user = sqlite_shop.as_user("token-u1")
        while not stop.is_set():
            assert place(user).status_code == 201

    buyers = [threading.Thread(target=buy) for _ in range(4)]
    for buyer in buyers:
        buyer.start()
    try:
        for number in range(5):
            copied = backup(sqlite_shop, folder / f"copy{number}")
            assert copied["bytes"] == (folder / f"copy{number}" / "order.db").stat().st_size
            assert [path.name for path in (folder / f"copy{number}").iterdir()] == ["order.db"]
            done = agora("audit", "--data", folder / f"copy{number}")
            assert done.returncode == 0, done.stdout
    finally:
        stop.set()
        for buyer in buyers:
            buyer.join()
    # Nobody else may read what buyers ordered.
    assert (folder / "copy0").stat().st_mode & 0o777 == 0o700 and (folder / "copy0" / "order.db").stat().st_mode & 0o777 == 0o600


def test_a_copy_is_not_written_over(sqlite_shop, folder):
    backup(sqlite_shop, folder / "copy")
    before = (folder / "copy" / "order.db").read_bytes()
    place(sqlite_shop.as_user("token-u1"))
    done = agora("backup", "--data", sqlite_shop.data, "--to", folder / "copy")
    assert done.returncode == 2 and "is there already" in done.stderr
    assert (folder / "copy" / "order.db").read_bytes() == before


def test_a_backup_that_fails_leaves_nothing(sqlite_shop, folder):
    sqlite_shop.stop()
    with (sqlite_shop.data / "order.db").open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 8192)
    done = agora("backup", "--data", sqlite_shop.data, "--to", folder / "copy")
    assert done.returncode == 2 and "order.db" in done.stderr
    assert list((folder / "copy").iterdir()) == []
    sqlite_shop.data.joinpath("order.db").unlink()
    sqlite_shop.start()


@pytest.mark.no_audit
def test_a_folder_without_databases_is_told(folder):
    for done in (agora("backup", "--data", folder, "--to", folder / "copy"), agora("restore", "--from", folder, "--data", folder / "data"),
                 agora("backup", "--data", folder / "nothing", "--to", folder / "copy")):
        assert done.returncode == 2 and "no database" in done.stderr
    assert list(folder.iterdir()) == []


def test_a_stopped_or_killed_service_is_copied_too(sqlite_shop, folder):
    place(sqlite_shop.as_user("token-u1"))
    sqlite_shop.kill()
    backup(sqlite_shop, folder / "killed")
    sqlite_shop.start()
    sqlite_shop.stop()
    backup(sqlite_shop, folder / "stopped")
    for name in ("killed", "stopped"):
        database = sqlite3.connect(folder / name / "order.db")
        assert database.execute("SELECT count(*) FROM orders").fetchone() == (1,)
        database.close()


def test_a_running_service_is_not_restored(sqlite_shop, folder):
    backup(sqlite_shop, folder / "copy")
    order = place(sqlite_shop.as_user("token-u1")).json()
    before = sorted(path.name for path in sqlite_shop.data.iterdir())
    done = agora("restore", "--from", folder / "copy", "--data", sqlite_shop.data)
    assert done.returncode == 2 and f"order.db is in use by process {sqlite_shop.process.pid}" in done.stderr
    assert orders(sqlite_shop) == [order["order_id"]]
    # Nothing but the lock of `agora up`, which keeps it from starting meanwhile.
    assert sorted({path.name for path in sqlite_shop.data.iterdir()} - {"up.lock"}) == before


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_what_was_copied_comes_back_with_another_log_id(sqlite_shop, folder, end):
    user = sqlite_shop.as_user("token-u1")
    kept = place(user, key="k1")
    first_log = log_id(sqlite_shop)
    backup(sqlite_shop, folder / "copy")
    place(user, quantity=7)
    lost = sorted(set(orders(sqlite_shop)) - {kept.json()["order_id"]})
    # Killed, it leaves a WAL that must not be taken for the restored file's.
    getattr(sqlite_shop, end)()
    assert agora("restore", "--from", folder / "copy", "--data", sqlite_shop.data, "--dry-run").returncode == 0
    done = agora("restore", "--from", folder / "copy", "--data", sqlite_shop.data, "--json")
    assert done.returncode == 0, done.stderr
    (file,) = json.loads(done.stdout)["files"]
    sqlite_shop.start()
    assert orders(sqlite_shop) == [kept.json()["order_id"]]
    assert log_id(sqlite_shop) == file["log_id"] != first_log
    user = sqlite_shop.as_user("token-u1")
    again = place(user, key="k1")
    assert again.text == kept.text and again.headers["idempotency-replayed"] == "true"
    assert place(user).status_code == 201
    # What was there is kept, whole.
    before = sqlite3.connect(file["kept"])
    assert before.execute("SELECT order_id FROM orders WHERE order_id = ?", lost).fetchone() == (lost[0],)
    before.close()
    assert agora("audit", "--data", sqlite_shop.data).returncode == 0
    # The copy is as it was, and can be put back again.
    copy = sqlite3.connect(folder / "copy" / "order.db")
    assert copy.execute("SELECT log_id FROM event_log").fetchone() == (first_log,)
    copy.close()


@pytest.mark.no_audit
def test_what_users_follow_has_another_id_too(launch, folder):
    """A client that comes back with an id of before is told so."""
    service = launch("--offers", OFFERS, *TOKENS, "--mail", "none", name="notification")
    last_id = Stream(service.port, "/api/v1/notifications/events", "token-u1").opening()["id"]
    backup(service, folder / "copy")
    service.stop()
    assert agora("restore", "--from", folder / "copy", "--data", service.data).returncode == 0
    service.start()
    first = Stream(service.port, "/api/v1/notifications/events", "token-u1", last_id=last_id).next()
    assert first["event"] == "reset" and first["id"].partition(":")[0] != last_id.partition(":")[0]


def test_a_copy_is_restored_where_nothing_was(sqlite_shop, folder):
    order = place(sqlite_shop.as_user("token-u1")).json()
    backup(sqlite_shop, folder / "copy")
    sqlite_shop.stop()
    shutil.rmtree(sqlite_shop.data)
    assert agora("restore", "--from", folder / "copy", "--data", sqlite_shop.data).returncode == 0
    sqlite_shop.start()
    assert orders(sqlite_shop) == [order["order_id"]]


def test_a_damaged_copy_is_refused(sqlite_shop, folder):
    order = place(sqlite_shop.as_user("token-u1")).json()
    backup(sqlite_shop, folder / "copy")
    sqlite_shop.stop()
    copy = sqlite3.connect(folder / "copy" / "order.db")
    (page,), (size,) = (copy.execute("SELECT rootpage FROM sqlite_master WHERE name = 'orders_of_user'").fetchone(), copy.execute("PRAGMA page_size").fetchone())
    copy.close()
    with (folder / "copy" / "order.db").open("r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * 512)
    done = agora("restore", "--from", folder / "copy", "--data", sqlite_shop.data)
    assert done.returncode == 1 and "damaged" in done.stderr
    sqlite_shop.start()
    assert orders(sqlite_shop) == [order["order_id"]]
