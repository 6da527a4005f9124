"""Two replicas of order behind the edge, on one PostgreSQL: one is killed, drained, or without its database. What can be repeated is; a POST
without a key is sent once, whatever becomes of it. What counts is what the database holds."""

import collections
import itertools
import json
import signal
import threading
import time

import httpx
import pytest

from support.audit import clean
from support.edge import Edge, Names
from support.ports import free_port
from support.postgres import psql
from support.publisher import eventually
from support.service import JSON, OFFERS, TOKENS, Service, order_body, problem
from support.tokens import bearer
from support.transport import without_delay

BUYERS = 8
SOLD = 10  # offers


class Shop:
    """Replicas at 127.0.0.1 and 127.0.0.2, under one name and port; each has a role of its own in the database."""

    def __init__(self, folder, launch, postgres, *options, cluster=None):
        self.url = postgres.new_database()
        self.names = Names()
        port = free_port()
        self.roles = [f"replica_{port}_{i}" for i in range(2)]
        for role in self.roles:
            psql(self.url, f"CREATE ROLE {role} LOGIN SUPERUSER")
        offers = folder / "offers.jsonl"
        offers.write_text("".join(line for line in open(OFFERS) if "offer." not in line) + "".join(offer(i) for i in range(SOLD)))
        flags = ("--offers", str(offers), *TOKENS, *(("--kafka", cluster) if cluster else ()))
        self.replicas = []
        for i, role in enumerate(self.roles):
            database = self.url.replace("agora@", f"{role}@")
            replica = Service(folder / f"replica{i}", *flags, database=database, address=f"127.0.0.{i + 1}", port=port, faults=True)
            launch.services.append(replica)
            self.replicas.append(replica)
        self.edge = Edge(folder / "edge", self.names, {"order": port}, *options)
        self.reader = launch(*flags, name="notification", database=postgres.new_database()) if cluster else None

    def start(self, *env):
        for replica, more in zip(self.replicas, env or ({}, {})):
            replica.start(**more)
        self.names.addresses["order"] = [replica.address for replica in self.replicas]
        self.edge.start()
        return self

    def stop(self):
        self.edge.kill()
        self.names.stop()

    def buy(self, number, key=None, client=None):
        """Each request has a quantity of its own, so that what was done twice shows."""
        headers = {**JSON, "Authorization": f"Bearer {bearer('token-u1')}", **({"Idempotency-Key": key} if key else {})}
        return (client or self.edge.client).post("/orders", content=order_body(f"sold{number % SOLD}", quantity=number + 1), headers=headers)

    def bought(self):
        """How many orders each number led to."""
        rows = json.loads(psql(self.url, "SELECT coalesce(json_agg(t), '[]') FROM (SELECT quantity, count(*) AS n FROM order_lines GROUP BY quantity) t"))
        return {row["quantity"] - 1: row["n"] for row in rows}

    def cut_off(self, index):
        """One replica loses its database; the other keeps it."""
        psql(self.url, f"ALTER ROLE {self.roles[index]} NOLOGIN")
        psql(self.url, f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{self.roles[index]}'")

    def let_in(self, index):
        psql(self.url, f"ALTER ROLE {self.roles[index]} LOGIN")


def offer(number):
    name = f"sold{number}"
    return json.dumps({
        "specversion": "1.0", "id": name, "source": "/agora/offers-file", "type": "offer.created", "subject": name, "logid": "offers-file", "version": "1",
        "data": {"offer_id": name, "seller_id": "s1", "product_id": "p1", "variant_id": "v", "sku": name, "price": 500, "currency": "USD",
                 "status": "active", "requires_shipping": True, "initial_quantity": 100_000_000}}) + "\n"


@pytest.fixture
def shop(folder, launch, postgres, request):
    shop = Shop(folder, launch, postgres, *getattr(request, "param", ()))
    yield shop
    shop.stop()


@pytest.fixture
def told_shop(folder, launch, postgres, broker):
    """Its events travel by Kafka, and notification reads them."""
    shop = Shop(folder, launch, postgres, cluster=broker.new_cluster())
    yield shop
    shop.stop()


class Crowd:
    """Buyers who each buy one unit after another through the edge until told to stop, every other one with a key; the readers read."""

    def __init__(self, shop, keyless=True):
        self.shop = shop
        self.keyless = keyless
        self.answers = {}  # by offer: (had a key, status)
        self.reads = collections.Counter()
        self.numbers = itertools.count()
        self.lock = threading.Lock()
        self.enough = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(BUYERS)]
        for thread in self.threads:
            thread.start()

    def run(self, index):
        with httpx.Client(base_url=self.shop.edge.client.base_url, timeout=30, transport=without_delay()) as client:
            while not self.enough.is_set():
                with self.lock:
                    number = next(self.numbers)
                keyed = not self.keyless or index % 2 == 0
                response = self.shop.buy(number, key=f"key-{number}" if keyed else None, client=client)
                self.answers[number] = keyed, response.status_code
                if response.status_code == 201:
                    order_id = response.json()["order_id"]
                    self.reads[client.get(f"/orders/{order_id}", headers={"Authorization": f"Bearer {bearer('token-u1')}"}).status_code] += 1

    def wait_for(self, count):
        deadline, start = time.monotonic() + 30, len(self.answers)
        while len(self.answers) < start + count:
            assert time.monotonic() < deadline
            time.sleep(0.005)

    def end(self):
        self.enough.set()
        for thread in self.threads:
            thread.join()
        return self


def check_effects(crowd):
    bought = crowd.shop.bought()
    assert set(bought.values()) == {1}
    for number, (keyed, status) in crowd.answers.items():
        assert status in ((201,) if keyed else (201, 503)), (number, keyed, status)
        if status == 201:
            assert number in bought
    assert set(crowd.reads) == {200}
    return [number for number, (keyed, status) in crowd.answers.items() if status == 503]


def test_killing_one_in_turn_fails_no_request_that_has_a_key(shop):
    crowd = Crowd(shop.start())
    for round in range(4):
        crowd.wait_for(100)
        replica = shop.replicas[round % 2]
        replica.kill()
        crowd.wait_for(100)
        replica.start()
    lost = check_effects(crowd.end())
    # At most what was under way: one of each buyer without a key.
    assert len(lost) <= 4 * BUYERS / 2


def test_draining_one_in_turn_fails_no_request_that_has_a_key(shop):
    crowd = Crowd(shop.start())
    for round in range(4):
        crowd.wait_for(100)
        replica = shop.replicas[round % 2]
        assert replica.stop() == 0
        crowd.wait_for(100)
        replica.start()
    lost = check_effects(crowd.end())
    # Those that were connected, and of which nothing was read, when it stopped to listen; they had no effect.
    assert len(lost) <= 4 * BUYERS / 2 and not set(lost) & set(shop.bought())


def test_a_rolling_restart_fails_no_request_and_all_of_it_is_told_once(told_shop):
    """Every buyer has a key. The relay moves from one replica to the other with its lease."""
    crowd = Crowd(told_shop.start(), keyless=False)
    for replica in told_shop.replicas * 2:
        crowd.wait_for(100)
        assert replica.stop() == 0
        crowd.wait_for(100)
        replica.start()
    assert not check_effects(crowd.end())
    placed = [row["event_id"] for row in told_shop.replicas[0].query("SELECT event_id FROM outbox WHERE type = 'order_group.placed'")]
    assert len(placed) == len(told_shop.bought())
    eventually(lambda: told_shop.reader.query("SELECT count(*) AS n FROM notifications WHERE kind = 'order_placed' AND channel = 'in_app'")[0]["n"] >= len(placed), 60)
    clean(told_shop.replicas[0], readers=[told_shop.reader])


@pytest.mark.parametrize("keyed", [True, False])
def test_a_replica_that_dies_after_its_commit(shop, keyed):
    """With a key the other replica repeats its answer; without one the edge does not ask again: it cannot know."""
    trigger = shop.edge.folder.parent / "armed"
    doomed = shop.replicas[0]
    crash = {"AGORA_CRASH_POINT": "sql.after_commit", "AGORA_CRASH_FILE": str(trigger)}
    shop.start(crash, {})
    trigger.touch()
    for number in range(400):
        response = shop.buy(number, key=f"key-{number}" if keyed else None)
        if response.status_code != 201 or "idempotency-replayed" in response.headers:
            break
        if doomed.process.poll() is not None:  # of a job's commit
            trigger.unlink()
            doomed.start(**crash)
            trigger.touch()
    doomed.process.wait(timeout=20)
    if keyed:
        assert response.status_code == 201 and response.headers["idempotency-replayed"] == "true"
    else:
        problem(response, 503, "temporarily_unavailable")
        assert response.json()["detail"].startswith("The service did not answer.")
    assert shop.bought() == {bought: 1 for bought in range(number + 1)}


def test_a_replica_without_its_database_sends_to_the_other(shop):
    """Its 503 says that nothing was done; who gave no key is told, all others never see it."""
    shop.start().cut_off(0)
    for number in range(20):
        assert shop.buy(number, key=f"key-{number}").status_code == 201
    seen = collections.Counter()
    for number in range(20, 60):
        response = shop.buy(number)
        seen[response.status_code] += 1
        if response.status_code == 503:
            problem(response, 503, "temporarily_unavailable")
            assert number not in shop.bought()
        assert shop.edge.client.get("/orders/x", headers={"Authorization": f"Bearer {bearer('token-u1')}"}).status_code == 404
    assert set(seen) == {201, 503} and set(shop.bought().values()) == {1}
    shop.let_in(0)
    # Both had what to do with it.
    statuses = {line["upstream_status"] for line in shop.edge.logged(100)}
    assert "503, 404" in statuses and "404" in statuses and "503" in statuses


@pytest.mark.parametrize("shop", [("--read-timeout", "1s")], indirect=True)
def test_a_replica_that_stands_still_is_passed_over(shop):
    """Its connections are taken and never answered: with a key the other one answers, without one it is 503 and nothing else."""
    shop.start()
    shop.replicas[0].process.send_signal(signal.SIGSTOP)
    try:
        statuses = collections.Counter()
        for number in range(6):
            assert shop.buy(number, key=f"key-{number}").status_code == 201
            statuses[shop.buy(100 + number).status_code] += 1
        assert set(statuses) <= {201, 503}
    finally:
        shop.replicas[0].process.send_signal(signal.SIGCONT)
    shop.replicas[0].stop()  # what it was sent while it stood still is done now, or not
    assert set(shop.bought().values()) == {1}
    assert sum(number >= 100 for number in shop.bought()) >= statuses[201]
