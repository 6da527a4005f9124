"""Order and notification on PostgreSQL and Kafka, and what the broker's end does to them (F-07)."""

import os
import threading
import time

import pytest

from support.audit import clean
from support.engines import Engine
from support.kafka import make_topics, read_topic
from support.notifications import rows
from support.publisher import eventually
from support.service import OFFERS, TOKENS, Service, place

pytestmark = pytest.mark.no_audit

# Enough to be back within a test, and what proof.md asks for.
DOWN_SECONDS = (10, 60, 600) if os.environ.get("AGORA_PROVE") == "1" else (10,)
DRAIN_SECONDS_MAX = 30
DRAIN_PER_SECOND = 2_000


@pytest.fixture
def own_broker():
    engine = Engine("kafka")
    yield engine
    engine.stop()


@pytest.fixture
def market(folder, postgres, own_broker):
    cluster = f"{own_broker.url}/faults"
    for publisher in ("auth", "catalog", "order", "payment"):
        make_topics(cluster, publisher)
    flags = ("--offers", OFFERS, *TOKENS, "--kafka", cluster)
    order = Service(folder / "order", *flags, database=postgres.new_database())
    notification = Service(folder / "notification", *flags, database=postgres.new_database(), name="notification")
    order.start()
    notification.start()
    yield own_broker, cluster, order, notification
    order.kill()
    notification.kill()


def told(notification):
    return len(rows(notification, where="kind = 'order_placed' AND channel = 'in_app'"))


@pytest.mark.parametrize("seconds", DOWN_SECONDS)
def test_orders_are_placed_while_the_broker_is_down(market, seconds):
    broker, cluster, order, notification = market
    statuses = []
    ended = threading.Event()

    def shop():
        with order.as_user("token-u1") as user:
            while not ended.is_set():
                statuses.append(place(user, offer="o1").status_code)
                time.sleep(0.02)

    shopper = threading.Thread(target=shop)
    shopper.start()
    eventually(lambda: told(notification) > 10)
    broker.kill()
    time.sleep(seconds)
    while_down = len(statuses)
    broker.restart()
    time.sleep(1)
    ended.set()
    shopper.join()
    back = time.monotonic()
    assert while_down > 0 and set(statuses) == {201}, "the order path does not need the broker"
    backlog = len(statuses) * 3
    eventually(lambda: told(notification) == len(statuses), seconds=DRAIN_SECONDS_MAX + backlog / DRAIN_PER_SECOND)
    print(f"down {seconds} s: {len(statuses)} orders, all 201; told after {time.monotonic() - back:.1f} s")
    versions = {}
    for topic in ("agora.orders", "agora.order_groups", "agora.stock"):
        for record in read_topic(cluster, topic):
            key, version = (topic, record["key"]), int(record["headers"]["ce_version"])
            # What was committed and not noted as such is there twice; what is new is the next.
            assert version <= versions.get(key, 0) + 1
            versions[key] = max(version, versions.get(key, 0))
    published = {(row["topic"], row["subject"]): row["version"]
                 for row in order.query("SELECT topic, subject, max(version) AS version FROM outbox GROUP BY topic, subject")}
    assert versions == published
    parked = notification.query("SELECT count(*) AS n FROM parked_events")
    assert parked == [{"n": 0}]
    report = clean(order, readers=[notification])
    assert {row["what"]: row["count"] for row in report["services"][1]["in_flight"]} == {"order events it has not read yet": 0}
