"""Order's database is put back from a copy while notification reads it: real services, `agora`, and nothing skipped in silence."""

import json
import pathlib
import shutil
import sqlite3
import subprocess

import pytest

from support.notifications import rows, told
from support.publisher import TOKEN, eventually
from support.service import BUILD, OFFERS, TOKENS, Service, place

AGORA = str(BUILD / "cli" / "agora")
pytestmark = pytest.mark.no_audit


def agora(*arguments):
    done = subprocess.run([AGORA, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


class Pair:
    """Order, and notification that reads it, on one folder as `agora up` has them."""

    def __init__(self, folder, *order_flags):
        self.data = folder / "data"
        self.token_file = folder / "token"
        self.token_file.write_text(TOKEN + "\n")
        shared = ("--offers", OFFERS, *TOKENS, "--service-token-file", str(self.token_file), "--events.wait", "1s")
        self.order = Service(self.data, *shared, *order_flags)
        self.notification = Service(self.data, *shared, "--order-feed", f"feed:http://127.0.0.1:{self.order.internal_port}", name="notification")
        # Both would write to one file.
        self.order.log_file, self.notification.log_file = self.data / "order.log", self.data / "notification.log"
        self.order.start()

    def place(self, count):
        user = self.order.as_user("token-u1")
        for _ in range(count):
            assert place(user).status_code == 201

    def told(self, orders):
        """Each order's buyer, in the app and by mail."""
        return told(self.notification, "kind = 'order_placed'", 2 * orders)

    def degraded(self):
        report = self.notification.ask_internal("/readyz?verbose").text
        return "consumer order degraded" in report and report

    def rebuild(self, *flags):
        return agora("events", "rebuild", "--service", "notification", "--publisher", "order", "--url", f"http://127.0.0.1:{self.notification.internal_port}",
                     "--token-file", self.token_file, *flags)

    def end(self):
        for service in (self.order, self.notification):
            service.kill()


@pytest.fixture
def pair(folder):
    pair = Pair(folder)
    pair.notification.start()
    yield pair
    pair.end()


def put_back(pair, folder, how):
    if how == "agora restore":
        code, _, message = agora("restore", "--from", folder / "copy", "--data", pair.data)
        assert code == 0, message
        return
    for suffix in ("-wal", "-shm"):
        (pair.data / f"order.db{suffix}").unlink(missing_ok=True)
    shutil.copy(folder / "copy" / "order.db", pair.data / "order.db")


@pytest.mark.parametrize("how", ["agora restore", "file copy"])
@pytest.mark.parametrize("placed", [0, 40])
def test_an_older_order_db_stops_its_reader_until_it_is_rebuilt(pair, folder, how, placed):
    """Taken 20 orders ago, and `placed` orders are made before the reader polls again."""
    pair.place(5)
    pair.told(5)
    assert agora("backup", "--data", pair.data, "--to", folder / "copy")[0] == 0
    (folder / "copy" / "notification.db").unlink()
    pair.place(20)
    pair.told(25)
    if placed:
        pair.notification.stop()
    pair.order.stop()
    put_back(pair, folder, how)
    pair.order.start()
    if placed:
        pair.place(placed)
        pair.notification.start()
    report = eventually(pair.degraded)
    assert ("log_changed" if how == "agora restore" else "position_lost") in report
    assert pair.notification.ask_internal("/readyz").status_code == 200
    assert 'agora_events_degraded{publisher="order"} 1' in pair.notification.metrics()
    # Order goes on, and nobody is told of what may be skipped.
    pair.place(1)
    assert len(rows(pair.notification, where="kind = 'order_placed'")) == 50
    code, out, message = pair.rebuild()
    assert code == 1 and out.count("lowered: agora.orders ") == 20 and out.count("lowered: agora.order_groups ") == 20 and "--accept-gap" in message
    assert pair.degraded()
    code, out, message = pair.rebuild("--accept-gap")
    assert code == 0 and "rebuilt" in out, message
    pair.told(25 + placed + 1)
    eventually(lambda: not pair.degraded())
    pair.place(1)
    pair.told(25 + placed + 2)
    code, out, _ = agora("audit", "--data", pair.data, "--json")
    assert code == 0, out
    report = json.loads(out)["services"][1]
    assert not any("rebuild" in row["why"] for row in report["not_checked"]), "it was compared, not passed over"
    # All of the log that was put back, none of what was lost.
    seen = sqlite3.connect(f"file:{pair.data / 'notification.db'}?mode=ro", uri=True)
    assert seen.execute("SELECT count(DISTINCT subject) FROM inbox_versions WHERE topic = 'agora.orders'").fetchone() == (5 + placed + 2,)
    seen.close()
    assert pathlib.Path(pair.data / "order.db").exists()


@pytest.mark.parametrize("was_there", [True, False], ids=["which read before", "which never came"])
def test_a_reader_that_stays_away_is_dropped_and_told_so_when_it_comes(folder, was_there):
    """Rows are kept for it up to events.keep_max, then it is alarmed of and let go, and the log is trimmed."""
    pair = Pair(folder, "--events.keep", "0ms", "--events.keep-max", "5s", "--events.trim-interval", "50ms")
    try:
        if was_there:
            pair.notification.start()
            pair.place(2)
            pair.told(2)
            pair.notification.stop()
        pair.place(10)
        facts = "SELECT count(*) AS n FROM outbox WHERE topic <> 'agora.stock'"
        kept = pair.order.query(facts)[0]["n"]
        assert kept >= 20, "they are younger than events.keep_max"
        eventually(lambda: 'agora_events_dropped_consumers_total{consumer="notification"} 1' in pair.order.metrics())
        eventually(lambda: pair.order.query(facts)[0]["n"] == 0)
        dropped = [json.loads(line) for line in pair.order.log().splitlines() if "was dropped" in line]
        assert {"notification"} == {line["consumer"] for line in dropped if line["level"] == "error"} & {"notification"}
        before = len(rows(pair.notification, where="kind = 'order_placed'")) if was_there else 0
        pair.notification.start()
        assert "consumer_dropped" in eventually(pair.degraded)
        # What it missed cannot be compared: that is to be accepted. Whoever asks holds the log again.
        code, out, message = pair.rebuild()
        assert code == 1 and "not compared" in out and "--accept-gap" in message
        assert "consumer_dropped" in pair.degraded()
        pair.place(3)
        code, _, message = pair.rebuild("--accept-gap")
        assert code == 0, message
        pair.told(before // 2 + 3)
        eventually(lambda: not pair.degraded())
        # It counts again: what it read is trimmed, and it goes on.
        pair.place(1)
        pair.told(before // 2 + 4)
        assert pair.order.query("SELECT dropped FROM feed_consumers WHERE consumer = 'notification'") in ([], [{"dropped": 0}])
        code, out, _ = agora("audit", "--data", pair.data, "--json")
        assert code == 0, out
    finally:
        pair.end()
