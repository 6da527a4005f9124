"""Canceling and expiring: what ends an order, and that its stock comes back once."""

import sqlite3
import time

import pytest

from support.publisher import eventually
from support.service import JSON, OFFERS, TOKENS, place, problem

UNPAID = ("--offers", OFFERS, *TOKENS, "--payment-window", "1ms")


def reserved(shop, offer="o1"):
    return shop.query(f"SELECT reserved FROM stock WHERE offer_id = '{offer}'")[0]["reserved"]


def test_a_buyer_cancels(shop):
    user = shop.as_user("token-u1")
    order = place(user, quantity=4).json()
    canceled = user.post(f"/orders/{order['order_id']}/cancellation", content="{}", headers=JSON)
    assert canceled.status_code == 200
    document = canceled.json()
    assert document["status"] == "canceled" and document["cancel_reason"] == "buyer" and document["payment_status"] == "canceled"
    assert document["fulfillment_status"] == "canceled" and document["items"][0]["canceled_quantity"] == 4
    assert document["canceled_at"] and document["pay_by"] is None and document["version"] == 2
    assert user.get(f"/orders/{order['order_id']}").text == canceled.text
    assert reserved(shop) == 0
    problem(user.post(f"/orders/{order['order_id']}/cancellation"), 409, "already_canceled")


def test_support_cancels_anybodys(shop):
    order = place(shop.as_user("token-u1")).json()
    canceled = shop.as_user("token-support").post(f"/orders/{order['order_id']}/cancellation")
    assert canceled.json()["cancel_reason"] == "support"
    assert [(row["actor_id"], row["action"], row["subject_id"]) for row in shop.query("SELECT * FROM audit_log")] == [("support1", "order.cancel", order["order_id"])]


def look_for_expired(shop, *flags):
    """Starts anew with a job that looks often. Until then it looked once an hour, so that no test races against it."""
    shop.flags = (*UNPAID, "--expiry-interval", "20ms", *flags)
    return shop.restart()


def test_an_unpaid_order_expires_and_its_stock_is_sold_again(launch, new_database):
    shop = launch(*UNPAID, "--expiry-interval", "1h", database=new_database())
    user = shop.as_user("token-u1")
    orders = [place(user, offer="o2", price="7").json() for _ in range(5)]
    problem(place(user, offer="o2", price="7"), 409, "out_of_stock")
    user = look_for_expired(shop).as_user("token-u1")
    deadline = time.monotonic() + 10
    read = lambda: [user.get(f"/orders/{order['order_id']}").json() for order in orders]
    while any(document["status"] == "pending" for document in read()):
        assert time.monotonic() < deadline
    for document in read():
        assert document["status"] == "canceled" and document["cancel_reason"] == "expired"
    assert reserved(shop, "o2") == 0
    assert place(user, offer="o2", price="7").status_code == 201
    reasons = {row["data"].split('"reason":"')[1].split('"')[0] for row in shop.query("SELECT data FROM outbox WHERE type = 'order.canceled'")}
    assert reasons == {"expired"}


def test_a_canceled_order_does_not_expire(launch):
    shop = launch(*UNPAID, "--expiry-interval", "1h")
    user = shop.as_user("token-u1")
    order = place(user).json()
    assert user.post(f"/orders/{order['order_id']}/cancellation").status_code == 200
    user = look_for_expired(shop).as_user("token-u1")
    rounds = 'agora_job_rounds_total{job_name="order.expiry"} '
    count = lambda: int(shop.metrics().split(rounds)[1].split("\n")[0])
    target = count() + 10
    deadline = time.monotonic() + 10
    while count() < target:
        assert time.monotonic() < deadline
    assert user.get(f"/orders/{order['order_id']}").json()["cancel_reason"] == "buyer"


def test_an_expired_order_cannot_be_canceled(launch):
    shop = launch(*UNPAID, "--expiry-interval", "20ms")
    user = shop.as_user("token-u1")
    order_id = place(user).json()["order_id"]
    deadline = time.monotonic() + 10
    while user.get(f"/orders/{order_id}").json()["status"] == "pending":
        assert time.monotonic() < deadline
    before = shop.counts()
    for token in ("token-u1", "token-support"):
        problem(shop.as_user(token).post(f"/orders/{order_id}/cancellation"), 409, "already_canceled")
    assert shop.counts() == before


def test_what_was_sold_out_is_sold_again_after_a_cancellation(shop):
    user, other = shop.as_user("token-u1"), shop.as_user("token-u2")
    taken = place(other, offer="last", price="900").json()
    problem(place(user, offer="last", price="900"), 409, "out_of_stock")
    assert other.post(f"/orders/{taken['order_id']}/cancellation").status_code == 200
    assert place(user, offer="last", price="900").status_code == 201


@pytest.mark.parametrize("path", ["none", "x" * 70])
def test_missing_orders_cannot_be_canceled(sqlite_shop, path):
    problem(sqlite_shop.as_user("token-u1").post(f"/orders/{path}/cancellation"), 404, "not_found")


@pytest.mark.no_audit
def test_orders_that_cannot_be_read_do_not_keep_others_from_expiring(launch):
    """A status of a newer version, or damage: the oldest come first in every round, and fill whole pages of it."""
    shop = launch(*UNPAID, "--expiry-interval", "1h")
    *bad, good = (place(shop.as_user("token-u1")).json()["order_id"] for _ in range(6))
    shop.kill()
    database = sqlite3.connect(shop.data / "order.db")
    database.execute("UPDATE orders SET payment_status = 'on_hold' WHERE order_id <> ?", (good,))
    database.commit()
    database.close()
    user = look_for_expired(shop, "--expiry-batch-max", "2").as_user("token-u1")
    eventually(lambda: user.get(f"/orders/{good}").json()["cancel_reason"] == "expired")
    assert shop.query("SELECT order_id FROM orders WHERE status = 'pending' ORDER BY order_id") == [{"order_id": order_id} for order_id in sorted(bad)]
