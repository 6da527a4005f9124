"""Races at a barrier: one winner, nobody waits long, nothing is sold twice."""

import json
import random
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.crowd import at_once, post
from support.offers import stocked_offers
from support.service import TOKENS, order_body, place

BUYERS = 1_000
RUNS = 20


@pytest.fixture
def stocked(launch, deployment, folder):
    """stocked({offer: units}, …) starts a shop that has these."""
    def start(offers, *flags):
        return launch("--offers", stocked_offers(folder, offers), *TOKENS, *deployment.flags(), *flags, database=deployment.new_database())

    return start


def test_one_unit_and_a_thousand_buyers(stocked):
    """C-01: exactly one placed, 999 × out_of_stock, all answered in 5 s; 20 runs."""
    shop = stocked({f"unit{run}": 1 for run in range(RUNS)})
    for run in range(RUNS):
        requests = [post("/orders", order_body(f"unit{run}"), "token-u1") for _ in range(BUYERS)]
        started = time.monotonic()
        answers = at_once(shop.port, requests)
        assert time.monotonic() - started < 5
        statuses = [status for status, _ in answers]
        assert statuses.count(201) == 1 and statuses.count(409) == BUYERS - 1
        assert all('"code":"out_of_stock"' in body for status, body in answers if status == 409)


def test_a_hundred_units_and_random_quantities(stocked):
    """C-02: sold ≤ 100, and what is left is less than the smallest request that was refused."""
    shop = stocked({"hundred": 100})
    seed = random.randrange(2**32)
    print("seed", seed)
    quantities = [random.Random(seed + i).randint(1, 3) for i in range(BUYERS)]
    answers = at_once(shop.port, [post("/orders", order_body("hundred", quantity), "token-u1") for quantity in quantities])
    sold = sum(q for q, (status, _) in zip(quantities, answers) if status == 201)
    refused = [q for q, (status, _) in zip(quantities, answers) if status == 409]
    assert len(refused) + sum(status == 201 for status, _ in answers) == BUYERS
    assert sold <= 100 and 100 - sold < min(refused)
    assert shop.query("SELECT reserved FROM stock WHERE offer_id = 'hundred'")[0]["reserved"] == sold


def test_the_same_key_a_thousand_times_over(stocked):
    """C-04 on one barrier."""
    shop = stocked({"o": 1_000})
    answers = at_once(shop.port, [post("/orders", order_body("o"), "token-u1", key="same") for _ in range(BUYERS)])
    assert len(set(answers)) == 1 and answers[0][0] == 201
    assert shop.query("SELECT count(*) AS n FROM orders")[0]["n"] == 1


def test_of_many_cancellations_of_one_order_one_counts(stocked):
    """A buyer's and support's, at once: one reason stands, and the units come back once."""
    shop = stocked({"o": 30})
    for _ in range(10):
        order_id = place(shop.as_user("token-u1"), offer="o", quantity=3).json()["order_id"]
        tokens = ["token-u1", "token-support"] * 10
        answers = at_once(shop.port, [post(f"/orders/{order_id}/cancellation", "", token) for token in tokens])
        assert sorted(status for status, _ in answers) == [200] + [409] * 19
        winner = next(token for token, (status, _) in zip(tokens, answers) if status == 200)
        reason = {"token-u1": "buyer", "token-support": "support"}[winner]
        assert shop.as_user("token-u1").get(f"/orders/{order_id}").json()["cancel_reason"] == reason
    assert shop.query("SELECT reserved FROM stock")[0]["reserved"] == 0


def test_cancellation_against_expiry(stocked):
    """Each order ends once, by one of the two, and its unit comes back once."""
    shop = stocked({"o": 100}, "--payment-window", "200ms", "--expiry-interval", "1ms")
    orders = [json.loads(body)["order_id"] for _, body in at_once(shop.port, [post("/orders", order_body("o"), "token-u1") for _ in range(100)])]

    def cancel_when_due(index):
        with shop.as_user("token-u1") as client:
            # Spread over the moment at which the job finds them.
            time.sleep(0.15 + index / 1_000)
            return client.post(f"/orders/{orders[index]}/cancellation").status_code

    with ThreadPoolExecutor(10) as pool:
        statuses = list(pool.map(cancel_when_due, range(100)))
    assert set(statuses) <= {200, 409}
    user = shop.as_user("token-u1")
    deadline = time.monotonic() + 20
    while shop.query("SELECT count(*) AS n FROM orders WHERE status <> 'canceled'")[0]["n"]:
        assert time.monotonic() < deadline
    reasons = [user.get(f"/orders/{order_id}").json()["cancel_reason"] for order_id in orders]
    assert [reason == "buyer" for reason in reasons] == [status == 200 for status in statuses]
    assert shop.query("SELECT reserved FROM stock")[0]["reserved"] == 0


@pytest.mark.parametrize("others", [20])
def test_places_and_cancellations_in_any_order_leave_no_unit_behind(stocked, others):
    shop = stocked({f"o{i}": 50 for i in range(5)})

    def churn(worker):
        chance = random.Random(worker)
        with shop.as_user("token-u1") as client:
            for _ in range(15):
                names = chance.sample(range(5), 3)
                body = '{"items":[' + ",".join('{"offer_id":"o%d","quantity":1,"price":5.00}' % n for n in names) + "]}"
                response = client.post("/orders", content=body, headers={"Content-Type": "application/json"})
                assert response.status_code in (201, 409), response.text
                if response.status_code == 201:
                    assert client.post(f"/orders/{response.json()['order_id']}/cancellation").status_code == 200

    with ThreadPoolExecutor(others) as pool:
        list(pool.map(churn, range(others)))
    assert all(row["reserved"] == 0 for row in shop.query("SELECT reserved FROM stock"))
    assert place(shop.as_user("token-u1"), offer="o0", quantity=50).status_code == 201
