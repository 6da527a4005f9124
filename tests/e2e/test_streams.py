"""Live updates: what an order's buyer and a notification's user follow, as it happens; through kills, restores and replicas."""

import signal
import time

import pytest

from support.happenings import World
from support.notifications import rows
from support.publisher import eventually
from support.service import OFFERS, TOKENS, place, problem
from support.streams import Stream, closed_streams, open_streams
from support.tokens import claims_of, make_token, signing_key


CLOCK_SKEW_SECONDS = 60


def events_path(order):
    return f"/orders/{order['order_id']}/events"


def place_one(service, token="token-u1"):
    """One that the log has: on PostgreSQL it gets its number a moment after the answer."""
    order = place(service.as_user(token)).json()
    eventually(lambda: not service.database or not service.query("SELECT 1 FROM outbox_new"))
    return order


def cancel(client, order):
    assert client.post(f"/orders/{order['order_id']}/cancellation").status_code == 200


def shown(client, order):
    return client.get(f"/orders/{order['order_id']}").json()


# An order

@pytest.mark.parametrize("token", ["token-u1", "token-guest"])
@pytest.mark.parametrize("prefix", ["", "/api/v1"])
def test_a_buyer_follows_their_order(shop, token, prefix):
    buyer, other = shop.as_user(token), shop.as_user("token-u2")
    order, another = place_one(shop, token), place_one(shop, token)
    stream = Stream(shop.port, prefix + events_path(order), token)
    stream.opening()
    for who, which in ((buyer, another), (other, place(other).json()), (buyer, order)):
        cancel(who, which)
    event = stream.next()
    assert event["event"] == "order.canceled" and event["data"] == shown(buyer, order)
    assert event["data"]["user_id"] == order["user_id"] and event["data"]["version"] == 2


def test_a_client_goes_on_where_it_left_off(shop):
    """Also after a restart, and what it had is not told again."""
    before = Stream(shop.port, events_path(place_one(shop)), "token-u1").opening()["id"]
    order = place_one(shop)
    path = events_path(order)
    placed = Stream(shop.port, path, "token-u1", last_id=before)
    placed.opening()
    first = placed.next()
    assert first["event"] == "order.placed" and first["data"] == order
    shop.restart()
    cancel(shop.as_user("token-u1"), order)
    again = Stream(shop.port, path, "token-u1", last_id=placed.last_id)
    assert again.opening()["id"] == placed.last_id
    assert again.next()["event"] == "order.canceled"
    both = Stream(shop.port, path, "token-u1", last_id=before)
    both.opening()
    assert [event["event"] for event in both.take(2)] == ["order.placed", "order.canceled"]


def test_an_id_that_is_not_known_resets(shop):
    order = place_one(shop)
    now = Stream(shop.port, events_path(order), "token-u1").opening()
    log_id = now["id"].partition(":")[0]
    for last_id in ("another:1", f"{log_id}:{now.number + 1000}", f"{log_id}:-1", f"{log_id}:x", "x", ":", "1"):
        stream = Stream(shop.port, events_path(order), "token-u1", last_id=last_id)
        assert stream.next() == {"id": now["id"], "event": "reset", "data": {}}, last_id
    cancel(shop.as_user("token-u1"), order)
    assert stream.next()["event"] == "order.canceled"
    shop.stop()
    shop.change(f"UPDATE event_log SET trimmed_through = {now.number}")
    shop.start()
    for last_id, known in ((now["id"], True), (f"{log_id}:{now.number - 1}", False)):
        first = Stream(shop.port, events_path(order), "token-u1", last_id=last_id).next()
        assert first.get("event") == (None if known else "reset")


@pytest.mark.no_audit
def test_a_stream_at_one_replica_tells_what_another_wrote(launch, deployment):
    """Where a database has several."""
    database = deployment.new_database()
    services = [launch("--offers", OFFERS, *TOKENS, *deployment.flags(), database=database) for _ in range(deployment.replicas)]
    users = [service.as_user("token-u1") for service in services]
    orders = [place_one(services[-1]) for _ in range(20)]
    streams = [Stream(services[0].port, events_path(order), "token-u1") for order in orders]
    for stream in streams:
        stream.opening()
    for number, order in enumerate(orders):
        cancel(users[number % len(users)], order)
    for stream, order in zip(streams, orders):
        assert stream.next()["data"] == shown(users[0], order)


def test_it_takes_no_parameters(shop):
    order = place(shop.as_user("token-u1")).json()
    problem(shop.as_user("token-u1").get(events_path(order) + "?since=1"), 422, "validation_failed")


# The stream itself

def test_it_ends_with_the_token(sqlite_shop):
    order = place(sqlite_shop.as_user("token-u1")).json()
    # One that is over, and accepted for as long as clocks may differ: so is its stream.
    ends_at = int(time.time()) + 3
    token = make_token(signing_key(), claims_of("u1", exp=ends_at - CLOCK_SKEW_SECONDS))
    stream = Stream(sqlite_shop.port, events_path(order), token)
    stream.opening()
    assert stream.rest() == [] and time.time() >= ends_at
    eventually(lambda: closed_streams(sqlite_shop, "expired") == 1 and open_streams(sqlite_shop) == 0)


def test_a_drain_tells_when_to_come_back(sqlite_shop):
    order = place(sqlite_shop.as_user("token-u1")).json()
    streams = [Stream(sqlite_shop.port, events_path(order), "token-u1") for _ in range(20)]
    for stream in streams:
        stream.opening()
    started = time.monotonic()
    sqlite_shop.process.send_signal(signal.SIGTERM)
    retries = {int(event["retry"]) for stream in streams for event in stream.rest()}
    assert len(retries) > 1 and min(retries) >= 1000
    assert sqlite_shop.process.wait(timeout=10) == 0 and time.monotonic() - started < 5


def test_a_silent_stream_stays_and_a_client_that_went_is_noticed(launch):
    shop = launch("--offers", OFFERS, *TOKENS, "--http.idle-deadline", "200ms", "--http.stream-heartbeat", "100ms")
    order = place(shop.as_user("token-u1")).json()
    stream = Stream(shop.port, events_path(order), "token-u1")
    stream.opening()
    assert [stream.block() for _ in range(5)] == [":"] * 5
    stream.close()
    eventually(lambda: closed_streams(shop, "client") == 1 and open_streams(shop) == 0)


def test_there_are_so_many_streams_and_no_more(launch):
    shop = launch("--offers", OFFERS, *TOKENS, "--http.streams-max", "4", "--http.streams-per-principal-max", "3", "--http.requests-in-flight-max", "1",
                  "--http.reserved-percent", "0")
    paths = {token: events_path(place(shop.as_user(token)).json()) for token in ("token-u1", "token-u2")}
    streams = [Stream(shop.port, paths["token-u1"], "token-u1") for _ in range(3)]
    answer = shop.as_user("token-u1").get(paths["token-u1"])
    assert problem(answer, 429, "rate_limited") and answer.headers["retry-after"]
    streams.append(Stream(shop.port, paths["token-u2"], "token-u2"))
    answer = shop.as_user("token-u2").get(paths["token-u2"])
    assert problem(answer, 503, "overloaded") and answer.headers["retry-after"]
    assert shop.as_user("token-u1").get("/orders").status_code == 200
    streams.pop().close()
    eventually(lambda: open_streams(shop) == 3)
    Stream(shop.port, paths["token-u2"], "token-u2").opening()


# Notifications

PATH = "/api/v1/notifications/events"


@pytest.fixture
def listeners(launch, deployment):
    """Replicas of notification on one database, where it can have some, and what they hear of."""
    world = World(deployment)
    database = deployment.new_database()
    services = [launch(*TOKENS, *world.flags, "--mail", "none", name="notification", database=database) for _ in range(deployment.replicas)]
    return world, services


@pytest.mark.no_audit
def test_a_user_follows_what_they_are_told(listeners):
    world, services = listeners
    streams = [Stream(service.port, PATH, "token-u1") for service in services]
    for stream in streams:
        stream.opening()
    world.order.send(*(world.group_placed(f"g{i}", user=f"u{1 + i % 3}") for i in range(30)))
    items = eventually(lambda: len(found := services[0].as_user("token-u1").get("/api/v1/notifications?limit=100").json()["items"]) == 10 and found)
    for stream in streams:
        events = stream.take(10)
        assert [event["event"] for event in events] == ["order_placed"] * 10
        # One partition of a topic goes before another.
        assert sorted((event["data"] for event in events), key=lambda item: item["order_group_id"]) == sorted(items, key=lambda item: item["order_group_id"])
        assert [event.number for event in events] == sorted(event.number for event in events)
    # Every replica gives an event the same id, and goes on from another's.
    assert len({stream.last_id for stream in streams}) == 1
    services[0].restart()
    world.order.send(world.group_paid("g0"))
    again = Stream(services[0].port, PATH, "token-u1", last_id=streams[-1].last_id)
    assert again.opening()["id"] == streams[-1].last_id
    assert (event := again.next())["event"] == "order_paid" and event["data"]["order_group_id"] == "g0"
    first = Stream(services[-1].port, PATH, "token-u1", last_id=streams[0].last_id.partition(":")[0] + ":0")
    first.opening()
    assert len(first.take(11)) == 11


@pytest.mark.no_audit
def test_who_is_erased_is_in_no_log(listeners):
    world, services = listeners
    world.user("u1")
    world.order.send(world.group_placed("g"), world.group_placed("h", user="u2"))
    service = services[0]
    # Numbers too, which PostgreSQL gives a moment later: one for each user's notification in the app.
    eventually(lambda: len(rows(service)) == 3 and len(service.query("SELECT user_id FROM notification_numbers")) == 3)
    start = Stream(service.port, PATH, "token-u2").opening()["id"]
    world.auth.publish("user.deleted", "u1", user_id="u1")
    eventually(lambda: service.query("SELECT user_id FROM notification_numbers") == [{"user_id": "u2"}])
    world.order.send(world.group_paid("h", user="u2"))
    stream = Stream(service.port, PATH, "token-u2", last_id=start)
    stream.opening()
    assert stream.next()["event"] == "order_paid" and stream.last_id.partition(":")[2] == "4", "numbers are not given twice"


@pytest.mark.no_audit
def test_another_log_resets(listeners):
    world, services = listeners
    service = services[0]
    last_id = Stream(service.port, PATH, "token-u1").opening()["id"]
    for one in services:
        one.stop()
    service.change("UPDATE notification_log SET log_id = 'renewed'")
    service.start()
    stream = Stream(service.port, PATH, "token-u1", last_id=last_id)
    assert stream.next() == {"id": "renewed:0", "event": "reset", "data": {}}
    world.order.send(world.group_placed("g"))
    assert stream.next()["id"] == "renewed:1"


@pytest.mark.no_audit
def test_notifications_are_followed_as_events_alone(listeners):
    service = listeners[1][0]
    problem(service.as_user("token-u1").get(PATH, headers={"Accept": "application/json"}), 406, "not_acceptable")
