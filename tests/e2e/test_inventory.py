"""How many there are of an offer: read, counted and corrected by its seller, on each engine."""

import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.service import JSON, place, problem

PATH = "/api/v1/offers/{}/inventory"


def adjust(client, delta, reason="received", offer="o2", key=None):
    return client.post(f"/api/v1/offers/{offer}/inventory-adjustments", json={"delta": delta, "reason": reason}, headers={"Idempotency-Key": key} if key else {})


def put(client, on_hand, offer="o2", **headers):
    return client.put(PATH.format(offer), json={"on_hand": on_hand}, headers=headers)


def test_a_seller_counts_and_corrects_what_buyers_then_get(staffed_shop):
    seller, buyer = staffed_shop.as_user("token-m1"), staffed_shop.as_user("token-u1")
    assert place(buyer, offer="o2", price="7", quantity=5).status_code == 201
    problem(place(buyer, offer="o2", price="7"), 409, "out_of_stock")
    assert seller.get(PATH.format("o2")).json() == {"offer_id": "o2", "on_hand": 5, "reserved": 5, "available": 0, "version": 2}
    counted = put(seller, 6)
    assert counted.json() == {"offer_id": "o2", "on_hand": 6, "reserved": 5, "available": 1, "version": 3} and counted.headers["etag"] == '"3"'
    assert place(buyer, offer="o2", price="7").status_code == 201
    document = problem(put(seller, 5), 409, "below_reserved")
    assert document["reserved"] == 6
    problem(adjust(seller, -1, "lost"), 409, "below_reserved")
    assert adjust(seller, 4).json()["available"] == 4
    told = [json.loads(row["data"]) for row in staffed_shop.query("SELECT data FROM outbox WHERE type = 'stock.changed' AND subject = 'o2' ORDER BY version")]
    assert [(event["on_hand"], event["reserved"]) for event in told] == [(5, 0), (5, 5), (6, 5), (6, 6), (10, 6)]
    moved = staffed_shop.query("SELECT kind, delta, reason FROM stock_movements WHERE offer_id = 'o2' ORDER BY movement_id")
    assert [tuple(row.values()) for row in moved] == [("initial", 5, None), ("adjustment", 1, "counted"), ("adjustment", 4, "received")]


def test_only_what_the_caller_saw_is_changed_where_that_is_asked(staffed_shop):
    seller = staffed_shop.as_user("token-m1")
    before = seller.get(PATH.format("o2"))
    assert put(seller, 9, **{"If-Match": before.headers["etag"]}).status_code == 200
    counts = staffed_shop.counts()
    problem(put(seller, 20, **{"If-Match": before.headers["etag"]}), 412, "precondition_failed")
    assert staffed_shop.counts() == counts
    assert put(seller, 20).status_code == 200


def test_an_adjustment_under_a_key_counts_once(staffed_shop):
    seller = staffed_shop.as_user("token-m1")
    first, again = adjust(seller, 3, key="k"), adjust(seller, 3, key="k")
    assert again.text == first.text and again.headers["idempotency-replayed"] == "true"
    assert again.headers["etag"] == first.headers["etag"] == '"2"'
    problem(adjust(seller, 4, key="k"), 422, "idempotency_key_reused")
    assert seller.get(PATH.format("o2")).json()["on_hand"] == 8


def test_adjustments_at_once_all_count(staffed_shop):
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: adjust(staffed_shop.as_user("token-m1"), 1), range(40)))
    assert {answer.status_code for answer in answers} == {200}
    assert sorted(answer.json()["on_hand"] for answer in answers) == list(range(6, 46))


def test_what_support_changes_is_logged(staffed_shop):
    support = staffed_shop.as_user("token-support")
    assert put(support, 50).status_code == 200 and adjust(support, 1, offer="o3").status_code == 200
    logged = staffed_shop.query("SELECT actor_id, action, subject_id FROM audit_log ORDER BY entry_id")
    assert [tuple(row.values()) for row in logged] == [("support1", "inventory.set", "o2"), ("support1", "inventory.adjust", "o3")]


@pytest.mark.parametrize("body,pointer,code", [
    ('{}', "/on_hand", "required"), ('{"on_hand":-1}', "/on_hand", "out_of_range"), ('{"on_hand":1.0}', "/on_hand", "not_an_integer"),
    ('{"on_hand":1000000000001}', "/on_hand", "out_of_range"), ('{"on_hand":"1"}', "/on_hand", "wrong_type"), ('{"on_hand":null}', "/on_hand", "wrong_type"),
])
def test_a_count_that_is_none(staffed_shop, body, pointer, code):
    refused(staffed_shop, "PUT", PATH.format("o2"), body, pointer, code)


@pytest.mark.parametrize("body,pointer,code", [
    ('{"reason":"lost"}', "/delta", "required"), ('{"delta":1}', "/reason", "required"), ('{"delta":0,"reason":"lost"}', "/delta", "out_of_range"),
    ('{"delta":1e0,"reason":"lost"}', "/delta", "not_an_integer"), ('{"delta":-1000000000001,"reason":"lost"}', "/delta", "out_of_range"),
    ('{"delta":1000000000000,"reason":"received"}', "/delta", "out_of_range"), ('{"delta":1,"reason":"stolen by ants"}', "/reason", "invalid_value"),
])
def test_an_adjustment_that_is_none(staffed_shop, body, pointer, code):
    refused(staffed_shop, "POST", "/api/v1/offers/o2/inventory-adjustments", body, pointer, code)


def refused(shop, method, path, body, pointer, code):
    before = shop.counts()
    document = problem(shop.as_user("token-m1").request(method, path, content=body, headers=JSON), 422, "validation_failed")
    assert (pointer, code) in [(error["pointer"], error["code"]) for error in document["errors"]]
    assert shop.counts() == before
