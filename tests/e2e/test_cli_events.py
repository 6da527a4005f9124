"""agora events: people see what a service could not use, and help it on."""

import json
import os
import subprocess

import pytest

from support.audit import agora_audit
from support.publisher import Publisher, eventually
from support.service import BUILD, TOKENS, place

AGORA = os.environ.get("AGORA_BINARY", str(BUILD / "cli" / "agora"))
OFFER = {"offer_id": "o1", "seller_id": "s1", "product_id": "p1", "variant_id": "v1", "sku": "S", "price": 500, "currency": "USD", "status": "active",
         "requires_shipping": True, "initial_quantity": 10}


@pytest.fixture
def publishers(folder, new_database):
    both = {name: Publisher(name, folder / name, new_database()).start() for name in ("catalog", "payment")}
    yield both
    for publisher in both.values():
        publisher.kill()


@pytest.fixture
def market(launch, publishers, new_database):
    """An order service that consumes two logs; what fails is not tried again by itself while a test looks."""
    catalog = publishers["catalog"]
    catalog.publish("seller.opened", "s1", seller_id="s1", status="open", name="Seller", members=[{"user_id": "m1", "role": "owner"}])
    catalog.publish("product.published", "p1", product_id="p1", status="published", title="Product")
    catalog.publish("offer.created", "o1", **OFFER)
    feeds = [flag for name, publisher in publishers.items() for flag in (f"--{name}-feed", publisher.feed)]
    service = launch(*TOKENS, *feeds, "--service-token-file", str(catalog.token_file), "--events.wait", "1s",
                     "--events.retry-first", "1h", "--events.retry-max", "1h", database=new_database())
    eventually(lambda: service.query("SELECT 1 FROM offers"))
    service.token_file = catalog.token_file
    return service


def events(market, verb, *flags, token=None):
    done = subprocess.run([AGORA, "events", verb, "--url", f"http://127.0.0.1:{market.internal_port}", "--token-file", str(token or market.token_file), *flags],
                          capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def listed(market):
    code, out, _ = events(market, "list", "--json")
    assert code == 0
    return json.loads(out)


def park(market, publishers):
    """A capture that cannot be read, and one after it that waits."""
    order = place(market.as_user("token-u1")).json()
    payment = publishers["payment"]
    payment.poison("payment.captured", "pay1", 1, {"payment_id": "pay1", "amount": "much"})
    payment.publish("payment.captured", "pay1", 2, payment_id="pay1", order_group_id=order["order_group_id"], amount=500, currency="USD")
    eventually(lambda: len(market.query("SELECT 1 FROM parked_events")) == 2)
    return order


def test_where_it_stands_is_listed(market, publishers):
    consumers = {row["publisher"]: row for row in listed(market)["consumers"]}
    assert consumers["catalog"]["log_id"] == publishers["catalog"].query("SELECT log_id FROM event_log")[0]["log_id"]
    assert consumers["catalog"]["degraded"] is None and listed(market)["parked"] == []
    _, out, _ = events(market, "list")
    assert "catalog: read through event 3 of log" in out and "nothing is parked" in out


def test_what_is_parked_is_listed_and_counted_by_the_audit(market, publishers):
    park(market, publishers)
    assert [(row["subject"], row["version"], row["reason"]) for row in listed(market)["parked"]] == [("pay1", 1, "failed"), ("pay1", 2, "gap")]
    _, out, _ = events(market, "list")
    assert out.count("parked: payment agora.payments pay1 version") == 2
    code, report = agora_audit([market])
    assert code == 0, report
    assert len(report["services"][0]["parked"]) == 2


def test_all_that_is_parked_is_listed(market, publishers):
    """More than fits in a page of the route, of one that is asked page by page."""
    payment = publishers["payment"]
    payment.send(*(payment.event("payment.captured", f"pay{i:03}", 2, payment_id=f"pay{i:03}", order_group_id="g", amount=500, currency="USD") for i in range(250)))
    eventually(lambda: len(market.query("SELECT 1 FROM parked_events")) == 250)
    assert {row["subject"] for row in listed(market)["parked"]} == {f"pay{i:03}" for i in range(250)}
    assert events(market, "list")[1].count("parked: payment") == 250
    # Whichever page it is on.
    code, _, told = events(market, "replay", "--subject", "pay249")
    assert code == 0, told


def test_what_is_parked_is_tried_again(market, publishers):
    park(market, publishers)
    code, out, _ = events(market, "replay", "--subject", "pay1", "--json")
    assert code == 0 and json.loads(out) == {"replayed": 2}
    # Still unreadable, but it was tried now and not in an hour.
    eventually(lambda: listed(market)["parked"][0]["attempts"] == 1)


def test_what_is_skipped_lets_the_next_one_through(market, publishers):
    order = park(market, publishers)
    code, out, _ = events(market, "skip", "--subject", "pay1", "--topic", "agora.payments")
    assert code == 0 and "through version 1" in out
    eventually(lambda: market.query(f"SELECT 1 FROM orders WHERE order_id = '{order['order_id']}' AND status = 'confirmed'"))
    assert listed(market)["parked"] == []


def test_nothing_parked_is_a_no(market, publishers):
    park(market, publishers)
    for verb in ("replay", "skip"):
        for flags in (("--subject", "pay2"), ("--subject", "pay1", "--topic", "agora.users"),
                      ("--subject", "pay2", "--topic", "agora.payments", "--publisher", "payment", "--log-id", "x")):
            code, _, told = events(market, verb, *flags)
            assert code == 1 and "parked" in told
    assert len(listed(market)["parked"]) == 2


def test_a_restored_log_is_rebuilt(market, publishers, folder):
    catalog = publishers["catalog"]
    catalog.copy(folder / "log.copy")
    catalog.publish("offer.updated", "o1", **{**OFFER, "price": 700})
    eventually(lambda: market.query("SELECT 1 FROM offers WHERE price = 700"))
    catalog.put_back(folder / "log.copy", renew=True)
    degraded = eventually(lambda: next(row for row in listed(market)["consumers"] if row["publisher"] == "catalog")["degraded"])
    assert f"DEGRADED: {degraded}" in events(market, "list")[1]
    code, out, _ = events(market, "rebuild", "--publisher", "catalog")
    assert code == 0 and "rebuilt" in out
    eventually(lambda: market.query("SELECT 1 FROM offers WHERE price = 500"))
    assert all(row["degraded"] is None for row in listed(market)["consumers"])


def test_a_log_that_was_put_back_by_a_plain_copy_is_noticed(market, publishers, folder):
    """It has the id that the consumer knows, and another event where the consumer stands."""
    catalog = publishers["catalog"]
    catalog.copy(folder / "log.copy")
    catalog.publish("offer.updated", "o1", **{**OFFER, "price": 700})
    eventually(lambda: market.query("SELECT 1 FROM offers WHERE price = 700"))
    catalog.put_back(folder / "log.copy")
    catalog.publish("offer.updated", "o1", 2, **{**OFFER, "price": 800})
    eventually(lambda: next(row for row in listed(market)["consumers"] if row["publisher"] == "catalog")["degraded"])
    assert market.query("SELECT price FROM offers") == [{"price": 700}]


def test_facts_that_a_restored_log_lost_want_to_be_accepted(market, publishers, folder):
    payment = publishers["payment"]
    order = place(market.as_user("token-u1")).json()
    payment.copy(folder / "log.copy")
    payment.publish("payment.captured", "pay1", payment_id="pay1", order_group_id=order["order_group_id"], amount=500, currency="USD")
    eventually(lambda: market.query("SELECT 1 FROM orders WHERE status = 'confirmed'"))
    payment.put_back(folder / "log.copy", renew=True)
    eventually(lambda: any(row["degraded"] for row in listed(market)["consumers"]))
    code, out, told = events(market, "rebuild", "--publisher", "payment")
    assert code == 1 and "lowered: agora.payments pay1" in out and "--accept-gap" in told
    code, out, _ = events(market, "rebuild", "--publisher", "payment", "--accept-gap", "--json")
    assert code == 0 and json.loads(out)["done"] is True
    assert all(row["degraded"] is None for row in listed(market)["consumers"])


def test_a_dropped_consumer_is_forgotten(market):
    market.stop()
    market.change("INSERT INTO feed_consumers VALUES ('notification', 0, 1, 0)")
    market.start()
    code, out, _ = events(market, "forget", "--consumer", "notification")
    assert code == 0 and "notification" in out
    assert market.query("SELECT * FROM feed_consumers") == []


def test_who_cannot_ask_is_told(market, folder):
    (folder / "other").write_text("x" * 32)
    for flags, token, words in ((("list",), folder / "other", "refused"), (("list",), folder / "nothing", "cannot read"), (("skip",), None, "--subject"),
                                (("rebuild", "--publisher", "a/b"), None, "--publisher"), (("dance",), None, "no verb"), (("list", "--service", "x"), None, "order")):
        code, _, told = events(market, *flags, token=token)
        assert code == 2 and words in told
    market.stop()
    code, _, told = events(market, "list")
    assert code == 2 and "no answer" in told
    market.start()
