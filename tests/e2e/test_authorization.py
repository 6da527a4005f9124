"""A-01: every cell of docs/authorization.md, and that what another has answers like what there is not. And who tokens are, where there are none."""

import pytest

from support.contract import CONTRACTS
from support.matrix import CALLERS, DEPLOYMENTS, OPERATIONS, TABLE, rows_of
from support.offers import offers_with_members
from support.parties import AT, BODIES
from support.publisher import eventually
from support.selling import all_paid, pack, packed, patch
from support.service import OFFERS, TOKENS, place, problem
from support.tokens import NAMED, bearer

CREATORS = ("createOrder", "createOrderGroup", "createCart")


@pytest.mark.no_audit
def test_the_table_has_every_operation_and_every_caller():
    assert {operation for operation, _ in TABLE} == set(OPERATIONS)
    assert all(row.keys() == CALLERS.keys() for row in TABLE.values())
    assert BODIES.keys() <= TABLE.keys()
    assert {name for name, operation in OPERATIONS.items() if "requestBody" in operation.node} == {operation for operation, _ in BODIES}


def shown(response):
    """What a client sees of a refusal, but for what is of each request."""
    headers = {name: value for name, value in response.headers.items() if name not in ("date", "traceparent")}
    return headers, {name: value for name, value in response.json().items() if name != "trace_id"}


def refuse(parties, cells, wrong):
    """Those that are refused: nothing changes, and where another's and a missing one have one status, they have one answer."""
    asked = [(cell, parties.ids(cell)) for cell in cells]
    before, answers = parties.state(), {}
    for cell, ids in asked:
        response = parties.ask_for(cell, ids)
        if response.status_code != cell.status:
            wrong.append(f"{cell}: {response.status_code} instead of {cell.status}")
        else:
            answers[cell.who, cell.target] = cell.status, shown(response)
    if parties.state() != before:
        wrong.append(f"{cells[0].operation} of {cells[0].thing}: what was refused changed something")
    for (who, target), (status, answer) in answers.items():
        other, missing = answer, answers.get((who, "missing"), (None, None))
        if target == "other's" and status == missing[0] and other != missing[1]:
            wrong.append(f"{cells[0].operation} of {cells[0].thing}, {who}: {other} but of a missing one {missing[1]}")


def serve(parties, cells, wrong):
    for cell in cells:
        response = parties.ask_for(cell, parties.ids(cell))
        if response.status_code != cell.status:
            wrong.append(f"{cell}: {response.status_code} instead of {cell.status}, {response.text}")
        elif cell.operation in CREATORS and response.json()["user_id"] != NAMED[cell.token][0]:
            wrong.append(f"{cell}: is {response.json()['user_id']}'s")
        parties.used(cell.thing, cell.owner)


@pytest.mark.parametrize("deployment", DEPLOYMENTS, indirect=True)
@pytest.mark.parametrize("name", CONTRACTS)
def test_every_cell_of_the_table_holds(launch, deployment, folder, name):
    parties, wrong, count = AT[name](launch, deployment, folder), [], 0
    for cells in rows_of(name):
        count += len(cells)
        refuse(parties, [cell for cell in cells if cell.status >= 400], wrong)
        serve(parties, [cell for cell in cells if cell.status < 400], wrong)
    assert not wrong, "\n".join(wrong)
    print(count, "cells")


def test_a_list_has_nobody_elses_orders(sqlite_shop):
    """I11, also for support: theirs are the routes under /admin."""
    for token in ("token-u1", "token-u2", "token-guest"):
        place(sqlite_shop.as_user(token))
    for token, subject in (("token-u1", "u1"), ("token-u2", "u2"), ("token-guest", "g1")):
        assert [order["user_id"] for order in sqlite_shop.as_user(token).get("/orders").json()["items"]] == [subject]
    assert sqlite_shop.as_user("token-support").get("/orders").json()["items"] == []


def test_demo_guests_place_and_read_and_nothing_else(launch):
    service = launch("--standalone", "--demo-guests", *TOKENS)
    order = place(service.client, offer="o42", price="499.99", user_id="u1").json()
    assert service.client.get(f"/orders/{order['order_id']}").status_code == 200
    assert service.client.get("/orders").status_code == 401
    assert service.client.post(f"/orders/{order['order_id']}/cancellation").status_code == 401
    # A token counts as it does elsewhere, and orders of users who are not in the offers file stay theirs.
    others = place(service.as_user("token-u2"), offer="o42", price="499.99").json()
    assert service.client.get(f"/orders/{others['order_id']}").status_code == 404
    assert service.client.get(f"/orders/{order['order_id']}", headers={"Authorization": "Bearer forged"}).status_code == 401


def test_without_anything_to_verify_tokens_with(launch):
    service = launch("--offers", OFFERS)
    for method, path in (("GET", "/orders"), ("GET", "/orders/x"), ("POST", "/orders"), ("POST", "/orders/x/cancellation")):
        assert service.client.request(method, path).status_code == 401
        answer = service.client.request(method, path, headers={"Authorization": "Bearer any"})
        assert answer.status_code == 503 and answer.json()["code"] == "token_verification_unavailable" and "retry-after" in answer.headers
    assert service.client.get("/health").status_code == 200


@pytest.mark.parametrize("header", ["Basic dTE6dTE=", "Bearer", "{}", "bearer  {}", "Bearer {}, Bearer {}"])
def test_malformed_authorization_is_401(sqlite_shop, header):
    assert sqlite_shop.client.get("/orders", headers={"Authorization": header.replace("{}", bearer("token-u1"))}).status_code == 401


def test_the_scheme_is_read_in_any_case(sqlite_shop):
    assert sqlite_shop.client.get("/orders", headers={"Authorization": f"bEaReR {bearer('token-u1')}"}).status_code == 200


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
