"""What notification has written."""

from support.publisher import eventually
from support.service import TOKENS


# What one that was killed had claimed another takes over soon.
SHORT_CLAIMS = ("--mail.deadline", "1s", "--mail.claim", "2s")


def with_faults(launch, world, mail_server, database=None):
    """notification-service-faults, with a user and a seller."""
    service = launch(*TOKENS, *world.flags, *mail_server.flags, "--mail.retry-first", "50ms", *SHORT_CLAIMS, name="notification", faults=True,
                     database=database)
    world.user("u1")
    world.seller("s1", "m1")
    world.user("m1")
    told(service, "kind = 'welcome'", 4)
    eventually(lambda: service.query("SELECT 1 FROM seller_members") and not rows(service, where="status = 'pending'"))
    return service


def rows(service, columns="user_id, channel, kind", where="1 = 1"):
    return [tuple(row.values()) for row in service.query(f"SELECT {columns} FROM notifications WHERE {where} ORDER BY {columns}")]


def orders_told(service):
    """How many checkouts their buyers were told of, in the app."""
    return service.query("SELECT count(*) AS n FROM notifications WHERE kind = 'order_placed' AND channel = 'in_app'")[0]["n"]


def told(service, where, count):
    """Waits for so many rows."""
    return eventually(lambda: len(found := rows(service, where=where)) == count and found or count == 0)
