"""Order and notification together: whichever dies, orders go on, and everyone is told once."""

import json
import pathlib
import random
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from support.publisher import TOKEN, Publisher, eventually
from support.service import BUILD, OFFERS, TOKENS, Service, order_body
from support.tokens import bearer

pytestmark = pytest.mark.no_audit

CLIENTS = 16
OPERATIONS = 2_000
KILLS = 6
READY_SECONDS_MAX = 2.0
JSON = {"Content-Type": "application/json"}


class Market:
    """Both services on one folder, a payment log beside them, and clients that never give up a key."""

    def __init__(self, folder):
        self.data = folder / "data"
        self.payment = Publisher("payment", folder / "payment").start()
        token = ("--service-token-file", str(self.payment.token_file), "--events.wait", "1s")
        self.order = Service(self.data, "--offers", OFFERS, *TOKENS, "--payment-feed", self.payment.feed, *token)
        offers = folder / "told.jsonl"
        member = {"specversion": "1.0", "id": "t-members", "source": "/agora/offers-file", "type": "seller.member_added", "subject": "s1",
                  "logid": "offers-file", "version": "2",
                  "data": {"seller_id": "s1", "status": "open", "name": "Seller s1", "members": [{"user_id": "u2", "role": "owner"}]}}
        offers.write_text(pathlib.Path(OFFERS).read_text() + json.dumps(member) + "\n")
        self.notification = Service(self.data, "--offers", str(offers), "--order-feed", f"feed:http://127.0.0.1:{self.order.internal_port}", *token,
                                    name="notification")
        self.history = []
        self.ready_seconds = []
        self.start(self.order, self.notification)

    def start(self, *services):
        for service in services:
            began = time.monotonic()
            service.start()
            self.ready_seconds.append(time.monotonic() - began)

    def end(self):
        for service in (self.order, self.notification, self.payment):
            service.kill()

    def ask(self, client, type, path, key, body, order_id=None):
        """Repeats with the same key until there is an answer, as a client should."""
        line = {"type": type, "key": key, "body": body, "order_id": order_id}
        self.history.append({"op": "invoke", **line})
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
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
        self.history.append({"op": "info", **line})
        return None

    def shop(self, number, count):
        """One client: places, now and then cancels, and has some paid."""
        chance = random.Random(number)
        with httpx.Client(base_url=self.order.url, timeout=10, headers={"Authorization": f"Bearer {bearer('token-u1')}"}) as client:
            for i in range(count):
                order = self.ask(client, "place", "/orders", f"place-{number}-{i}", order_body())
                if order is None:
                    continue
                if chance.random() < 0.2:
                    self.ask(client, "cancel", f"/orders/{order['order_id']}/cancellation", f"cancel-{number}-{i}", "{}", order["order_id"])
                elif chance.random() < 0.3:
                    self.payment.publish("payment.captured", f"pay-{number}-{i}", payment_id=f"pay-{number}-{i}", order_group_id=order["order_group_id"],
                                         amount=round(order["total"] * 100), currency="USD")

    def shop_at_once(self, meanwhile=lambda: None):
        with ThreadPoolExecutor(CLIENTS + 1) as pool:
            clients = [pool.submit(self.shop, number, OPERATIONS // CLIENTS) for number in range(CLIENTS)]
            others = pool.submit(meanwhile)
            for client in clients:
                client.result()
            others.result()

    def settle(self):
        """Waits until every event has been read and acted on."""
        captured = len(self.payment.query("SELECT 1 FROM outbox"))
        eventually(lambda: len(self.order.query("SELECT 1 FROM outbox WHERE type IN ('order_group.paid', 'order_group.capture_refused')")) == captured, 60)
        head = self.order.query("SELECT max(sequence) AS n FROM outbox WHERE topic <> 'agora.stock'")[0]["n"]
        eventually(lambda: self.notification.query(f"SELECT 1 FROM inbox_positions WHERE sequence >= {head}"), 60)

    def audit(self, folder):
        history = folder / "history.jsonl"
        history.write_text("".join(json.dumps(line) + "\n" for line in self.history))
        done = subprocess.run([BUILD / "cli" / "agora", "audit", "--data", self.data, "--history", history, "--json"], capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr

    def everyone_was_told_once(self):
        """I7: each checkout placed or paid to its buyer, each sale to the seller's member, by each channel."""
        expected = {(row["event_id"], "u2" if row["type"] == "order.paid" else "u1", channel)
                    for row in self.order.query("SELECT event_id, type FROM outbox WHERE type IN ('order_group.placed', 'order_group.paid', 'order.paid', 'order.canceled')")
                    for channel in ("in_app", "mail")}
        got = [(row["event_id"], row["user_id"], row["channel"])
               for row in self.notification.query("SELECT event_id, user_id, channel FROM notifications WHERE kind NOT IN ('welcome', 'sale_canceled')")]
        assert len(got) == len(set(got)) and set(got) == expected and len(expected) > OPERATIONS
        kinds = {row["kind"]: row["n"] for row in self.notification.query("SELECT kind, count(*) AS n FROM notifications GROUP BY kind")}
        assert kinds["order_paid"] > OPERATIONS / 10 and kinds["sale_paid"] == kinds["order_paid"], kinds


@pytest.fixture
def market(folder):
    market = Market(folder)
    yield market
    market.end()


@pytest.mark.parametrize("victims", [("order",), ("notification",), ("order", "notification")], ids="+".join)
def test_whichever_dies_nothing_is_lost_and_nobody_told_twice(market, folder, victims):
    services = [getattr(market, name) for name in victims]
    stop = threading.Event()

    def kill_and_start():
        for _ in range(KILLS):
            if stop.wait(0.4):
                return
            for service in services:
                service.kill()
            market.start(*services)

    market.shop_at_once(kill_and_start)
    market.settle()
    market.everyone_was_told_once()
    market.audit(folder)
    assert max(market.ready_seconds) <= READY_SECONDS_MAX


def test_orders_go_on_while_nobody_reads_and_everyone_is_told_afterwards(market, folder):
    market.notification.kill()
    market.shop_at_once()
    assert len([line for line in market.history if line["op"] == "ok" and line["type"] == "place"]) == OPERATIONS
    market.start(market.notification)
    market.settle()
    market.everyone_was_told_once()
    market.audit(folder)
