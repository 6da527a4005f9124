"""SIGKILL at every named crash point of serving, applying and acknowledging events: each takes effect once, and none is missed."""

import httpx
import pytest

from support.crashes import POINTS, arm, dies, rearm
from support.notifications import told
from support.publisher import TOKEN, eventually
from support.service import OFFERS, TOKENS, place


@pytest.mark.parametrize("point", POINTS["consume"])
def test_a_kill_while_consuming_applies_each_capture_once(launch, deployment, point):
    payment = deployment.publisher("payment")
    service = launch("--offers", OFFERS, *TOKENS, "--events.trim-interval", "1h", *deployment.flags(payment), database=deployment.new_database(),
                     faults=True)
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
    deployment.all_is_published(service)


@pytest.mark.parametrize("action,point", [(action, point) for action in ("refund", "progress") for point in POINTS[action]])
def test_a_kill_while_a_refund_or_a_payment_is_heard_takes_it_over_once(launch, deployment, action, point):
    payment = deployment.publisher("payment")
    service = launch("--offers", OFFERS, *TOKENS, "--events.trim-interval", "1h", *deployment.flags(payment), database=deployment.new_database(),
                     faults=True)
    order = place(service.as_user("token-u1"), quantity=3).json()
    ids = {"payment_id": "pay", "order_group_id": order["order_group_id"]}
    payment.publish("payment.created", "pay", **ids)
    if action == "refund":
        payment.publish("payment.captured", "pay", **ids, amount=1500, currency="USD")
    before = 3 if action == "refund" else 2
    read = lambda: service.as_user("token-u1").get(f"/orders/{order['order_id']}").json()
    eventually(lambda: read()["version"] == before)
    rearm(service, point)
    arm(service)
    if action == "refund":
        payment.publish("refund.succeeded", "r1", refund_id="r1", **ids, order_id=order["order_id"], amount=500, currency="USD",
                        lines=[{"line_id": order["items"][0]["line_id"], "quantity": 1}], restock=False, reason="seller")
    else:
        payment.publish("payment.authorized", "pay", **ids)
    dies(service)
    eventually(lambda: read()["payment_status"] == ("partially_refunded" if action == "refund" else "authorized"))
    now = read()
    assert (now["version"], now["refunded_total"]) == (before + 1, 5.00 if action == "refund" else 0)
    (stock,) = service.query("SELECT on_hand, reserved FROM stock WHERE offer_id = 'o1'")
    assert (stock["on_hand"], stock["reserved"]) == ((999_999, 2) if action == "refund" else (1_000_000, 3))
    deployment.all_is_published(service)


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


@pytest.mark.parametrize("point", POINTS["relay"])
def test_a_kill_while_relaying_publishes_all_and_in_order(launch, production, point):
    """Between the two commits that no one can make one: what was published and not noted as such is published again, and told once."""
    flags = ("--offers", OFFERS, *TOKENS, *production.flags())
    service = launch(*flags, database=production.new_database(), faults=True)
    notification = launch(*flags, "--mail", "none", name="notification", database=production.new_database())
    place(service.as_user("token-u1"))
    eventually(lambda: production.is_published(service))
    rearm(service, point)
    arm(service)
    keys = [f"k{i}" for i in range(3)]
    for key in keys:
        # It may be answered before the kill, or not.
        try:
            place(service.as_user("token-u1"), key=key)
        except httpx.TransportError:
            pass
    dies(service)
    for key in keys:
        assert place(service.as_user("token-u1"), key=key).status_code == 201
    production.all_is_published(service)
    twice = len(production.read(service)) - 2 * (1 + len(keys))
    assert twice == 0 if point == "events.relay.published" else twice > 0
    told(notification, "kind = 'order_placed' AND channel = 'in_app'", 1 + len(keys))


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
