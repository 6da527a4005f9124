"""Placing: one yes and every no, each asserting status, code and that nothing was written."""

import pytest

from support.service import JSON, order_body, place, problem
from support.shopping import ADDRESS


@pytest.fixture
def user(shop):
    return shop.as_user("token-u1")


def refused(shop, user, body, status, code, headers=JSON):
    before = shop.counts()
    document = problem(user.post("/orders", content=body, headers=headers), status, code)
    assert shop.counts() == before
    return document


def fields(document):
    return {(e["pointer"], e["code"]) for e in document["errors"]}


def test_an_order_reserves_its_stock_and_tells_of_itself(shop, user):
    before = shop.counts()
    response = place(user, offer="o2", quantity=3, price="7.00")
    assert response.status_code == 201
    after = shop.counts()
    assert after["orders"] == before["orders"] + 1 and after["order_groups"] == before["order_groups"] + 1
    assert after["outbox"] == before["outbox"] + 3
    stock = {row["offer_id"]: row["reserved"] for row in after["stock"]}
    assert stock["o2"] == 3
    order = response.json()
    assert order["user_id"] == "u1" and order["seller_id"] == "s1" and order["items"][0]["sku"] == "SKU-o2"
    types = [row["type"] for row in shop.query(f"SELECT type FROM outbox ORDER BY {shop.written} DESC LIMIT 3")]
    assert sorted(types) == ["order.placed", "order_group.placed", "stock.changed"]


def test_several_lines_of_one_seller_are_one_order(shop, user):
    body = '{"items":[{"offer_id":"o1","quantity":2,"price":5.00},{"product_id":"p2","quantity":1,"price":7}]}'
    order = user.post("/orders", content=body, headers=JSON).json()
    assert [line["offer_id"] for line in order["items"]] == ["o1", "o2"]
    assert order["total"] == 17.00 and order["product_id"] is None


def test_where_it_goes_may_be_said_and_stands_in_the_group(shop, user):
    order = place(user, shipping_address=ADDRESS, email="arthur@example.com").json()
    group = user.get(f"/api/v1/order-groups/{order['order_group_id']}").json()
    assert group["email"] == "arthur@example.com" and group["shipping_address"]["city"] == ADDRESS["city"] and group["billing_address"] is None
    assert not any(ADDRESS["line1"] in row["data"] for row in shop.query("SELECT data FROM outbox"))


@pytest.mark.parametrize("contact,pointer,code", [
    ({"email": "nowhere"}, "/email", "invalid_value"), ({"email": 1}, "/email", "wrong_type"), ({"shipping_address": {}}, "/shipping_address/name", "required"),
    ({"shipping_address": {**ADDRESS, "country": "gb"}}, "/shipping_address/country", "invalid_value"),
    ({"billing_address": {**ADDRESS, "planet": "Earth"}}, "/billing_address/planet", "unknown_field"),
])
def test_who_or_where_that_is_none(shop, user, contact, pointer, code):
    assert (pointer, code) in fields(refused(shop, user, order_body(**contact), 422, "validation_failed"))


def test_a_product_means_its_cheapest_offer_in_stock(user):
    cheapest = user.post("/orders", content='{"product_id":"p1","quantity":3,"price":4.50}', headers=JSON)
    assert cheapest.json()["items"][0]["offer_id"] == "o3"
    # Now o3 is sold out: the next cheapest answers, at its price.
    document = problem(user.post("/orders", content='{"product_id":"p1","quantity":1,"price":4.50}', headers=JSON), 409, "price_changed")
    assert document["current_price"] == 5.00
    assert user.post("/orders", content='{"product_id":"p1","quantity":1,"price":5.00}', headers=JSON).status_code == 201


def test_another_price_is_refused_with_the_current_one(shop, user):
    document = refused(shop, user, order_body(price="4.99"), 409, "price_changed")
    assert document["current_price"] == 5.00 and document["currency"] == "USD" and fields(document) == {("/price", "price_changed")}
    several = '{"items":[{"offer_id":"o1","quantity":1,"price":5.00},{"offer_id":"o2","quantity":1,"price":1}]}'
    assert fields(refused(shop, user, several, 409, "price_changed")) == {("/items/1/price", "price_changed")}


def test_what_is_unknown_is_404(shop, user):
    refused(shop, user, '{"product_id":"nope","quantity":1,"price":1}', 404, "unknown_product")
    refused(shop, user, order_body(offer="nope"), 404, "unknown_offer")


def test_too_little_stock_names_the_line(shop, user):
    assert fields(refused(shop, user, order_body(offer="o2", quantity=6, price="7"), 409, "out_of_stock")) == {("/quantity", "out_of_stock")}
    body = '{"items":[{"offer_id":"o1","quantity":1,"price":5.00},{"offer_id":"o2","quantity":6,"price":7}]}'
    assert fields(refused(shop, user, body, 409, "out_of_stock")) == {("/items/1/quantity", "out_of_stock")}


@pytest.mark.parametrize("offer", ["o6", "o7", "o8"])
def test_what_is_suspended_or_archived_is_not_sold(shop, user, offer):
    refused(shop, user, order_body(offer=offer, price="1"), 409, "offer_unavailable")


def test_one_order_has_one_seller_and_one_currency(shop, user):
    body = '{"items":[{"offer_id":"o1","quantity":1,"price":5.00},{"offer_id":"o3","quantity":1,"price":4.50}]}'
    assert fields(refused(shop, user, body, 422, "several_sellers")) == {("/items/1", "several_sellers")}
    body = '{"items":[{"offer_id":"o1","quantity":1,"price":5.00},{"offer_id":"o4","quantity":1,"price":1200}]}'
    refused(shop, user, body, 409, "mixed_currencies")


def test_an_offer_stands_in_one_line(shop, user):
    body = '{"items":[{"offer_id":"o1","quantity":1,"price":5.00},{"offer_id":"o1","quantity":1,"price":5.00}]}'
    assert fields(refused(shop, user, body, 422, "validation_failed")) == {("/items/1", "duplicate_offer")}


@pytest.mark.parametrize("price,code", [
    ("-1", "negative"), ("-0", "negative"), ("9007199254740993", "too_large"), ("9223372036854775807", "too_large"), ("1000000000000", "too_large"),
    ("18446744073709551616", "too_large"), ("1e400", "exponent"), ("5e0", "exponent"), ('"1"', "wrong_type"), ("true", "wrong_type"),
    ("null", "required"), ("[]", "wrong_type"), ("{}", "wrong_type"), ("5.001", "too_many_decimals"), ("5.00000", "too_many_decimals"), ("5.000", "too_many_decimals"),
    # As doubles these are 5.00, and just below 2^53 and 10^12.
    ("5.000000000000000001", "too_many_decimals"), ("4.9999999999999999999", "too_many_decimals"), ("9007199254740991", "too_large"),
    ("999999999999.999", "too_many_decimals"), ("-0.00", "negative"), ("-1e400", "negative"),
])
def test_prices_that_are_none(sqlite_shop, price, code):
    document = refused(sqlite_shop, sqlite_shop.as_user("token-u1"), order_body(price=price), 422, "validation_failed")
    assert fields(document) == {("/price", code)}


@pytest.mark.parametrize("offer,price", [("o4", "1200.0"), ("o5", "1.2500")])
def test_prices_have_at_most_their_currencys_decimals(sqlite_shop, offer, price):
    document = refused(sqlite_shop, sqlite_shop.as_user("token-u1"), order_body(offer=offer, price=price), 422, "validation_failed")
    assert fields(document) == {("/price", "too_many_decimals")}


@pytest.mark.parametrize("quantity,code", [
    ("-1", "out_of_range"), ("0", "out_of_range"), ("1000001", "out_of_range"), ("18446744073709551616", "out_of_range"), ("9223372036854775807", "out_of_range"),
    ("1.0", "not_an_integer"), ("1e0", "not_an_integer"), ("-0", "not_an_integer"), ('"1"', "wrong_type"), ("true", "wrong_type"), ("null", "required"),
])
def test_quantities_that_are_none(sqlite_shop, quantity, code):
    body = '{"offer_id":"o1","quantity":' + quantity + ',"price":5.00}'
    document = refused(sqlite_shop, sqlite_shop.as_user("token-u1"), body, 422, "validation_failed")
    assert fields(document) == {("/quantity", code)}


def test_a_total_that_is_too_large_is_refused(sqlite_shop):
    document = refused(sqlite_shop, sqlite_shop.as_user("token-u1"), order_body(offer="o9", quantity=1000000, price="999999999999.99"), 422, "validation_failed")
    assert fields(document) == {("/quantity", "amount_too_large")}


@pytest.mark.parametrize("body,expected", [
    ("{}", {("/quantity", "required"), ("/price", "required"), ("/product_id", "required")}),
    ('{"offer_id":"o1","product_id":"p1","quantity":1,"price":5}', {("/offer_id", "conflicting_fields")}),
    ('{"items":[],"quantity":1}', {("/quantity", "conflicting_fields"), ("/items", "out_of_range")}),
    ('{"items":[{"quantity":0,"price":"x","colour":1}]}', {("/items/0/quantity", "out_of_range"), ("/items/0/price", "wrong_type"), ("/items/0/colour", "unknown_field"), ("/items/0/product_id", "required")}),
    ('{"offer_id":"o 1","quantity":1,"price":5}', {("/offer_id", "invalid_id")}),
    ('{"offer_id":"o\\u0000","quantity":1,"price":5}', {("/offer_id", "null_character")}),
    ('{"offer_id":"' + "x" * 65 + '","quantity":1,"price":5}', {("/offer_id", "invalid_id")}),
    ('{"offer_id":{"$gt":""},"quantity":1,"price":5}', {("/offer_id", "wrong_type")}),
    ('{"offer_id":"o1","quantity":1,"price":5,"status":"confirmed","a/b~c":1}', {("/status", "unknown_field"), ("/a~1b~0c", "unknown_field")}),
    ("[]", {("", "wrong_type")}),
])
def test_all_field_errors_come_at_once(sqlite_shop, body, expected):
    document = refused(sqlite_shop, sqlite_shop.as_user("token-u1"), body, 422, "validation_failed")
    assert fields(document) == expected


def test_more_than_a_hundred_lines_are_refused(sqlite_shop):
    body = '{"items":[' + ",".join('{"offer_id":"o%d","quantity":1,"price":1}' % i for i in range(101)) + "]}"
    document = refused(sqlite_shop, sqlite_shop.as_user("token-u1"), body, 422, "validation_failed")
    assert ("/items", "out_of_range") in fields(document)


def test_one_orders_for_oneself(shop, user):
    refused(shop, user, order_body(user_id="u2"), 403, "forbidden")
    assert place(user, user_id="u1").status_code == 201


def test_demo_guests_order_for_demo_users_only(launch):
    service = launch("--standalone", "--demo-guests")
    body = '{"product_id":"p42","quantity":1,"price":499.99'
    assert service.client.post("/orders", content=body + ',"user_id":"u1"}', headers=JSON).status_code == 201
    problem(service.client.post("/orders", content=body + ',"user_id":"u2"}', headers=JSON), 403, "forbidden")
    document = problem(service.client.post("/orders", content=body + "}", headers=JSON), 422, "validation_failed")
    assert fields(document) == {("/user_id", "required")}
