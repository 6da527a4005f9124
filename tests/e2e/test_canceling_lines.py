"""Canceling units of an order: by whom, what it costs then, and that nothing is counted twice. On both sets of engines."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.audit import clean
from support.offers import offers_with_members
from support.publisher import eventually
from support.service import JSON, TOKENS, place, problem
from support.shopping import check_out, items_checkout


@pytest.fixture
def market(launch, deployment, folder):
    """A shop that hears of payments; m1 may act for s1."""
    payment = deployment.publisher("payment")
    shop = launch("--offers", offers_with_members(folder, s1="m1", s2="m2"), *TOKENS, *deployment.flags(payment), database=deployment.new_database())
    shop.payment = payment
    return shop


def pay(shop, group_id, amount):
    payment = f"pay-{group_id}-{amount}"
    shop.payment.publish("payment.captured", payment, payment_id=payment, order_group_id=group_id, amount=amount, currency="USD")
    return eventually(lambda: shop.query(f"SELECT type FROM outbox WHERE subject = '{group_id}' AND data LIKE '%{payment}%'"))[0]["type"]


def cancel(client, order, *items, key=None, **more):
    body = {**({"items": [{"line_id": line, "quantity": quantity} for line, quantity in items]} if items else {}), **more}
    return client.post(f"/orders/{order['order_id']}/cancellation", json=body, headers={"Idempotency-Key": key} if key else {})


def line_of(order, at=0):
    return order["items"][at]["line_id"]


def reserved(shop, offer="o1"):
    return shop.query(f"SELECT reserved FROM stock WHERE offer_id = '{offer}'")[0]["reserved"]


def told(shop, order):
    return [(row["type"], json.loads(row["data"])) for row in shop.query(f"SELECT type, data FROM outbox WHERE subject = '{order['order_id']}' ORDER BY version")]


def test_what_is_left_is_due_and_all_of_it_canceled_ends_the_order(market):
    buyer = market.as_user("token-u1")
    group = check_out(buyer, items_checkout(("o1", 4, "5.00"), ("o3", 1, "4.50")), "k").json()
    order = next(order for order in group["orders"] if order["seller_id"] == "s1")
    canceled = cancel(buyer, order, (line_of(order), 1)).json()
    assert (canceled["status"], canceled["total"], canceled["canceled_total"], canceled["version"]) == ("pending", 20.00, 5.00, 2)
    assert (canceled["items"][0]["canceled_quantity"], canceled["items"][0]["canceled_total"]) == (1, 5.00)
    now = buyer.get(f"/api/v1/order-groups/{group['order_group_id']}").json()
    assert (now["total"], now["amount_due"], now["version"]) == (24.50, 19.50, 2)
    assert reserved(market) == 3
    # What was due before is refused, what is due now is taken.
    assert pay(market, group["order_group_id"], 2450) == "order_group.capture_refused"
    assert pay(market, group["order_group_id"], 1950) == "order_group.paid"
    paid = next(data for type, data in told(market, order) if type == "order.paid")
    assert paid["total"] == 1500 and [(line["quantity"], line["total"]) for line in paid["lines"]] == [(3, 1500)]
    seller = market.as_user("token-m1")
    after = cancel(seller, order, (line_of(order), 2), reason="out_of_stock").json()
    assert (after["status"], after["payment_status"], after["canceled_total"]) == ("confirmed", "captured", 15.00)
    type, event = told(market, order)[-1]
    assert type == "order.lines_canceled" and (event["reason"], event["refund_amount"], event["lines"][0]["canceled_quantity"]) == ("out_of_stock", 1000, 3)
    ended = cancel(buyer, order, (line_of(order), 1)).json()
    assert (ended["status"], ended["cancel_reason"], ended["canceled_total"], ended["payment_status"]) == ("canceled", "buyer", 20.00, "captured")
    type, event = told(market, order)[-1]
    assert type == "order.canceled" and (event["refund_amount"], event["canceled_total"]) == (500, 2000)
    assert reserved(market) == 0
    clean(market)


def test_a_seller_cancels_its_own_alone(market):
    buyer = market.as_user("token-u1")
    order = place(buyer, quantity=3).json()
    for token in ("token-m2", "token-u2", "token-guest"):
        problem(cancel(market.as_user(token), order, (line_of(order), 1)), 404, "not_found")
    seller = market.as_user("token-m1")
    problem(cancel(seller, order), 404, "not_found")  # what is not paid is no sale
    assert pay(market, order["order_group_id"], 1500) == "order_group.paid"
    canceled = cancel(seller, order).json()
    assert (canceled["status"], canceled["cancel_reason"]) == ("canceled", "seller")
    assert market.query("SELECT * FROM audit_log") == []


def test_support_gives_a_reason_and_stands_in_the_log(market):
    order = place(market.as_user("token-u1"), quantity=2).json()
    support = market.as_user("token-support")
    assert cancel(support, order, (line_of(order), 1), reason="fraud").json()["status"] == "pending"
    assert cancel(support, order, reason="fraud").json()["cancel_reason"] == "fraud"
    assert [row["action"] for row in market.query("SELECT action FROM audit_log")] == ["order.cancel"] * 2


def test_a_key_takes_units_off_once(market):
    buyer = market.as_user("token-u1")
    order = place(buyer, quantity=5).json()
    first, again = (cancel(buyer, order, (line_of(order), 2), key="k") for _ in range(2))
    assert first.text == again.text and again.headers["idempotency-replayed"] == "true"
    problem(cancel(buyer, order, (line_of(order), 3), key="k"), 422, "idempotency_key_reused")
    assert buyer.get(f"/orders/{order['order_id']}").json()["items"][0]["canceled_quantity"] == 2


def test_many_at_once_take_no_more_than_there_is(market):
    """Twelve cancel two of twenty each: ten are answered yes, whoever they are, and the last ends the order."""
    order = place(market.as_user("token-u1"), quantity=20).json()
    assert pay(market, order["order_group_id"], 10000) == "order_group.paid"
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda i: cancel(market.as_user(("token-u1", "token-m1", "token-support")[i % 3]), order, (line_of(order), 2)), range(12)))
    assert sorted(answer.status_code for answer in answers) == [200] * 10 + [409] * 2
    yes = sorted(answer.json()["items"][0]["canceled_quantity"] for answer in answers if answer.status_code == 200)
    assert yes == list(range(2, 22, 2))
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} <= {"already_canceled", "not_cancelable"}
    now = market.as_user("token-u1").get(f"/orders/{order['order_id']}").json()
    assert (now["status"], now["version"]) == ("canceled", 12) and reserved(market) == 0
    clean(market)


@pytest.mark.parametrize("body,pointer,code", [
    ('{"items":[]}', "/items", "out_of_range"), ('{"items":[{"line_id":"LINE"}]}', "/items/0/quantity", "required"), ('{"items":[{"quantity":1}]}', "/items/0/line_id", "required"),
    ('{"items":[{"line_id":"LINE","quantity":0}]}', "/items/0/quantity", "out_of_range"), ('{"items":[{"line_id":"LINE","quantity":1.0}]}', "/items/0/quantity", "not_an_integer"),
    ('{"items":[{"line_id":"none","quantity":1}]}', "/items/0/line_id", "unknown_line"), ('{"items":{}}', "/items", "wrong_type"),
    ('{"items":[{"line_id":"LINE","quantity":1},{"line_id":"LINE","quantity":1}]}', "/items/1/line_id", "duplicate_line"),
    ('{"reason":"seller"}', "/reason", "invalid_value"), ('{"reason":"expired"}', "/reason", "invalid_value"), ('{"reason":"boredom"}', "/reason", "invalid_value"),
])
def test_a_cancellation_that_is_none(shop, body, pointer, code):
    user = shop.as_user("token-u1")
    order = place(user, quantity=3).json()
    before = shop.counts()
    document = problem(user.post(f"/orders/{order['order_id']}/cancellation", content=body.replace("LINE", line_of(order)), headers=JSON), 422, "validation_failed")
    assert (pointer, code) in [(error["pointer"], error["code"]) for error in document["errors"]]
    assert shop.counts() == before


def test_more_than_is_left_is_refused_whole(shop):
    user = shop.as_user("token-u1")
    order = user.post("/orders", content='{"items":[{"offer_id":"o1","quantity":2,"price":5.00},{"offer_id":"o2","quantity":2,"price":7.00}]}', headers=JSON).json()
    before = shop.counts()
    document = problem(cancel(user, order, (line_of(order), 1), (line_of(order, 1), 3)), 409, "not_cancelable")
    assert [error["pointer"] for error in document["errors"]] == ["/items/1/quantity"]
    assert shop.counts() == before
