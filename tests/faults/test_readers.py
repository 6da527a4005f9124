"""Readers of Kafka under faults: a rebalance in mid-batch, a position that the topic no longer has, a topic that grows. Each effect once, nothing skipped."""

import json
import os
import random
import signal
import subprocess

import pytest

from support.crashes import arm, rearm, sleeps
from support.happenings import World
from support.kafka import AGORA, configure_topic, read_topic
from support.notifications import orders_told, rows
from support.postgres import psql
from support.publisher import eventually
from support.service import OFFERS, TOKENS, place
from support.shoppers import counted

PROVE = os.environ.get("AGORA_PROVE") == "1"
CHECKOUTS, COMINGS_AND_GOINGS = (20_000, 20) if PROVE else (2_000, 4)
PAGE = 50


@pytest.fixture
def readers(launch, production):
    """Two replicas of notification on one database, and the log they read together."""
    world = World(production)
    database = production.new_database()
    replicas = [launch(*TOKENS, *world.flags, "--mail", "none", name="notification", database=database, faults=True) for _ in range(2)]
    world.user("u1")
    eventually(lambda: replicas[0].query("SELECT 1 FROM users"))
    return world, replicas


def checkouts(world, numbers):
    world.order.send(*(world.group_placed(f"g{i}") for i in numbers))


def test_a_reader_asleep_in_mid_batch_is_replaced_and_its_batch_is_dropped(readers):
    world, (sleeper, other) = readers
    checkouts(world, range(30))
    eventually(lambda: orders_told(other) == 30)
    # The one that is armed reads all partitions.
    other.stop()
    rearm(sleeper, "events.consumer.applying", AGORA_CRASH_SIGNAL="STOP")
    arm(sleeper)
    checkouts(world, range(30, 330))
    sleeps(sleeper.process)
    other.start()
    eventually(lambda: orders_told(other) == 330, 30)
    sleeper.process.send_signal(signal.SIGCONT)
    # It is in the group again, and has its part of what comes.
    checkouts(world, range(330, 430))
    eventually(lambda: orders_told(other) == 430, 30)
    assert each_once(other)


def test_readers_that_come_and_go_under_load_act_on_each_once(readers):
    world, replicas = readers
    for turn, first in enumerate(range(0, CHECKOUTS, CHECKOUTS // COMINGS_AND_GOINGS)):
        for page in range(first, first + CHECKOUTS // COMINGS_AND_GOINGS, PAGE):
            checkouts(world, range(page, page + PAGE))
        # One leaves with a word, the other without; in the middle of what comes.
        leaving = replicas[turn % 2]
        leaving.stop() if turn % 4 < 2 else leaving.kill()
        leaving.start()
    eventually(lambda: orders_told(replicas[0]) == CHECKOUTS, 60)
    assert each_once(replicas[0])


def test_a_log_told_three_times_in_disorder_is_acted_on_once(readers, production):
    """F-08: versions come in any order, and all of them again, as if nothing had been noted of what was published."""
    world, (one, other) = readers
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    events = [event for i in range(100) for event in (world.group_placed(f"g{i}"), world.group_paid(f"g{i}"), world.capture_refused(f"g{i}", reason="already_paid"))]
    for i, event in enumerate(events):
        # Others of the fifty around it come before it.
        event["place"] = i + chance.uniform(0, 50)
    events.sort(key=lambda event: event.pop("place"))
    for page in range(0, len(events), PAGE):
        world.order.send(*events[page:page + PAGE])
    for _ in range(2):
        eventually(lambda: production.is_published(world.order))
        world.order.kill()
        psql(world.order.database, "UPDATE relay_cursors SET sequence = 0")
        world.order.start()
    eventually(lambda: len(rows(one, where="kind <> 'welcome' AND channel = 'in_app'")) == len(events), 30)
    eventually(lambda: sum(counted(reader, 'agora_events_skipped_total{publisher="order"}') for reader in (one, other)) > len(events), 30)
    assert each_once(one)
    assert {row["version"] for row in one.query("SELECT version FROM inbox_versions WHERE topic = 'agora.order_groups'")} == {3}


def each_once(notification):
    """Each event to each recipient by each channel; nothing waits."""
    (found,) = notification.query("SELECT count(*) AS n, count(DISTINCT (event_id, user_id, channel)) AS different FROM notifications")
    return found["n"] == found["different"] and not notification.query("SELECT 1 FROM parked_events")


@pytest.fixture
def market(launch, production):
    """Order, and notification that hears of it."""
    flags = ("--offers", OFFERS, *TOKENS, *production.flags())
    order = launch(*flags, database=production.new_database())
    return order, launch(*flags, "--mail", "none", name="notification", database=production.new_database())


def shop(order, count):
    user = order.as_user("token-u1")
    return [place(user).json()["order_id"] for _ in range(count)]


def test_a_position_that_the_topic_lost_stops_its_reader_and_skips_nothing(production, market):
    order, notification = market
    shop(order, 3)
    eventually(lambda: orders_told(notification) == 3)
    notification.stop()
    shop(order, 20)
    eventually(lambda: production.is_published(order))
    for topic in ("agora.orders", "agora.order_groups"):
        configure_topic(production.cluster, topic, retention_ms=1, segment_ms=100)
    eventually(lambda: not production.read(order), 30)
    for topic in ("agora.orders", "agora.order_groups"):
        configure_topic(production.cluster, topic, retention_ms=10**10, segment_ms=10**9)
    notification.start()
    report = eventually(lambda: (text := notification.ask_internal("/readyz?verbose").text) and "consumer order degraded" in text and text)
    assert "position_lost" in report and notification.ask_internal("/readyz").status_code == 200
    # What is there now is not taken for what comes next.
    shop(order, 2)
    eventually(lambda: production.is_published(order))
    assert len(production.read(order)) == 4 and orders_told(notification) == 3
    rebuild = [AGORA, "events", "rebuild", "--service", "notification", "--publisher", "order", "--url", f"http://127.0.0.1:{notification.internal_port}",
               "--token-file", str(production.token_file)]
    refused = subprocess.run(rebuild, capture_output=True, text=True, timeout=60)
    assert refused.returncode == 1 and orders_told(notification) == 3, refused.stdout + refused.stderr
    accepted = subprocess.run([*rebuild, "--accept-gap"], capture_output=True, text=True, timeout=60)
    assert accepted.returncode == 0, accepted.stdout + accepted.stderr
    shop(order, 1)
    eventually(lambda: orders_told(notification) == 6)


def test_a_topic_of_facts_grows_by_the_documented_steps(production, market):
    """Of orders from before there is more to tell afterwards: it comes from another partition."""
    order, notification = market
    before = shop(order, 20)
    eventually(lambda: orders_told(notification) == 20)

    def grow(topic):
        return subprocess.run([AGORA, "migrate", "--service", "order", "--kafka", production.cluster, "--grow", topic, "--partitions", "8", "--json"],
                              capture_output=True, text=True, timeout=60)

    notification.stop()
    shop(order, 1)
    eventually(lambda: production.is_published(order))
    # 1. The publisher stops. 2. Nobody has anything to read any more, which the next step sees to.
    order.stop()
    refused = grow("agora.order_groups")
    assert refused.returncode == 2 and "has not read the topic to its end" in refused.stderr
    notification.start()
    eventually(lambda: orders_told(notification) == 21)
    # 3.
    for topic in ("agora.orders", "agora.order_groups"):
        done = eventually(lambda: (tried := grow(topic)).returncode == 0 and tried, 30)
        assert json.loads(done.stdout) == {"topics_grown": [topic]}
    assert "a state topic never change" in grow("agora.stock").stderr
    # 4. The readers first.
    notification.restart()
    order.start()
    user = order.as_user("token-u1")
    for order_id in before:
        assert user.post(f"/orders/{order_id}/cancellation").status_code == 200
    shop(order, 40)
    eventually(lambda: orders_told(notification) == 61)
    eventually(lambda: production.is_published(order))
    topics = "('agora.orders', 'agora.order_groups')"
    written = order.query(f"SELECT topic, subject, max(version) AS version FROM outbox WHERE topic IN {topics} GROUP BY topic, subject ORDER BY 1, 2")
    applied = f"SELECT topic, subject, version FROM inbox_versions WHERE topic IN {topics} ORDER BY 1, 2"
    eventually(lambda: notification.query(applied) == written)
    assert each_once(notification) and {row["version"] for row in written} == {1, 2}
    assert len({record["partition"] for record in read_topic(production.cluster, "agora.order_groups")}) > 3, "the new partitions are used"
