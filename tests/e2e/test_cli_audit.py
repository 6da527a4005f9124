"""agora audit: finds nothing where nothing is wrong, and each thing that was made wrong, by its id."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import threading
import types

import pytest

from support.audit import agora_audit
from support.postgres import psql, rows
from support.publisher import eventually
from support.selling import confirm, packed, ship
from support.service import BUILD, OFFERS, TOKENS, place
from support.shopping import cart_checkout, cart_of, check_out, items_checkout

AGORA = os.environ.get("AGORA_BINARY", str(BUILD / "cli" / "agora"))


def audit(data, *flags):
    """Exit code and report, of a folder's files."""
    done = subprocess.run([AGORA, "audit", "--data", str(data), "--json", *flags], capture_output=True, text=True, timeout=60)
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


def violations(report):
    return [(v["invariant"], v["id"]) for service in report["services"] for v in service["violations"]]


class Ruin:
    """A copy of a shop's database that a test may ruin, and a reader's beside it."""

    def __init__(self, shop, folder, postgres):
        self.data = folder / "copy"
        self.order = types.SimpleNamespace(name="order", data=self.data, database=None)
        self.notification = types.SimpleNamespace(name="notification", data=self.data, database=None)
        self.with_reader = False
        if shop.database:
            shop.stop()
            self.order.database = postgres.copy_of(shop.database)
            self.notification.database = postgres.new_database()
        else:
            subprocess.run([AGORA, "backup", "--data", str(shop.data), "--to", str(self.data)], check=True, capture_output=True, timeout=60)

    def audit(self, *flags):
        return agora_audit([self.order, self.notification] if self.with_reader else [self.order], *flags)

    def rows(self, sql, of="order"):
        service = getattr(self, of)
        if service.database:
            return [list(row.values()) for row in rows(service.database, sql)]
        database = sqlite3.connect(self.data / f"{of}.db")
        try:
            return [list(row) for row in database.execute(sql)]
        finally:
            database.close()

    def first(self, sql):
        return self.rows(sql)[0][0]

    def change(self, *statements, of="order"):
        service = getattr(self, of)
        if service.database:
            for statement in statements:
                assert psql(service.database, f"WITH changed AS ({statement} RETURNING 1) SELECT count(*) FROM changed") != "0\n", statement
            return
        database = sqlite3.connect(self.data / f"{of}.db")
        for statement in statements:
            assert database.execute(statement).rowcount > 0, statement
        database.commit()
        database.close()


@pytest.fixture
def busy(shop):
    """Three orders of one user: one of two lines, one waiting, one canceled; on each engine."""
    return make_busy(shop)


@pytest.fixture
def busy_shop(sqlite_shop):
    return make_busy(sqlite_shop)


def make_busy(shop):
    user = shop.as_user("token-u1")
    for quantity in (1, 2):
        assert place(user, quantity=quantity, key=f"k{quantity}").status_code == 201
    canceled = place(user, offer="o10", price="1000.00", quantity=3).json()
    assert user.post(f"/orders/{canceled['order_id']}/cancellation").status_code == 200
    return shop


@pytest.fixture
def copy(busy, folder, request):
    return Ruin(busy, folder, request.getfixturevalue("postgres") if busy.database else None)


@pytest.fixture
def file_copy(busy_shop, folder):
    return Ruin(busy_shop, folder, None)


def test_a_sound_shop_is_clean(busy, copy):
    for code, report in (agora_audit([busy]), copy.audit()):
        assert code == 0 and report["clean"] and violations(report) == []
        (order,) = report["services"]
        counts = {(row["invariant"], row["what"]): row["count"] for row in order["checked"]}
        assert counts["I4", "order lines"] == 3 and counts["I9", "orders"] == 3 and counts["I10", "groups"] == 3
        assert {row["invariant"] for row in order["not_checked"]} == ({"I1", "I2", "file"} if busy.database else {"I1", "I2"})
        assert {"what": "pending orders", "count": 2} in order["in_flight"]


def test_a_folder_is_audited_as_text_too(busy_shop):
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


THIRD = "(SELECT event_id FROM numbered_events WHERE sequence = 3)"


def with_(path, value):
    """A member of an event's data made another: in_dialect() says it as the engine does."""
    return f"<{path}={json.dumps(value)}>"


def in_dialect(copy, statement):
    found = re.search("<(.*?)=(.*?)>", statement)
    if not found:
        return statement
    path, value = found.groups()
    steps = "".join(f"[{step}]" if step.isdigit() else f".{step}" for step in path.split(","))
    put = f"jsonb_set(data::jsonb, '{{{path}}}', '{value}')::text" if copy.order.database else f"json_set(data, '${steps}', json('{value}'))"
    return statement.replace(found[0], put)


# What is done to a copy, the invariant that it breaks, and whose id must be named.
WRONGS = [
    ("UPDATE stock SET reserved = reserved + 1 WHERE offer_id = 'o1'", "I4", "'o1'"),
    ("UPDATE stock SET on_hand = on_hand - 1 WHERE offer_id = 'o1'", "I4", "'o1'"),
    ("DELETE FROM stock WHERE offer_id = 'o1'", "I4", "'o1'"),
    ("INSERT INTO stock_movements (offer_id, kind, delta, made_at) VALUES ('o2', 'adjustment', 1, 0)", "I4", "'o2'"),
    (f"UPDATE order_lines SET canceled_quantity = 1 WHERE order_id = {PENDING}", "I4", "'o1'"),
    (f"UPDATE orders SET subtotal = subtotal + 1, total = total + 1 WHERE order_id = {PENDING}", "I10", PENDING),
    (f"UPDATE order_lines SET subtotal = subtotal + 1, total = total + 1 WHERE order_id = {PENDING}", "I10", PENDING),
    (f"UPDATE order_groups SET subtotal = subtotal + 1, total = total + 1 WHERE group_id = {GROUP}", "I10", GROUP),
    (f"UPDATE orders SET status = 'lost' WHERE order_id = {PENDING}", "I9", PENDING),
    (f"UPDATE orders SET pay_by = NULL WHERE order_id = {PENDING}", "I9", PENDING),
    (f"UPDATE orders SET cancel_reason = NULL WHERE order_id = {CANCELED}", "I9", CANCELED),
    (f"UPDATE orders SET payment_status = 'captured' WHERE order_id = {PENDING}", "I9", PENDING),
    (f"UPDATE order_groups SET status = 'confirmed', pay_by = NULL WHERE group_id = {GROUP}", "I9", GROUP),
    (f"DELETE FROM order_lines WHERE order_id = {PENDING}", "I9", PENDING),
    (f"INSERT INTO fulfillments (fulfillment_id, order_id, status, created_at, updated_at) VALUES ('f', {PENDING}, 'shipped', 0, 0)", "I9", "'f'"),
    ("INSERT INTO fulfillments (fulfillment_id, order_id, status, created_at, updated_at) VALUES ('f', 'none', 'packed', 0, 0)", "I9", "'f'"),
    ("INSERT INTO fulfillment_lines (fulfillment_id, position, line_id, quantity) VALUES ('f', 1, 'l', 1)", "I9", "'f'"),
    (f"UPDATE order_lines SET fulfilled_quantity = 1 WHERE order_id = {PENDING}", "I9", PENDING),
    (f"UPDATE order_lines SET shipped_quantity = 1 WHERE order_id = {PENDING}", "I4", "'o1'"),
    (f"UPDATE order_lines SET refunded_shipped_quantity = 1 WHERE order_id = {PENDING}", "I4", PENDING),
    (f"UPDATE orders SET fulfillment_status = 'shipped' WHERE order_id = {PENDING}", "I9", PENDING),
    (f"UPDATE order_groups SET fulfillment_status = 'shipped' WHERE group_id = {GROUP}", "I9", GROUP),
    (f"UPDATE orders SET delivered_at = 1 WHERE order_id = {PENDING}", "I9", PENDING),
    (f"INSERT INTO fulfillments (fulfillment_id, order_id, status, created_at, updated_at) VALUES ('f', {CANCELED}, 'packed', 0, 0)", "I9", CANCELED),
    (f"UPDATE orders SET status = 'completed', cancel_reason = NULL, canceled_at = NULL WHERE order_id = {CANCELED}", "I8", CANCELED),
    (f"DELETE FROM orders WHERE order_id = {PENDING}", "I9", GROUP),
    (f"DELETE FROM outbox WHERE subject = {PENDING}", "I8", PENDING),
    (f"DELETE FROM outbox WHERE subject = {CANCELED} AND version = 2", "I8", CANCELED),
    (f"DELETE FROM outbox WHERE subject = {CANCELED} AND version = 1", "I8", CANCELED),
    ("DELETE FROM outbox WHERE topic = 'agora.stock' AND subject = 'o1' AND version = 2", "I8", "'o1'"),
    (f"DELETE FROM outbox WHERE event_id = {THIRD}", "I8", "'3'"),
    ("DELETE FROM outbox WHERE event_id = (SELECT event_id FROM numbered_events ORDER BY sequence DESC LIMIT 1)", "I8", "(SELECT max(sequence) FROM numbered_events)"),
    (f"UPDATE orders SET version = 7 WHERE order_id = {PENDING}", "I8", PENDING),
    (f"UPDATE outbox SET topic = 'agora.stock' WHERE subject = {PENDING}", "I8", f"(SELECT event_id FROM outbox WHERE subject = {PENDING})"),
    (f"UPDATE outbox SET data = {with_('total', 1)} WHERE type = 'order.placed' AND subject = {PENDING}", "I8", PENDING),
    (f"UPDATE outbox SET data = {with_('lines,0,quantity', 9)} WHERE type = 'order.placed' AND subject = {PENDING}", "I8", PENDING),
    (f"UPDATE outbox SET data = {with_('reason', 'fraud')} WHERE type = 'order.canceled' AND subject = {CANCELED}", "I8", CANCELED),
    (f"UPDATE outbox SET data = {with_('order_ids,0', 'x')} WHERE type = 'order_group.placed' AND subject = {GROUP}", "I8", GROUP),
    (f"UPDATE outbox SET data = {with_('reserved', 0)} WHERE subject = 'o1'", "I8", "'o1'"),
    (f"UPDATE outbox SET data = '{{' WHERE event_id = {THIRD}", "I8", THIRD),
]
# What one engine alone can hold.
WRONGS_OF_SQLITE = [(f"UPDATE order_lines SET unit_price = 4.99 WHERE order_id = {PENDING}", "I10", PENDING)]
WRONGS_OF_POSTGRESQL = [
    (f"DELETE FROM outbox_numbers WHERE id = (SELECT id FROM outbox WHERE event_id = {THIRD})", "I8", THIRD),
    ("INSERT INTO outbox_new (id) VALUES (1000000)", "I8", "'1000000'"),
]


def ids(wrongs):
    return [f"{number}-{wrong[1]}" for number, wrong in enumerate(wrongs)]


@pytest.mark.parametrize("statement,invariant,named", WRONGS, ids=ids(WRONGS))
@pytest.mark.damages
def test_what_was_made_wrong_is_named(copy, statement, invariant, named):
    expect(copy, statement, invariant, named)


@pytest.mark.parametrize("engine,statement,invariant,named", [("sqlite", *wrong) for wrong in WRONGS_OF_SQLITE] + [("postgresql", *wrong) for wrong in WRONGS_OF_POSTGRESQL])
@pytest.mark.damages
def test_what_one_engine_alone_can_have_wrong_is_named(copy, statement, invariant, named):
    expect(copy, statement, invariant, named)


def expect(copy, statement, invariant, named):
    statement = in_dialect(copy, statement)
    expected = str(copy.first(f"SELECT {named} AS named"))
    copy.change(statement)
    code, report = copy.audit()
    assert code == 1 and not report["clean"]
    assert (invariant, expected) in violations(report), violations(report)


SOLD = "(SELECT order_id FROM orders)"
# Of an order of four that was paid, of which one was canceled and one paid back.
WRONGS_OF_MONEY = [
    (f"UPDATE order_lines SET refunded_quantity = 0 WHERE order_id = {SOLD}", "I4", "'o1'"),
    (f"UPDATE order_lines SET shipped_quantity = 9 WHERE order_id = {SOLD}", "I4", SOLD),
    (f"UPDATE orders SET payment_status = 'captured' WHERE order_id = {SOLD}", "I10", SOLD),
    (f"UPDATE orders SET payment_status = 'refunded' WHERE order_id = {SOLD}", "I10", SOLD),
    (f"UPDATE orders SET payment_status = 'refunded' WHERE order_id = {SOLD}", "I9", SOLD),
    (f"UPDATE orders SET captured_total = captured_total + 1 WHERE order_id = {SOLD}", "I10", SOLD),
    (f"UPDATE orders SET refunded_total = refunded_total + 1 WHERE order_id = {SOLD}", "I10", SOLD),
    ("UPDATE refunds SET amount = amount - 1", "I10", SOLD),
    ("DELETE FROM refunds", "I10", SOLD),
    ("INSERT INTO refunds (refund_id, order_id, payment_id, amount, refunded_at) VALUES ('r9', 'none', 'pay', 1, 0)", "I10", "'r9'"),
    ("UPDATE refunds SET payment_id = 'another'", "I8", SOLD),
    (f"UPDATE outbox SET data = {with_('lines,0,quantity', 3)} WHERE type = 'order.lines_canceled'", "I8", SOLD),
    (f"UPDATE outbox SET data = {with_('total', 1)} WHERE type = 'order.paid'", "I8", SOLD),
    (f"UPDATE outbox SET data = {with_('amount', 1)} WHERE type = 'order.refunded'", "I8", SOLD),
    ("UPDATE outbox SET type = 'order.updated' WHERE type = 'order.lines_canceled'", "I8", SOLD),
    ("UPDATE outbox SET type = 'order.updated' WHERE type = 'order.refunded'", "I8", SOLD),
    ("UPDATE stock_movements SET kind = 'shipped' WHERE offer_id = 'o1'", "I4", "'o1'"),
]
# Of the same, once the other two have come.
WRONGS_OF_COMPLETION = [
    *((f"UPDATE outbox SET data = {with_(f'{amount}_total', 501)} WHERE type = 'order.completed'", "I8", SOLD) for amount in ("canceled", "captured", "refunded")),
    ("UPDATE stock_movements SET kind = 'adjustment' WHERE kind = 'shipped'", "I4", "'o1'"),
    ("UPDATE fulfillments SET status = 'packed', shipped_at = NULL, delivered_at = NULL", "I9", SOLD),
]


@pytest.fixture
def sale(launch, feeds, new_database):
    payment = feeds.publisher("payment")
    shop = launch("--offers", OFFERS, *TOKENS, *feeds.flags(payment), database=new_database())
    user = shop.as_user("token-u1")
    order = place(user, quantity=4).json()
    ids = {"payment_id": "pay", "order_group_id": order["order_group_id"]}
    unit = {"line_id": order["items"][0]["line_id"], "quantity": 1}
    payment.publish("payment.captured", "pay", **ids, amount=2000, currency="USD")
    eventually(lambda: user.get(f"/orders/{order['order_id']}").json()["status"] == "confirmed")
    payment.publish("refund.succeeded", "r1", refund_id="r1", **ids, order_id=order["order_id"], amount=500, currency="USD", lines=[unit], restock=True, reason="seller")
    eventually(lambda: user.get(f"/orders/{order['order_id']}").json()["refunded_total"] == 5)
    assert user.post(f"/orders/{order['order_id']}/cancellation", json={"items": [unit]}).status_code == 200
    return shop, order["order_id"], unit["line_id"]


@pytest.fixture
def sold(sale, folder, request):
    shop, _, _ = sale
    return Ruin(shop, folder, request.getfixturevalue("postgres") if shop.database else None)


@pytest.fixture
def completed(sale, folder, request):
    shop, order_id, line_id = sale
    support = shop.as_user("token-support")
    order = {"order_id": order_id, "items": [{"line_id": line_id}]}
    assert ship(support, packed(support, order, quantity=2)).status_code == 200
    assert confirm(shop.as_user("token-u1"), order).json()["status"] == "completed"
    return Ruin(shop, folder, request.getfixturevalue("postgres") if shop.database else None)


def test_what_was_sold_canceled_and_paid_back_is_clean(sold):
    code, report = sold.audit()
    assert code == 0 and violations(report) == []


@pytest.mark.parametrize("statement,invariant,named", WRONGS_OF_MONEY, ids=ids(WRONGS_OF_MONEY))
@pytest.mark.damages
def test_what_was_made_wrong_of_money_is_named(sold, statement, invariant, named):
    expect(sold, statement, invariant, named)


def test_what_was_completed_is_clean(completed):
    code, report = completed.audit()
    assert code == 0 and violations(report) == []


@pytest.mark.parametrize("statement,invariant,named", WRONGS_OF_COMPLETION, ids=ids(WRONGS_OF_COMPLETION))
@pytest.mark.damages
def test_what_was_made_wrong_of_a_completed_order_is_named(completed, statement, invariant, named):
    expect(completed, statement, invariant, named)


def test_what_was_trimmed_is_no_hole(copy):
    """Facts up to a number go, states leave their newest."""
    through = copy.first("SELECT max(sequence) AS n FROM numbered_events") - 2
    event_id = copy.first(f"SELECT event_id FROM numbered_events WHERE sequence = {through}")
    gone = f"event_id IN (SELECT event_id FROM numbered_events WHERE sequence <= {through} AND topic <> 'agora.stock')"
    if copy.order.database:
        copy.change(f"DELETE FROM outbox_numbers WHERE id IN (SELECT id FROM outbox WHERE {gone})", f"DELETE FROM outbox WHERE topic <> 'agora.stock' AND id NOT IN (SELECT id FROM outbox_numbers)")
    else:
        copy.change(f"DELETE FROM outbox WHERE {gone}")
    copy.change(f"UPDATE event_log SET trimmed_through = {through}, trimmed_id = '{event_id}'")
    code, report = copy.audit()
    assert code == 0, violations(report)
    assert any(str(through) in row["why"] for row in report["services"][0]["not_checked"])


# What clients saw (I1, I2)

def history(folder, *lines):
    file = folder / "history.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return "--history", str(file)


def test_what_clients_saw_is_there(busy, folder):
    orders = {row["quantity"]: row["order_id"] for row in busy.query("SELECT quantity, order_id FROM order_lines")}
    code, report = agora_audit([busy], *history(
        folder, {"op": "invoke", "type": "place", "key": "k1"}, {"op": "info", "type": "place", "key": "k1"},
        {"op": "ok", "type": "place", "key": "k1", "order_id": orders[1], "status": 201, "body": {"a": 1}},
        {"op": "ok", "type": "place", "key": "k1", "order_id": orders[1], "status": 201, "body": {"a": 1}},
        {"op": "ok", "type": "cancel", "order_id": orders[3], "status": 200}, {"op": "fail", "type": "place", "key": "k3", "status": 409},
        {"op": "invoke", "type": "place", "key": "k4"}))
    assert code == 0, violations(report)
    (order,) = report["services"]
    assert not {row["invariant"] for row in order["not_checked"]} & {"I1", "I2"}
    assert {"invariant": "I1", "what": "acknowledged orders", "count": 2} in order["checked"]
    assert {"what": "requests of the history without an answer", "count": 1} in order["in_flight"]


def test_what_clients_saw_and_is_not_so_is_named(busy, folder):
    one, two = (row["order_id"] for row in busy.query("SELECT order_id FROM orders WHERE status = 'pending' ORDER BY order_id"))
    for lines, expected in (
        ([{"op": "ok", "type": "place", "order_id": "lost", "key": "k"}], ("I1", "lost")),
        ([{"op": "ok", "type": "cancel", "order_id": one}], ("I1", one)),
        ([{"op": "ok", "type": "place", "order_id": one, "key": "k"}, {"op": "ok", "type": "place", "order_id": two, "key": "k"}], ("I2", "k")),
        ([{"op": "ok", "type": "place", "order_id": one, "key": "k", "body": "a"}, {"op": "ok", "type": "place", "order_id": one, "key": "k", "body": "b"}], ("I2", "k")),
        ([{"op": "ok", "type": "place", "order_id": one, "key": "k"}, {"op": "ok", "type": "place", "order_id": one, "key": "l"}], ("I2", one)),
    ):
        code, report = agora_audit([busy], *history(folder, *lines))
        assert code == 1 and violations(report) == [expected]


def test_a_history_that_cannot_be_read_is_told(busy, folder):
    for text in ("{", '{"op":"maybe","type":"place"}', '{"op":"ok","type":"place"}'):
        (folder / "history").write_text('{"op":"invoke","type":"place"}\n' + text)
        code, message = agora_audit([busy], "--history", str(folder / "history"))
        assert code == 2 and "line 2" in message


# Files

def test_a_live_shop_is_clean_at_every_moment(shop):
    stop = threading.Event()

    def buy(number):
        user = shop.as_user("token-u1")
        while not stop.is_set():
            order = place(user, quantity=number + 1).json()
            if number % 2:
                user.post(f"/orders/{order['order_id']}/cancellation")

    buyers = [threading.Thread(target=buy, args=(number,)) for number in range(4)]
    for buyer in buyers:
        buyer.start()
    try:
        for _ in range(10):
            code, report = agora_audit([shop])
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


def test_a_damaged_file_is_told(file_copy):
    page = file_copy.first("SELECT rootpage FROM sqlite_master WHERE name = 'orders_of_user'")
    with (file_copy.data / "order.db").open("r+b") as file:
        file.seek((page - 1) * file_copy.first("PRAGMA page_size"))
        file.write(b"\xff" * 512)
    code, report = file_copy.audit()
    assert code == 1 and {invariant for invariant, _ in violations(report)} == {"file"}


@pytest.mark.no_audit
def test_a_server_that_is_not_there_and_a_database_of_others_are_told(postgres, folder):
    other = types.SimpleNamespace(name="order", data=folder, database=postgres.new_database())
    code, message = agora_audit([other])
    assert code == 2 and "no tables of a service" in message
    other.database = "postgresql://agora:hunter2@127.0.0.1:1/nothing"
    code, message = agora_audit([other])
    assert code == 2 and "cannot connect" in message and "hunter2" not in message


def test_a_password_is_not_in_the_report(busy, engine):
    if engine == "postgresql":
        busy.database = busy.database.replace("agora@", "agora:hunter2@")
    code, report = agora_audit([busy])
    assert code == 0 and "hunter2" not in json.dumps(report)


# What a consumer made of it (I7, I8)

TELL = ("INSERT INTO notifications (notification_id, event_id, user_id, channel, kind, data, made_at, status, attempts) "
        "VALUES ('{id}', '{event}', '{user}', '{channel}', 'order_placed', '{{}}', 0, {status})")


@pytest.fixture
def consumer(copy):
    """notification's database as that service has it, having applied all of order's log."""
    log_id = copy.first("SELECT log_id FROM event_log")
    ((head, event_id),) = copy.rows("SELECT sequence, event_id FROM numbered_events ORDER BY sequence DESC LIMIT 1")
    versions = copy.rows("SELECT topic, subject, max(version) AS version FROM outbox WHERE topic <> 'agora.stock' GROUP BY topic, subject")
    tellable = copy.rows("SELECT event_id, data FROM outbox WHERE type = 'order_group.placed'")
    copy.with_reader = True
    subprocess.run([AGORA, "migrate", "--service", "notification", "--database", copy.notification.database or f"sqlite:{copy.data / 'notification.db'}"],
                   check=True, timeout=20)
    for told, data in tellable:
        for channel, status in (("in_app", "NULL, NULL"), ("mail", "'sent', 1")):
            copy.change(TELL.format(id=f"{channel}-{told}", event=told, user=json.loads(data)["user_id"], channel=channel, status=status), of="notification")
    copy.change(f"INSERT INTO inbox_positions (publisher, stream, log_id, sequence, event_id) VALUES ('order', '', '{log_id}', {head}, '{event_id}')",
                *(f"INSERT INTO inbox_topics (publisher, stream, topic, birth_through) VALUES ('order', '', '{topic}', 0)" for topic in ("agora.orders", "agora.order_groups")),
                *(f"INSERT INTO inbox_versions (log_id, topic, subject, version) VALUES ('{log_id}', '{topic}', '{subject}', {version})" for topic, subject, version in versions),
                of="notification")
    return copy


def test_a_consumer_that_applied_all_is_clean(consumer):
    code, report = consumer.audit()
    assert code == 0, violations(report)
    _, heard = report["services"]
    assert heard["service"] == "notification"
    counts = {(row["invariant"], row["what"]): row["count"] for row in heard["checked"]}
    assert counts["I8", "order events told to it"] == 8 and counts["I7", "notifications"] == 2 * counts["I7", "events that a buyer is to be told of"] > 0
    assert heard["in_flight"] == [{"what": "order events it has not read yet", "count": 0}]


@pytest.mark.parametrize("statement,expected", [
    ("UPDATE inbox_versions SET version = 9 WHERE subject = '{order}'", ("I8", "{order}")),
    ("INSERT INTO inbox_versions (log_id, topic, subject, version) SELECT log_id, 'agora.orders', 'nobody', 1 FROM inbox_positions", ("I8", "nobody")),
    ("DELETE FROM inbox_versions WHERE subject = '{order}'", ("I8", "{event}")),
    ("UPDATE inbox_positions SET sequence = 99", ("I8", "order")),
    ("DELETE FROM notifications WHERE event_id = '{group_event}'", ("I7", "{group_event}")),
    # By partitions: each named by the event that was read last in it.
    ("UPDATE inbox_positions SET stream = 'agora.orders/0', event_id = 'unheard-of'", ("I8", "agora.orders/0")),
])
def test_what_a_consumer_has_wrong_is_named(consumer, statement, expected):
    order = consumer.first(f"SELECT {PENDING} AS id")
    event = consumer.first(f"SELECT event_id FROM outbox WHERE subject = {PENDING}")
    group_event = consumer.first("SELECT event_id FROM outbox WHERE type = 'order_group.placed'")
    consumer.change(statement.format(order=order, group_event=group_event), of="notification")
    code, report = consumer.audit()
    assert code == 1 and violations(report) == [(expected[0], expected[1].format(order=order, event=event, group_event=group_event))]


@pytest.mark.damages
def test_a_buyer_who_was_not_told_what_is_canceled_or_given_back_is_named(consumer):
    event = consumer.first("SELECT event_id FROM outbox WHERE type = 'order.canceled'")
    for type, amount in (("order.lines_canceled", None), ("order.refunded", 5)):
        data = "" if amount is None else f", data = {with_('amount', amount)}"
        consumer.change(in_dialect(consumer, f"UPDATE outbox SET type = '{type}'{data} WHERE event_id = '{event}'"))
        assert ("I7", event) in violations(consumer.audit()[1]), type
    # Of no money there is nothing to tell.
    consumer.change(in_dialect(consumer, f"UPDATE outbox SET data = {with_('amount', 0)} WHERE event_id = '{event}'"))
    assert ("I7", event) not in violations(consumer.audit()[1])


def test_what_a_partition_was_read_through_must_be_applied(consumer):
    """Of a topic that was read through its last event, one subject was passed over; of the other, nothing was read yet."""
    ((log_id, last),) = consumer.rows("SELECT (SELECT log_id FROM event_log) AS l, event_id FROM numbered_events WHERE topic = 'agora.orders' ORDER BY sequence DESC LIMIT 1")
    order = consumer.first(f"SELECT {PENDING} AS id")
    event = consumer.first(f"SELECT event_id FROM outbox WHERE subject = {PENDING}")
    consumer.change("DELETE FROM inbox_positions", f"DELETE FROM inbox_versions WHERE subject = '{order}' OR topic = 'agora.order_groups'", "DELETE FROM notifications",
                    f"INSERT INTO inbox_positions (publisher, stream, log_id, sequence, event_id) VALUES ('order', 'agora.orders/0', '{log_id}', 1000, '{last}')",
                    "INSERT INTO inbox_positions (publisher, stream, log_id, sequence, event_id) VALUES ('order', 'agora.order_groups/0', '', 0, '')",
                    of="notification")
    code, report = consumer.audit()
    assert code == 1 and violations(report) == [("I8", event)]
    groups = consumer.first("SELECT count(*) AS n FROM outbox WHERE topic = 'agora.order_groups'")
    assert report["services"][1]["in_flight"] == [{"what": "order events it has not read yet", "count": groups}]


def test_what_a_consumer_did_not_read_yet_or_put_aside_is_no_violation(consumer):
    order = consumer.first(f"SELECT {PENDING} AS id")
    event = consumer.first(f"SELECT event_id FROM outbox WHERE subject = {PENDING}")
    log_id = consumer.first("SELECT log_id FROM event_log")
    sequence = consumer.first(f"SELECT min(sequence) AS n FROM numbered_events WHERE subject = {CANCELED}")
    consumer.change(f"DELETE FROM inbox_versions WHERE subject IN ('{order}', '{consumer.first('SELECT ' + CANCELED + ' AS id')}')",
                    f"INSERT INTO parked_events (log_id, topic, subject, version, event_id, publisher, event, reason, detail, attempts, parked_at, retry_at, dead) VALUES ('{log_id}', 'agora.orders', '{order}', 1, '{event}', 'order', '{{}}', 'failed', 'bad', 3, 0, 0, 1)",
                    f"UPDATE inbox_positions SET sequence = {sequence} - 2, event_id = 'x'", of="notification")
    code, report = consumer.audit()
    assert code == 0, violations(report)
    heard = report["services"][1]
    assert [row["event_id"] for row in heard["parked"]] == [event] and "given up" in heard["parked"][0]["what"]
    (in_flight,) = heard["in_flight"]
    assert in_flight["what"] == "order events it has not read yet" and in_flight["count"] >= 3


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize("at,bytes", [(0, b"x" * 100), (100, b"\xff" * 3000), (4096, b"\xff" * 8192)], ids=["header", "schema", "pages"])
def test_a_file_that_sqlite_cannot_read_is_named_and_the_others_are_audited(consumer, at, bytes):
    """The header, the schema, or what the schema points to: no query runs, not even SQLite's own check."""
    with (consumer.data / "order.db").open("r+b") as file:
        file.seek(at)
        file.write(bytes)
    code, report = audit(consumer.data)
    assert code == 1 and str(consumer.data / "order.db") in json.dumps(report["services"][0])
    assert {v["invariant"] for v in report["services"][0]["violations"]} == {"file"}
    told = report["services"][1]
    assert told["violations"] == [] and any(row["what"] == "notifications" for row in told["checked"])
    assert any("damaged" in row["why"] for row in told["not_checked"])


def test_a_log_that_was_restored_is_not_compared(consumer):
    consumer.change("UPDATE event_log SET log_id = 'renewed'")
    code, report = consumer.audit()
    assert code == 0 and any("rebuild" in row["why"] for row in report["services"][1]["not_checked"])


def test_a_consumer_without_its_publisher_is_not_compared(consumer):
    code, report = agora_audit([consumer.notification])
    assert code == 0 and any("not at hand" in row["why"] for row in report["services"][0]["not_checked"])
