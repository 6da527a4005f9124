"""Kafka as the way that events travel: topics, and what an order's events look like there."""

import json
import subprocess

import pytest

from support.contract import validate_event
from support.kafka import AGORA, make_topics, read_topic
from support.notifications import rows
from support.publisher import eventually
from support.service import OFFERS, TOKENS, place

TOPICS = ("agora.orders", "agora.order_groups", "agora.stock")


def migrate(*flags):
    return subprocess.run([AGORA, "migrate", "--service", "order", *flags], capture_output=True, text=True, timeout=60)


def test_topics_are_made_once(broker):
    url = broker.new_cluster(publishers=())
    prefix = url.rpartition("/")[2].partition("?")[0]
    missing = json.loads(migrate("--kafka", url, "--dry-run", "--json").stdout)
    assert sorted(missing["topics_missing"]) == sorted(f"{prefix}.{topic}" for topic in TOPICS)
    assert make_topics(url, "order") == {"topics_made": missing["topics_missing"]}
    assert make_topics(url, "order") == {"topics_made": []}
    assert migrate("--kafka", url).stdout == "nothing to do: all is up to date\n"


def test_topics_that_would_lose_what_they_must_keep_are_refused(broker):
    url = broker.new_cluster(publishers=("order",))
    refused = migrate("--kafka", url, "--keep-max", "60d")
    assert refused.returncode == 2 and "retention.ms is 2592000000, not 5184000000" in refused.stderr


def test_one_copy_of_an_event_is_not_enough():
    refused = migrate("--kafka", "kafka://127.0.0.1:1", "--replication", "3", "--min-insync-replicas", "1")
    assert refused.returncode == 2 and "--min-insync-replicas must be 2 or more" in refused.stderr


def test_facts_grow_and_states_never_do(broker):
    url = broker.new_cluster(publishers=("order",))
    grown = migrate("--kafka", url, "--grow", "agora.orders", "--partitions", "7", "--json")
    assert json.loads(grown.stdout) == {"topics_grown": ["agora.orders"]}, grown.stderr
    refused = migrate("--kafka", url, "--grow", "agora.stock", "--partitions", "7")
    assert refused.returncode == 2 and "a state topic never change" in refused.stderr
    assert migrate("--kafka", url, "--grow", "agora.offers", "--partitions", "7").returncode == 2


def test_a_cluster_that_does_not_answer_is_said():
    refused = migrate("--kafka", "kafka://127.0.0.1:1")
    assert refused.returncode == 2 and "the cluster does not answer" in refused.stderr


@pytest.fixture
def cluster(broker):
    return broker.new_cluster()


@pytest.fixture
def order(launch, new_database, cluster):
    return launch("--offers", OFFERS, *TOKENS, "--kafka", cluster, "--events.relay-lease", "500ms", database=new_database())


def test_each_event_is_published_once_and_in_order(order, cluster):
    user = order.as_user("token-u1")
    for _ in range(5):
        placed = place(user)
        assert placed.status_code == 201
    assert user.post(f"/api/v1/orders/{placed.json()['order_id']}/cancellation", content=b"").status_code == 200
    rows = order.query("SELECT event_id, topic, subject, version, traceparent FROM outbox")

    def published():
        records = [record for topic in TOPICS for record in read_topic(cluster, topic)]
        return records if len(records) >= len(rows) else None

    records = eventually(published)
    found = sorted((record["headers"]["ce_id"], record["topic"].partition(".")[2], record["key"], int(record["headers"]["ce_version"]))
                   for record in records)
    assert found == sorted((row["event_id"], row["topic"], row["subject"], row["version"]) for row in rows)
    versions = {}
    for record in records:
        headers = record["headers"]
        validate_event(headers["ce_type"], json.loads(record["payload"]))
        assert headers["ce_specversion"] == "1.0" and headers["ce_source"] == "/agora/order" and headers["content-type"] == "application/json"
        assert headers["ce_subject"] == record["key"] and len(headers["ce_logid"]) == 32
        before = versions.get((record["topic"], record["key"]), 0)
        assert int(headers["ce_version"]) == before + 1
        versions[record["topic"], record["key"]] = before + 1
    assert {row["event_id"]: row["traceparent"] for row in rows if row["traceparent"]} == {
        record["headers"]["ce_id"]: record["headers"]["ce_traceparent"] for record in records if "ce_traceparent" in record["headers"]}


def test_nothing_is_published_twice_after_a_restart(order, cluster):
    assert place(order.as_user("token-u1")).status_code == 201
    eventually(lambda: len(read_topic(cluster, "agora.orders")) == 1)
    eventually(lambda: "agora_events_outbox_backlog 0" in order.metrics())
    order.restart()
    assert place(order.as_user("token-u1")).status_code == 201
    eventually(lambda: len(read_topic(cluster, "agora.orders")) == 2)
    eventually(lambda: "agora_events_outbox_backlog 0" in order.metrics())
    assert len(read_topic(cluster, "agora.orders")) == 2


def test_orders_are_placed_without_a_topic_and_what_is_missing_is_said(launch, broker):
    order = launch("--offers", OFFERS, *TOKENS, "--kafka", broker.new_cluster(publishers=()))
    assert place(order.as_user("token-u1")).status_code == 201
    eventually(lambda: "agora migrate --service order --kafka URL makes them" in order.log())


def test_a_url_that_is_none_is_refused(launch, folder):
    with pytest.raises(AssertionError, match="ended with 2.*kafka://HOST:PORT"):
        launch("--offers", OFFERS, *TOKENS, "--kafka", "kafka:somewhere")


def test_what_is_ordered_is_told(launch, order, new_database, cluster):
    """The journey of events.md on the engines of production, and on SQLite."""
    notification = launch("--offers", OFFERS, *TOKENS, "--kafka", cluster, name="notification", database=new_database())
    placed = place(order.as_user("token-u1")).json()
    row = eventually(lambda: rows(notification, "user_id, channel, kind", "kind = 'order_placed' AND channel = 'in_app'"))
    assert row == [("u1", "in_app", "order_placed")]
    notification.restart()
    again = place(order.as_user("token-u1")).json()
    assert again["order_id"] != placed["order_id"]
    eventually(lambda: len(rows(notification, where="kind = 'order_placed' AND channel = 'in_app'")) == 2)
    eventually(lambda: 'agora_events_lag{publisher="order"} 0' in notification.metrics())


def test_a_topic_of_a_peer_that_is_missing_is_said(launch, broker):
    notification = launch(*TOKENS, "--kafka", broker.new_cluster(publishers=("order",)), name="notification")
    eventually(lambda: "agora migrate --service catalog --kafka URL makes them" in notification.log())
    assert "degraded" not in notification.ask_internal("/readyz?verbose").text
