"""SIGKILL at every named crash point of placing, checking out, canceling and expiring; then a restart: nothing acknowledged is lost, no stock leaks, the
same key gives the same bytes. The recount of tests/support/audit.py runs after each."""

import json
import re
import subprocess
import time

import httpx
import pytest

from support.crashes import MATRIX, POINTS, arm, dies, rearm
from support.publisher import eventually
from support.service import OFFERS, ROOT, TOKENS, place
from support.shopping import CARTS, cart_checkout, cart_of, check_out

@pytest.mark.no_audit
def test_the_matrix_has_every_point_in_the_code():
    sources = [p for folder in ("libs", "services") for p in (ROOT / folder).rglob("*.cpp")]
    in_code = {point for path in sources for point in re.findall(r'AGORA_CRASH_POINT\("([^"]+)"\)', path.read_text())}
    assert in_code == {point for _, point in MATRIX}


@pytest.fixture
def doomed(launch, deployment):
    """Whatever dies when: what was committed is published in the end, in order."""
    def start(*flags):
        return launch("--offers", OFFERS, *TOKENS, *deployment.flags(), "--events.trim-interval", "1h", *flags, database=deployment.new_database(),
                      faults=True)

    yield start
    for service in launch.services:
        deployment.all_is_published(service)


@pytest.mark.parametrize("action,point", [case for case in MATRIX if case[0] in ("place", "cancel")])
def test_a_kill_at_the_point_loses_nothing(doomed, action, point):
    service = doomed()
    user = service.as_user("token-u1")
    kept = [place(user, key=f"before-{i}") for i in range(3)]
    order_id = kept[0].json()["order_id"]
    rearm(service, point)

    def act(client):
        if action == "place":
            return place(client, key="fatal", quantity=2)
        return client.post(f"/orders/{order_id}/cancellation", headers={"Idempotency-Key": "fatal"})

    arm(service)
    with pytest.raises(httpx.TransportError):
        act(service.as_user("token-u1"))
    dies(service)

    user = service.as_user("token-u1")
    first, again = act(user), act(user)
    assert first.status_code == (201 if action == "place" else 200), first.text
    # What had committed before the kill is replayed; what had not is done now. Either way once, and always with the same bytes.
    assert (first.headers.get("idempotency-replayed") == "true") == (point == "sql.after_commit")
    assert again.text == first.text and again.headers["idempotency-replayed"] == "true"
    for i, before in enumerate(kept):
        assert place(user, key=f"before-{i}").text == before.text
    live = 3 + 2 if action == "place" else 2
    assert service.query("SELECT reserved FROM stock WHERE offer_id = 'o1'")[0]["reserved"] == live


@pytest.mark.parametrize("point", POINTS["checkout"])
def test_a_kill_while_checking_out_makes_all_of_it_or_nothing(doomed, point):
    service = doomed()
    cart = cart_of(service.as_user("token-u1"), "o1", "o3")
    body = cart_checkout(cart, "9.50")
    rearm(service, point)
    arm(service)
    with pytest.raises(httpx.TransportError):
        check_out(service.as_user("token-u1"), body, "fatal")
    dies(service)
    user = service.as_user("token-u1")
    happened = point == "sql.after_commit"
    assert user.get(f"{CARTS}/{cart['cart_id']}").json()["status"] == ("checked_out" if happened else "open")
    assert service.query("SELECT count(*) AS n FROM orders") == [{"n": 2 if happened else 0}]
    first, again = check_out(user, body, "fatal"), check_out(user, body, "fatal")
    assert first.status_code == 201, first.text
    assert (first.headers.get("idempotency-replayed") == "true") == happened
    assert again.text == first.text and again.headers["idempotency-replayed"] == "true"
    assert [order["seller_id"] for order in first.json()["orders"]] == ["s1", "s2"]
    held = {row["offer_id"]: row["reserved"] for row in service.query("SELECT offer_id, reserved FROM stock")}
    assert (held["o1"], held["o3"]) == (1, 1)


@pytest.mark.parametrize("point", POINTS["expire"])
def test_a_kill_while_expiring_ends_every_group_whole(doomed, deployment, point):
    service = doomed("--payment-window", "1s", "--expiry-interval", "20ms", "--cleaning-interval", "1h")
    rearm(service, point)
    order_id = place(service.as_user("token-u1"), quantity=3).json()["order_id"]
    eventually(lambda: deployment.is_published(service))
    # The next commit, and the next decision to expire, is this order's.
    arm(service)
    dies(service)
    user = service.as_user("token-u1")
    deadline = time.monotonic() + 10
    while user.get(f"/orders/{order_id}").json()["status"] != "canceled":
        assert time.monotonic() < deadline
    assert service.query("SELECT reserved FROM stock WHERE offer_id = 'o1'")[0]["reserved"] == 0


def test_kills_under_load_lose_nothing_that_was_acknowledged(doomed):
    """I1 and I2 with a client's own history: unknown outcomes are resolved by the same key."""
    service = doomed()
    history = {}
    for round_ in range(5):
        service.kill()
        service.start(AGORA_CRASH_POINT=f"sql.after_commit:{10 + 7 * round_}")
        user = service.as_user("token-u1")
        for i in range(200):
            key = f"{round_}-{i}"
            history[key] = None
            try:
                history[key] = place(user, key=key).text
            except httpx.TransportError:
                break
        dies(service)
    user = service.as_user("token-u1")
    for key, text in history.items():
        again = place(user, key=key)
        assert again.status_code == 201
        if text is not None:
            assert again.text == text
        assert json.loads(again.text)["user_id"] == "u1"
    assert service.query("SELECT count(*) AS n FROM orders")[0]["n"] == len(history)


@pytest.mark.no_audit
def test_the_program_people_run_has_none_of_the_fault_units(launch):
    service = launch("--offers", OFFERS, *TOKENS, faults=True)
    symbols = lambda binary: subprocess.run(["nm", "-C", str(binary)], capture_output=True, text=True, check=True).stdout
    marks = ("disk_fault", "agora-faults", "PowerCut", "clear_disk_fault", "Volatile")
    release = service.binary.parent / "order-service"
    assert "clear_disk_fault" in symbols(service.binary)
    assert not any(mark in symbols(release) for mark in marks)
    assert b"AGORA_CRASH_POINT" not in release.read_bytes() and b"AGORA_CRASH_POINT" in service.binary.read_bytes()
