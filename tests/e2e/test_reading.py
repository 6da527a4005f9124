"""Reading one order, and the buyer's own in pages."""

import pytest

from support.service import place, problem


def test_pages_are_newest_first_and_stable_under_inserts(shop):
    user = shop.as_user("token-u1")
    placed = [place(user).json()["order_id"] for _ in range(25)]
    page = user.get("/orders", params={"limit": 10}).json()
    seen = [order["order_id"] for order in page["items"]]
    place(user)
    place(shop.as_user("token-u2"))
    while page["has_more"]:
        page = user.get("/orders", params={"limit": 10, "cursor": page["next_cursor"]}).json()
        seen += [order["order_id"] for order in page["items"]]
    assert page["next_cursor"] is None
    assert seen == list(reversed(placed))


def test_a_listed_order_is_the_order(shop):
    user = shop.as_user("token-u1")
    placed = place(user).json()
    assert user.get("/orders").json()["items"] == [placed]
    assert user.get(f"/orders/{placed['order_id']}").json() == placed


def test_filters(shop):
    user = shop.as_user("token-u1")
    first, second = place(user).json(), place(user).json()
    user.post(f"/orders/{first['order_id']}/cancellation")
    ids = lambda **params: [o["order_id"] for o in user.get("/orders", params=params).json()["items"]]
    assert ids(status="canceled") == [first["order_id"]]
    assert ids(status="pending,canceled") == [second["order_id"], first["order_id"]]
    assert ids(status="completed") == []
    assert ids(created_after="2999-01-01T00:00:00Z") == []
    assert second["order_id"] not in ids(created_after=second["placed_at"]), "what was placed at that time is not after it"
    assert ids(created_after="2020-01-01T00:00:00+02:00") == [second["order_id"], first["order_id"]]


@pytest.mark.parametrize("query,pointer,code", [
    ("limit=0", "?limit", "out_of_range"), ("limit=-1", "?limit", "out_of_range"), ("limit=x", "?limit", "out_of_range"), ("limit=", "?limit", "out_of_range"),
    ("status=lost", "?status", "invalid_value"), ("created_after=yesterday", "?created_after", "invalid_time"), ("colour=red", "?colour", "unknown_field"),
    ("limit=1&limit=2", "?limit", "conflicting_fields"),
])
def test_wrong_parameters_are_named(sqlite_shop, query, pointer, code):
    document = problem(sqlite_shop.as_user("token-u1").get(f"/orders?{query}"), 422, "validation_failed")
    assert [(e["pointer"], e["code"]) for e in document["errors"]] == [(pointer, code)]


@pytest.mark.parametrize("method,path", [("POST", "/orders"), ("GET", "/orders/o1"), ("POST", "/orders/o1/cancellation")])
def test_operations_without_parameters_name_those_they_get(sqlite_shop, method, path):
    user = sqlite_shop.as_user("token-u1")
    document = problem(user.request(method, path + "?colour=red&dry_run=1"), 422, "validation_failed")
    assert [(e["pointer"], e["code"]) for e in document["errors"]] == [("?colour", "unknown_field"), ("?dry_run", "unknown_field")]
    problem(user.request(method, path + "?colour=%ff"), 400, "malformed_query")


@pytest.mark.parametrize("path", ["/", "/health", "/docs", "/openapi.json"])
def test_pages_pass_over_what_a_client_adds(sqlite_shop, path):
    assert sqlite_shop.client.get(path + "?utm_source=mail").status_code == 200


def test_a_large_limit_is_cut(sqlite_shop):
    user = sqlite_shop.as_user("token-u1")
    for _ in range(101):
        place(user)
    assert len(user.get("/orders?limit=99999999999999999999").json()["items"]) == 100


def test_cursors_are_bound_to_their_filters_and_recognised_when_damaged(sqlite_shop):
    user = sqlite_shop.as_user("token-u1")
    for _ in range(3):
        place(user)
    cursor = user.get("/orders?limit=1").json()["next_cursor"]
    assert user.get(f"/orders?limit=2&cursor={cursor}").status_code == 200
    problem(user.get(f"/orders?limit=1&status=pending&cursor={cursor}"), 400, "invalid_cursor")
    problem(sqlite_shop.as_user("token-u2").get(f"/orders?cursor={cursor}"), 400, "invalid_cursor")
    for damaged in (cursor[:-1], cursor[:10], "", "x", "%00", cursor[:-2] + "AA", cursor + cursor, "é"):
        response = user.get("/orders", params={"cursor": damaged})
        assert response.status_code == 400, damaged


@pytest.mark.parametrize("path", ["/orders/none", "/orders/" + "x" * 65, "/orders/a%2Fb", "/orders/..%2f", "/orders/a%20b"])
def test_unknown_or_malformed_ids_are_404(sqlite_shop, path):
    problem(sqlite_shop.as_user("token-u1").get(path), 404, "not_found")


def test_malformed_queries_are_400(sqlite_shop):
    problem(sqlite_shop.as_user("token-u1").get("/orders?status=%ff"), 400, "malformed_query")
