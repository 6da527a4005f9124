"""Checking out of several sellers: one yes and every no, each asserting that nothing was written; clicks and changes at once."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.crowd import at_once, post
from support.offers import stocked_offers
from support.publisher import Publisher, eventually
from support.service import JSON, TOKENS, place, problem
from support.shopping import ADDRESS, CARTS, GROUPS, add, cart_checkout, cart_of, check_out, items_checkout, new_cart


@pytest.fixture
def user(shop):
    return shop.as_user("token-u1")


def refused(shop, user, body, status, code, key="k"):
    before = shop.counts()
    document = problem(check_out(user, body, key), status, code)
    assert shop.counts() == before
    return document


def fields(document):
    return [(error["pointer"], error["code"]) for error in document["errors"]]


def test_a_cart_of_two_sellers_becomes_a_group_of_two_orders(shop, user):
    cart = cart_of(user, "o1", "o3", "o2", email="arthur@example.com")
    before = shop.counts()
    response = check_out(user, cart_checkout(cart, "16.50"), "k")
    assert response.status_code == 201, response.text
    group = response.json()
    assert response.headers["location"] == f"{GROUPS}/{group['order_group_id']}"
    assert (group["total"], group["amount_due"], group["status"], group["payment_status"]) == (16.5, 16.5, "pending", "not_paid")
    assert [(order["seller_id"], order["total"], len(order["items"])) for order in group["orders"]] == [("s1", 12.0, 2), ("s2", 4.5, 1)]
    assert group["shipping_address"]["city"] == "Cottington" and group["email"] == "arthur@example.com"
    assert user.get(f"{GROUPS}/{group['order_group_id']}").text == response.text
    for order in group["orders"]:
        assert user.get(f"/orders/{order['order_id']}").json() == order and order["order_group_id"] == group["order_group_id"]
    closed = user.get(f"{CARTS}/{cart['cart_id']}").json()
    assert (closed["status"], closed["order_group_id"]) == ("checked_out", group["order_group_id"])
    after = shop.counts()
    assert (after["order_groups"], after["orders"], after["order_lines"]) == (before["order_groups"] + 1, before["orders"] + 2, before["order_lines"] + 3)
    reserved = {row["offer_id"]: row["reserved"] for row in after["stock"]}
    assert (reserved["o1"], reserved["o2"], reserved["o3"]) == (1, 1, 1)
    types = [row["type"] for row in shop.query(f"SELECT type FROM outbox ORDER BY {shop.written}") if row["type"] != "stock.changed"]
    assert types == ["order_group.placed", "order.placed", "order.placed"]
    told = shop.query("SELECT data FROM outbox")
    assert not any("Dent" in row["data"] or "@" in row["data"] for row in told), "events carry no personal data"
    assert "Dent" not in shop.log() and "arthur@" not in shop.log()


def test_lines_without_a_cart(shop, user):
    response = check_out(user, items_checkout(("o1", 2, "5.00"), ("o3", 1, "4.50")), "k")
    assert response.status_code == 201
    assert [order["seller_id"] for order in response.json()["orders"]] == ["s1", "s2"]
    listed = user.get("/orders").json()["items"]
    assert {order["order_group_id"] for order in listed} == {response.json()["order_group_id"]}


def test_what_is_said_at_checkout_replaces_what_the_cart_knows(user):
    cart = cart_of(user, "o1", email="cart@example.com")
    body = cart_checkout(cart, "5.00", shipping_address={"city": "London"}, email="checkout@example.com", billing_address={**ADDRESS, "name": "Ford"})
    group = check_out(user, body, "k").json()
    assert (group["shipping_address"]["name"], group["shipping_address"]["city"]) == ("Arthur Dent", "London")
    assert group["email"] == "checkout@example.com" and group["billing_address"]["name"] == "Ford"


@pytest.mark.parametrize("body,status,code,pointers", [
    (items_checkout(("o1", 1, "5.00"), ("none", 1, "1")), 404, "unknown_offer", ["/items/1/offer_id"]),
    (items_checkout(("o1", 1, "5.00"), ("o8", 1, "3.00")), 409, "offer_unavailable", ["/items/1/offer_id"]),
    (items_checkout(("o1", 1, "5.00"), ("o4", 1, "1200")), 409, "mixed_currencies", ["/items/1"]),
    (items_checkout(("o1", 1, "5.00"), ("o3", 4, "4.50")), 409, "out_of_stock", ["/items/1/quantity"]),
    (items_checkout(("o1", 1, "5.01"), ("o3", 1, "4.40")), 409, "price_changed", ["/items/0/price", "/items/1/price"]),
    (items_checkout(("o1", 1, "5.00"), ("o1", 1, "5.00")), 422, "validation_failed", ["/items/1"]),
    (items_checkout(("o1", 1, "5.00"), shipping_address=None), 422, "validation_failed", ["/shipping_address"]),
    (items_checkout(("o1", 1, "5.00"), email="nobody"), 422, "validation_failed", ["/email"]),
    (items_checkout(), 422, "validation_failed", ["/items"]),
    ("{}", 422, "validation_failed", ["/cart_id", "/cart_version", "/total"]),
    ('{"cart_id":"c"}', 422, "validation_failed", ["/cart_version", "/total"]),
    ('{"cart_id":"c","cart_version":1,"total":1,"items":[{"offer_id":"o1","quantity":1,"price":5}]}', 422, "validation_failed", ["/cart_id", "/cart_version", "/total"]),
    ('{"cart_id":"c","cart_version":0,"total":-1}', 422, "validation_failed", ["/cart_version", "/total"]),
    ('{"cart_id":"none","cart_version":1,"total":1}', 404, "not_found", []),
])
def test_what_is_not_checked_out(shop, user, body, status, code, pointers):
    document = refused(shop, user, body, status, code)
    assert [error["pointer"] for error in document["errors"]] == pointers


def test_a_cart_must_be_the_one_that_was_seen(shop, user):
    cart = cart_of(user, "o1", "o3")
    document = refused(shop, user, cart_checkout(cart, "9.00"), 409, "price_changed")
    assert document["current_total"] == 9.5 and fields(document) == [("/total", "price_changed")]
    refused(shop, user, cart_checkout({**cart, "version": 2}, "9.50"), 409, "cart_changed")
    refused(shop, user, cart_checkout(cart, "9.505"), 422, "validation_failed")
    refused(shop, user, cart_checkout(new_cart(user), "0"), 409, "cart_empty")
    refused(shop, shop.as_user("token-u2"), cart_checkout(cart, "9.50"), 404, "not_found")
    assert check_out(user, cart_checkout(cart, "9.5"), "k").status_code == 201
    closed = refused(shop, user, cart_checkout(cart, "9.50"), 409, "cart_closed", key="another")
    assert closed["order_group_id"]
    for ask in (lambda: add(user, cart["cart_id"]), lambda: user.patch(f"{CARTS}/{cart['cart_id']}", json={"email": "a@b"}),
                lambda: user.delete(f"{CARTS}/{cart['cart_id']}/items/{cart['items'][0]['line_id']}")):
        problem(ask(), 409, "cart_closed")


def test_what_is_wrong_with_a_carts_line_leads_into_the_cart(shop, user):
    cart = cart_of(user, "o1", "last")
    assert place(shop.as_user("token-u2"), offer="last", price="900").status_code == 201
    document = refused(shop, user, cart_checkout(cart, "905.00"), 409, "out_of_stock")
    assert fields(document) == [("/items/1/quantity", "out_of_stock")]


def test_a_guest_says_where_mail_goes(shop):
    guest = shop.as_user("token-guest")
    document = refused(shop, guest, items_checkout(("o1", 1, "5.00")), 422, "validation_failed")
    assert fields(document) == [("/email", "required")]
    group = check_out(guest, items_checkout(("o1", 1, "5.00"), email="guest@example.com"), "k").json()
    assert (group["user_id"], group["email"]) == ("g1", "guest@example.com")


def test_a_key_is_wanted_and_repeats_the_bytes(shop, user):
    body = items_checkout(("o1", 1, "5.00"), ("o3", 1, "4.50"))
    problem(user.post(GROUPS, content=body, headers=JSON), 400, "idempotency_key_required")
    first = check_out(user, body, "k")
    shop.restart()
    user = shop.as_user("token-u1")
    again = check_out(user, body, "k")
    assert again.text == first.text and again.headers["idempotency-replayed"] == "true" and again.headers["location"] == first.headers["location"]
    problem(check_out(user, items_checkout(("o1", 2, "5.00")), "k"), 422, "idempotency_key_reused")
    assert shop.query("SELECT count(*) AS n FROM order_groups") == [{"n": 1}]


def test_demo_guests_check_nothing_out(launch):
    service = launch("--standalone", "--demo-guests")
    problem(check_out(service.client, items_checkout(("o42", 1, "499.99")), "k"), 401, "missing_token")


def test_a_group_rolls_up_its_orders(shop, user):
    group = check_out(user, items_checkout(("o1", 1, "5.00"), ("o3", 1, "4.50")), "k").json()
    read = lambda: user.get(f"{GROUPS}/{group['order_group_id']}").json()
    user.post(f"/orders/{group['orders'][0]['order_id']}/cancellation")
    assert (read()["status"], read()["amount_due"], read()["version"]) == ("pending", 4.5, 2)
    assert shop.query("SELECT count(*) AS n FROM outbox WHERE type = 'order_group.updated'") == [{"n": 1}]
    user.post(f"/orders/{group['orders'][1]['order_id']}/cancellation")
    assert (read()["status"], read()["payment_status"], read()["fulfillment_status"], read()["amount_due"]) == ("canceled", "canceled", "canceled", 0)
    assert read()["total"] == 9.5, "what was ordered"


# At once

def test_of_fifty_keys_on_one_cart_one_makes_a_group(shop, user):
    """C-04: one group, 49 × 409."""
    for round_ in range(3):
        cart = cart_of(user, "o1", "o10")
        body = cart_checkout(cart, "1005.00")
        answers = at_once(shop.port, [post(GROUPS, body, "token-u1", key=f"{round_}-{i}") for i in range(50)])
        assert sorted(status for status, _ in answers) == [201] + [409] * 49
        assert all('"code":"cart_closed"' in text for status, text in answers if status == 409)
    assert shop.query("SELECT count(*) AS n FROM order_groups") == [{"n": 3}]


def test_one_key_fifty_times_over_is_one_group(shop, user):
    """C-04, also of a cart: a repeat is the first's, not a closed cart."""
    body = cart_checkout(cart_of(user, "o1", "o10"), "1005.00")
    answers = at_once(shop.port, [post(GROUPS, body, "token-u1", key="double") for _ in range(50)])
    assert len(set(answers)) == 1 and answers[0][0] == 201
    assert shop.query("SELECT count(*) AS n FROM order_groups") == [{"n": 1}]


def test_groups_of_many_sellers_in_any_order_leave_no_unit_behind(shop):
    """Carts, keys, groups and stock are locked in one order: no deadlock, and what is canceled comes back."""
    def churn(worker):
        chance = random.Random(worker)
        with shop.as_user("token-u1" if worker % 2 else "token-u2") as client:
            for i in range(8):
                offers = chance.sample([("o1", 1, "5.00"), ("o3", 1, "4.50"), ("o10", 1, "1000.00"), ("o2", 1, "7.00")], 3)
                response = check_out(client, items_checkout(*offers), f"{worker}-{i}")
                assert response.status_code in (201, 409), response.text
                for order in response.json().get("orders", ()):
                    assert client.post(f"/orders/{order['order_id']}/cancellation").status_code == 200

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(churn, range(12)))
    assert all(row["reserved"] == 0 for row in shop.query("SELECT reserved FROM stock"))
    assert 'agora_sql_retries_total{code="40P01"}' not in shop.metrics()


def test_an_erased_buyer_leaves_no_name_behind(launch, new_database, folder):
    auth = Publisher("auth", folder / "auth", new_database()).start()
    try:
        shop = launch("--offers", stocked_offers(folder, {"o1": 10}), *TOKENS, "--auth-feed", auth.feed, "--service-token-file", str(auth.token_file), "--events.wait", "1s", database=new_database())
        user = shop.as_user("token-u2")
        group = check_out(user, items_checkout(("o1", 1, "5.00"), email="ford@example.com"), "k").json()
        cart_of(user, "o1", email="ford@example.com")
        auth.publish("user.deleted", "u2", user_id="u2")
        eventually(lambda: user.get(CARTS).status_code == 401)
        eventually(lambda: not any(shop.query(f"SELECT 1 FROM {table}") for table in ("carts", "cart_lines", "addresses", "order_contacts")))
        left = shop.as_user("token-support").get(f"{GROUPS}/{group['order_group_id']}").json()
        assert left["total"] == 5 and left["email"] is None and left["shipping_address"] is None
        assert not shop.query("SELECT 1 FROM idempotency_keys")
    finally:
        auth.kill()
