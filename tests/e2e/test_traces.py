"""What a collector of traces is sent, read with OpenTelemetry's own messages; and that nobody waits for it."""

import os
import sqlite3

import pytest

from support.collector import Collector
from support.market import WAYS, start_market
from support.publisher import eventually
from support.service import OFFERS, TOKENS, place

SENT_SPAN = "b7ad6b7169203331"
GET_CONTACT = "agora.order.v1.OrderService/GetContact"


@pytest.fixture
def collector():
    collector = Collector()
    yield collector
    collector.stop()


def new_trace(last="00000000000000"):
    """The last 56 bits say whether a trace is sampled."""
    return os.urandom(9).hex() + last


def place_under(shop, trace, flags="01"):
    user = shop.as_user("token-u1")
    user.headers["traceparent"] = f"00-{trace}-{SENT_SPAN}-{flags}"
    placed = place(user)
    assert placed.status_code == 201
    return placed


def counted(service, name):
    return sum(int(line.rpartition(" ")[2]) for line in service.metrics().splitlines() if line.startswith(name))


@pytest.mark.parametrize("way", WAYS)
def test_one_trace_from_the_request_to_the_mail(launch, request, folder, collector, way):
    order, _ = start_market(launch, request, folder, way, *collector.flags)
    trace = new_trace()
    place_under(order, trace)
    # The mail, and the order's own event, of which the buyer is not told.
    eventually(lambda: {"deliver mail", "process agora.orders", GET_CONTACT} <= {span.name for span in collector.of(trace)})
    spans = collector.of(trace)
    by_name = {span.name: span for span in spans}
    by_id = {span.span_id: span for span in spans}
    assert len(by_id) == len(spans) and not any(span.failed for span in spans), spans

    served = by_name["POST /orders"]
    assert (served.service, served.kind, served.parent_id, served.flags) == ("order-service", "server", SENT_SPAN, 1)
    assert served.attributes == {"http.request.method": "POST", "http.route": "/orders", "http.response.status_code": 201, "agora.server": "public"}
    written = by_name["order.place"]
    assert (written.service, written.parent_id) == ("order-service", served.span_id)
    assert written.attributes["db.system.name"] == WAYS[way] and written.attributes["agora.sql.group_size"] == 1
    assert 0 <= written.attributes["agora.sql.waited_microseconds"] <= (written.end - written.start) / 1000

    for topic in ("agora.orders", "agora.order_groups"):
        sent, processed = by_name[f"send {topic}"], by_name[f"process {topic}"]
        assert (sent.service, sent.kind, sent.parent_id) == ("order-service", "producer", served.span_id)
        assert (processed.service, processed.kind, processed.parent_id) == ("notification-service", "consumer", served.span_id)
        for span in (sent, processed):
            assert span.attributes["messaging.system"] == way and span.attributes["messaging.destination.name"] == topic
        assert sent.attributes["messaging.message.id"] == processed.attributes["messaging.message.id"]
        assert sent.start >= written.start and processed.end >= sent.start
    mail = by_name["deliver mail"]
    assert (mail.service, mail.kind, mail.parent_id) == ("notification-service", "client", by_name["process agora.order_groups"].span_id)
    assert mail.attributes["agora.notification.kind"] == "order_placed" and mail.attributes["agora.mail.status"] == "sent"

    asked = by_name[GET_CONTACT]  # whereto it goes, when it was written
    assert (asked.service, asked.kind, asked.parent_id) == ("order-service", "server", mail.span_id)
    assert asked.attributes == {"rpc.system.name": "grpc", "rpc.method": GET_CONTACT, "rpc.response.status_code": "OK"}

    for span in spans:
        assert span.start <= span.end and span.resource["service.namespace"] == "agora" and span.resource["service.instance.id"]
        assert span.parent_id == SENT_SPAN or by_id[span.parent_id].start <= span.start
    # No word of who it was, nor what they hear.
    told = repr([(span.name, span.attributes, span.resource) for span in spans])
    assert "u1" not in told and "Arthur" not in told


def test_a_share_of_the_traces_is_told_and_every_service_chooses_the_same(launch, collector):
    shop = launch("--offers", OFFERS, *TOKENS, *collector.flags, "--otlp.sampled", "0.5")
    kept, left = new_trace("7fffffffffffff"), new_trace("80000000000000")
    unwanted = new_trace()
    place_under(shop, left)
    place_under(shop, unwanted, flags="00")
    place_under(shop, kept)
    eventually(lambda: any(span.name == "POST /orders" for span in collector.of(kept)))
    assert not collector.of(left) and not collector.of(unwanted)
    # Whoever hears of it is told as well.
    flags = {row["traceparent"][3:35]: row["traceparent"][-2:] for row in shop.query("SELECT traceparent FROM outbox WHERE traceparent IS NOT NULL")}
    assert (flags[kept], flags[left], flags[unwanted]) == ("01", "00", "00")


def test_probes_and_scrapes_are_not_told(launch, collector):
    shop = launch("--offers", OFFERS, *TOKENS, *collector.flags)
    for path in ("/livez", "/readyz", "/metrics"):
        shop.ask_internal(path)
    trace = new_trace()
    place_under(shop, trace)
    eventually(lambda: len(collector.of(trace)) >= 2)
    assert {span.attributes["agora.server"] for span in collector.spans if span.kind == "server"} == {"public"}


def test_a_failed_request_is_told_as_failed_and_a_no_is_none(launch, collector):
    shop = launch("--offers", OFFERS, *TOKENS, *collector.flags, "--http.request-deadline", "500ms")
    user = shop.as_user("token-u1")
    no, failed = new_trace(), new_trace()
    user.headers["traceparent"] = f"00-{no}-{SENT_SPAN}-01"
    assert user.get("/orders/none").status_code == 404
    user.headers["traceparent"] = f"00-{failed}-{SENT_SPAN}-01"
    blocker = sqlite3.connect(shop.data / "order.db", isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    assert place(user).status_code == 503
    blocker.execute("ROLLBACK")
    blocker.close()
    eventually(lambda: collector.of(no) and len(collector.of(failed)) == 2)
    assert [span.failed for span in collector.of(no)] == [False]
    assert {span.name: span.failed for span in collector.of(failed)} == {"POST /orders": True, "order.place": True}


def test_nobody_waits_for_a_collector_that_hangs_and_what_does_not_fit_is_counted(launch, collector):
    collector.hold.clear()
    shop = launch("--offers", OFFERS, *TOKENS, *collector.flags, "--otlp.queue-max", "8", "--otlp.batch-max", "4", "--otlp.deadline", "200ms",
                  "--otlp.backoff-max", "1s")
    placed = [place_under(shop, new_trace()) for _ in range(30)]
    assert all(answer.elapsed.total_seconds() < 1 for answer in placed)
    eventually(lambda: counted(shop, 'agora_trace_spans_dropped_total{reason="queue_full"}') >= 40)
    assert counted(shop, "agora_trace_spans_exported_total") == 0
    eventually(lambda: "traces are not exported" in shop.log())
    collector.hold.set()
    # What fits was kept, and goes out in batches.
    eventually(lambda: counted(shop, "agora_trace_spans_exported_total") >= 8, 20)
    assert max(collector.sizes) <= 4 and "traces are exported again" in shop.log()


def test_a_collector_that_is_away_for_a_moment_misses_nothing(launch, collector):
    collector.status = 503
    shop = launch("--offers", OFFERS, *TOKENS, *collector.flags)
    traces = [new_trace() for _ in range(5)]
    for trace in traces:
        place_under(shop, trace)
    eventually(lambda: collector.tries >= 1)
    collector.status = 200
    eventually(lambda: all(collector.of(trace) for trace in traces))
    assert counted(shop, "agora_trace_spans_dropped_total") == 0
    assert len({span.span_id for span in collector.spans}) == len(collector.spans)


def test_what_the_collector_refuses_is_dropped_and_counted(launch, collector):
    collector.status = 400
    shop = launch("--offers", OFFERS, *TOKENS, *collector.flags)
    place_under(shop, new_trace())
    eventually(lambda: counted(shop, 'agora_trace_spans_dropped_total{reason="refused"}') >= 2)
    tries = collector.tries
    collector.status = 200
    trace = new_trace()
    place_under(shop, trace)
    eventually(lambda: collector.of(trace))
    assert collector.tries <= tries + 3


def test_what_waits_is_sent_before_the_end(launch, collector):
    shop = launch("--offers", OFFERS, *TOKENS, "--otlp", collector.url + "/", "--otlp.interval", "1h")
    trace = new_trace()
    place_under(shop, trace)
    assert not collector.of(trace)
    assert shop.stop() == 0
    assert {"POST /orders", "order.place"} <= {span.name for span in collector.of(trace)}


def test_a_collector_that_is_gone_does_not_hold_up_the_end(launch, collector):
    shop = launch("--offers", OFFERS, *TOKENS, "--otlp", "http://127.0.0.1:1", "--otlp.interval", "50ms")
    place_under(shop, new_trace())
    assert shop.stop() == 0


@pytest.mark.no_audit
@pytest.mark.parametrize("flags, words", [(("--otlp", "localhost:4318"), "--otlp must be http://HOST:PORT"),
                                          (("--otlp", "http://localhost:4318", "--otlp.sampled", "1.5"), "from 0 to 1"),
                                          (("--otlp.sampled", "half"), "from 0 to 1")])
def test_settings_that_are_none_are_refused(launch, flags, words):
    with pytest.raises(AssertionError, match=f"ended with 2.*{words}"):
        launch("--offers", OFFERS, *TOKENS, *flags)
