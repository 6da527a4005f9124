"""A log, or a reader's database, that was put back from a copy or damaged: nothing is skipped in silence, and each is told once."""

import shutil
import sqlite3

import pytest

from support.happenings import NUMBER
from support.notifications import rows, told, with_faults
from support.postgres import psql
from support.publisher import eventually

pytestmark = pytest.mark.no_audit


@pytest.fixture
def fragile(launch, world, mail_server):
    return with_faults(launch, world, mail_server)


def mails_about_orders(mail_server):
    return [message["Message-ID"] for _, message in mail_server.mails if NUMBER in message["Subject"]]


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
