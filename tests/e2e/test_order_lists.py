"""Orders as their sellers and support see them, on both sets of engines."""

import pytest

from support.offers import offers_with_members
from support.publisher import eventually
from support.service import TOKENS, place, problem
from support.shopping import ADDRESS, check_out, items_checkout

SALES = "/api/v1/sellers/s1/orders"
ALL = "/api/v1/admin/orders"
LINES = (("o1", 1, "5.00"), ("o3", 1, "4.50"))


@pytest.fixture
def market(launch, deployment, folder):
    """A shop that hears of payments."""
    payment = deployment.publisher("payment")
    shop = launch("--offers", offers_with_members(folder, s1="m1", s2="m2"), *TOKENS, *deployment.flags(payment), database=deployment.new_database())
    shop.payment = payment
    return shop


def pay(shop, *groups):
    shop.payment.send(*(shop.payment.event("payment.captured", f"pay-{group}", payment_id=f"pay-{group}", order_group_id=group, amount=amount, currency="USD")
                        for group, amount in groups))
    paid = lambda: {row["group_id"] for row in shop.query("SELECT group_id FROM order_groups WHERE paid_by IS NOT NULL")}
    eventually(lambda: {group for group, _ in groups} <= paid())


def listed(client, path, **query):
    answer = client.get(path, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def test_a_seller_sees_what_was_paid_of_its_own_and_whereto_it_goes(market):
    buyer, seller = market.as_user("token-u1"), market.as_user("token-m1")
    groups = [check_out(buyer, items_checkout(*LINES, email="u1@example.com"), f"k{i}").json() for i in range(3)]
    assert listed(seller, SALES) == []
    pay(market, *((group["order_group_id"], 950) for group in groups[:2]))
    ours = [next(order for order in group["orders"] if order["seller_id"] == "s1") for group in groups]
    sales = listed(seller, SALES)
    assert [sale["order_id"] for sale in sales] == [ours[1]["order_id"], ours[0]["order_id"]]
    for sale in sales:
        assert sale["total"] == 5.00 and [line["offer_id"] for line in sale["items"]] == ["o1"]
        assert sale["shipping_address"] == {**ADDRESS, "line2": None, "region": None, "phone": None}
        assert "email" not in sale and "billing_address" not in sale and "amount_due" not in sale
    assert "example.com" not in seller.get(SALES).text and "9.50" not in seller.get(SALES).text
    (theirs,) = {order["seller_id"] for order in listed(market.as_user("token-m2"), "/api/v1/sellers/s2/orders")}
    assert theirs == "s2"
    # What is canceled after its payment stays a sale of theirs.
    assert buyer.post(f"/orders/{ours[0]['order_id']}/cancellation").status_code == 200
    assert [sale["status"] for sale in listed(seller, SALES)] == ["confirmed", "canceled"]
    assert [sale["order_id"] for sale in listed(seller, SALES, status="canceled")] == [ours[0]["order_id"]]
    assert listed(seller, SALES, status="pending") == [] and listed(seller, SALES, payment_status="refunded") == []
    assert len(listed(seller, SALES, status="confirmed,canceled", payment_status="captured", fulfillment_status="not_fulfilled,canceled")) == 2
    assert [sale["order_id"] for sale in listed(seller, SALES, ids=f"{ours[0]['order_id']},{ours[2]['order_id']}")] == [ours[0]["order_id"]]
    assert listed(seller, SALES, created_after=ours[0]["placed_at"])[-1]["order_id"] == ours[1]["order_id"]
    # Neither is one of theirs read under /orders, nor a group.
    problem(seller.get(f"/orders/{ours[1]['order_id']}"), 404, "not_found")
    problem(seller.get(f"/api/v1/order-groups/{groups[1]['order_group_id']}"), 404, "not_found")


def test_whereto_an_ended_order_went_is_told_no_longer_after_a_while(launch, deployment, folder):
    payment = deployment.publisher("payment")
    shop = launch("--offers", offers_with_members(folder, s1="m1"), *TOKENS, *deployment.flags(payment), "--seller-contact-retention", "0ms",
                  database=deployment.new_database())
    shop.payment = payment
    buyer = shop.as_user("token-u1")
    groups = [check_out(buyer, items_checkout(LINES[0]), f"k{i}").json() for i in range(2)]
    pay(shop, *((group["order_group_id"], 500) for group in groups))
    assert buyer.post(f"/orders/{groups[0]['orders'][0]['order_id']}/cancellation").status_code == 200
    sales = listed(shop.as_user("token-m1"), SALES)
    assert [sale["shipping_address"] is None for sale in sales] == [False, True]


def test_pages_go_on_where_they_ended(market):
    buyers = [market.as_user(token) for token in ("token-u1", "token-u2", "token-guest")]
    orders = [place(buyers[i % 3]).json() for i in range(7)]
    pay(market, *((order["order_group_id"], 500) for order in orders))
    newest_first = [order["order_id"] for order in reversed(orders)]
    for client, path in ((market.as_user("token-m1"), SALES), (market.as_user("token-support"), ALL)):
        seen, cursor = [], None
        for size in (3, 3, 1):
            page = client.get(path, params={"limit": 3, **({"cursor": cursor} if cursor else {})}).json()
            seen += [order["order_id"] for order in page["items"]]
            cursor = page["next_cursor"]
            assert len(page["items"]) == size and page["has_more"] == (cursor is not None)
        # Orders of one millisecond may change places.
        assert sorted(seen) == sorted(newest_first) and len(set(seen)) == 7
        # Of those that are named, in whatever order, and one of them twice.
        named = [newest_first[i] for i in (5, 0, 3, 1, 5)]
        first = client.get(path, params={"limit": 2, "ids": ",".join(named)}).json()
        rest = client.get(path, params={"limit": 2, "ids": ",".join(named), "cursor": first["next_cursor"]}).json()
        assert [order["order_id"] for order in first["items"] + rest["items"]] == [id for id in seen if id in named]
        assert not rest["has_more"] and listed(client, path, ids=",".join(named), status="canceled") == []
        assert listed(client, path, ids=f"{named[0]},none", created_after="2099-01-01T00:00:00Z") == []
        cursor = client.get(path, params={"limit": 3}).json()["next_cursor"]
        problem(client.get(path, params={"cursor": cursor, "status": "confirmed"}), 400, "invalid_cursor")
        problem(client.get(path, params={"cursor": "x"}), 400, "invalid_cursor")
        for name, value, code in (("status", "paid", "invalid_value"), ("payment_status", "x", "invalid_value"), ("fulfillment_status", "", "invalid_value"),
                                  ("created_after", "now", "invalid_time"), ("ids", "a,,b", "invalid_id"), ("limit", "0", "out_of_range"), ("sort", "x", "unknown_field"),
                                  ("ids", ",".join(["a"] * 101), "out_of_range")):
            document = problem(client.get(path, params={name: value}), 422, "validation_failed")
            assert (f"?{name}", code) in [(error["pointer"], error["code"]) for error in document["errors"]]


def test_support_sees_everybodys_also_what_waits_for_payment(market):
    orders = [place(market.as_user(token)).json() for token in ("token-u1", "token-u2", "token-guest")]
    support = market.as_user("token-support")
    assert {order["user_id"] for order in listed(support, ALL)} == {"u1", "u2", "g1"}
    assert len(listed(support, ALL, payment_status="not_paid", status="pending")) == 3
    assert [order["order_id"] for order in listed(support, ALL, ids=orders[1]["order_id"])] == [orders[1]["order_id"]]
    assert listed(support, ALL, created_after="2099-01-01T00:00:00Z") == []
    assert len(listed(support, ALL, created_after="1969-01-01T00:00:00Z")) == 3
