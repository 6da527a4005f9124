"""Carts: what somebody means to buy, at today's prices, theirs alone; a guest's become the user's."""

import time

import pytest

from support.crowd import at_once, post
from support.publisher import Publisher, eventually
from support.service import JSON, OFFERS, TOKENS, place, problem
from support.shopping import ADDRESS, CARTS, add, cart_of, new_cart
from support.tokens import bearer


@pytest.fixture
def user(shop):
    return shop.as_user("token-u1")


def unchanged(shop, response_of, status, code):
    before = shop.counts()
    document = problem(response_of(), status, code)
    assert shop.counts() == before
    return document


def fields(document):
    return [(error["pointer"], error["code"]) for error in document["errors"]]


def test_a_cart_is_begun_filled_changed_and_emptied(shop, user):
    begun = user.post(CARTS)
    cart_id = begun.json()["cart_id"]
    assert begun.headers["location"] == f"{CARTS}/{cart_id}" and begun.headers["etag"] == '"1"'
    assert begun.json()["total"] is None and begun.json()["currency"] is None and begun.json()["items"] == []
    first = add(user, cart_id, "o1", 2)
    assert first.status_code == 201 and first.headers["etag"] == '"2"'
    assert '"total":10.00,' in first.text
    line = first.json()["items"][0]
    assert first.headers["location"] == f"{CARTS}/{cart_id}/items/{line['line_id']}"
    assert (line["seller_id"], line["sku"], line["price"], line["availability"]) == ("s1", "SKU-o1", 5.0, "available")
    assert add(user, cart_id, "o3").json()["total"] == 14.5
    more = add(user, cart_id, "o1")
    assert more.status_code == 200 and [item["quantity"] for item in more.json()["items"]] == [3, 1]
    changed = user.patch(f"{CARTS}/{cart_id}/items/{line['line_id']}", json={"quantity": 4})
    assert changed.json()["total"] == 24.5
    removed = user.delete(f"{CARTS}/{cart_id}/items/{line['line_id']}")
    assert [item["offer_id"] for item in removed.json()["items"]] == ["o3"]
    read = user.get(f"{CARTS}/{cart_id}")
    assert read.json() == removed.json() and read.headers["etag"] == '"6"'
    events = shop.query("SELECT count(*) AS n FROM outbox WHERE topic <> 'agora.stock'")
    assert events == [{"n": 0}], "a cart tells nobody"


def test_a_product_means_its_cheapest_offer_in_the_carts_currency(user):
    cart_id = new_cart(user)["cart_id"]
    response = user.post(f"{CARTS}/{cart_id}/items", json={"product_id": "p1", "quantity": 1})
    assert response.json()["items"][0]["offer_id"] == "o3"
    # p3 is sold in two currencies: which one must be said, unless the cart has one.
    assert fields(problem(user.post(f"{CARTS}/{cart_id}/items", json={"product_id": "p3", "quantity": 1}), 409, "offer_unavailable")) == [("/product_id", "offer_unavailable")]
    empty = new_cart(user)["cart_id"]
    assert fields(problem(user.post(f"{CARTS}/{empty}/items", json={"product_id": "p3", "quantity": 1}), 422, "validation_failed")) == [("/currency", "required")]
    assert user.post(f"{CARTS}/{empty}/items", json={"product_id": "p3", "quantity": 1, "currency": "JOD"}).json()["total"] == 1.25


@pytest.mark.parametrize("body,status,code,pointers", [
    ({"offer_id": "none", "quantity": 1}, 404, "unknown_offer", ["/offer_id"]),
    ({"product_id": "none", "quantity": 1}, 404, "unknown_product", ["/product_id"]),
    ({"offer_id": "o8", "quantity": 1}, 409, "offer_unavailable", ["/offer_id"]),
    ({"offer_id": "o6", "quantity": 1}, 409, "offer_unavailable", ["/offer_id"]),
    ({"offer_id": "o4", "quantity": 1}, 409, "mixed_currencies", []),
    ({"offer_id": "o9", "quantity": 2}, 422, "validation_failed", ["/quantity"]),
    ({"offer_id": "o1", "quantity": 10**6}, 422, "validation_failed", ["/quantity"]),
    ({"offer_id": "o1", "quantity": 0}, 422, "validation_failed", ["/quantity"]),
    ({"offer_id": "o1"}, 422, "validation_failed", ["/quantity"]),
    ({"quantity": 1}, 422, "validation_failed", ["/product_id"]),
    ({"offer_id": "o1", "product_id": "p1", "quantity": 1}, 422, "validation_failed", ["/offer_id"]),
    ({"offer_id": "o1", "quantity": 1, "price": 5, "line_id": "x"}, 422, "validation_failed", ["/price", "/line_id"]),
])
def test_what_a_cart_does_not_take(shop, user, body, status, code, pointers):
    cart_id = cart_of(user, "o1")["cart_id"]
    document = unchanged(shop, lambda: user.post(f"{CARTS}/{cart_id}/items", json=body), status, code)
    assert [error["pointer"] for error in document["errors"]] == pointers


def test_who_buys_and_where_it_goes(shop, user):
    cart_id = new_cart(user, email="arthur@example.com", shipping_address=ADDRESS)["cart_id"]
    path = f"{CARTS}/{cart_id}"
    patched = user.patch(path, content='{"shipping_address":{"city":"London","postal_code":null}}', headers={"Content-Type": "application/merge-patch+json"})
    assert patched.status_code == 200
    address = patched.json()["shipping_address"]
    assert (address["name"], address["city"], address["postal_code"]) == ("Arthur Dent", "London", None)
    wrong = {"email": "nobody", "shipping_address": {"name": None, "country": "Britain"}, "billing_address": {"city": "a\nb"}}
    document = unchanged(shop, lambda: user.patch(path, json={**wrong, "shipping_address": {"name": None, "country": "gb"}}), 422, "validation_failed")
    assert set(fields(document)) == {("/email", "invalid_value"), ("/shipping_address/name", "required"), ("/shipping_address/country", "invalid_value"),
                                     ("/billing_address/name", "required"), ("/billing_address/line1", "required"), ("/billing_address/city", "invalid_value"),
                                     ("/billing_address/country", "required")}
    gone = user.patch(path, json={"email": None, "shipping_address": None}).json()
    assert gone["email"] is None and gone["shipping_address"] is None
    assert shop.query("SELECT count(*) AS n FROM addresses") == [{"n": 0}]
    assert "arthur@example.com" not in shop.log() and "Cottington" not in shop.log()


def test_if_match_guards_a_change(shop, user):
    cart = cart_of(user, "o1")
    path, line = f"{CARTS}/{cart['cart_id']}", cart["items"][0]["line_id"]
    etag = user.get(path).headers["etag"]
    asks = [lambda tag: user.patch(path, json={"email": "a@b"}, headers={"If-Match": tag}), lambda tag: user.patch(f"{path}/items/{line}", json={"quantity": 2}, headers={"If-Match": tag}),
            lambda tag: user.post(f"{path}/items", json={"offer_id": "o2", "quantity": 1}, headers={"If-Match": tag}), lambda tag: user.delete(f"{path}/items/{line}", headers={"If-Match": tag})]
    for ask in asks:
        for stale in ('"1"', 'W/' + etag, "nonsense"):
            unchanged(shop, lambda: ask(stale), 412, "precondition_failed")
    for ask in asks:
        response = ask(f'"999", {etag}')
        assert response.status_code in (200, 201), response.text
        etag = response.headers["etag"]
    assert asks[0]("*").status_code == 200


def test_a_key_adds_once(shop, user):
    cart_id = new_cart(user)["cart_id"]
    first = add(user, cart_id, key="k")
    again = add(user, cart_id, key="k")
    assert again.text == first.text and again.headers["idempotency-replayed"] == "true" and again.status_code == 201
    problem(add(user, cart_id, quantity=2, key="k"), 422, "idempotency_key_reused")
    assert user.get(f"{CARTS}/{cart_id}").json()["items"][0]["quantity"] == 1
    begun = [user.post(CARTS, headers={"Idempotency-Key": "c"}).text for _ in range(2)]
    assert begun[0] == begun[1]


def test_a_list_has_the_callers_open_carts(shop, user):
    ids = [new_cart(user)["cart_id"] for _ in range(3)]
    new_cart(shop.as_user("token-u2"))
    page = user.get(f"{CARTS}?limit=2").json()
    assert page["has_more"] and [cart["cart_id"] for cart in page["items"]] == ids[:0:-1]
    rest = user.get(f"{CARTS}?limit=2&cursor={page['next_cursor']}").json()
    assert [cart["cart_id"] for cart in rest["items"]] == ids[:1] and rest["next_cursor"] is None
    problem(shop.as_user("token-u2").get(f"{CARTS}?cursor={page['next_cursor']}"), 400, "invalid_cursor")
    problem(user.get(f"{CARTS}?status=open"), 422, "validation_failed")


def test_a_buyer_has_so_many_open_carts(launch, new_database):
    shop = launch("--offers", OFFERS, *TOKENS, "--carts-per-buyer-max", "2", database=new_database())
    user = shop.as_user("token-u1")
    for _ in range(2):
        new_cart(user)
    unchanged(shop, lambda: user.post(CARTS), 409, "too_many_carts")
    new_cart(shop.as_user("token-u2"))


def test_carts_that_nobody_touches_are_cleaned_away(launch, new_database):
    shop = launch("--offers", OFFERS, *TOKENS, "--cart-retention", "300ms", "--cleaning-interval", "20ms", database=new_database())
    cart_of(shop.as_user("token-u1"), "o1", email="a@b.example")
    deadline = time.monotonic() + 10
    while any(shop.query(f"SELECT 1 FROM {table}") for table in ("carts", "cart_lines", "addresses")):
        assert time.monotonic() < deadline


def test_carts_survive_a_kill(shop, user):
    cart = cart_of(user, "o1", "o2")
    shop.restart()
    assert shop.as_user("token-u1").get(f"{CARTS}/{cart['cart_id']}").json() == cart


def test_lines_follow_their_offers(launch, new_database, folder):
    """Today's price with each look, and what cannot be bought is said; nothing of the cart is written for it."""
    catalog = Publisher("catalog", folder / "catalog", new_database()).start()
    try:
        offer = {"seller_id": "s1", "product_id": "p1", "variant_id": "v", "sku": "S", "price": 500, "currency": "USD", "status": "active", "requires_shipping": True,
                 "initial_quantity": 3}
        catalog.publish("seller.opened", "s1", seller_id="s1", status="open", name="S")
        catalog.publish("product.published", "p1", product_id="p1", status="published", title="P")
        for id in ("o1", "o2"):
            catalog.publish("offer.created", id, offer_id=id, **offer)
        shop = launch(*TOKENS, "--catalog-feed", catalog.feed, "--service-token-file", str(catalog.token_file), "--events.wait", "1s", database=new_database())
        eventually(lambda: len(shop.query("SELECT 1 FROM offers")) == 2)
        user = shop.as_user("token-u1")
        cart = cart_of(user, "o1", "o2")
        look = lambda: user.get(f"{CARTS}/{cart['cart_id']}").json()
        catalog.publish("offer.updated", "o1", offer_id="o1", **{**offer, "price": 650})
        eventually(lambda: look()["total"] == 11.5)
        assert (look()["items"][0]["price"], look()["items"][0]["price_when_added"]) == (6.5, 5.0)
        catalog.publish("offer.archived", "o2", offer_id="o2", **{**offer, "status": "archived"})
        eventually(lambda: look()["items"][1]["availability"] == "unavailable")
        assert look()["total"] == 6.5 and look()["items"][1]["total"] == 0
        place(user, offer="o1", quantity=3, price="6.50")
        assert look()["items"][0]["availability"] == "out_of_stock"
        catalog.publish("seller.suspended", "s1", seller_id="s1", status="suspended", name="S")
        eventually(lambda: look()["items"][0]["availability"] == "unavailable")
        assert look()["version"] == cart["version"]
    finally:
        catalog.kill()


# Merging

def merge(client, token="token-guest", key=None):
    return client.post(f"{CARTS}/merge", json={"guest_token": bearer(token)}, headers={"Idempotency-Key": key} if key else {})


def test_a_guests_carts_become_the_users(shop, user):
    guest = shop.as_user("token-guest")
    theirs = cart_of(guest, "o1", "o2", email="guest@example.com")
    ordered = place(guest, key="placed-as-guest")
    merged = merge(user)
    assert merged.status_code == 200
    (cart,) = merged.json()["items"]
    assert cart["cart_id"] == theirs["cart_id"] and cart["user_id"] == "u1" and cart["email"] == "guest@example.com"
    problem(guest.get(f"{CARTS}/{cart['cart_id']}"), 404, "not_found")
    assert place(user, key="placed-as-guest").text == ordered.text, "what the guest was answered is the user's"
    # Again, into the cart that is there now.
    cart_of(guest, "o2", "o3")
    (cart,) = merge(user, key="m").json()["items"]
    assert {item["offer_id"]: item["quantity"] for item in cart["items"]} == {"o1": 1, "o2": 2, "o3": 1}
    assert merge(user, key="m").json()["items"] == [cart] and merge(user).json() == {"items": []}
    assert guest.get(CARTS).json()["items"] == []


def test_carts_of_two_currencies_stay_two(shop, user):
    cart_of(user, "o1")
    cart_of(shop.as_user("token-guest"), "o4")
    merge(user)
    assert sorted(cart["currency"] for cart in user.get(CARTS).json()["items"]) == ["JPY", "USD"]


@pytest.mark.parametrize("token", ["forged", "token-u2", "token-expired", ""])
def test_only_a_guests_own_token_opens_a_guests_carts(shop, user, token):
    cart_of(shop.as_user("token-guest"), "o1")
    document = unchanged(shop, lambda: merge(user, token), 422, "validation_failed")
    assert fields(document) == [("/guest_token", "invalid_value")]
    problem(merge(shop.as_user("token-guest")), 403, "forbidden")


def test_merges_at_once_move_each_line_once(shop, user):
    cart_of(user, "o1")
    cart_of(shop.as_user("token-guest"), "o1", "o2")
    body = '{"guest_token":"%s"}' % bearer("token-guest")
    answers = at_once(shop.port, [post(f"{CARTS}/merge", body, "token-u1") for _ in range(20)])
    assert {status for status, _ in answers} == {200}
    (cart,) = user.get(CARTS).json()["items"]
    assert {item["offer_id"]: item["quantity"] for item in cart["items"]} == {"o1": 2, "o2": 1}


def test_changes_at_once_all_count(shop, user):
    cart_id = new_cart(user)["cart_id"]
    requests = [post(f"{CARTS}/{cart_id}/items", '{"offer_id":"%s","quantity":1}' % offer, "token-u1") for offer in ("o1", "o10") * 50]
    answers = at_once(shop.port, requests)
    assert sorted({status for status, _ in answers}) == [200, 201]
    cart = user.get(f"{CARTS}/{cart_id}").json()
    assert {item["offer_id"]: item["quantity"] for item in cart["items"]} == {"o1": 50, "o10": 50} and cart["version"] == 101
