"""agora audit: finds nothing where nothing is wrong, and each thing that was made wrong, by its id."""

import json
import os
import shutil
import sqlite3
import subprocess
import threading

import pytest

from support.service import BUILD, place
from support.shopping import cart_checkout, cart_of, check_out, items_checkout

AGORA = os.environ.get("AGORA_BINARY", str(BUILD / "cli" / "agora"))


def audit(data, *flags):
    """Exit code and report."""
    done = subprocess.run([AGORA, "audit", "--data", str(data), "--json", *flags], capture_output=True, text=True, timeout=60)
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


def violations(report):
    return [(v["invariant"], v["id"]) for service in report["services"] for v in service["violations"]]


@pytest.fixture
def busy_shop(sqlite_shop):
    """Three orders of one user: one of two lines, one waiting, one canceled."""
    user = sqlite_shop.as_user("token-u1")
    for quantity in (1, 2):
        assert place(user, quantity=quantity, key=f"k{quantity}").status_code == 201
    canceled = place(user, offer="o10", price="1000.00", quantity=3).json()
    assert user.post(f"/orders/{canceled['order_id']}/cancellation").status_code == 200
    return sqlite_shop


@pytest.fixture
def copy(busy_shop, folder):
    """A copy of its file that a test may ruin."""
    subprocess.run([AGORA, "backup", "--data", str(busy_shop.data), "--to", str(folder / "copy")], check=True, capture_output=True, timeout=60)
    return folder / "copy"


def change(copy, *statements, file="order.db"):
    database = sqlite3.connect(copy / file)
    for statement in statements:
        assert database.execute(statement).rowcount > 0, statement
    database.commit()
    database.close()


def first(copy, sql):
    database = sqlite3.connect(copy / "order.db")
    try:
        return database.execute(sql).fetchone()[0]
    finally:
        database.close()


def test_a_sound_shop_is_clean(busy_shop, copy):
    for data in (busy_shop.data, copy):
        code, report = audit(data)
        assert code == 0 and report["clean"] and violations(report) == []
        (order,) = report["services"]
        counts = {(row["invariant"], row["what"]): row["count"] for row in order["checked"]}
        assert counts["I4", "order lines"] == 3 and counts["I9", "orders"] == 3 and counts["I10", "groups"] == 3
        assert [row["invariant"] for row in order["not_checked"]] == ["I1", "I2"]
        assert {"what": "pending orders", "count": 2} in order["in_flight"]
    done = subprocess.run([AGORA, "audit", "--data", str(busy_shop.data)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and done.stdout.endswith("clean: no violations\n")


def test_groups_of_several_orders_are_clean_too(sqlite_shop):
    """Of two sellers: whole, with one order canceled, with both; and a cart that became one."""
    user = sqlite_shop.as_user("token-u1")
    lines = (("o1", 1, "5.00"), ("o3", 1, "4.50"))
    for canceled in range(3):
        body = items_checkout(*lines) if canceled else cart_checkout(cart_of(user, "o1", "o3"), "9.50")
        group = check_out(user, body, f"k{canceled}").json()
        for order in group["orders"][:canceled]:
            assert user.post(f"/orders/{order['order_id']}/cancellation").status_code == 200
    code, report = audit(sqlite_shop.data)
    assert code == 0 and violations(report) == [], report


PENDING = "(SELECT order_id FROM orders WHERE status = 'pending' ORDER BY order_id LIMIT 1)"
CANCELED = "(SELECT order_id FROM orders WHERE status = 'canceled')"
GROUP = f"(SELECT group_id FROM orders WHERE order_id = {PENDING})"


# What is done to a copy, the invariant that it breaks, and whose id must be named.
WRONGS = [
    ("UPDATE stock SET reserved = reserved + 1 WHERE offer_id = 'o1'", "I4", "'o1'"),
    ("UPDATE stock SET on_hand = on_hand - 1 WHERE offer_id = 'o1'", "I4", "'o1'"),
    ("DELETE FROM stock WHERE offer_id = 'o1'", "I4", "'o1'"),
    ("INSERT INTO stock_movements (offer_id, kind, delta, made_at) VALUES ('o2', 'adjustment', 1, 0)", "I4", "'o2'"),
    (f"UPDATE order_lines SET canceled_quantity = 1 WHERE order_id = {PENDING}", "I4", "'o1'"),
    (f"UPDATE orders SET subtotal = subtotal + 1, total = total + 1 WHERE order_id = {PENDING}", "I10", PENDING),
    (f"UPDATE order_lines SET subtotal = subtotal + 1, total = total + 1 WHERE order_id = {PENDING}", "I10", PENDING),
    (f"UPDATE order_lines SET unit_price = 4.99 WHERE order_id = {PENDING}", "I10", PENDING),
    (f"UPDATE order_groups SET subtotal = subtotal + 1, total = total + 1 WHERE group_id = {GROUP}", "I10", GROUP),
    (f"UPDATE orders SET status = 'lost' WHERE order_id = {PENDING}", "I9", PENDING),
    (f"UPDATE orders SET pay_by = NULL WHERE order_id = {PENDING}", "I9", PENDING),
    (f"UPDATE orders SET cancel_reason = NULL WHERE order_id = {CANCELED}", "I9", CANCELED),
    (f"UPDATE orders SET payment_status = 'captured' WHERE order_id = {PENDING}", "I9", PENDING),
    (f"UPDATE order_groups SET status = 'confirmed', pay_by = NULL WHERE group_id = {GROUP}", "I9", GROUP),
    (f"DELETE FROM order_lines WHERE order_id = {PENDING}", "I9", PENDING),
    (f"DELETE FROM orders WHERE order_id = {PENDING}", "I9", GROUP),
    (f"DELETE FROM outbox WHERE subject = {PENDING}", "I8", PENDING),
    (f"DELETE FROM outbox WHERE subject = {CANCELED} AND version = 2", "I8", CANCELED),
    (f"DELETE FROM outbox WHERE subject = {CANCELED} AND version = 1", "I8", CANCELED),
    ("DELETE FROM outbox WHERE topic = 'agora.stock' AND subject = 'o1' AND version = 2", "I8", "'o1'"),
    ("DELETE FROM outbox WHERE sequence = 3", "I8", "'3'"),
    ("DELETE FROM outbox WHERE sequence = (SELECT max(sequence) FROM outbox)", "I8", "(SELECT seq FROM sqlite_sequence WHERE name = 'outbox')"),
    (f"UPDATE orders SET version = 7 WHERE order_id = {PENDING}", "I8", PENDING),
    (f"UPDATE outbox SET topic = 'agora.stock' WHERE subject = {PENDING}", "I8", f"(SELECT event_id FROM outbox WHERE subject = {PENDING})"),
    (f"UPDATE outbox SET data = json_set(data, '$.total', 1) WHERE type = 'order.placed' AND subject = {PENDING}", "I8", PENDING),
    (f"UPDATE outbox SET data = json_set(data, '$.lines[0].quantity', 9) WHERE type = 'order.placed' AND subject = {PENDING}", "I8", PENDING),
    (f"UPDATE outbox SET data = json_set(data, '$.reason', 'fraud') WHERE type = 'order.canceled' AND subject = {CANCELED}", "I8", CANCELED),
    (f"UPDATE outbox SET data = json_set(data, '$.order_ids[0]', 'x') WHERE type = 'order_group.placed' AND subject = {GROUP}", "I8", GROUP),
    ("UPDATE outbox SET data = json_set(data, '$.reserved', 0) WHERE subject = 'o1'", "I8", "'o1'"),
    ("UPDATE outbox SET data = '{' WHERE sequence = 3", "I8", "(SELECT event_id FROM outbox WHERE sequence = 3)"),
]


@pytest.mark.parametrize("statement,invariant,named", WRONGS, ids=[f"{number}-{wrong[1]}" for number, wrong in enumerate(WRONGS)])
@pytest.mark.damages
def test_what_was_made_wrong_is_named(copy, statement, invariant, named):
    expected = str(first(copy, f"SELECT {named}"))
    change(copy, statement)
    code, report = audit(copy)
    assert code == 1 and not report["clean"]
    assert (invariant, expected) in violations(report), violations(report)


def test_what_was_trimmed_is_no_hole(copy):
    """Facts up to a number go, states leave their newest."""
    through = first(copy, "SELECT max(sequence) FROM outbox") - 2
    event_id = first(copy, f"SELECT event_id FROM outbox WHERE sequence = {through}")
    change(copy, f"DELETE FROM outbox WHERE sequence <= {through} AND topic <> 'agora.stock'",
           f"UPDATE event_log SET trimmed_through = {through}, trimmed_id = '{event_id}'")
    code, report = audit(copy)
    assert code == 0, violations(report)
    assert any(str(through) in row["why"] for row in report["services"][0]["not_checked"])


# What clients saw (I1, I2)

def history(folder, *lines):
    file = folder / "history.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return "--history", str(file)


def test_what_clients_saw_is_there(busy_shop, folder):
    orders = {row["quantity"]: row["order_id"] for row in busy_shop.query("SELECT quantity, order_id FROM order_lines")}
    code, report = audit(busy_shop.data, *history(
        folder, {"op": "invoke", "type": "place", "key": "k1"}, {"op": "info", "type": "place", "key": "k1"},
        {"op": "ok", "type": "place", "key": "k1", "order_id": orders[1], "status": 201, "body": {"a": 1}},
        {"op": "ok", "type": "place", "key": "k1", "order_id": orders[1], "status": 201, "body": {"a": 1}},
        {"op": "ok", "type": "cancel", "order_id": orders[3], "status": 200}, {"op": "fail", "type": "place", "key": "k3", "status": 409},
        {"op": "invoke", "type": "place", "key": "k4"}))
    assert code == 0, violations(report)
    (order,) = report["services"]
    assert order["not_checked"] == []
    assert {"invariant": "I1", "what": "acknowledged orders", "count": 2} in order["checked"]
    assert {"what": "requests of the history without an answer", "count": 1} in order["in_flight"]


def test_what_clients_saw_and_is_not_so_is_named(busy_shop, folder):
    one, two = (row["order_id"] for row in busy_shop.query("SELECT order_id FROM orders WHERE status = 'pending' ORDER BY order_id"))
    for lines, expected in (
        ([{"op": "ok", "type": "place", "order_id": "lost", "key": "k"}], ("I1", "lost")),
        ([{"op": "ok", "type": "cancel", "order_id": one}], ("I1", one)),
        ([{"op": "ok", "type": "place", "order_id": one, "key": "k"}, {"op": "ok", "type": "place", "order_id": two, "key": "k"}], ("I2", "k")),
        ([{"op": "ok", "type": "place", "order_id": one, "key": "k", "body": "a"}, {"op": "ok", "type": "place", "order_id": one, "key": "k", "body": "b"}], ("I2", "k")),
        ([{"op": "ok", "type": "place", "order_id": one, "key": "k"}, {"op": "ok", "type": "place", "order_id": one, "key": "l"}], ("I2", one)),
    ):
        code, report = audit(busy_shop.data, *history(folder, *lines))
        assert code == 1 and violations(report) == [expected]


def test_a_history_that_cannot_be_read_is_told(busy_shop, folder):
    for text in ("{", '{"op":"maybe","type":"place"}', '{"op":"ok","type":"place"}'):
        (folder / "history").write_text('{"op":"invoke","type":"place"}\n' + text)
        code, message = audit(busy_shop.data, "--history", str(folder / "history"))
        assert code == 2 and "line 2" in message


# Files

def test_a_live_shop_is_clean_at_every_moment(sqlite_shop):
    stop = threading.Event()

    def buy(number):
        user = sqlite_shop.as_user("token-u1")
        while not stop.is_set():
            order = place(user, quantity=number + 1).json()
            if number % 2:
                user.post(f"/orders/{order['order_id']}/cancellation")

    buyers = [threading.Thread(target=buy, args=(number,)) for number in range(4)]
    for buyer in buyers:
        buyer.start()
    try:
        for _ in range(10):
            code, report = audit(sqlite_shop.data)
            assert code == 0, report
    finally:
        stop.set()
        for buyer in buyers:
            buyer.join()


@pytest.mark.no_audit
def test_what_is_no_database_of_ours_is_told(folder):
    data = folder / "data"
    assert audit(data)[0] == 2
    data.mkdir()
    assert audit(data)[0] == 2
    sqlite3.connect(data / "order.db").execute("CREATE TABLE t (x)").connection.close()
    code, message = audit(data)
    assert code == 2 and "another program" in message
    (data / "order.db").write_bytes(b"no database" * 1000)
    code, report = audit(data)
    assert code == 1 and violations(report) == [("file", str(data / "order.db"))]


def test_a_damaged_file_is_told(copy):
    page = first(copy, "SELECT rootpage FROM sqlite_master WHERE name = 'orders_of_user'")
    with (copy / "order.db").open("r+b") as file:
        file.seek((page - 1) * first(copy, "PRAGMA page_size"))
        file.write(b"\xff" * 512)
    code, report = audit(copy)
    assert code == 1 and {invariant for invariant, _ in violations(report)} == {"file"}


# What a consumer made of it (I7, I8)

TELL = ("INSERT INTO notifications (notification_id, event_id, user_id, channel, kind, data, made_at, status, attempts) "
        "VALUES ('{id}', '{event}', '{user}', '{channel}', 'order_placed', '{{}}', 0, {status})")


@pytest.fixture
def consumer(copy):
    """notification.db as that service has it, having applied all of order's log."""
    source = sqlite3.connect(copy / "order.db")
    (log_id,), (head, event_id) = (source.execute("SELECT log_id FROM event_log").fetchone(),
                                   source.execute("SELECT sequence, event_id FROM outbox ORDER BY sequence DESC LIMIT 1").fetchone())
    versions = source.execute("SELECT topic, subject, max(version) FROM outbox WHERE topic <> 'agora.stock' GROUP BY topic, subject").fetchall()
    tellable = source.execute("SELECT event_id, json_extract(data, '$.user_id') FROM outbox WHERE type = 'order_group.placed'").fetchall()
    source.close()
    subprocess.run([AGORA, "migrate", "--service", "notification", "--database", f"sqlite:{copy / 'notification.db'}"], check=True, timeout=20)
    database = sqlite3.connect(copy / "notification.db")
    for event_id, user_id in tellable:
        database.execute(TELL.format(id=f"app-{event_id}", event=event_id, user=user_id, channel="in_app", status="NULL, NULL"))
        database.execute(TELL.format(id=f"mail-{event_id}", event=event_id, user=user_id, channel="mail", status="'sent', 1"))
    database.execute("INSERT INTO inbox_positions (publisher, stream, log_id, sequence, event_id) VALUES ('order', '', ?, ?, ?)", (log_id, head, event_id))
    database.executemany("INSERT INTO inbox_versions (log_id, topic, subject, version) VALUES (?, ?, ?, ?)", [(log_id, *row) for row in versions])
    database.commit()
    database.close()
    return copy


def test_a_consumer_that_applied_all_is_clean(consumer):
    code, report = audit(consumer)
    assert code == 0, violations(report)
    _, heard = report["services"]
    assert heard["service"] == "notification"
    counts = {(row["invariant"], row["what"]): row["count"] for row in heard["checked"]}
    assert counts["I8", "order events told to it"] == 8 and counts["I7", "notifications"] == 2 * counts["I7", "events that a buyer is to be told of"] > 0


@pytest.mark.parametrize("statement,expected", [
    (f"UPDATE inbox_versions SET version = 9 WHERE subject = '{{order}}'", ("I8", "{order}")),
    ("INSERT INTO inbox_versions (log_id, topic, subject, version) SELECT log_id, 'agora.orders', 'nobody', 1 FROM inbox_positions", ("I8", "nobody")),
    ("DELETE FROM inbox_versions WHERE subject = '{order}'", ("I8", "{event}")),
    ("UPDATE inbox_positions SET sequence = 99", ("I8", "order")),
    (f"DELETE FROM notifications WHERE event_id = '{{group_event}}'", ("I7", "{group_event}")),
])
def test_what_a_consumer_has_wrong_is_named(consumer, statement, expected):
    order = first(consumer, f"SELECT {PENDING}")
    event = first(consumer, f"SELECT event_id FROM outbox WHERE subject = {PENDING}")
    group_event = first(consumer, "SELECT event_id FROM outbox WHERE type = 'order_group.placed'")
    change(consumer, statement.format(order=order, group_event=group_event), file="notification.db")
    code, report = audit(consumer)
    assert code == 1 and violations(report) == [(expected[0], expected[1].format(order=order, event=event, group_event=group_event))]


def test_what_a_consumer_did_not_read_yet_or_put_aside_is_no_violation(consumer):
    order = first(consumer, f"SELECT {PENDING}")
    event = first(consumer, f"SELECT event_id FROM outbox WHERE subject = {PENDING}")
    log_id = first(consumer, "SELECT log_id FROM event_log")
    sequence = first(consumer, f"SELECT min(sequence) FROM outbox WHERE subject = {CANCELED}")
    change(consumer, f"DELETE FROM inbox_versions WHERE subject IN ('{order}', '{first(consumer, 'SELECT ' + CANCELED)}')",
           f"INSERT INTO parked_events (log_id, topic, subject, version, event_id, publisher, event, reason, detail, attempts, parked_at, retry_at, dead) VALUES ('{log_id}', 'agora.orders', '{order}', 1, '{event}', 'order', '{{}}', 'failed', 'bad', 3, 0, 0, 1)",
           f"UPDATE inbox_positions SET sequence = {sequence} - 2, event_id = 'x'", file="notification.db")
    code, report = audit(consumer)
    assert code == 0, violations(report)
    heard = report["services"][1]
    assert [row["event_id"] for row in heard["parked"]] == [event] and "given up" in heard["parked"][0]["what"]
    (in_flight,) = heard["in_flight"]
    assert in_flight["what"] == "order events it has not read yet" and in_flight["count"] >= 3


@pytest.mark.parametrize("at,bytes", [(0, b"x" * 100), (100, b"\xff" * 3000), (4096, b"\xff" * 8192)], ids=["header", "schema", "pages"])
def test_a_file_that_sqlite_cannot_read_is_named_and_the_others_are_audited(consumer, at, bytes):
    """The header, the schema, or what the schema points to: no query runs, not even SQLite's own check."""
    with (consumer / "order.db").open("r+b") as file:
        file.seek(at)
        file.write(bytes)
    code, report = audit(consumer)
    assert code == 1 and str(consumer / "order.db") in json.dumps(report["services"][0])
    assert {v["invariant"] for v in report["services"][0]["violations"]} == {"file"}
    told = report["services"][1]
    assert told["violations"] == [] and any(row["what"] == "notifications" for row in told["checked"])
    assert any("damaged" in row["why"] for row in told["not_checked"])


def test_a_log_that_was_restored_is_not_compared(consumer):
    change(consumer, "UPDATE event_log SET log_id = 'renewed'")
    code, report = audit(consumer)
    assert code == 0 and any("rebuild" in row["why"] for row in report["services"][1]["not_checked"])


def test_a_consumer_without_its_publisher_is_not_compared(consumer, folder):
    alone = folder / "alone"
    alone.mkdir()
    shutil.copy(consumer / "notification.db", alone)
    code, report = audit(alone)
    assert code == 0 and any("not in this folder" in row["why"] for row in report["services"][0]["not_checked"])
