"""Clients that never give up a key: who was answered 503, or not at all, asks again with the same one, also another replica."""

import dataclasses
import json
import random
import threading
import time

import httpx

from support.audit import clean
from support.service import JSON

PATIENCE_SECONDS = 60


@dataclasses.dataclass
class Attempt:
    service: object
    began: float
    seconds: float
    status: int | None  # None: the connection ended


class Shoppers:
    """Each places orders of some of the offers until told to stop."""

    def __init__(self, services, offers=("o1",), several=1, clients=16, pause=0):
        self.services = services
        self.offers = offers
        self.several = several
        self.pause = pause  # of each between two orders
        self.attempts = []
        self.answers = {}
        self.history = []  # as `agora audit --history` wants it
        self.failures = []
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self.shop, args=(number,)) for number in range(clients)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()
        assert not self.failures, self.failures[0]

    def shop(self, number):
        chance = random.Random(number)
        try:
            clients = [service.as_user("token-u1") for service in self.services]
            for i in range(10**9):
                if self.over.is_set():
                    return
                items = [f'{{"offer_id":"{offer}","quantity":1,"price":5.00}}' for offer in chance.sample(self.offers, self.several)]
                self.buy(clients, (number + i) % len(clients), f"{number}-{i}", '{"items":[' + ",".join(items) + "]}")
                time.sleep(self.pause)
        except BaseException as failure:
            self.failures.append(failure)
            raise

    def buy(self, clients, at, key, body):
        line = {"type": "place", "key": key, "body": body}
        self.history.append({"op": "invoke", **line})
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            began = time.monotonic()
            try:
                answer = clients[at].post("/orders", content=body, headers={**JSON, "Idempotency-Key": key})
            except httpx.TransportError:
                answer = None
            status = answer.status_code if answer is not None else None
            self.attempts.append(Attempt(self.services[at], began, time.monotonic() - began, status))
            if status == 201:
                self.answers[key] = answer.text
                self.history.append({"op": "ok", **line, "order_id": answer.json()["order_id"], "body": answer.text, "status": 201})
                return
            # The contract's hook has seen to its Retry-After.
            assert status in (503, None), answer.text
            assert time.monotonic() < deadline, f"{key} was never answered"
            time.sleep(0.02)
            at = (at + 1) % len(clients)

    def count(self, status):
        return sum(attempt.status == status for attempt in self.attempts)

    def wait_for_orders(self, more, seconds=30):
        """Until so many more were placed."""
        enough, deadline = len(self.answers) + more, time.monotonic() + seconds
        while len(self.answers) < enough:
            assert not self.failures and time.monotonic() < deadline, self.failures
            time.sleep(0.005)

    def check(self, service, readers=()):
        """One order for each key, the one that was answered. `readers`: services that have read order's events to the end."""
        placed = {row["order_id"] for row in service.query("SELECT order_id FROM orders")}
        told = {json.loads(text)["order_id"] for text in self.answers.values()}
        assert placed == told and len(told) == len(self.answers)
        assert service.query("SELECT count(*) AS n FROM order_groups")[0]["n"] == len(told)
        clean(service, self.history, readers)


def counted(service, name):
    """The sum of a metric over its labels whose line holds `name`."""
    lines = [line for line in service.metrics().splitlines() if not line.startswith("#") and name in line]
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines)
