"""A-01 on fulfilments: every route × every caller × own, another's, missing, of orders that are paid. The expected table stands here."""

import pytest

from support.offers import offers_with_members
from support.publisher import eventually
from support.selling import all_paid, confirm, pack, packed, patch, shipped
from support.service import TOKENS, place, problem

CALLERS = {"nobody": None, "forged": "forged", "expired": "token-expired", "buyer": "token-u1", "other": "token-u2", "guest": "token-guest", "seller": "token-m1",
           "other seller": "token-m2", "support": "token-support"}
MISSING = "00000000-0000-7000-8000-000000000000"
TOKEN = {"nobody": 401, "forged": 401, "expired": 401}
STRANGERS = {**TOKEN, "buyer": 404, "other": 404, "guest": 403}
# Own: an order of buyer at seller's; other's: of other at other seller's.
EXPECTED = {
    **{(operation, target): {**STRANGERS, **callers} for operation, yes in (("createFulfillment", 201), ("updateFulfillment", 200)) for target, callers in (
        ("own", {"seller": yes, "other seller": 404, "support": yes}), ("other's", {"seller": 404, "other seller": yes, "support": yes}),
        ("missing", {"seller": 404, "other seller": 404, "support": 404}))},
    ("confirmDelivery", "own"): {**TOKEN, "other": 404, "guest": 404, "seller": 404, "other seller": 404, "buyer": 200},
    ("confirmDelivery", "other's"): {**TOKEN, "buyer": 404, "guest": 404, "seller": 404, "other seller": 404, "support": 200},
    ("confirmDelivery", "missing"): {**TOKEN, "buyer": 404, "other": 404, "guest": 404, "seller": 404, "other seller": 404, "support": 404},
}


@pytest.fixture
def market(launch, feeds, folder):
    """{target: (order, a packed fulfilment of it, its buyer's token)}, and the shop."""
    payment = feeds.publisher("payment")
    shop = launch("--offers", offers_with_members(folder, s1="m1", s2="m2"), *TOKENS, *feeds.flags(payment), database=feeds.new_database())
    things = {}
    for target, buyer, seller, offer, price in (("own", "token-u1", "token-m1", "o1", "5.00"), ("other's", "token-u2", "token-m2", "o3", "4.50")):
        order = all_paid(shop, payment, [place(shop.as_user(buyer), offer=offer, price=price, quantity=3).json()], buyer)[0]
        shipped(shop.as_user(seller), order, quantity=1)
        things[target] = order, packed(shop.as_user(seller), order, quantity=1)
    things["missing"] = {**things["own"][0], "order_id": MISSING}, {"fulfillment_id": MISSING}
    return shop, things


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_the_table_holds(market):
    shop, things = market
    for (operation, target), callers in EXPECTED.items():
        order, fulfillment = things[target]
        for caller, status in callers.items():
            client = shop.as_user(CALLERS[caller]) if CALLERS[caller] else shop.client
            before = shop.counts()
            act = {"createFulfillment": lambda: pack(client, order, quantity=1), "updateFulfillment": lambda: patch(client, fulfillment, tracking={"carrier": "DHL", "number": caller}),
                   "confirmDelivery": lambda: confirm(client, order)}[operation]
            response = act()
            assert response.status_code == status, (operation, target, caller, response.text)
            if status >= 400:
                assert shop.counts() == before
            if status == 201:
                # What one caller packed the next may.
                assert patch(client, response.json(), status="canceled").status_code == 200


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_anothers_and_a_missing_one_answer_alike(market):
    shop, things = market
    without_trace = lambda response: {name: value for name, value in problem(response, 404, "not_found").items() if name != "trace_id"}
    seller, buyer = shop.as_user("token-m1"), shop.as_user("token-u1")
    (others, its), (missing, none) = things["other's"], things["missing"]
    assert without_trace(pack(seller, others)) == without_trace(pack(seller, missing))
    assert without_trace(patch(seller, its, status="shipped")) == without_trace(patch(seller, none, status="shipped"))
    assert without_trace(confirm(buyer, others)) == without_trace(confirm(buyer, missing))


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_who_leaves_a_seller_fulfills_for_it_no_more(launch, feeds, folder):
    """Members are catalog's to say, not the token's."""
    payment, catalog = feeds.publisher("payment"), feeds.publisher("catalog")
    shop = launch("--offers", offers_with_members(folder, s1="m1"), *TOKENS, *feeds.flags(payment, catalog), database=feeds.new_database())
    order = all_paid(shop, payment, [place(shop.as_user("token-u1"), quantity=2).json()])[0]
    seller = shop.as_user("token-m1")
    fulfillment = packed(seller, order, quantity=1)
    catalog.publish("seller.member_removed", "s1", 3, seller_id="s1", status="open", name="Seller s1", members=[{"user_id": "m9", "role": "owner"}])
    eventually(lambda: patch(seller, fulfillment, tracking={"carrier": "DHL", "number": "1"}).status_code == 404)
    problem(pack(seller, order, quantity=1), 404, "not_found")
