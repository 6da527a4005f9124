"""What happens is told once and none is missed: through crashes, disorder and poison, on each set of engines."""

import random

import pytest

from support.crashes import POINTS, arm, dies, rearm
from support.happenings import NUMBER, World
from support.notifications import rows, told, with_faults
from support.publisher import eventually

pytestmark = pytest.mark.no_audit


@pytest.fixture
def world(deployment):
    return World(deployment)


@pytest.fixture
def fragile(launch, deployment, world, mail_server):
    return with_faults(launch, world, mail_server, deployment.new_database())


def mails_about_orders(mail_server):
    return [message["Message-ID"] for _, message in mail_server.mails if NUMBER in message["Subject"]]


@pytest.mark.parametrize("point", [point for point in POINTS["consume"] if not point.startswith("order.")])
def test_a_kill_while_applying_tells_each_once(fragile, world, mail_server, point):
    rearm(fragile, point)
    arm(fragile)
    world.order.send(*(world.group_placed(f"g{i}") for i in range(5)), *(world.order_paid(f"g{i}") for i in range(5)))
    dies(fragile)
    told(fragile, "kind <> 'welcome'", 20)
    eventually(lambda: not rows(fragile, where="status = 'pending'"))
    assert len(set(mails_about_orders(mail_server))) == 10


@pytest.mark.parametrize("point", POINTS["deliver"])
def test_a_kill_after_the_mail_servers_yes_sends_the_same_mail_again(fragile, world, mail_server, point):
    """I7: what SMTP cannot do better. The copy has the same Message-ID."""
    rearm(fragile, point)
    arm(fragile)
    world.order.send(world.group_placed("g"))
    dies(fragile)
    eventually(lambda: rows(fragile, where="kind = 'order_placed' AND status = 'sent'"))
    ids = mails_about_orders(mail_server)
    assert len(ids) == 2 and len(set(ids)) == 1
    assert len(rows(fragile, where="kind = 'order_placed'")) == 2


def test_a_poison_event_parks_its_subject_alone(fragile, world):
    world.order.send(world.group_placed("bad"), world.group_placed("good"))
    told(fragile, "kind = 'order_placed'", 4)
    world.order.poison("order_group.paid", "bad", 2, {"order_group_id": 42})
    world.order.versions["agora.order_groups", "bad"] = 2
    world.order.send(world.capture_refused("bad"), world.group_paid("good"))
    told(fragile, "order_group_id = 'good'", 4)
    parked = eventually(lambda: len(found := fragile.query("SELECT version, reason FROM parked_events ORDER BY version")) == 2 and found)
    assert parked == [{"version": 2, "reason": "failed"}, {"version": 3, "reason": "gap"}]
    assert not rows(fragile, where="order_group_id = 'bad' AND kind <> 'order_placed'")
    authorized = {"Authorization": f"Bearer {'t' * 32}"}
    (item, *_) = fragile.client.get(f"http://127.0.0.1:{fragile.internal_port}/internal/parked", headers=authorized).json()["items"]
    skip = {"publisher": "order", "log_id": item["log_id"], "topic": item["topic"], "subject": item["subject"]}
    answer = fragile.client.post(f"http://127.0.0.1:{fragile.internal_port}/internal/parked/skip", json=skip, headers=authorized)
    assert answer.status_code == 200, answer.text
    told(fragile, "order_group_id = 'bad' AND kind = 'capture_refused'", 2)
    assert not fragile.query("SELECT 1 FROM parked_events")


def test_an_event_that_is_given_up_is_said_once_and_counted(fragile, world):
    fragile.flags += ("--events.dead-after", "100ms")
    fragile.stop()
    fragile.start()
    world.order.send(world.group_placed("bad"))
    told(fragile, "kind = 'order_placed'", 2)
    world.order.poison("order_group.paid", "bad", 2, {"order_group_id": 42})
    eventually(lambda: 'agora_events_dead{publisher="order"} 1' in fragile.metrics())
    assert 'agora_events_parked{publisher="order"} 1' in fragile.metrics()
    lines = [line for line in fragile.log().splitlines() if "given up" in line]
    assert len(lines) == 1 and '"level":"error"' in lines[0] and '"subject":"bad"' in lines[0]


@pytest.mark.parametrize("seed", range(3))
def test_duplicates_and_disorder_leave_nothing_stuck_and_nothing_skipped(fragile, world, seed):
    """F-08: events come twice, late, and in another order than they happened, within a subject and across."""
    chance = random.Random(seed)
    events = []
    for i in range(30):
        events += [world.group_placed(f"g{i}"), world.group_paid(f"g{i}"), world.capture_refused(f"g{i}", reason="already_paid")]
    # A subject's versions cannot be published twice or out of order by one log: what arrives so comes of other transports.
    # Here the log itself holds them in disorder.
    chance.shuffle(events)
    while events:
        count = chance.randint(1, 20)
        world.order.send(*events[:count])
        events = events[count:]
    told(fragile, "kind <> 'welcome'", 180)
    eventually(lambda: not fragile.query("SELECT 1 FROM parked_events"))
    assert {row["version"] for row in fragile.query("SELECT version FROM inbox_versions WHERE topic = 'agora.order_groups'")} == {3}
