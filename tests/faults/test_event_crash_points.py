"""SIGKILL at every named crash point of serving, applying and acknowledging events: each takes effect once, and none is missed."""

import httpx
import pytest

from support.crashes import POINTS, arm, dies, rearm
from support.publisher import TOKEN, Publisher, eventually
from support.service import OFFERS, TOKENS, place


@pytest.fixture
def payment(folder):
    publisher = Publisher("payment", folder / "payment").start()
    yield publisher
    publisher.kill()


@pytest.mark.parametrize("point", POINTS["consume"])
def test_a_kill_while_consuming_applies_each_capture_once(launch, new_database, payment, point):
    service = launch("--offers", OFFERS, *TOKENS, "--events.trim-interval", "1h", "--payment-feed", payment.feed, "--events.wait",
                     "1s", "--service-token-file", str(payment.token_file), database=new_database(), faults=True)
    orders = [place(service.as_user("token-u1")).json() for _ in range(3)]
    captures = [payment.event("payment.captured", f"pay{i}", payment_id=f"pay{i}", order_group_id=order["order_group_id"],
                              amount=round(order["total"] * 100), currency="USD") for i, order in enumerate(orders)]
    payment.send(captures[0])
    eventually(lambda: paid(service) == 1)
    rearm(service, point)
    arm(service)
    payment.send(*captures[1:])
    dies(service)
    eventually(lambda: paid(service) == 3)
    user = service.as_user("token-u1")
    for order in orders:
        now = user.get(f"/orders/{order['order_id']}").json()
        assert (now["status"], now["version"]) == ("confirmed", 2)
    # Exactly once: nothing was refused as paid already.
    assert service.query("SELECT type, count(*) AS n FROM outbox WHERE type LIKE 'order%' GROUP BY type ORDER BY type") == [
        {"type": type, "n": 3} for type in ("order.paid", "order.placed", "order_group.paid", "order_group.placed")]


def paid(service):
    return service.query("SELECT count(*) AS n FROM outbox WHERE type = 'order_group.paid'")[0]["n"]


@pytest.mark.parametrize("point", POINTS["number"])
def test_a_kill_while_numbering_numbers_each_event_once(launch, postgres, folder, point):
    token_file = folder / "token"
    token_file.write_text(TOKEN + "\n")
    service = launch("--offers", OFFERS, *TOKENS, "--service-token-file", str(token_file), "--events.trim-interval", "1h",
                     database=postgres.new_database(), faults=True)
    place(service.as_user("token-u1"))
    before = eventually(lambda: feed(service)["events"])
    rearm(service, point)
    arm(service)
    # It may be answered before the kill, or not.
    try:
        place(service.as_user("token-u1"), key="fatal")
    except httpx.TransportError:
        pass
    dies(service)
    order = place(service.as_user("token-u1"), key="fatal").json()
    after = eventually(lambda: len(events := feed(service)["events"]) == 4 and events)
    assert after[:2] == before and {event["subject"] for event in after[2:]} == {order["order_id"], order["order_group_id"]}
    numbers = service.query("SELECT count(*) AS n, min(sequence) AS first, max(sequence) AS last FROM outbox_numbers")[0]
    assert numbers["first"] == 1 and numbers["n"] == numbers["last"] == service.query("SELECT count(*) AS n FROM outbox")[0]["n"]


@pytest.mark.parametrize("point", POINTS["serve"])
def test_a_kill_while_serving_loses_no_event(launch, folder, point):
    token_file = folder / "token"
    token_file.write_text(TOKEN + "\n")
    service = launch("--offers", OFFERS, *TOKENS, "--service-token-file", str(token_file), faults=True)
    place(service.as_user("token-u1"))
    rearm(service, point)
    before = feed(service)
    arm(service)
    with pytest.raises(httpx.TransportError):
        feed(service)
    dies(service)
    assert feed(service) == before and [event["type"] for event in before["events"]][-2:] == ["order_group.placed", "order.placed"]


def feed(service):
    response = httpx.get(f"http://127.0.0.1:{service.internal_port}/internal/feed", params={"consumer": "notification", "topics": "agora.orders,agora.order_groups"},
                         headers={"Authorization": f"Bearer {TOKEN}"})
    assert response.status_code == 200, response.text
    return response.json()
