"""Order and notification together: whichever dies, orders go on, and everyone is told once."""

import itertools
import json
import os
import pathlib
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from support.audit import clean
from support.publisher import eventually
from support.service import JSON, OFFERS, TOKENS, Service, order_body

pytestmark = pytest.mark.no_audit

PROVE = os.environ.get("AGORA_PROVE") == "1"
CLIENTS = 16
OPERATIONS = CLIENTS * (125 if PROVE else 60)
KILLS, SECONDS_BETWEEN_KILLS = (12, 5) if PROVE else (6, 0.4)
READY_SECONDS_MAX = 2.0
ABOUT_ORDERS = "kind NOT IN ('welcome', 'sale_canceled')"


class Market:
    """Both services, order in as many replicas as its database can have, a payment log beside them, and clients that never give up a key."""

    def __init__(self, deployment):
        self.deployment = deployment
        data = deployment.folder / "data"
        self.payment = deployment.publisher("payment")
        database = deployment.new_database()
        self.orders = [Service(data, "--offers", OFFERS, *TOKENS, *deployment.flags(self.payment), database=database) for _ in range(deployment.replicas)]
        self.order = self.orders[0]
        offers = deployment.folder / "told.jsonl"
        member = {"specversion": "1.0", "id": "t-members", "source": "/agora/offers-file", "type": "seller.member_added", "subject": "s1",
                  "logid": "offers-file", "version": "2",
                  "data": {"seller_id": "s1", "status": "open", "name": "Seller s1", "members": [{"user_id": "u2", "role": "owner"}]}}
        offers.write_text(pathlib.Path(OFFERS).read_text() + json.dumps(member) + "\n")
        self.notification = Service(data, "--offers", str(offers), *deployment.flags(self.order), database=deployment.new_database(), name="notification")
        self.history = []
        self.ready_seconds = []
        self.start(*self.orders, self.notification)

    def start(self, *services):
        for service in services:
            began = time.monotonic()
            service.start()
            self.ready_seconds.append(time.monotonic() - began)

    def end(self):
        for service in (*self.orders, self.notification):
            service.kill()

    def ask(self, clients, type, path, key, body, order_id=None):
        """Repeats with the same key until there is an answer, as a client should; at another replica where there is one."""
        line = {"type": type, "key": key, "body": body, "order_id": order_id}
        self.history.append({"op": "invoke", **line})
        deadline = time.monotonic() + 60
        for client in itertools.cycle(clients):
            assert time.monotonic() < deadline, f"{key} was never answered"
            try:
                answer = client.post(path, content=body, headers={**JSON, "Idempotency-Key": key})
            except httpx.TransportError:
                time.sleep(0.02)
                continue
            if answer.status_code == 503:
                time.sleep(0.02)
                continue
            done = answer.status_code < 300
            self.history.append({"op": "ok" if done else "fail", **line, "order_id": answer.json().get("order_id", order_id), "body": answer.text})
            return answer.json() if done else None

    def shop(self, number, over):
        """One client: places, now and then cancels, and has some paid."""
        chance = random.Random(number)
        clients = [order.as_user("token-u1") for order in self.orders]
        for i in itertools.count():
            if i >= OPERATIONS // CLIENTS and over.is_set():
                return
            clients = clients[::-1]
            order = self.ask(clients, "place", "/orders", f"place-{number}-{i}", order_body())
            if chance.random() < 0.2:
                self.ask(clients, "cancel", f"/orders/{order['order_id']}/cancellation", f"cancel-{number}-{i}", "{}", order["order_id"])
            elif chance.random() < 0.3:
                self.payment.publish("payment.captured", f"pay-{number}-{i}", payment_id=f"pay-{number}-{i}", order_group_id=order["order_group_id"],
                                     amount=round(order["total"] * 100), currency="USD")

    def shop_at_once(self, meanwhile=lambda: None):
        """Each client so often, and for as long as there is something meanwhile."""
        over = threading.Event()
        with ThreadPoolExecutor(CLIENTS) as pool:
            clients = [pool.submit(self.shop, number, over) for number in range(CLIENTS)]
            try:
                meanwhile()
            finally:
                over.set()
            for client in clients:
                client.result()

    def settle(self):
        """Waits until every event has been read and acted on."""
        captured = len(self.payment.query("SELECT 1 FROM outbox"))
        eventually(lambda: len(self.order.query("SELECT 1 FROM outbox WHERE type IN ('order_group.paid', 'order_group.capture_refused')")) == captured, 60)
        expected = len(self.expected())
        eventually(lambda: self.notification.query(f"SELECT count(*) AS n FROM notifications WHERE {ABOUT_ORDERS}")[0]["n"] >= expected, 60)
        self.deployment.all_is_published(self.order)
        clean(self.order, self.history)

    def expected(self):
        """I7: each checkout placed or paid to its buyer, each sale to the seller's member, by each channel."""
        return {(row["event_id"], "u2" if row["type"] == "order.paid" else "u1", channel)
                for row in self.order.query("SELECT event_id, type FROM outbox WHERE type IN ('order_group.placed', 'order_group.paid', 'order.paid', 'order.canceled')")
                for channel in ("in_app", "mail")}

    def got(self):
        return [(row["event_id"], row["user_id"], row["channel"])
                for row in self.notification.query(f"SELECT event_id, user_id, channel FROM notifications WHERE {ABOUT_ORDERS}")]

    def everyone_was_told_once(self):
        got, expected = self.got(), self.expected()
        assert len(got) == len(set(got)) and set(got) == expected and len(expected) > OPERATIONS
        kinds = {row["kind"]: row["n"] for row in self.notification.query("SELECT kind, count(*) AS n FROM notifications GROUP BY kind")}
        assert kinds["order_paid"] > OPERATIONS / 10 and kinds["sale_paid"] == kinds["order_paid"], kinds


@pytest.fixture
def market(deployment):
    market = Market(deployment)
    yield market
    market.end()


@pytest.mark.parametrize("victims", ["order", "notification", "both"])
def test_whichever_dies_nothing_is_lost_and_nobody_told_twice(market, victims):
    """One process at a time, where there are several."""
    def kill_and_start():
        for kill in range(KILLS):
            time.sleep(SECONDS_BETWEEN_KILLS)
            order = market.orders[kill % len(market.orders)]
            killed = {"order": [order], "notification": [market.notification], "both": [order, market.notification]}[victims]
            for service in killed:
                service.kill()
            market.start(*killed)

    market.shop_at_once(kill_and_start)
    market.settle()
    market.everyone_was_told_once()
    print(f"{len(market.history) // 2} operations, {KILLS} kills, ready again after {max(market.ready_seconds):.2f} s at most")
    assert max(market.ready_seconds) <= READY_SECONDS_MAX


def test_orders_go_on_while_nobody_reads_and_everyone_is_told_afterwards(market):
    market.notification.kill()
    market.shop_at_once()
    assert len([line for line in market.history if line["op"] == "ok" and line["type"] == "place"]) == OPERATIONS
    market.start(market.notification)
    market.settle()
    market.everyone_was_told_once()
