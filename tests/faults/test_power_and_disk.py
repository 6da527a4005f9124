"""What was not fsynced is gone, and a disk that runs full: in neither is an order acknowledged that is not there."""

import json
import threading

import httpx
import pytest

from support.crowd import at_once, post
from support.service import OFFERS, TOKENS, order_body, place, problem

ORDERS = 200


def place_until_the_power_fails(service):
    """Places orders from four threads and cuts the power when half of them are acknowledged; the acknowledged answers."""
    acknowledged = {}
    half = threading.Event()

    def buyer(name):
        with service.as_user("token-u1") as client:
            for i in range(ORDERS // 4):
                key = f"{name}-{i}"
                try:
                    acknowledged[key] = place(client, key=key).text
                except httpx.TransportError:
                    return
                if len(acknowledged) >= ORDERS // 2:
                    half.set()

    threads = [threading.Thread(target=buyer, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    assert half.wait(60)
    service.kill()
    for thread in threads:
        thread.join()
    return acknowledged


def lost_after_restart(acknowledged, service):
    """How many of them a fresh service on the same files does not answer with the bytes it had answered before."""
    service.start()
    user = service.as_user("token-u1")
    return sum(user.get(f"/orders/{json.loads(text)['order_id']}").text != text for text in acknowledged.values())


def test_every_acknowledged_order_survives_a_power_cut(launch):
    service = launch("--offers", OFFERS, *TOKENS, faults=True, env={"AGORA_FAULT_POWER_CUT": "1"})
    acknowledged = place_until_the_power_fails(service)
    assert len(acknowledged) >= ORDERS // 2
    assert lost_after_restart(acknowledged, service) == 0
    # And the service goes on.
    assert place(service.as_user("token-u1"), key="0-0").text == acknowledged["0-0"]


@pytest.mark.no_audit
def test_without_fsync_the_same_test_loses_orders(launch, folder):
    service = launch("--offers", OFFERS, *TOKENS, "--db", f"sqlite:{folder}/off/order.db?synchronous=off",
                     faults=True, env={"AGORA_FAULT_POWER_CUT": "1"})
    service.data = folder / "off"
    acknowledged = place_until_the_power_fails(service)
    assert lost_after_restart(acknowledged, service) > 0


@pytest.fixture
def filling(launch, folder):
    control = folder / "fault"
    service = launch("--offers", OFFERS, *TOKENS, faults=True, env={"AGORA_FAULT_FILE": str(control)})
    return service, control


def test_a_disk_full_once_in_mid_group_fails_nobody_who_fits(filling):
    service, control = filling
    # Enough rows that the file's last pages are full and the group needs new ones.
    user = service.as_user("token-u1")
    for i in range(20):
        place(user, key=f"fill-{i}")
    control.write_text("disk_full_once")
    requests = [post("/orders", order_body("o1"), "token-u1", key=f"k{i}") for i in range(64)]
    answers = at_once(service.port, requests)
    assert not control.exists(), "the fault was taken"
    assert {status for status, _ in answers} <= {201, 503}
    assert sum(status == 201 for status, _ in answers) >= 63, "members of the group run again alone"
    again = at_once(service.port, requests)
    for (status, body), (status_again, body_again) in zip(answers, again):
        assert status_again == 201
        if status == 201:
            assert body_again == body


def test_a_disk_kept_full_answers_503_and_keeps_nothing(filling):
    service, control = filling
    user = service.as_user("token-u1")
    kept = place(user, key="before")
    before = service.counts()
    control.write_text("disk_full")
    for i in range(10):
        response = place(user, key=f"k{i}")
        problem(response, 503, "temporarily_unavailable")
        assert response.headers["retry-after"]
    problem(user.post(f"/orders/{kept.json()['order_id']}/cancellation"), 503, "temporarily_unavailable")
    assert service.counts() == before
    # Reads go on, and writes again as soon as there is room.
    assert user.get(f"/orders/{kept.json()['order_id']}").text == kept.text
    control.unlink()
    assert place(user, key="k0").status_code == 201
    assert place(user, key="before").text == kept.text
