"""How paid orders come to their buyers: packed, shipped, delivered, completed; by their sellers, by their buyers, and by time alone."""

import json
import os
import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.audit import clean
from support.offers import offers_with_members, sellers_with_members
from support.publisher import eventually
from support.selling import API, TRACKING, all_paid, confirm, pack, packed, paid, patch, ship, shipped
from support.service import JSON, TOKENS, place, problem
from support.shopping import check_out, items_checkout

RACES = 500 if os.environ.get("AGORA_PROVE") == "1" else 60


@pytest.fixture
def payment(deployment):
    return deployment.publisher("payment")


@pytest.fixture
def shop(launch, deployment, payment, folder):
    return launch("--offers", offers_with_members(folder, s1="m1", s2="m2"), *TOKENS, *deployment.flags(payment), database=deployment.new_database())


def stock(shop, offer="o1"):
    return shop.query(f"SELECT on_hand, reserved FROM stock WHERE offer_id = '{offer}'")[0]


def told(shop, order):
    return [row["type"] for row in shop.query(f"SELECT type FROM outbox WHERE subject = '{order['order_id']}' ORDER BY version")]


def test_an_order_comes_in_two_parcels(shop, payment, deployment):
    buyer, seller = shop.as_user("token-u1"), shop.as_user("token-m1")
    order = paid(shop, payment, quantity=3)
    assert order["ship_by"] is not None and order["fulfillments"] == []
    before = stock(shop)

    first = pack(seller, order, quantity=2, tracking=TRACKING)
    assert first.status_code == 201 and first.headers["location"] == f"{API}/fulfillments/{first.json()['fulfillment_id']}"
    first = first.json()
    assert first["status"] == "packed" and first["tracking"] == TRACKING and first["items"][0]["quantity"] == 2
    assert stock(shop) == before
    problem(pack(seller, order, quantity=2), 409, "too_many_units")
    answer = ship(seller, first)
    assert answer.status_code == 200 and answer.json()["status"] == "shipped" and answer.json()["shipped_at"]
    assert stock(shop) == {"on_hand": before["on_hand"] - 2, "reserved": before["reserved"] - 2}
    assert ship(seller, first).text == answer.text, "what is asked for again is nothing new"
    assert stock(shop)["on_hand"] == before["on_hand"] - 2

    now = buyer.get(f"/orders/{order['order_id']}").json()
    assert now["fulfillment_status"] == "partially_shipped" and now["fulfillments"] == [answer.json()]
    assert (now["items"][0]["fulfilled_quantity"], now["items"][0]["shipped_quantity"]) == (2, 2)
    problem(buyer.post(f"/orders/{order['order_id']}/cancellation"), 409, "not_cancelable")
    problem(seller.post(f"/orders/{order['order_id']}/cancellation"), 409, "not_cancelable")

    second = packed(seller, order, quantity=1)
    given_up = patch(seller, second, status="canceled")
    assert given_up.json()["status"] == "canceled" and given_up.json()["canceled_at"]
    assert len(buyer.get(f"/orders/{order['order_id']}").json()["fulfillments"]) == 1
    second = shipped(seller, order, quantity=1)
    assert patch(seller, second, status="delivered").json()["delivered_at"]
    assert buyer.get(f"/orders/{order['order_id']}").json()["fulfillment_status"] == "partially_delivered"
    done = confirm(buyer, order)
    assert done.status_code == 200
    document = done.json()
    assert (document["status"], document["fulfillment_status"]) == ("completed", "delivered") and document["delivered_at"] and document["completed_at"]
    assert buyer.get(f"/orders/{order['order_id']}").text == done.text
    assert buyer.get(f"{API}/order-groups/{order['order_group_id']}").json()["status"] == "completed"
    problem(confirm(buyer, order), 409, "nothing_to_confirm")
    problem(pack(seller, order, quantity=1), 409, "not_fulfillable")
    assert told(shop, order) == ["order.placed", "order.paid", "order.fulfillment_created", "order.shipped", "order.fulfillment_created",
                                 "order.fulfillment_canceled", "order.fulfillment_created", "order.shipped", "order.delivered", "order.delivered",
                                 "order.completed"]
    deployment.all_is_published(shop)
    clean(shop)


def test_tracking_becomes_known_member_by_member(shop, payment):
    seller = shop.as_user("token-m1")
    fulfillment = packed(seller, paid(shop, payment))
    assert fulfillment["tracking"] is None
    assert patch(seller, fulfillment, tracking={"carrier": "DHL", "number": "1"}).json()["tracking"] == {"carrier": "DHL", "number": "1", "url": None}
    merged = seller.patch(f"{API}/fulfillments/{fulfillment['fulfillment_id']}", content='{"tracking":{"url":"https://example.com/1"}}',
                          headers={"Content-Type": "application/merge-patch+json"})
    assert merged.json()["tracking"] == {"carrier": "DHL", "number": "1", "url": "https://example.com/1"}
    assert patch(seller, fulfillment, tracking=None).json()["tracking"] is None
    assert ship(seller, fulfillment, tracking=TRACKING).json()["tracking"] == TRACKING
    event = json.loads(shop.query("SELECT data FROM outbox WHERE type = 'order.shipped'")[0]["data"])
    assert event["tracking"] == TRACKING and event["lines"][0]["quantity"] == 1


def test_nothing_is_shipped_before_it_is_paid(shop):
    """A-07."""
    order = place(shop.as_user("token-u1")).json()
    seller = shop.as_user("token-m1")
    before = shop.counts()
    problem(pack(seller, order), 409, "not_fulfillable")
    problem(confirm(shop.as_user("token-u1"), order), 409, "nothing_to_confirm")
    assert shop.counts() == before
    assert shop.as_user("token-u1").post(f"/orders/{order['order_id']}/cancellation").status_code == 200
    problem(pack(seller, order), 409, "not_fulfillable")


def test_a_key_repeats_the_answer(shop, payment):
    seller = shop.as_user("token-m1")
    order = paid(shop, payment, quantity=2)
    first = pack(seller, order, quantity=1, key="k")
    again = pack(seller, order, quantity=1, key="k")
    assert again.text == first.text and again.headers["idempotency-replayed"] == "true" and again.headers["location"] == first.headers["location"]
    problem(pack(seller, order, quantity=2, key="k"), 422, "idempotency_key_reused")
    assert len(shop.query("SELECT 1 FROM fulfillments")) == 1
    ship(seller, first.json())
    buyer = shop.as_user("token-u1")
    confirmed = confirm(buyer, order, key="k")
    assert confirm(buyer, order, key="k").text == confirmed.text


def test_a_cancellation_takes_what_is_packed_with_it(shop, payment):
    order = paid(shop, payment)
    seller = shop.as_user("token-m1")
    fulfillment = packed(seller, order)
    problem(shop.as_user("token-u1").post(f"/orders/{order['order_id']}/cancellation"), 409, "not_cancelable")
    canceled = shop.as_user("token-support").post(f"/orders/{order['order_id']}/cancellation").json()
    assert canceled["status"] == "canceled" and canceled["fulfillments"] == [] and canceled["items"][0]["fulfilled_quantity"] == 0
    problem(ship(seller, fulfillment), 409, "illegal_transition")
    assert stock(shop)["reserved"] == 0


def test_what_support_does_is_in_the_audit_log(shop, payment):
    support = shop.as_user("token-support")
    order = paid(shop, payment)
    fulfillment = shipped(support, order)
    assert confirm(support, order).status_code == 200
    assert [(row["action"], row["subject_id"]) for row in shop.query("SELECT * FROM audit_log ORDER BY entry_id")] == [
        ("fulfillment.create", fulfillment["fulfillment_id"]), ("fulfillment.update", fulfillment["fulfillment_id"]),
        ("order.confirm_delivery", order["order_id"])]


ITEM = '{"line_id":"LINE","quantity":1}'
WRONG_TRACKING = [
    ('{}', "/tracking/carrier"), ('{"carrier":"DHL"}', "/tracking/number"), ('{"carrier":"","number":"1"}', "/tracking/carrier"),
    ('{"carrier":"DHL","number":"1\\r\\nBcc: x"}', "/tracking/number"), ('{"carrier":1,"number":"1"}', "/tracking/carrier"),
    ('{"carrier":"%s","number":"1"}' % ("a" * 101), "/tracking/carrier"), ('{"carrier":"DHL","number":"1","url":"javascript:alert(1)"}', "/tracking/url"),
    ('{"carrier":"DHL","number":"1","url":"https://a/%s"}' % ("a" * 2000), "/tracking/url"), ('{"carrier":"DHL","number":"1","url":"//a"}', "/tracking/url"),
    ('{"carrier":"DHL","number":"1","url":"https://u@evil.example"}', "/tracking/url"), ('{"carrier":"DHL","number":"1","x":1}', "/tracking/x"),
    ('{"carrier":"DHL","number":"1\\u0000"}', "/tracking/number"), ("[]", "/tracking"), ('"DHL"', "/tracking"),
]
WRONG_FULFILLMENTS = [
    ("{}", "/items"), ('{"items":[]}', "/items"), ('{"items":{}}', "/items"), ('{"items":[1]}', "/items/0"), ('{"items":[{"quantity":1}]}', "/items/0/line_id"),
    ('{"items":[{"line_id":"LINE"}]}', "/items/0/quantity"), ('{"items":[{"line_id":"LINE","quantity":0}]}', "/items/0/quantity"),
    ('{"items":[{"line_id":"LINE","quantity":1.0}]}', "/items/0/quantity"), ('{"items":[{"line_id":"LINE","quantity":1e0}]}', "/items/0/quantity"),
    ('{"items":[{"line_id":"LINE","quantity":1000001}]}', "/items/0/quantity"), ('{"items":[{"line_id":"LINE","quantity":-1}]}', "/items/0/quantity"),
    ('{"items":[{"line_id":"LINE","quantity":"1"}]}', "/items/0/quantity"), ('{"items":[{"line_id":"no line","quantity":1}]}', "/items/0/line_id"),
    ('{"items":[{"line_id":"other","quantity":1}]}', "/items/0/line_id"), (f'{{"items":[{ITEM},{ITEM}]}}', "/items/1/line_id"),
    ('{"items":[%s]}' % ",".join([ITEM] * 101), "/items"),
    *((f'{{"items":[{ITEM}],"tracking":{tracking}}}', pointer) for tracking, pointer in WRONG_TRACKING),
]
WRONG_PATCHES = [
    ("[]", ""), ('{"status":"cancelled"}', "/status"), ('{"status":1}', "/status"), ('{"status":["shipped"]}', "/status"),
    *((f'{{"tracking":{tracking}}}', pointer) for tracking, pointer in WRONG_TRACKING),
]


def test_bad_bodies_are_refused_and_change_nothing(launch, feeds, folder):
    """B-15."""
    payment = feeds.publisher("payment")
    shop = launch("--offers", offers_with_members(folder, s1="m1"), *TOKENS, *feeds.flags(payment), database=feeds.new_database())
    seller, order = shop.as_user("token-m1"), paid(shop, payment, quantity=5)
    fulfillment = packed(seller, order, quantity=1)
    line = order["items"][0]["line_id"]
    before = shop.counts()
    cases = [("POST", f"{API}/orders/{order['order_id']}/fulfillments", WRONG_FULFILLMENTS), ("PATCH", f"{API}/fulfillments/{fulfillment['fulfillment_id']}", WRONG_PATCHES)]
    for method, path, wrongs in cases:
        for body, pointer in wrongs:
            answer = seller.request(method, path, content=body.replace("LINE", line), headers=JSON)
            assert pointer in [error["pointer"] for error in problem(answer, 422, "validation_failed")["errors"]], (body, answer.text)
        problem(seller.request(method, path, content="{", headers=JSON), 400, "malformed_json")
        problem(seller.request(method, path, content="{}", headers={"Content-Type": "text/plain"}), 415, "unsupported_media_type")
    assert shop.counts() == before
    assert 'http_response_status_code="5' not in shop.metrics()


def test_time_delivers_and_completes_and_ends_what_is_not_shipped(launch, deployment, payment, folder):
    """By as many replicas as there can be, each thing once."""
    flags = ("--offers", sellers_with_members(folder, {"o": 1000}), *TOKENS, *deployment.flags(payment))
    shop = launch(*flags, "--progress-interval", "1h", database=deployment.new_database())
    seller, user = shop.as_user("token-m1"), shop.as_user("token-u1")
    orders = all_paid(shop, payment, [place(user, offer="o").json() for _ in range(12)])
    for order in orders[:6]:
        shipped(seller, order)
    for order in orders[6:9]:
        packed(seller, order)
    partly = all_paid(shop, payment, [place(user, offer="o", quantity=3).json() for _ in range(2)])
    for order in partly:
        shipped(seller, order, quantity=1)
        packed(seller, order, quantity=1)
    shop.stop()
    spans = ("--progress-interval", "20ms", "--progress-batch-max", "4", "--shipping-grace", "0ms", "--delivery-assumed-after", "1ms", "--completion-after", "1ms")
    shop.flags = (*flags, *spans)
    shop.start()
    for _ in range(deployment.replicas - 1):
        launch(*flags, *spans, database=shop.database)
    user = shop.as_user("token-u1")
    read = lambda some: [user.get(f"/orders/{order['order_id']}").json() for order in some]
    eventually(lambda: all(order["status"] in ("completed", "canceled") for order in read(orders + partly)), 30)
    now = read(orders)
    assert [(order["status"], order["cancel_reason"]) for order in now] == [("completed", None)] * 6 + [("canceled", "not_shipped")] * 6
    for order in orders[:6]:
        assert told(shop, order) == ["order.placed", "order.paid", "order.fulfillment_created", "order.shipped", "order.delivered", "order.completed"]
    for order in read(partly):
        assert (order["status"], order["canceled_total"], order["items"][0]["canceled_quantity"]) == ("completed", 10.00, 2)
        assert [fulfillment["status"] for fulfillment in order["fulfillments"]] == ["delivered"]
        event = json.loads(shop.query(f"SELECT data FROM outbox WHERE type = 'order.lines_canceled' AND subject = '{order['order_id']}'")[0]["data"])
        assert (event["reason"], event["lines"][0]["quantity"], event["refund_amount"]) == ("not_shipped", 2, 1000)
    assert stock(shop, "o") == {"on_hand": 992, "reserved": 0}
    assert 'agora_job_failures_total{job_name="order.progress"} 0' in shop.metrics()
    clean(shop)


def test_a_group_of_two_sellers_follows_both(shop, payment):
    buyer = shop.as_user("token-u1")
    group = check_out(buyer, items_checkout(("o1", 1, "5.00"), ("o3", 1, "4.50")), "k").json()
    payment.publish("payment.captured", "pay", payment_id="pay", order_group_id=group["order_group_id"], amount=950, currency="USD")
    read = lambda: buyer.get(f"{API}/order-groups/{group['order_group_id']}").json()
    group = eventually(lambda: (now := read())["status"] == "confirmed" and now)
    for order, token in zip(group["orders"], ("token-m1", "token-m2")):
        other = {"token-m1": "token-m2", "token-m2": "token-m1"}[token]
        problem(pack(shop.as_user(other), order), 404, "not_found")
        fulfillment = packed(shop.as_user(token), order)
        problem(ship(shop.as_user(other), fulfillment), 404, "not_found")
        assert ship(shop.as_user(token), fulfillment).status_code == 200
    assert read()["fulfillment_status"] == "shipped"
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda order: confirm(shop.as_user("token-u1"), order).status_code, group["orders"]))
    assert done == [200, 200]
    assert (read()["fulfillment_status"], read()["status"]) == ("delivered", "completed")
    clean(shop)


@pytest.mark.parametrize("race", ["support cancels, the seller ships", "the buyer cancels, the seller packs"])
def test_of_a_cancellation_and_a_shipment_at_once_one_wins(launch, deployment, payment, folder, race):
    """C-07."""
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    shop = launch("--offers", sellers_with_members(folder, {"o": RACES}), *TOKENS, *deployment.flags(payment), database=deployment.new_database())
    buyer, seller, support = (shop.as_user(token) for token in ("token-u1", "token-m1", "token-support"))
    orders = all_paid(shop, payment, [place(buyer, offer="o").json() for _ in range(RACES)])
    if race.startswith("support"):
        fulfillments = [packed(seller, order) for order in orders]
        acts = [(lambda f=f: ship(seller, f).status_code == 200, lambda o=o: support.post(f"/orders/{o['order_id']}/cancellation").status_code == 200)
                for f, o in zip(fulfillments, orders)]
    else:
        acts = [(lambda o=o: pack(seller, o).status_code == 201, lambda o=o: buyer.post(f"/orders/{o['order_id']}/cancellation").status_code == 200) for o in orders]
    wins = []
    with ThreadPoolExecutor(16) as pool:
        for pair in acts:
            order = [0, 1] if chance.random() < 0.5 else [1, 0]
            started = {i: pool.submit(pair[i]) for i in order}
            wins.append((started[0], started[1]))
        wins = [(first.result(), second.result()) for first, second in wins]
    assert all(first != second for first, second in wins)
    won = sum(first for first, _ in wins)
    print("the seller", won, "the other", RACES - won)
    assert 0 < won < RACES, "both have to have won"
    for order, (seller_won, _) in zip(orders, wins):
        assert buyer.get(f"/orders/{order['order_id']}").json()["status"] == ("confirmed" if seller_won else "canceled")
    gone = won if race.startswith("support") else 0
    assert stock(shop, "o") == {"on_hand": RACES - gone, "reserved": won - gone}
    clean(shop)
