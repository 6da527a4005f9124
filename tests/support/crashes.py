"""Killing a service's -faults program at a named crash point, when a test is ready for it."""

import re
import time

# Where each action passes a point; tests/faults has a test for each pair.
POINTS = {
    "place": ["order.place.decided", "order.place.written", "sql.before_commit", "sql.after_commit"],
    "checkout": ["order.checkout.decided", "order.checkout.written", "sql.before_commit", "sql.after_commit"],
    "cancel": ["order.cancel.decided", "order.cancel.written", "sql.before_commit", "sql.after_commit"],
    "expire": ["order.expire.decided", "order.expire.written", "sql.before_commit", "sql.after_commit"],
    "consume": ["events.consumer.acknowledging", "order.capture.written", "events.consumer.applying", "sql.before_commit", "sql.after_commit",
                "events.consumer.applied"],
    "number": ["events.numbering.numbered"],
    "serve": ["events.feed.serving"],
    "deliver": ["notification.mail.sent"],
}
MATRIX = [(action, point) for action, points in POINTS.items() for point in points]


def rearm(service, point):
    """Restarts so that the point fires the next time it is passed once arm() was called: starting passes some points itself."""
    service.stop()
    service.trigger = service.data / "armed"
    service.trigger.unlink(missing_ok=True)
    service.start(AGORA_CRASH_POINT=point, AGORA_CRASH_FILE=str(service.trigger))
    # The first rounds of the jobs that write may still be on their way when the service is ready.
    jobs = {"order": ["order.key_cleaning", "order.cart_cleaning", "events.trim"] + (["events.numbering"] if service.database else []), "notification": ["notification.delivery"]}[service.name]
    deadline = time.monotonic() + 10
    while not all(rounds(service, job) for job in jobs):
        assert time.monotonic() < deadline


def rounds(service, job):
    return int(re.search(rf'agora_job_rounds_total{{job="{job}"}} (\d+)', service.metrics())[1])


def arm(service):
    service.trigger.touch()


def dies(service):
    service.process.wait(timeout=20)
    assert service.process.returncode == -9
    service.start()
