"""C-08: captures that come as their orders expire, or as their buyers cancel them: each order ends one way, and money that cannot be used is given back."""

import json
import os
import random
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from support.audit import clean
from support.publisher import eventually
from support.service import TOKENS, place
from support.offers import stocked_offers

GROUPS = 1_000 if os.environ.get("AGORA_PROVE") == "1" else 100
AROUND_SECONDS = 0.010
BETWEEN_SECONDS = 0.010
WINDOW = "500ms"
# Between two rounds it is looked at how long a capture takes to reach order now: races are won by milliseconds.
ROUND = 20


class Till:
    """An order service that hears of captures, and what has become of them."""

    def __init__(self, shop, payment):
        self.shop, self.payment = shop, payment
        self.user = shop.as_user("token-u1")
        self.published = {}
        self.reach = 0.0

    def place(self):
        return place(self.user, offer="o").json()

    def capture(self, order):
        group = order["order_group_id"]
        self.published[group] = time.time()
        self.payment.publish("payment.captured", f"pay-{group}", payment_id=f"pay-{group}", order_group_id=group, amount=round(order["total"] * 100),
                             currency="USD")

    def events(self):
        """{group: [(type, payment, reason)]} of what captures led to."""
        return {group: [(type, data["payment_id"], data.get("reason")) for type, data in events] for group, events in self.told().items()}

    def told(self):
        told = {}
        for row in self.shop.query("SELECT type, data FROM outbox WHERE type IN ('order_group.paid', 'order_group.capture_refused')"):
            data = json.loads(row["data"])
            told.setdefault(data["order_group_id"], []).append((row["type"], data))
        return told

    def settle(self, orders):
        """Waits until each capture was used or refused, and notes how long the captures of these took to be."""
        eventually(lambda: sum(map(len, self.told().values())) == len(self.published), 60)
        told = self.told()
        took = []
        for order in orders:
            group = order["order_group_id"]
            ((_, data),) = told[group]
            took.append(seconds(data.get("paid_at") or data["refused_at"]) - self.published[group])
        self.reach = max(0.0, statistics.median(took))

    def warm_up(self):
        orders = [self.place() for _ in range(ROUND)]
        for order in orders:
            self.capture(order)
        self.settle(orders)
        return len(orders)


@pytest.fixture
def till(launch, deployment, request, folder):
    payment = deployment.publisher("payment")
    shop = launch("--offers", stocked_offers(folder, {"o": 2 * GROUPS + 100}), *TOKENS, *deployment.flags(payment), "--payment-window",
                  getattr(request, "param", WINDOW), "--expiry-interval", "1ms", database=deployment.new_database())
    return Till(shop, payment)


def seconds(time_of_day):
    return datetime.fromisoformat(time_of_day.replace("Z", "+00:00")).timestamp()


def at(moment, action, *arguments):
    # The moment is what is tested; nothing is right or wrong because of it.
    time.sleep(max(0.0, moment - time.time()))
    return action(*arguments)


def test_a_capture_as_its_order_expires_confirms_it_or_is_refused_once(till):
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    till.warm_up()
    orders = []
    with ThreadPoolExecutor(ROUND) as pool:
        for _ in range(GROUPS // ROUND):
            captures = []
            for _ in range(ROUND):
                order = till.place()
                moment = seconds(order["pay_by"]) + chance.uniform(-AROUND_SECONDS, AROUND_SECONDS) - till.reach
                captures.append(pool.submit(at, moment, till.capture, order))
                orders.append(order)
                time.sleep(BETWEEN_SECONDS)
            for capture in captures:
                capture.result()
            till.settle(orders[-ROUND:])

    events = till.events()
    ends = []
    for order in orders:
        now = till.user.get(f"/orders/{order['order_id']}").json()
        group = order["order_group_id"]
        end = (now["status"], now["payment_status"], now["cancel_reason"], events[group])
        assert end in [("confirmed", "captured", None, [("order_group.paid", f"pay-{group}", None)]),
                       ("canceled", "canceled", "expired", [("order_group.capture_refused", f"pay-{group}", "ended")])], order
        ends.append(now["status"])
    confirmed = ends.count("confirmed")
    print("confirmed", confirmed, "expired", GROUPS - confirmed)
    assert 0 < confirmed < GROUPS, "both have to have won"
    paid = [group for group, ((type, *_),) in events.items() if type == "order_group.paid"]
    assert till.shop.query("SELECT reserved FROM stock WHERE offer_id = 'o'") == [{"reserved": len(paid)}]
    clean(till.shop)


@pytest.mark.parametrize("till", ["1h"], indirect=True)
def test_a_capture_as_its_buyer_cancels_is_used_before_or_refused_once(till):
    """A buyer may cancel what is paid, too: then it was paid, and is refunded; else its capture is refused. Never both, never neither."""
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    warmed_up = till.warm_up()
    orders, statuses = [], []

    def cancel(order):
        with till.shop.as_user("token-u1") as client:
            return client.post(f"/orders/{order['order_id']}/cancellation").status_code

    with ThreadPoolExecutor(ROUND) as payers, ThreadPoolExecutor(ROUND) as buyers:
        for _ in range(GROUPS // ROUND):
            placed = [till.place() for _ in range(ROUND)]
            start = time.time() + 0.1
            moments = [start + i * BETWEEN_SECONDS for i in range(ROUND)]
            captures = [payers.submit(at, moment + chance.uniform(-AROUND_SECONDS, AROUND_SECONDS) - till.reach, till.capture, order)
                        for moment, order in zip(moments, placed)]
            statuses += buyers.map(at, moments, [cancel] * ROUND, placed)
            for capture in captures:
                capture.result()
            till.settle(placed)
            orders += placed

    assert set(statuses) == {200}
    events = till.events()
    ends = []
    for order in orders:
        now = till.user.get(f"/orders/{order['order_id']}").json()
        group = order["order_group_id"]
        end = (now["status"], now["cancel_reason"], now["payment_status"], events[group])
        assert end in [("canceled", "buyer", "captured", [("order_group.paid", f"pay-{group}", None)]),
                       ("canceled", "buyer", "canceled", [("order_group.capture_refused", f"pay-{group}", "ended")])], order
        ends.append(now["payment_status"])
    print("paid before", ends.count("captured"), "refused", ends.count("canceled"))
    assert len(set(ends)) == 2, "both have to have won"
    assert till.shop.query("SELECT reserved FROM stock WHERE offer_id = 'o'") == [{"reserved": warmed_up}]
    clean(till.shop)
