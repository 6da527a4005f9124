"""F-14 for the relay: a replica falls asleep with a batch in hand, past its lease, and wakes. What is read afterwards is the newest state."""

import json
import os
import signal
import time

import pytest

from support.crashes import POINTS, sleeps
from support.kafka import configure_topic, read_topic
from support.publisher import eventually
from support.service import TOKENS
from support.shoppers import counted

# Past its lease of a second, and what proof.md asks for.
ASLEEP_SECONDS = 60 if os.environ.get("AGORA_PROVE") == "1" else 2
USERS = 20
STALE = "stale@example.com"


def rounds(publisher):
    return counted(publisher, 'agora_job_rounds_total{job_name="events.relay"}')


@pytest.mark.parametrize("point", POINTS["relay"])
def test_a_replica_that_slept_with_a_batch_leaves_the_newest_state(launch, production, folder, point):
    trigger = folder / "armed"
    sleeper = production.publisher("auth", AGORA_CRASH_POINT=point, AGORA_CRASH_SIGNAL="STOP", AGORA_CRASH_FILE=str(trigger))
    users = [f"u{i}" for i in range(USERS)]
    kept, erased = users[::2], users[1::2]
    sleeper.send(*(sleeper.event("user.registered", user, user_id=user, email=STALE) for user in users))
    eventually(lambda: production.is_published(sleeper))
    other = production.publisher("auth", replica_of=sleeper)
    trigger.touch()
    # Whoever wrote it, the one with the lease publishes it.
    other.send(*(other.event("user.updated", user, user_id=user, email=STALE) for user in users))
    sleeps(sleeper.process)
    slept = time.monotonic()
    eventually(lambda: production.is_published(other), 30)
    other.send(*(other.event("user.updated", user, user_id=user, email=f"{user}@example.com") for user in kept),
               *(other.event("user.deleted", user, user_id=user) for user in erased))
    eventually(lambda: production.is_published(other))
    time.sleep(max(0, slept + ASLEEP_SECONDS - time.monotonic()))
    sleeper.process.send_signal(signal.SIGCONT)
    # It ends what it was at, and has tried anew.
    woke = rounds(sleeper)
    eventually(lambda: rounds(sleeper) >= woke + 2)

    records = read_topic(production.cluster, "agora.users")
    last = {record["key"]: record for record in records}
    assert {user: int(record["headers"]["ce_version"]) for user, record in last.items()} == dict.fromkeys(users, 3)
    compact(production, other)
    records = [record for record in read_topic(production.cluster, "agora.users") if record["key"] in users]
    assert sorted(record["key"] for record in records) == sorted(users), "one record of each"
    assert {record["key"] for record in records if record["headers"]["ce_type"] == "user.deleted"} == set(erased)
    assert all(json.loads(record["payload"]).keys() == {"user_id"} for record in records if record["key"] in erased)
    reader = launch(*TOKENS, *production.flags(), "--mail", "none", name="notification", database=production.new_database())
    eventually(lambda: len(reader.query("SELECT 1 FROM erased_users")) == len(erased))
    found = {row["user_id"]: row["email"] for row in reader.query("SELECT user_id, email FROM users") if row["user_id"] in users}
    assert found == {user: f"{user}@example.com" for user in kept}
    # What it had in hand when it slept was refused.
    assert counted(sleeper, 'agora_job_failures_total{job_name="events.relay"}') > 0 or point != "events.relay.published"


def compact(production, publisher):
    """Makes the broker compact now; what is published last of all stays uncompacted, and is of nobody."""
    configure_topic(production.cluster, "agora.users", segment_ms=100, min_cleanable_dirty_ratio="0.01", max_compaction_lag_ms=100)
    number = iter(range(10**6))

    def is_compacted():
        # In every partition a segment ends with these.
        names = [f"nobody{next(number)}" for _ in range(12)]
        publisher.send(*(publisher.event("user.registered", name, user_id=name) for name in names))
        return not any(STALE in record["payload"] for record in read_topic(production.cluster, "agora.users"))

    eventually(is_compacted, 60)
