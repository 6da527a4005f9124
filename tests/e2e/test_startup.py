"""Settings, ports, files: what is wrong is said at once, with exit code 2."""

import signal
import socket
import subprocess
import threading

import httpx
import pytest

from support.ports import free_port
from support.service import OFFERS, TOKENS, Service, place


def run(service, *flags, env=None):
    done = subprocess.run([*service.command, *flags], env={**service.env, **(env or {})}, capture_output=True, text=True, timeout=20)
    return done.returncode, done.stderr


@pytest.mark.no_audit
def test_a_second_service_on_the_port_is_told_who_holds_it(demo, folder):
    second = Service(folder / "second", "--standalone")
    second.port = demo.port
    code, message = run(second)
    assert code == 2 and str(demo.process.pid) in message and "AGORA_ORDER_PORT" in message


@pytest.mark.no_audit
def test_a_second_service_on_the_data_is_told_who_holds_it(demo):
    code, message = run(Service(demo.data, "--standalone"))
    assert code == 2 and str(demo.process.pid) in message and "order.db" in message


@pytest.mark.no_audit
def test_all_mistakes_are_told_together(folder):
    code, message = run(Service(folder / "x", "--prot", "1", "--sql.group-max", "many", "--payment-window", "10"), env={"AGORA_ORDER_PROT": "1"})
    assert code == 2
    assert "--prot" in message and "--port" in message and "sql.group-max" in message and "payment-window" in message
    assert "AGORA_ORDER_PROT" in message


@pytest.mark.no_audit
@pytest.mark.parametrize("flags", [("--demo-guests",), ("--offers", OFFERS), ("--standalone",)])
def test_production_refuses_what_is_for_demos_and_tests(folder, flags):
    code, message = run(Service(folder / "x", *flags, production=True))
    assert code == 2 and "production" in message
    assert not (folder / "x" / "order.db").exists()


@pytest.mark.no_audit
def test_production_is_the_default(folder):
    service = Service(folder / "x", "--demo-guests")
    del service.env["AGORA_ENV"]
    assert run(service)[0] == 2


@pytest.mark.no_audit
@pytest.mark.parametrize("text,told", [
    ("{", "line 1"), ('{"specversion":"1.0"}', "line 1"),
    ('{"specversion":"1.0","id":"1","source":"/x","type":"offer.created","subject":"o","logid":"offers-file","version":"1","data":{"price":"5"}}', "/price"),
])
def test_a_wrong_offers_file_is_told_by_line_and_field(folder, text, told):
    path = folder / "offers.jsonl"
    path.write_text(text)
    code, message = run(Service(folder / "x", "--offers", str(path)))
    assert code == 2 and told in message


@pytest.mark.no_audit
@pytest.mark.parametrize("text,told", [(None, "cannot read"), ("", "no JSON"), ("{}", "keys"), ('{"keys":[{"kty":"oct","kid":"k","k":"AA"}]}', "no key")])
def test_a_wrong_key_set_is_told(folder, text, told):
    path = folder / "jwks.json"
    if text is not None:
        path.write_text(text)
    code, message = run(Service(folder / "x", "--jwks", str(path)))
    assert code == 2 and str(path) in message and told in message


@pytest.mark.no_audit
@pytest.mark.parametrize("flag,value", [("--jwks", "ftp://127.0.0.1/jwks.json"), ("--jwks", "file:///jwks.json"), ("--jwt.clock-skew", "61s")])
def test_a_wrong_setting_of_tokens_is_told(folder, flag, value):
    code, message = run(Service(folder / "x", flag, value))
    assert code == 2 and flag in message


@pytest.mark.no_audit
def test_help_version_and_settings_are_printed(folder):
    service = Service(folder / "x")
    for flag, words in (("--help", "AGORA_ORDER_PORT"), ("--version", "order-service"), ("--print-config", "payment-window")):
        done = subprocess.run([*service.command, flag], env=service.env, capture_output=True, text=True)
        assert done.returncode == 0 and words in done.stdout


def test_check_says_whether_the_service_is_ready(demo):
    assert run(demo, "--check")[0] == 0
    demo.kill()
    assert run(demo, "--check")[0] == 1


def test_ipv6_may_be_missing(launch):
    service = launch("--standalone", env={"AGORA_BIND": "127.0.0.1"})
    assert service.client.get("/health").status_code == 200
    with socket.socket(socket.AF_INET6) as s:
        assert s.connect_ex(("::1", service.port)) != 0


def test_sigterm_drains(demo):
    connection = socket.create_connection(("127.0.0.1", demo.port))
    connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
    assert connection.recv(4096).startswith(b"HTTP/1.1 200")
    assert demo.stop() == 0
    assert connection.recv(4096) == b""
    # A clean stop leaves no WAL behind.
    assert (demo.data / "order.db-wal").stat().st_size == 0 if (demo.data / "order.db-wal").exists() else True
    demo.start()


def test_sigterm_finishes_what_is_under_way(shop):
    """What was begun is answered: nothing is ordered that its buyer was not told of."""
    acknowledged, plenty = [], threading.Event()

    def buy():
        with shop.as_user("token-u1") as client:
            while True:
                try:
                    response = place(client)
                except httpx.TransportError:
                    return
                if response.status_code == 201:
                    acknowledged.append(response.json()["order_id"])
                if len(acknowledged) >= 50:
                    plenty.set()

    buyers = [threading.Thread(target=buy) for _ in range(8)]
    for buyer in buyers:
        buyer.start()
    assert plenty.wait(30)
    shop.process.send_signal(signal.SIGTERM)
    assert shop.process.wait(timeout=30) == 0
    for buyer in buyers:
        buyer.join()
    assert sorted(row["order_id"] for row in shop.query("SELECT order_id FROM orders")) == sorted(acknowledged)


def test_restarting_applies_the_offers_once(sqlite_shop):
    before = sqlite_shop.counts()
    sqlite_shop.restart()
    assert sqlite_shop.counts() == before


@pytest.mark.no_audit
def test_a_free_port_is_needed_for_the_internal_server_too(demo, folder):
    second = Service(folder / "second", "--standalone")
    second.internal_port = demo.internal_port
    second.port = free_port()
    code, message = run(second)
    assert code == 2 and "AGORA_ORDER_INTERNAL_PORT" in message
