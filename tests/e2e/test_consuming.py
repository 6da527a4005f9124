"""The order service hears what others tell: offers, users who are erased, captures. Their logs are the tests' own, served by libs/events."""

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from support.publisher import TOKEN, Publisher, eventually
from support.service import OFFERS, TOKENS, place, problem


@pytest.fixture
def publishers(folder, new_database):
    all_of_them = {name: Publisher(name, folder / name, new_database()).start() for name in ("catalog", "auth", "payment")}
    yield all_of_them
    for publisher in all_of_them.values():
        publisher.kill()


@pytest.fixture
def market(launch, publishers, new_database):
    """An order service that consumes three logs, in which a seller offers o1 at 5.00."""
    catalog = publishers["catalog"]
    catalog.publish("seller.opened", "s1", seller_id="s1", status="open", name="Seller", members=[{"user_id": "m1", "role": "owner"}])
    catalog.publish("product.published", "p1", product_id="p1", status="published", title="Product")
    catalog.publish("offer.created", "o1", **offer())
    service = launch(*TOKENS, *feeds(publishers), database=new_database())
    eventually(lambda: service.query("SELECT 1 FROM offers"))
    return service


def feeds(publishers):
    flags = [flag for name, publisher in publishers.items() for flag in (f"--{name}-feed", publisher.feed)]
    return [*flags, "--service-token-file", str(publishers["catalog"].token_file), "--events.wait", "1s", "--events.retry-first", "50ms",
            "--events.retry-max", "200ms"]


def offer(**changes):
    return {"offer_id": "o1", "seller_id": "s1", "product_id": "p1", "variant_id": "v1", "sku": "S", "price": 500, "currency": "USD",
            "status": "active", "requires_shipping": True, "initial_quantity": 10, **changes}


def group_of(order):
    return {"payment_id": "pay1", "order_group_id": order["order_group_id"], "amount": round(order["total"] * 100), "currency": "USD"}


def events_of(service, type):
    return [json.loads(row["data"]) for row in service.query(f"SELECT data FROM outbox WHERE type = '{type}' ORDER BY {service.written}")]


def test_what_catalog_tells_is_sold(market, publishers):
    user = market.as_user("token-u1")
    assert place(user).status_code == 201
    publishers["catalog"].publish("offer.updated", "o1", **offer(price=600))
    eventually(lambda: market.query("SELECT 1 FROM offers WHERE price = 600"))
    assert problem(place(user), 409, "price_changed")["current_price"] == 6
    # The initial quantity was applied once, whatever later versions say.
    publishers["catalog"].publish("offer.updated", "o1", **offer(price=500, initial_quantity=99))
    eventually(lambda: market.query("SELECT 1 FROM offers WHERE price = 500"))
    assert market.query("SELECT on_hand FROM stock") == [{"on_hand": 10}]


@pytest.mark.parametrize("change", ["seller", "offer", "product"])
def test_what_is_suspended_or_archived_is_not(market, publishers, change):
    catalog = publishers["catalog"]
    if change == "seller":
        catalog.publish("seller.suspended", "s1", seller_id="s1", status="suspended", name="Seller")
    elif change == "offer":
        catalog.publish("offer.archived", "o1", **offer(status="archived"))
    else:
        catalog.publish("product.archived", "p1", product_id="p1", status="archived", title="Product")
    eventually(lambda: market.query("SELECT version FROM inbox_versions WHERE version = 2"))
    problem(place(market.as_user("token-u1")), 409, "offer_unavailable")


def test_a_capture_confirms_the_orders_of_its_group(market, publishers):
    order = place(market.as_user("token-u1")).json()
    publishers["payment"].publish("payment.captured", "pay1", **group_of(order))
    eventually(lambda: events_of(market, "order_group.paid"))
    paid = market.as_user("token-u1").get(f"/orders/{order['order_id']}").json()
    assert (paid["status"], paid["payment_status"], paid["pay_by"], paid["version"]) == ("confirmed", "captured", None, 2)
    (told,) = events_of(market, "order.paid")
    assert (told["order_id"], told["payment_id"], told["total"]) == (order["order_id"], "pay1", 500)


@pytest.mark.parametrize("why", ["ended", "already_paid", "amount_mismatch", "unknown"])
def test_a_capture_that_cannot_be_used_is_refused_once(market, publishers, why):
    user = market.as_user("token-u1")
    order = place(user).json()
    capture = group_of(order)
    if why == "ended":
        assert user.post(f"/orders/{order['order_id']}/cancellation").status_code == 200
    elif why == "already_paid":
        publishers["payment"].publish("payment.captured", "pay0", **{**capture, "payment_id": "pay0"})
    elif why == "amount_mismatch":
        capture["amount"] += 1
    else:
        capture["order_group_id"] = "lost"
    publishers["payment"].publish("payment.captured", "pay1", **capture)
    (refused,) = eventually(lambda: events_of(market, "order_group.capture_refused"))
    assert (refused["payment_id"], refused["reason"], refused["order_group_id"]) == ("pay1", why, capture["order_group_id"])
    status = {"ended": "canceled", "already_paid": "confirmed"}.get(why, "pending")
    assert user.get(f"/orders/{order['order_id']}").json()["status"] == status


def test_a_capture_that_is_told_again_is_nothing_new(market, publishers):
    """Payment's log was put back from a copy, and its job repeated the capture: the event is another, the payment the same."""
    order = place(market.as_user("token-u1")).json()
    publishers["payment"].publish("payment.captured", "pay1", **group_of(order))
    eventually(lambda: events_of(market, "order_group.paid"))
    publishers["payment"].publish("payment.captured", "pay1", **group_of(order))
    publishers["payment"].publish("payment.captured", "pay2", **{**group_of(order), "payment_id": "pay2"})
    (refused,) = eventually(lambda: events_of(market, "order_group.capture_refused"))
    assert refused["payment_id"] == "pay2" and len(events_of(market, "order_group.paid")) == 1


def test_an_erased_user_is_refused_and_forgotten(market, publishers):
    user = market.as_user("token-u1")
    order = place(user, key="k1").json()
    publishers["auth"].publish("user.registered", "u1", user_id="u1", email="u1@example.com")
    publishers["auth"].publish("user.deleted", "u1", user_id="u1")
    eventually(lambda: market.query("SELECT 1 FROM erased_users"))
    problem(user.get(f"/orders/{order['order_id']}"), 401, "invalid_token")
    problem(place(user, key="k1"), 401, "invalid_token")
    assert market.query("SELECT count(*) AS n FROM idempotency_keys") == [{"n": 0}]
    # What is told of them later changes nothing, nor does a restart.
    publishers["auth"].publish("user.updated", "u1", user_id="u1", email="u1@example.com")
    eventually(lambda: market.query("SELECT 1 FROM inbox_versions WHERE topic = 'agora.users' AND version = 3"))
    market.restart()
    problem(market.as_user("token-u1").get(f"/orders/{order['order_id']}"), 401, "invalid_token")
    assert market.as_user("token-support").get(f"/orders/{order['order_id']}").json()["user_id"] == "u1"


def test_a_poison_event_parks_its_subject_alone(market, publishers):
    catalog = publishers["catalog"]
    first, second = (place(market.as_user("token-u1")).json() for _ in range(2))
    payment = publishers["payment"]
    payment.poison("payment.captured", "pay1", 1, {"payment_id": "pay1", "amount": "much"})
    payment.publish("payment.captured", "pay1", 2, **group_of(first))
    payment.publish("payment.captured", "pay2", **{**group_of(second), "payment_id": "pay2"})
    (paid,) = eventually(lambda: events_of(market, "order_group.paid"))
    assert paid["payment_id"] == "pay2"
    parked = eventually(lambda: len(rows := market.query("SELECT version, reason, attempts FROM parked_events ORDER BY version")) == 2 and rows)
    assert [(row["version"], row["reason"]) for row in parked] == [(1, "failed"), (2, "gap")]
    listed = internal(market, "GET", "/internal/parked").json()["items"]
    assert [(row["subject"], row["version"], row["dead"]) for row in listed] == [("pay1", 1, False), ("pay1", 2, False)]
    # Skipped, the next one is applied at once, in order.
    body = {key: listed[0][key] for key in ("publisher", "log_id", "topic", "subject")}
    assert internal(market, "POST", "/internal/parked/skip", body).json() == {"skipped_through": 1}
    eventually(lambda: len(events_of(market, "order_group.paid")) == 2)
    assert market.query("SELECT * FROM parked_events") == []
    assert catalog.process.poll() is None


def test_the_internal_routes_want_the_service_token(market):
    for method, path in (("GET", "/internal/feed?consumer=notification&topics=agora.orders"), ("GET", "/internal/parked"), ("GET", "/internal/consumers"),
                         ("POST", "/internal/parked/skip"), ("POST", "/internal/consumers/catalog/rebuild"), ("DELETE", "/internal/feed/consumers/notification")):
        assert internal(market, method, path, token=None).status_code == 401, path
        assert internal(market, method, path, token="x" * 32).status_code == 401, path


def test_the_feed_serves_what_was_placed(market):
    order = place(market.as_user("token-u1")).json()
    # PostgreSQL numbers what was committed a moment later.
    page = internal(market, "GET", "/internal/feed?consumer=notification&topics=agora.orders,agora.order_groups&wait=5000").json()
    assert [(event["type"], event["subject"]) for event in page["events"]] == [("order_group.placed", order["order_group_id"]), ("order.placed", order["order_id"])]
    event = page["events"][1]
    assert event["specversion"] == "1.0" and event["source"] == "/agora/order" and event["version"] == "1" and event["logid"] == page["log_id"]
    for query in ("", "consumer=nobody&topics=agora.orders", "consumer=notification&topics=agora.stock", "consumer=notification&topics=agora.orders&after=1",
                  "consumer=notification&topics=agora.orders&limit=x", "consumer=notification&topics=agora.orders&colour=red"):
        assert internal(market, "GET", "/internal/feed?" + query).status_code == 422, query
    place_of = f"&log_id={page['log_id']}&after={page['next']['after']}&after_id="
    feed = "/internal/feed?consumer=notification&topics=agora.orders"
    assert internal(market, "GET", feed + place_of + page["next"]["after_id"]).json()["events"] == []
    assert internal(market, "GET", feed + place_of + "other").json()["code"] == "position_lost"
    assert internal(market, "GET", feed + "&log_id=other&after=1&after_id=x").json()["code"] == "log_changed"
    assert internal(market, "GET", feed + f"&log_id={page['log_id']}&after=999&after_id=x").status_code == 410


def internal(service, method, path, body=None, token="t" * 32):
    import httpx
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.request(method, f"http://127.0.0.1:{service.internal_port}{path}", headers=headers, json=body or {} if method == "POST" else None, timeout=30)


@pytest.mark.no_audit
def test_an_acknowledgement_of_another_log_lets_go_of_nothing(launch, folder, new_database):
    """After a restore a consumer's first poll still speaks of the log that is gone."""
    token_file = folder / "token"
    token_file.write_text(TOKEN + "\n")
    service = launch("--offers", OFFERS, *TOKENS, "--service-token-file", str(token_file), "--events.trim-interval", "20ms", "--events.keep", "0ms",
                     database=new_database())
    place(service.as_user("token-u1"))
    facts = service.query("SELECT count(*) AS n FROM outbox WHERE topic = 'agora.orders'")[0]["n"]

    def poll(consumer, **position):
        return httpx.get(f"http://127.0.0.1:{service.internal_port}/internal/feed", params={"consumer": consumer, "topics": "agora.orders", **position},
                         headers={"Authorization": f"Bearer {TOKEN}"})

    page = poll("notification", wait=5_000).json()
    here = {"log_id": page["log_id"], "after": page["next"]["after"], "after_id": page["next"]["after_id"]}
    for consumer in ("catalog", "payment", "recommendation"):
        # Payment reads groups alone; it has acknowledged them all.
        topics = {"topics": "agora.order_groups"} if consumer == "payment" else {}
        assert poll(consumer, **here, ack=here["after"], **topics).status_code == 200
    assert poll("notification", log_id="another", after=99_999, after_id="x", ack=99_999).status_code == 410
    assert poll("notification", **{**here, "after": 99_999}, ack=99_999).status_code == 410
    assert poll("notification", **here, ack=here["after"] + 1).status_code == 422
    rounds = int(re.search(r'agora_job_rounds_total{job_name="events.trim"} (\d+)', service.metrics())[1])
    eventually(lambda: int(re.search(r'agora_job_rounds_total{job_name="events.trim"} (\d+)', service.metrics())[1]) > rounds + 2)
    assert service.query("SELECT count(*) AS n FROM outbox WHERE topic = 'agora.orders'")[0]["n"] == facts
    assert poll("notification", **here, ack=here["after"]).status_code == 200
    eventually(lambda: service.query("SELECT count(*) AS n FROM outbox WHERE topic = 'agora.orders'")[0]["n"] == 0)


def test_an_erased_user_is_refused_by_every_replica(launch, postgres, folder):
    """One of two hears of it; the other, which reads no log, refuses the same tokens, and both do after a start."""
    auth = Publisher("auth", folder / "auth", postgres.new_database()).start()
    try:
        database = postgres.new_database()
        hears = launch("--offers", OFFERS, *TOKENS, "--auth-feed", auth.feed, "--service-token-file", str(auth.token_file), "--events.wait", "1s", database=database)
        other = launch("--offers", OFFERS, *TOKENS, "--users.erased-interval", "50ms", database=database)
        user, staying = other.as_user("token-u1"), other.as_user("token-u2")
        order = place(user).json()["order_id"]
        assert user.get(f"/orders/{order}").status_code == 200
        auth.publish("user.deleted", "u1", user_id="u1")
        eventually(lambda: hears.as_user("token-u1").get(f"/orders/{order}").status_code == 401)
        problem(eventually(lambda: (answer := user.get(f"/orders/{order}")).status_code == 401 and answer), 401, "invalid_token")
        assert staying.get(f"/orders/{order}").status_code == 404
        other.restart()
        problem(other.as_user("token-u1").get(f"/orders/{order}"), 401, "invalid_token")
    finally:
        auth.kill()


def test_two_replicas_serve_one_log(launch, postgres, folder):
    """Orders come in at both, and whoever reads, at whichever, hears of each at once, in one order for all."""
    token_file = folder / "token"
    token_file.write_text(TOKEN + "\n")
    database = postgres.new_database()
    replicas = [launch("--offers", OFFERS, *TOKENS, "--service-token-file", str(token_file), "--events.trim-interval", "20ms",
                       database=database) for _ in range(2)]
    clients, each = 6, 8
    expected = clients * each * 2

    def read(service):
        topics, events, position = "agora.orders,agora.order_groups", [], {}
        while len(events) < expected:
            asked = time.monotonic()
            page = httpx.get(f"http://127.0.0.1:{service.internal_port}/internal/feed", timeout=30, headers={"Authorization": f"Bearer {TOKEN}"},
                             params={"consumer": "notification", "topics": topics, "wait": 20_000, **position}).json()
            assert page["events"] and time.monotonic() - asked < 10, "woken, not timed out"
            events += [(int(event["sequence"]), event["topic"], event["subject"], event["version"]) for event in page["events"]]
            position = {"log_id": page["log_id"], **page["next"]}
        return events

    def shop_at(service):
        user = service.as_user("token-u1")
        for _ in range(each):
            assert place(user).status_code == 201

    with ThreadPoolExecutor(clients + 4) as threads:
        readers = [threads.submit(read, service) for service in replicas for _ in range(2)]
        for done in [threads.submit(shop_at, replicas[i % 2]) for i in range(clients)]:
            done.result()
        heard = [reader.result() for reader in readers]
    assert all(events == heard[0] for events in heard)
    assert [event[0] for event in heard[0]] == sorted({event[0] for event in heard[0]})
    assert len({event[1:] for event in heard[0]}) == expected and {event[3] for event in heard[0]} == {"1"}
    log = eventually(lambda: (row := replicas[0].query("SELECT head, (SELECT count(*) FROM outbox_new) AS waiting, (SELECT count(*) FROM outbox) AS events,"
                                                       " (SELECT count(*) FROM leases WHERE name = 'events.trim') AS leases FROM event_log")[0])["waiting"] == 0 and row)
    assert log["head"] == log["events"] and log["leases"] == 1
