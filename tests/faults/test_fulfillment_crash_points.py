"""SIGKILL at every named crash point of packing, shipping and confirming, and of what time does alone; then a restart: it happened whole or not at all, and is
done by asking again. The recount of tests/support/audit.py runs after each."""

import httpx
import pytest

from support.crashes import POINTS, arm, dies, rearm
from support.offers import sellers_with_members
from support.publisher import eventually
from support.selling import API, confirm, pack, packed, paid, ship, shipped
from support.service import TOKENS

QUIET = ("--events.trim-interval", "1h", "--cleaning-interval", "1h")


@pytest.fixture
def payment(deployment):
    return deployment.publisher("payment")


@pytest.fixture
def start(launch, deployment, payment, folder):
    def start(*flags):
        return launch("--offers", sellers_with_members(folder, {"o1": 100}), *TOKENS, *deployment.flags(payment), *QUIET, *flags, database=deployment.new_database(), faults=True)

    yield start
    for service in launch.services:
        deployment.all_is_published(service)


def stock(service):
    row = service.query("SELECT on_hand, reserved FROM stock WHERE offer_id = 'o1'")[0]
    return row["on_hand"], row["reserved"]


def dies_at(service, point, act):
    rearm(service, point)
    arm(service)
    with pytest.raises(httpx.TransportError):
        act()
    dies(service)


@pytest.mark.parametrize("point", POINTS["fulfill"])
def test_a_kill_while_packing_packs_once_or_not_at_all(start, payment, point):
    service = start()
    order = paid(service, payment, quantity=3)
    act = lambda: pack(service.as_user("token-m1"), order, quantity=2, key="fatal")
    dies_at(service, point, act)
    happened = point == "sql.after_commit"
    assert service.query("SELECT count(*) AS n FROM fulfillments") == [{"n": 1 if happened else 0}]
    first, again = act(), act()
    assert first.status_code == 201 and (first.headers.get("idempotency-replayed") == "true") == happened
    assert again.text == first.text and again.headers["idempotency-replayed"] == "true"
    assert service.query("SELECT count(*) AS n FROM fulfillments") == [{"n": 1}]


@pytest.mark.parametrize("point", POINTS["ship"])
def test_a_kill_while_shipping_takes_stock_once_or_not_at_all(start, payment, point):
    service = start()
    fulfillment = packed(service.as_user("token-m1"), paid(service, payment, quantity=3), quantity=2)
    act = lambda: ship(service.as_user("token-m1"), fulfillment)
    dies_at(service, point, act)
    assert stock(service) == ((98, 1) if point == "sql.after_commit" else (100, 3))
    assert act().json()["status"] == "shipped" and act().json()["status"] == "shipped"
    assert stock(service) == (98, 1)


@pytest.mark.parametrize("point", POINTS["confirm"])
def test_a_kill_while_confirming_delivers_and_completes_at_once_or_not_at_all(start, payment, point):
    service = start()
    order = paid(service, payment, quantity=3)
    for quantity in (1, 2):
        shipped(service.as_user("token-m1"), order, quantity=quantity)
    act = lambda: confirm(service.as_user("token-u1"), order, key="fatal")
    dies_at(service, point, act)
    now = service.as_user("token-u1").get(f"/orders/{order['order_id']}").json()
    assert (now["status"], now["fulfillment_status"]) == (("completed", "delivered") if point == "sql.after_commit" else ("confirmed", "shipped"))
    done = act()
    assert done.status_code == 200 and done.json()["status"] == "completed"
    assert service.query(f"SELECT count(*) AS n FROM outbox WHERE subject = '{order['order_id']}' AND type IN ('order.delivered', 'order.completed')") == [{"n": 3}]


@pytest.mark.parametrize("point", POINTS["advance"])
def test_a_kill_while_time_does_it_leaves_it_to_be_done(start, payment, deployment, point):
    service = start()
    order = paid(service, payment, quantity=3)
    fulfillment = packed(service.as_user("token-m1"), order)
    service.flags = (*service.flags, "--progress-interval", "20ms", "--delivery-assumed-after", "1s", "--completion-after", "1ms")
    rearm(service, point)
    assert ship(service.as_user("token-m1"), fulfillment).status_code == 200
    eventually(lambda: deployment.is_published(service))
    # The next commit, and the next thing that time does, is this order's.
    arm(service)
    dies(service)
    user = service.as_user("token-u1")
    eventually(lambda: user.get(f"{API}/orders/{order['order_id']}").json()["status"] == "completed")
    assert service.query(f"SELECT count(*) AS n FROM outbox WHERE subject = '{order['order_id']}' AND type IN ('order.delivered', 'order.completed')") == [{"n": 2}]
