"""Recounts what the service believes, with SQL and schemas of its own: invariants I4 and I10, legal states, and what every outbox row tells."""

import json
import os
import subprocess

from support.contract import DATA_OF, TOPIC_OF
from support.service import BUILD

AGORA = os.environ.get("AGORA_BINARY", str(BUILD / "cli" / "agora"))

STATUSES = {"pending", "confirmed", "completed", "canceled"}
# Units of a line that are still to be shipped: neither canceled nor shipped nor, of those, paid back.
RESERVED = ("CASE WHEN l.quantity - l.canceled_quantity - l.shipped_quantity - l.refunded_quantity > 0"
            " THEN l.quantity - l.canceled_quantity - l.shipped_quantity - l.refunded_quantity ELSE 0 END")
TAKEN = ("captured", "partially_refunded", "refunded")
AMOUNTS = ("subtotal", "discount_total", "shipping_total", "tax_total", "total")


def clean(order, history=(), readers=()):
    """All that `agora audit` compares, and the recount of this file; `readers`: services that consume order's log. What
    the audit says. The one place that knows where a service's database is."""
    audit(order.query)
    flags = []
    if history:
        lines = order.data / "history.jsonl"
        lines.write_text("".join(json.dumps(line) + "\n" for line in history))
        flags = ["--history", str(lines)]
    code, report = agora_audit([order, *readers], *flags)
    assert code == 0, json.dumps(report)[-4000:]
    return report


def agora_audit(services, *flags):
    """Exit code and report; the message where there is none. Each has a name and a database, or a folder of its file."""
    urls = [flag for service in services for flag in (f"--{service.name}-db", service.database or f"sqlite:{service.data / (service.name + '.db')}")]
    done = subprocess.run([AGORA, "audit", "--json", *urls, *flags], capture_output=True, text=True, timeout=300)
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


def audit(query):
    stock(query)
    amounts(query)
    states(query)
    fulfillments(query)
    carts(query)
    outbox(query)
    told(query)


def stock(query):
    """I4: 0 ≤ reserved ≤ on_hand; on_hand = Σ movements; reserved = Σ of the lines of live orders."""
    for row in query(
        "SELECT s.offer_id, s.on_hand, s.reserved,"
        " (SELECT coalesce(sum(m.delta), 0) FROM stock_movements m WHERE m.offer_id = s.offer_id) AS moved,"
        f" (SELECT coalesce(sum({RESERVED}), 0) FROM order_lines l JOIN orders o ON o.order_id = l.order_id"
        "  WHERE l.offer_id = s.offer_id AND o.status IN ('pending', 'confirmed')) AS held FROM stock s"
    ):
        assert 0 <= row["reserved"] <= row["on_hand"], row
        assert row["on_hand"] == row["moved"], row
        assert row["reserved"] == row["held"], row


def amounts(query):
    """I10: lines sum to orders, orders to groups, and every total is what its parts make."""
    lines = {}
    for line in query("SELECT * FROM order_lines"):
        assert line["subtotal"] == line["unit_price"] * line["quantity"], line
        assert line["total"] == line["subtotal"] - line["discount_total"] + line["shipping_total"] + line["tax_total"], line
        assert 0 <= line["refunded_shipped_quantity"] <= line["shipped_quantity"], line
        refunded = line["refunded_quantity"] + line["refunded_shipped_quantity"]
        assert 0 <= line["canceled_quantity"] + max(line["shipped_quantity"], refunded) <= line["quantity"], line
        lines[line["order_id"]] = lines.get(line["order_id"], 0) + line["total"]
    groups = {}
    refunds = {}
    for refund in query("SELECT order_id, amount FROM refunds"):
        refunds[refund["order_id"]] = refunds.get(refund["order_id"], 0) + refund["amount"]
    for order in query("SELECT order_id, group_id, total, payment_status, captured_total, refunded_total FROM orders"):
        assert lines[order["order_id"]] == order["total"], order
        assert order["refunded_total"] == refunds.get(order["order_id"], 0) <= order["captured_total"] <= order["total"], order
        taken, given_back = order["captured_total"], order["refunded_total"]
        expected = {"captured": given_back == 0, "partially_refunded": 0 < given_back < taken, "refunded": given_back == taken}
        assert expected.get(order["payment_status"], taken == 0), order
        groups[order["group_id"]] = groups.get(order["group_id"], 0) + order["total"]
    for group in query("SELECT group_id, total FROM order_groups"):
        assert groups.get(group["group_id"]) == group["total"], group


def states(query):
    for order in query("SELECT * FROM orders"):
        assert order["status"] in STATUSES, order
        assert (order["status"] == "canceled") == (order["cancel_reason"] is not None) == (order["canceled_at"] is not None), order
        assert (order["status"] == "pending") == (order["pay_by"] is not None), order
    for group in query(
        "SELECT g.group_id, g.status, g.pay_by, (SELECT count(*) FROM orders o WHERE o.group_id = g.group_id) AS orders,"
        " (SELECT min(CASE o.status WHEN 'pending' THEN 0 WHEN 'confirmed' THEN 1 WHEN 'completed' THEN 2 ELSE 3 END) FROM orders o"
        "  WHERE o.group_id = g.group_id) AS least FROM order_groups g"
    ):
        # The least advanced of its orders that are not canceled; canceled when all are.
        assert group["orders"] > 0 and group["status"] == ("pending", "confirmed", "completed", "canceled")[group["least"]], group
        assert (group["status"] == "pending") == (group["pay_by"] is not None), group


def fulfillments(query):
    """I9: lines have the units that their fulfilments hold; orders and groups say of the whole what these say."""
    units = {}
    assert not query("SELECT f.* FROM fulfillments f JOIN orders o ON o.order_id = f.order_id WHERE f.status = 'packed' AND o.status IN ('completed', 'canceled')")
    for row in query("SELECT f.*, l.line_id, l.quantity FROM fulfillments f JOIN fulfillment_lines l ON l.fulfillment_id = f.fulfillment_id"):
        assert row["status"] in ("packed", "shipped", "delivered", "canceled"), row
        assert (row["shipped_at"] is not None) == (row["status"] in ("shipped", "delivered")), row
        assert (row["delivered_at"] is not None) == (row["status"] == "delivered") and (row["canceled_at"] is not None) == (row["status"] == "canceled"), row
        for column, states in (("fulfilled", ("packed", "shipped", "delivered")), ("shipped", ("shipped", "delivered")), ("delivered", ("delivered",))):
            key = (row["order_id"], row["line_id"], column)
            units[key] = units.get(key, 0) + row["quantity"] * (row["status"] in states)
    sums = {}
    for line in query("SELECT * FROM order_lines"):
        has = {column: line[f"{column}_quantity"] for column in ("fulfilled", "shipped", "delivered")}
        assert has == {column: units.get((line["order_id"], line["line_id"], column), 0) for column in has}, line
        unshipped = line["quantity"] - line["canceled_quantity"] - line["shipped_quantity"]
        assert unshipped >= 0, line
        due = line["quantity"] - line["canceled_quantity"] - min(unshipped, line["refunded_quantity"])
        of_order = sums.setdefault(line["order_id"], {"due": 0, **dict.fromkeys(has, 0)})
        # What was packed may be due no more.
        for name, number in {"due": due, **has, "fulfilled": min(has["fulfilled"], due)}.items():
            of_order[name] += number
    living = {}
    for order in query("SELECT * FROM orders"):
        if order["status"] == "canceled":
            continue
        of_order = sums[order["order_id"]]
        most = next((name for name in ("delivered", "shipped", "fulfilled") if of_order[name]), None)
        expected = "not_fulfilled" if most is None else most if of_order[most] >= of_order["due"] else f"partially_{most}"
        assert order["fulfillment_status"] == expected, (order, of_order)
        assert (order["status"] == "completed") == (order["completed_at"] is not None) <= (order["delivered_at"] is not None) == (expected == "delivered"), order
        living.setdefault(order["group_id"], set()).add(expected)
    for group in query("SELECT group_id, fulfillment_status FROM order_groups"):
        of_orders = living.get(group["group_id"], {"canceled"})
        assert len(of_orders) > 1 or of_orders == {group["fulfillment_status"]}, (group, of_orders)


def carts(query):
    """A cart that was checked out names the group it became, once; carts that are gone leave nothing behind."""
    closed = [cart["group_id"] for cart in query("SELECT * FROM carts") if cart["status"] == "checked_out"]
    assert len(set(closed)) == len(closed), closed
    groups = {group["group_id"] for group in query("SELECT group_id FROM order_groups")}
    assert set(closed) <= groups, set(closed) - groups
    owners = {row["id"] for row in query("SELECT cart_id AS id FROM carts UNION ALL SELECT group_id FROM order_contacts")}
    owned = {row["id"] for row in query("SELECT cart_id AS id FROM cart_lines UNION SELECT owner_id FROM addresses")}
    assert owned <= owners, owned - owners


def outbox(query):
    """Every event fits its schema and topic; versions of a subject are 1, 2, 3…, or of a state what compaction has left of them; each state has told of itself."""
    versions = {}
    compacted = {"agora.stock"} if query("SELECT 1 FROM event_log WHERE compacted_through > 0") else set()
    for event in query("SELECT * FROM outbox ORDER BY version"):
        assert event["topic"] == TOPIC_OF[event["type"]], event
        errors = list(DATA_OF[event["type"]].iter_errors(json.loads(event["data"])))
        assert not errors, (event, errors[0].message)
        subject = (event["topic"], event["subject"])
        assert event["version"] == versions.get(subject, 0) + 1 or (event["topic"] in compacted and subject not in versions), event
        versions[subject] = event["version"]
    for topic, table, key in (("agora.orders", "orders", "order_id"), ("agora.order_groups", "order_groups", "group_id"),
                              ("agora.stock", "stock", "offer_id")):
        for row in query(f"SELECT {key} AS id, version FROM {table}"):
            assert versions.get((topic, row["id"])) == row["version"], (topic, row)


def told(query):
    """I8, the writing side: events tell what the rows hold, each change once."""
    events = {}
    for row in query("SELECT type, subject, data FROM outbox ORDER BY version"):
        events.setdefault((row["type"], row["subject"]), []).append(json.loads(row["data"]))
    lines = {}
    for line in query("SELECT * FROM order_lines ORDER BY order_id, position"):
        lines.setdefault(line["order_id"], []).append(line)
    orders = {}
    for order in query("SELECT * FROM orders"):
        orders.setdefault(order["group_id"], []).append(order)
        (placed,) = events[("order.placed", order["order_id"])]
        agree(placed, order, "number", "user_id", "seller_id", "currency", *AMOUNTS)
        assert len(placed["lines"]) == len(lines[order["order_id"]]), placed
        for line, row in zip(placed["lines"], lines[order["order_id"]]):
            agree(line, row, "line_id", "offer_id", "product_id", "variant_id", "sku", "quantity", "unit_price", *AMOUNTS)
        paid = events.get(("order.paid", order["order_id"]), [])
        assert [event["total"] for event in paid] == ([order["captured_total"]] if order["payment_status"] in TAKEN else []), order
        canceled = events.get(("order.canceled", order["order_id"]), [])
        assert [event["reason"] for event in canceled] == ([order["cancel_reason"]] if order["status"] == "canceled" else []), order
        for event in canceled:
            gone = [(row["line_id"], row["canceled_quantity"]) for row in lines[order["order_id"]]]
            assert [(line["line_id"], line["quantity"]) for line in event["lines"]] == gone, event
            assert event["canceled_total"] == sum(map(canceled_total, lines[order["order_id"]])), event
        told_canceled = {}
        for event in events.get(("order.lines_canceled", order["order_id"]), []):
            for line in event["lines"]:
                told_canceled[line["line_id"]] = told_canceled.get(line["line_id"], 0) + line["quantity"]
                assert line["canceled_quantity"] == told_canceled[line["line_id"]], event
        if order["status"] != "canceled":
            assert told_canceled == {row["line_id"]: row["canceled_quantity"] for row in lines[order["order_id"]] if row["canceled_quantity"]}, order
        refunded = [event["refunded_total"] for event in events.get(("order.refunded", order["order_id"]), [])]
        refunded += [event["refunded_total"] for event in canceled if event["refunded_total"]]
        assert max(refunded, default=0) == order["refunded_total"], order
    for group in query("SELECT * FROM order_groups"):
        paid = events.get(("order_group.paid", group["group_id"]), [])
        assert [event["payment_id"] for event in paid] == ([group["paid_by"]] if group["paid_by"] else []), group
        refused = [event["payment_id"] for event in events.get(("order_group.capture_refused", group["group_id"]), [])]
        assert group["paid_by"] not in refused, group
        (placed,) = events[("order_group.placed", group["group_id"])]
        agree(placed, group, "number", "user_id", "currency", *AMOUNTS)
        assert sorted(placed["order_ids"]) == sorted(order["order_id"] for order in orders[group["group_id"]]), placed
        updated = events.get(("order_group.updated", group["group_id"]), [None])[-1]
        if updated and query(f"SELECT 1 FROM outbox WHERE subject = '{group['group_id']}' AND type = 'order_group.updated' AND version = {group['version']}"):
            agree(updated, group, "status", "payment_status", "fulfillment_status")
            due = sum(order["total"] - sum(map(canceled_total, lines[order["order_id"]])) for order in orders[group["group_id"]] if order["status"] == "pending")
            assert updated["amount_due"] == due, updated
        assert len(events.get(("order_group.canceled", group["group_id"]), [])) == (group["status"] == "canceled"), group
    for stock in query("SELECT * FROM stock"):
        newest = events.get(("stock.changed", stock["offer_id"]), [None])[-1]
        if newest is not None:
            agree(newest, stock, "on_hand", "reserved")
            assert newest["available"] == newest["on_hand"] - newest["reserved"], newest


def canceled_total(line):
    """In proportion to the units, by largest remainder: halves go to what is canceled."""
    return (2 * line["total"] * line["canceled_quantity"] + line["quantity"]) // (2 * line["quantity"])


def agree(event, row, *names):
    for name in names:
        assert event[name] == row[name], (name, event, row)
