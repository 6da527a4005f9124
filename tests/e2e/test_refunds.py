"""What payments and refunds make of orders, on both sets of engines: once each, in any order, and never more than was taken (C-07)."""

import json
import random

import pytest

from support.audit import clean
from support.offers import stocked_offers
from support.publisher import eventually
from support.selling import shipped
from support.service import TOKENS, place, problem
from support.shopping import check_out, items_checkout

REFUNDS = 50


class Till:
    """An order service that hears of payments and refunds."""

    def __init__(self, shop, payment):
        self.shop, self.payment = shop, payment
        self.user = shop.as_user("token-u1")

    def event(self, type, order, payment="pay", **data):
        payment = f"{payment}-{order['order_group_id']}"
        return self.payment.event(type, payment, payment_id=payment, order_group_id=order["order_group_id"], **data)

    def capture(self, order):
        return self.event("payment.captured", order, amount=round(order["total"] * 100), currency="USD")

    def refund(self, order, id, amount, *lines, restock=False, reason="seller", state="succeeded", of=True):
        return self.payment.event(f"refund.{state}", id, refund_id=id, payment_id=f"pay-{order['order_group_id']}", order_group_id=order["order_group_id"],
                                  order_id=order["order_id"] if of else None, amount=amount, currency="USD",
                                  lines=[{"line_id": line, "quantity": quantity} for line, quantity in lines], restock=restock, reason=reason)

    def read(self, order):
        return self.user.get(f"/orders/{order['order_id']}").json()

    def paid(self, **order):
        order = place(self.user, **order).json()
        self.payment.send(self.capture(order))
        self.until(order, payment_status="captured")
        return order

    def until(self, order, **members):
        return eventually(lambda: (now := self.read(order)) and all(now[name] == value for name, value in members.items()) and now)

    def stock(self, offer="o"):
        (row,) = self.shop.query(f"SELECT on_hand, reserved FROM stock WHERE offer_id = '{offer}'")
        return row["on_hand"], row["reserved"]

    def parked(self):
        return {row["subject"]: row["detail"] for row in self.shop.query("SELECT subject, detail FROM parked_events")}


@pytest.fixture
def till(launch, deployment, folder):
    payment = deployment.publisher("payment")
    shop = launch("--offers", stocked_offers(folder, {"o": 100}), *TOKENS, *deployment.flags(payment), "--cleaning-interval", "100ms", database=deployment.new_database())
    return Till(shop, payment)


def test_a_payment_tells_how_far_it_has_come(till):
    order = place(till.user, offer="o").json()
    for type, status in (("created", "awaiting"), ("requires_action", "requires_action"), ("failed", "not_paid")):
        till.payment.send(till.event(f"payment.{type}", order, "first"))
        till.until(order, payment_status=status, status="pending")
    for type, status in (("created", "awaiting"), ("processing", "awaiting"), ("authorized", "authorized")):
        till.payment.send(till.event(f"payment.{type}", order))
        till.until(order, payment_status=status)
    group = till.user.get(f"/api/v1/order-groups/{order['order_group_id']}").json()
    assert (group["payment_status"], group["status"]) == ("authorized", "pending")
    till.payment.send(till.capture(order))
    now = till.until(order, payment_status="captured")
    # Placed, five changes, paid.
    assert now["version"] == 7
    eventually(lambda: till.shop.query("SELECT * FROM payment_attempts") == [])
    clean(till.shop)


def test_a_payment_that_is_given_up_leaves_an_order_that_can_be_paid_until_it_is_canceled(till):
    order = place(till.user, offer="o").json()
    till.payment.send(till.event("payment.created", order, "first"), till.event("payment.canceled", order, "first"))
    till.until(order, payment_status="not_paid", version=3)
    assert till.user.post(f"/orders/{order['order_id']}/cancellation").status_code == 200
    till.payment.send(till.event("payment.created", order, "late"), till.event("payment.authorized", order, "late"), till.capture(order))
    eventually(lambda: till.shop.query("SELECT 1 FROM outbox WHERE type = 'order_group.capture_refused'"))
    assert till.read(order)["payment_status"] == "canceled"


def test_a_refund_takes_units_and_money_once_however_often_it_is_told(till):
    order = till.paid(offer="o", quantity=4)
    line = order["items"][0]["line_id"]
    till.payment.send(till.refund(order, "r1", 500, (line, 1), state="created"), till.refund(order, "r1", 500, (line, 1), restock=True),
                      till.refund(order, "r1", 500, (line, 1), restock=True), till.refund(order, "r2", 500, (line, 1)))
    now = till.until(order, refunded_total=10.00)
    assert (now["status"], now["payment_status"], now["items"][0]["refunded_quantity"], now["version"]) == ("confirmed", "partially_refunded", 2, 4)
    assert till.stock() == (99, 2), "one unit came back, the other cannot be sold"
    for state in ("failed", "canceled"):
        till.payment.send(till.refund(order, state, 500, (line, 1), state="created"), till.refund(order, state, 500, (line, 1), state=state))
    till.payment.send(till.refund(order, "r3", 1000, reason="fraud", restock=True))
    now = till.until(order, status="canceled")
    assert (now["payment_status"], now["cancel_reason"], now["refunded_total"], now["canceled_total"], now["version"]) == ("refunded", "fraud", 20.00, 0.00, 5)
    assert till.stock() == (99, 0)
    told = [json.loads(row["data"]) for row in till.shop.query("SELECT data FROM outbox WHERE type = 'order.refunded' ORDER BY version")]
    assert [(event["refund_id"], event["amount"], event["restock"]) for event in told] == [("r1", 500, True), ("r2", 500, False)]
    problem(till.user.post(f"/orders/{order['order_id']}/cancellation"), 409, "already_canceled")
    clean(till.shop)


def test_a_refund_of_a_unit_that_was_sent_leaves_the_others_to_be_sent(till):
    support = till.shop.as_user("token-support")
    order = till.paid(offer="o", quantity=3)
    shipped(support, order, quantity=1)
    till.payment.send(till.refund(order, "r1", 500, (order["items"][0]["line_id"], 1), restock=True, reason="returned"))
    now = till.until(order, refunded_total=5.00)
    assert now["items"][0]["refunded_quantity"] == 1 and till.stock() == (100, 2)
    shipped(support, order, quantity=2)
    now = till.until(order, fulfillment_status="shipped")
    assert now["items"][0]["shipped_quantity"] == 3 and till.stock() == (98, 0)
    clean(till.shop)


def test_a_refund_that_is_heard_before_its_payment_waits_for_it(till):
    order = place(till.user, offer="o", quantity=2).json()
    till.payment.send(till.refund(order, "r1", 500, (order["items"][0]["line_id"], 1), restock=True))
    eventually(lambda: "r1" in till.parked())
    assert till.read(order)["version"] == 1
    till.payment.send(till.capture(order))
    till.until(order, payment_status="partially_refunded", refunded_total=5.00)
    assert till.stock() == (100, 1)
    clean(till.shop)


def test_of_a_capture_that_was_refused_and_of_units_that_were_canceled_the_money_alone_goes_back(till):
    order = till.paid(offer="o", quantity=2)
    line = order["items"][0]["line_id"]
    assert till.user.post(f"/orders/{order['order_id']}/cancellation", json={"items": [{"line_id": line, "quantity": 1}]}).status_code == 200
    till.payment.send(till.refund(order, "of-nothing", 500, of=False), till.refund(order, "r1", 500, reason="canceled"))
    now = till.until(order, refunded_total=5.00)
    assert (now["status"], now["items"][0]["refunded_quantity"], now["canceled_total"]) == ("confirmed", 0, 5.00)
    assert till.user.post(f"/orders/{order['order_id']}/cancellation").json()["status"] == "canceled"
    till.payment.send(till.refund(order, "r2", 500, reason="canceled"))
    till.until(order, payment_status="refunded", status="canceled")
    assert till.stock() == (100, 0) and till.parked() == {}
    clean(till.shop)


def test_fifty_refunds_at_once_give_back_no_more_than_was_taken(till):
    """C-07: of fifty, each of one unit and 0.70, in any order, and a cancellation among them, as many as fit."""
    seed = random.randrange(2**32)
    print("seed", seed)
    order = till.paid(offer="o", quantity=5)
    line = order["items"][0]["line_id"]
    refunds = [till.refund(order, f"r{i}", 70, (line, 1), restock=True) for i in range(REFUNDS)]
    random.Random(seed).shuffle(refunds)
    till.payment.send(*refunds[:20])
    till.user.post(f"/orders/{order['order_id']}/cancellation", json={"items": [{"line_id": line, "quantity": 1}]})
    till.payment.send(*refunds[20:])
    settled = lambda: till.shop.query("SELECT (SELECT count(*) FROM refunds) + (SELECT count(*) FROM parked_events) AS n")[0]["n"] == REFUNDS
    eventually(settled, 30)
    now = till.read(order)
    assert now["refunded_total"] == 24.50 and len(till.parked()) == REFUNDS - 35
    assert set(detail.split(":")[0] for detail in till.parked().values())
    assert till.stock() == (100, 0)
    till.payment.send(till.refund(order, "rest", 50))
    till.until(order, payment_status="refunded", status="canceled")
    clean(till.shop)


def test_of_several_orders_paid_at_once_each_has_its_own_refunds(till, folder):
    group = check_out(till.user, items_checkout(("o", 2, "5.00")), "k").json()
    order = {**group["orders"][0], "total": group["total"]}
    till.payment.send(till.capture(order))
    till.until(order, payment_status="captured")
    elsewhere = till.paid(offer="o")
    wrong = till.refund({**order, "order_id": elsewhere["order_id"]}, "wrong", 100)
    till.payment.send(wrong, till.refund(order, "right", 100))
    till.until(order, refunded_total=1.00)
    eventually(lambda: "wrong" in till.parked())
    assert till.read(elsewhere)["refunded_total"] == 0
