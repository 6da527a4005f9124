"""Killing a service's -faults program at a named crash point, when a test is ready for it."""

import pathlib
import re
import time

from support.shoppers import counted

# Where each action passes a point; tests/faults has a test for each pair.
POINTS = {
    "place": ["order.place.decided", "order.place.written", "sql.before_commit", "sql.after_commit"],
    "checkout": ["order.checkout.decided", "order.checkout.written", "sql.before_commit", "sql.after_commit"],
    "cancel": ["order.cancel.decided", "order.cancel.written", "sql.before_commit", "sql.after_commit"],
    "expire": ["order.expire.decided", "order.expire.written", "sql.before_commit", "sql.after_commit"],
    "fulfill": ["order.fulfill.decided", "order.fulfill.written", "sql.before_commit", "sql.after_commit"],
    "ship": ["order.ship.decided", "order.ship.written", "sql.before_commit", "sql.after_commit"],
    "confirm": ["order.confirm.decided", "order.confirm.written", "sql.before_commit", "sql.after_commit"],
    "advance": ["order.advance.written", "sql.before_commit", "sql.after_commit"],
    "consume": ["events.consumer.acknowledging", "order.capture.written", "events.consumer.applying", "sql.before_commit", "sql.after_commit",
                "events.consumer.applied"],
    "refund": ["order.refund.written", "sql.before_commit", "sql.after_commit"],
    "progress": ["order.progress.written", "sql.before_commit", "sql.after_commit"],
    "number": ["events.numbering.numbered"],
    "relay": ["events.relay.published", "events.relay.committed"],
    "serve": ["events.feed.serving"],
    "deliver": ["notification.mail.sent"],
}
MATRIX = [(action, point) for action, points in POINTS.items() for point in points]


def rearm(service, point, **env):
    """Restarts so that the point fires the next time it is passed once arm() was called: starting passes some points itself, and so does reading on."""
    wait_until(lambda: counted(service, "agora_events_lag{") == 0)
    service.stop()
    service.trigger = service.data / "armed"
    service.trigger.unlink(missing_ok=True)
    # A relay looks when there is something; its lease is not renewed in between.
    service.start(AGORA_CRASH_POINT=point, AGORA_CRASH_FILE=str(service.trigger), **{f"AGORA_{service.name.upper()}_EVENTS_RELAY_INTERVAL": "1h"}, **env)
    # The first rounds of the jobs that write may still be on their way when the service is ready.
    jobs = {"order": {"order.key_cleaning", "order.cart_cleaning", "events.trim", "events.numbering", "events.relay"}, "notification": {"notification.delivery"}}[service.name]
    wait_until(lambda: all(rounds > 0 for job, rounds in jobs_of(service).items() if job in jobs))


def jobs_of(service):
    """{job: rounds}"""
    return {job: int(rounds) for job, rounds in re.findall(r'agora_job_rounds_total{job_name="([^"]+)"} (\d+)', service.metrics())}


def wait_until(done):
    deadline = time.monotonic() + 10
    while not done():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def arm(service):
    service.trigger.touch()


def sleeps(process):
    """Waits until it fell asleep at the point (AGORA_CRASH_SIGNAL=STOP)."""
    wait_until(lambda: pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")


def dies(service):
    service.process.wait(timeout=20)
    assert service.process.returncode == -9
    service.start()
