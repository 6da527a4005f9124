"""The same key and body give the same bytes and one effect; anything else is told."""

import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from support.crowd import at_once, post
from support.service import JSON, OFFERS, TOKENS, order_body, place, problem


def test_a_repeat_gives_the_same_bytes(shop):
    user = shop.as_user("token-u1")
    first = place(user, key="k1")
    before = shop.counts()
    again = place(user, key="k1")
    assert (again.status_code, again.text, again.headers["location"]) == (201, first.text, first.headers["location"])
    assert again.headers["idempotency-replayed"] == "true" and "idempotency-replayed" not in first.headers
    assert shop.counts() == before


def test_one_key_through_both_paths_makes_one_order(shop):
    user = shop.as_user("token-u1")
    first = place(user, key="k1")
    again = place(user, key="k1", path="/api/v1/orders")
    assert again.text == first.text and again.headers["location"] == first.headers["location"]


def test_another_body_is_refused(shop):
    user = shop.as_user("token-u1")
    place(user, key="k1")
    before = shop.counts()
    problem(place(user, key="k1", quantity=2), 422, "idempotency_key_reused")
    assert shop.counts() == before


def test_anothers_key_never_answers_with_their_bytes(shop):
    mine = place(shop.as_user("token-u1"), key="shared")
    theirs = place(shop.as_user("token-u2"), key="shared")
    assert theirs.status_code == 201 and theirs.json()["order_id"] != mine.json()["order_id"] and theirs.json()["user_id"] == "u2"


def test_a_refusal_is_computed_afresh(shop):
    user, other = shop.as_user("token-u1"), shop.as_user("token-u2")
    taken = place(other, offer="last", price="900").json()
    problem(place(user, key="k1", offer="last", price="900"), 409, "out_of_stock")
    other.post(f"/orders/{taken['order_id']}/cancellation")
    assert place(user, key="k1", offer="last", price="900").status_code == 201


def test_cancellation_repeats_too(shop):
    user = shop.as_user("token-u1")
    first, second = place(user).json(), place(user).json()
    cancel = lambda order: user.post(f"/orders/{order['order_id']}/cancellation", headers={"Idempotency-Key": "c"})
    canceled = cancel(first)
    assert cancel(first).text == canceled.text and cancel(first).headers["idempotency-replayed"] == "true"
    # The key's scope holds the path: another order's cancellation is another request.
    assert cancel(second).json()["order_id"] == second["order_id"]


def test_keys_survive_a_kill(shop):
    user = shop.as_user("token-u1")
    first = place(user, key="k1")
    shop.restart()
    assert place(shop.as_user("token-u1"), key="k1").text == first.text


def test_a_double_click_fifty_times_over_is_one_order(launch, deployment):
    """C-04."""
    shop = launch("--offers", OFFERS, *TOKENS, *deployment.flags(), database=deployment.new_database())

    def click(_):
        with shop.as_user("token-u1") as client:
            return place(client, key="double").text

    with ThreadPoolExecutor(50) as pool:
        answers = set(pool.map(click, range(50)))
    assert len(answers) == 1
    assert shop.query("SELECT count(*) AS n FROM orders")[0]["n"] == 1


def test_of_two_bodies_at_once_under_one_key_one_is_ordered(shop):
    requests = [post(path, order_body(quantity=quantity), "token-u1", key="contested")
                for quantity in (1, 2) for path in ("/orders", "/api/v1/orders") for _ in range(25)]
    answers = at_once(shop.port, requests)
    statuses = [status for status, _ in answers]
    assert sorted(statuses[:50] + statuses[50:]) == [201] * 50 + [422] * 50
    assert len(set(statuses[:50])) == len(set(statuses[50:])) == 1, "all of one body, none of the other"
    assert len({body for status, body in answers if status == 201}) == 1
    assert all('"code":"idempotency_key_reused"' in body for status, body in answers if status == 422)
    assert shop.query("SELECT count(*) AS n FROM orders")[0]["n"] == 1


def test_a_key_is_forgotten_when_its_time_is_over(launch, new_database):
    shop = launch("--offers", OFFERS, *TOKENS, "--idempotency-retention", "100ms", "--cleaning-interval", "20ms", database=new_database())
    user = shop.as_user("token-u1")
    first = place(user, key="k1")
    deadline = time.monotonic() + 10
    while shop.counts()["idempotency_keys"]:
        assert time.monotonic() < deadline
    assert place(user, key="k1").json()["order_id"] != first.json()["order_id"]


@pytest.mark.parametrize("key", ["", "x" * 256, "a b", "a\tb", "é".encode().decode("latin-1")])
def test_keys_that_are_none(sqlite_shop, key):
    before = sqlite_shop.counts()
    response = sqlite_shop.as_user("token-u1").post("/orders", content=order_body(), headers=[*JSON.items(), ("Idempotency-Key", key.encode("latin-1"))])
    problem(response, 400, "invalid_idempotency_key")
    assert sqlite_shop.counts() == before


def test_two_keys_are_refused(sqlite_shop):
    headers = httpx.Headers([("Content-Type", "application/json"), ("Idempotency-Key", "a"), ("Idempotency-Key", "b")])
    problem(sqlite_shop.as_user("token-u1").post("/orders", content=order_body(), headers=headers), 400, "invalid_idempotency_key")


def test_the_longest_key_is_taken(sqlite_shop):
    assert place(sqlite_shop.as_user("token-u1"), key="~" * 255).status_code == 201
