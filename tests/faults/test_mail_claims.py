"""A mail is handed over by one process at a time, and not at all while it cannot be noted that it is."""

import re

import pytest

from support.crashes import arm, dies, rearm
from support.notifications import SHORT_CLAIMS, rows
from support.publisher import eventually
from support.service import TOKENS

pytestmark = pytest.mark.no_audit

MAILS = 300


def pending(service):
    return rows(service, where="status = 'pending'")


def attempts(service):
    return sum(map(int, re.findall(r"agora_mail_attempts_total\{[^}]*\} (\d+)", service.metrics())))


@pytest.fixture
def two(launch, world, mail_server, postgres, request):
    """Two processes on one database; the first can be killed at a crash point."""
    database = postgres.new_database()
    flags = (*TOKENS, *world.flags, *mail_server.flags, "--mail.retry-first", "50ms", *getattr(request, "param", ()))
    services = [launch(*flags, name="notification", database=database, faults=True) for _ in range(2)]
    world.user("u1")
    eventually(lambda: rows(services[0], where="kind = 'welcome' AND status = 'sent'"))
    mail_server.tries.clear()
    return services


def test_two_processes_hand_over_each_mail_once(two, world, mail_server):
    world.order.send(*(world.group_placed(f"g{i}") for i in range(MAILS)))
    eventually(lambda: len(rows(two[0], where="kind = 'order_placed'")) == 2 * MAILS)
    eventually(lambda: not pending(two[0]), 60)
    assert rows(two[0], "attempts, count(*)", "kind = 'order_placed' AND channel = 'mail' GROUP BY attempts") == [(1, MAILS)], two[0].log()[-3000:] + two[1].log()[-3000:]
    assert len(mail_server.tries) == len(set(mail_server.tries)) == MAILS
    assert sum(map(attempts, two)) == MAILS + 1
    assert all(attempts(service) > 0 for service in two), "both took part"


@pytest.mark.parametrize("two", [SHORT_CLAIMS], indirect=True, ids=["short"])
def test_what_one_had_claimed_when_it_died_the_other_takes_over(two, world, mail_server):
    first, second = two
    rearm(first, "notification.mail.sent")
    second.kill()
    arm(first)
    world.order.send(*(world.group_placed(f"g{i}") for i in range(20)))
    first.process.wait(timeout=20)
    assert first.process.returncode == -9 and 1 <= len(mail_server.mails) < 21
    claimed = first.query("SELECT notification_id FROM notifications WHERE claim IS NOT NULL")
    assert claimed and all(row in first.query("SELECT notification_id FROM notifications WHERE status = 'pending'") for row in claimed)
    second.start()
    eventually(lambda: len(rows(second, where="kind = 'order_placed' AND status = 'sent'")) == 20, 30)
    assert len(set(mail_server.tries)) == 20
    # What SMTP cannot do better: those that the dead one had handed over come once more, as the same mails.
    assert len(mail_server.tries) - 20 <= len(claimed)
    assert not second.query("SELECT 1 FROM notifications WHERE claim IS NOT NULL")


def test_a_full_disk_sends_nothing_twice(launch, world, mail_server, folder):
    control = folder / "fault"
    service = launch(*TOKENS, *world.flags, *mail_server.flags, name="notification", faults=True,
                     env={"AGORA_FAULT_FILE": str(control)})
    world.user("u1")
    eventually(lambda: rows(service, where="kind = 'welcome' AND status = 'sent'"))
    mail_server.tries.clear()
    # Full while mails are at the mail server: what became of them cannot be noted.
    mail_server.answer = lambda message: control.write_text("disk_full") and "250 taken"
    world.order.send(*(world.group_placed(f"g{i}") for i in range(40)))
    eventually(lambda: mail_server.tries)
    failures = lambda: int(re.search(r'agora_job_failures_total\{job_name="notification.delivery"\} (\d+)', service.metrics())[1])
    eventually(lambda: failures() >= 20)
    assert len(mail_server.tries) == len(set(mail_server.tries)) < 40
    mail_server.answer = lambda message: "250 taken"
    control.unlink()
    eventually(lambda: len(rows(service, where="kind = 'order_placed' AND status = 'sent'")) == 40)
    assert len(mail_server.tries) == len(set(mail_server.tries)) == 40
