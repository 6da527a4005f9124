"""What happens is told once and none is missed: through crashes, restores, disorder and poison."""

import random
import shutil
import sqlite3

import pytest

from support.crashes import POINTS, arm, dies, rearm
from support.happenings import NUMBER
from support.notifications import rows, told
from support.postgres import psql
from support.publisher import eventually
from support.service import TOKENS

pytestmark = pytest.mark.no_audit


@pytest.fixture
def fragile(launch, world, mail_server):
    """notification-service-faults, with a user and a seller."""
    service = launch(*TOKENS, *world.flags, *mail_server.flags, "--mail.retry-first", "50ms", name="notification", faults=True)
    world.user("u1")
    world.seller("s1", "m1")
    world.user("m1")
    told(service, "kind = 'welcome'", 4)
    eventually(lambda: service.query("SELECT 1 FROM seller_members") and not rows(service, where="status = 'pending'"))
    return service


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


def copy_of(service, to):
    source = sqlite3.connect(f"file:{service.data / 'notification.db'}?mode=ro", uri=True)
    target = sqlite3.connect(to)
    source.backup(target)
    target.close()
    source.close()


def put_back(service, copy):
    service.kill()
    for suffix in ("-wal", "-shm"):
        (service.data / f"notification.db{suffix}").unlink(missing_ok=True)
    shutil.copy(copy, service.data / "notification.db")
    service.start()


def test_an_older_copy_of_its_database_catches_up_and_mails_again_what_it_lost_alone(fragile, world, mail_server, folder):
    world.order.send(*(world.group_placed(f"before{i}") for i in range(10)))
    eventually(lambda: len(rows(fragile, where="kind = 'order_placed' AND status = 'sent'")) == 10)
    copy_of(fragile, folder / "copy.db")
    world.order.send(*(world.group_placed(f"after{i}") for i in range(7)))
    eventually(lambda: len(rows(fragile, where="kind = 'order_placed' AND status = 'sent'")) == 17)
    before = mails_about_orders(mail_server)
    assert len(before) == len(set(before)) == 17
    put_back(fragile, folder / "copy.db")
    eventually(lambda: len(rows(fragile, where="kind = 'order_placed' AND status = 'sent'")) == 17)
    again = mails_about_orders(mail_server)[17:]
    assert sorted(again) == sorted(before[10:])


@pytest.mark.parametrize("renew,placed", [(False, 0), (False, 40), (True, 0), (True, 40)])
def test_a_restored_log_stops_its_consumer_until_it_is_rebuilt(fragile, world, folder, renew, placed):
    """Taken 20 events ago; by plain file copy, or as `agora restore` does it. Nothing is skipped in silence."""
    world.order.send(*(world.group_placed(f"old{i}") for i in range(5)))
    told(fragile, "kind = 'order_placed'", 10)
    world.order.copy(folder / "log.db")
    world.order.send(*(world.group_placed(f"lost{i}") for i in range(20)))
    told(fragile, "kind = 'order_placed'", 50)
    fragile.kill()
    world.order.put_back(folder / "log.db", renew=renew)
    if placed:
        world.order.send(*(world.group_placed(f"new{i}") for i in range(placed)))
    fragile.start()
    if not renew and placed == 0:
        # The log ends before where the consumer stood.
        eventually(lambda: "degraded" in fragile.ask_internal("/readyz?verbose").text)
    report = eventually(lambda: (text := fragile.ask_internal("/readyz?verbose").text) and "consumer order degraded" in text and text)
    assert fragile.ask_internal("/readyz").status_code == 200 and ("log" in report or "position" in report)
    assert len(rows(fragile, where="kind = 'order_placed'")) == 50, "nothing was applied of a log that is another"
    rebuilt = fragile.client.build_request("POST", f"http://127.0.0.1:{fragile.internal_port}/internal/consumers/order/rebuild",
                                           json={"accept_gap": True}, headers={"Authorization": f"Bearer {'t' * 32}"})
    answer = fragile.client.send(rebuilt)
    assert answer.status_code == 200, answer.text
    told(fragile, "kind = 'order_placed'", 50 + 2 * placed)
    eventually(lambda: "degraded" not in fragile.ask_internal("/readyz?verbose").text)
    world.order.send(world.group_placed("last"))
    told(fragile, "kind = 'order_placed'", 52 + 2 * placed)


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


def change_log(world, of, /, **columns):
    """What order itself would never write, written into its log beside it."""
    changes = ", ".join(f"{column} = '{value}'" for column, value in columns.items())
    statement = f"UPDATE outbox SET {changes} WHERE subject = '{of}' AND version = 1"
    if world.order.database:
        psql(world.order.database, statement)
    else:
        log = sqlite3.connect(world.order.folder / "log.db", timeout=10)
        log.execute(statement)
        log.commit()
        log.close()
    (row,) = world.order.query("SELECT " + ", ".join(columns) + f" FROM outbox WHERE subject = '{columns.get('subject', of)}' AND version = 1")
    assert row == columns


def test_an_event_that_cannot_be_read_parks_its_subject_alone(fragile, world):
    fragile.stop()
    world.order.send(world.group_placed("bad"), world.group_placed("good"), world.group_paid("bad"))
    change_log(world, "bad", data="[]")
    fragile.start()
    told(fragile, "order_group_id = 'good'", 2)
    parked = eventually(lambda: len(found := fragile.query("SELECT version, reason, detail FROM parked_events ORDER BY version")) == 2 and found)
    assert [(row["version"], row["reason"]) for row in parked] == [(1, "failed"), (2, "gap")] and "/data must be an object" in parked[0]["detail"]
    assert "degraded" not in fragile.ask_internal("/readyz?verbose").text


LONG = "x" * 100


@pytest.mark.parametrize("wrong", [{"data": '{"x":'}, {"subject": LONG}, {"data": '{"x":' * 40 + "1" + "}" * 40}], ids=["no JSON", "no id for a subject", "too deep"])
def test_an_event_that_nobody_could_park_stops_its_reader_by_name(fragile, world, wrong):
    """All before it is applied; it is named, and mended in the log it goes on."""
    fragile.stop()
    world.order.send(*(world.group_placed(f"g{i}") for i in range(10)))
    (kept,) = world.order.query("SELECT data FROM outbox WHERE subject = 'g6'")
    change_log(world, "g6", **wrong)
    fragile.start()
    report = eventually(lambda: (text := fragile.ask_internal("/readyz?verbose").text) and "unreadable_event" in text and text)
    assert "the event after number 6 cannot be read" in report
    assert len(rows(fragile, where="kind = 'order_placed'")) == 12
    change_log(world, wrong.get("subject", "g6"), subject="g6", **kept)
    authorized = {"Authorization": f"Bearer {'t' * 32}"}
    answer = fragile.client.post(f"http://127.0.0.1:{fragile.internal_port}/internal/consumers/order/rebuild", json={"accept_gap": False}, headers=authorized)
    assert answer.json()["done"], answer.text
    told(fragile, "kind = 'order_placed'", 20)


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


def test_a_topic_that_a_release_adds_is_read_from_its_beginning(fragile, world):
    """As if the service had read orders alone until now; its position is past what groups told."""
    world.order.send(*(world.group_placed(f"g{i}") for i in range(5)), *(world.order_paid(f"g{i}") for i in range(5)))
    told(fragile, "kind <> 'welcome'", 20)
    fragile.stop()
    database = sqlite3.connect(fragile.data / "notification.db")
    for statement in ("DELETE FROM notifications WHERE kind = 'order_placed'", "DELETE FROM inbox_versions WHERE topic = 'agora.order_groups'",
                      "DELETE FROM inbox_topics WHERE topic = 'agora.order_groups'"):
        assert database.execute(statement).rowcount > 0
    database.commit()
    database.close()
    fragile.start()
    told(fragile, "kind = 'order_placed'", 10)
    assert len(rows(fragile, where="kind = 'sale_paid'")) == 10, "what it had read is not told twice"
    eventually(lambda: fragile.query("SELECT topic FROM inbox_topics WHERE publisher = 'order' ORDER BY topic") == [{"topic": "agora.order_groups"}, {"topic": "agora.orders"}])
    world.order.send(world.group_paid("g0"))
    told(fragile, "kind = 'order_paid'", 2)


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
