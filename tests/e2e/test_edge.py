"""The edge before real services: every path of the contracts and no other, its own errors, and what services get to see."""

import json
import re
import signal
import socket
import subprocess
import time

import pytest

from support.contract import CONTRACTS, ERRORS
from support.edge import Edge, Names
from support.publisher import eventually
from support.recorder import Recorder
from support.root import ROOT
from support.service import JSON, OFFERS, TOKENS, Service, place, problem
from support.streams import Stream, closed_streams

PROBLEM = CONTRACTS["order"].validator({"$ref": "#/components/schemas/Problem"})
SEED = b'{"user_id":"u1","product_id":"p42","quantity":2,"price":499.99}'


@pytest.fixture
def names():
    server = Names()
    yield server
    server.stop()


@pytest.fixture
def recorder():
    server = Recorder()
    yield server
    server.stop()


@pytest.fixture
def start_edge(folder, names):
    started = []

    def start(ports, *options):
        started.append(Edge(folder / f"edge{len(started)}", names, ports, *options).start())
        return started[-1]

    yield start
    for edge in started:
        edge.kill()


@pytest.fixture
def edge(start_edge, names, demo, launch):
    """Before both services."""
    notification = launch(*TOKENS, "--mail", "none", name="notification")
    names.addresses.update(order=["127.0.0.1"], notification=["127.0.0.1"])
    edge = start_edge({"order": demo.port, "notification": notification.port})
    edge.services = {"order": demo, "notification": notification}
    return edge


def rows_of(name, folder):
    service = Service(folder / f"routes-{name}", name=name)
    done = subprocess.run([*service.command, "--print-routes"], env=service.env, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def said_by_the_edge(document):
    """Its own errors have a `detail` that no service says."""
    PROBLEM.validate(document)
    return document["detail"] == "No service has this path."


# Routes

def test_every_operation_of_the_contracts_reaches_its_service(edge):
    asked = 0
    for name, contract in CONTRACTS.items():
        for method, path, _ in contract.operations():
            for prefix in contract.prefixes(path):
                full = prefix + path
                if full.endswith("/health"):
                    continue
                response = edge.client.request(method, re.sub(r"\{\w+\}", "x", full))
                asked += 1
                logged = edge.logged(asked)[-1]
                assert logged["to"] == name and logged["route"] == full
                direct = edge.services[name].client.request(method, re.sub(r"\{\w+\}", "x", full))
                assert response.status_code == direct.status_code and without_trace(response) == without_trace(direct)
    assert asked >= 12


def without_trace(response):
    return re.sub(r'"trace_id":"\w+"', "", response.text)


def test_what_services_serve_and_no_contract_lists_is_not_reached(edge, folder):
    """Each row of the services' own tables is a contract's path or the edge answers 404; on the order service's port all of its are there."""
    known = {prefix + path for contract in CONTRACTS.values() for path in contract.document["paths"] for prefix in contract.prefixes(path)}
    for name, service in edge.services.items():
        for row in rows_of(name, folder):
            path = re.sub(r"\{\w+\}", "bad_request", row["path"])
            response = edge.client.request(row["method"], path)
            if row["path"] in known or row["path"] == "/errors/{code}" or row["path"] == "/health":
                assert not (response.status_code == 404 and said_by_the_edge(response.json())), row
            else:
                assert said_by_the_edge(problem(response, 404, "not_found")), row
            if name == "order":
                assert edge.order.request(row["method"], path).status_code == service.client.request(row["method"], path).status_code


@pytest.mark.parametrize("path", ["/", "/nothing", "/api/v1", "/api/v1/ordersx", "/api/v1/orders/", "//orders", "/api/v1/orders/x/../../notifications",
                                  "/api/v1/%6frders", "/metrics", "/livez", "/readyz", "/internal", "/internal/feed/order", "/internal/../orders",
                                  "/%69nternal/feed", "/edge/once", "/edge/again", "/edge/error/404", "/edge/health", "/edge/nowhere"])
def test_any_other_path_is_nobodys(edge, path):
    answer = edge.send(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 404 ") and b"Content-Type: application/problem+json" in head
    assert said_by_the_edge(json.loads(body))
    # There is no way round by the other port: what it does not have, order says.
    if "edge" in path or "internal" in path or path in ("/metrics", "/livez", "/readyz"):
        assert edge.send(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode(), edge.order_port).startswith(b"HTTP/1.1 404 ")


def test_the_contract_that_came_first_is_on_its_port(edge):
    done = subprocess.run([ROOT / "tools" / "contract-session", f"http://127.0.0.1:{edge.order_port}"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_two_services_with_one_path_are_refused(folder):
    contracts = folder / "contracts"
    contracts.mkdir()
    for name in ("errors", "order"):
        (contracts / f"{name}.yaml").write_text((ROOT / "contracts" / "http" / f"{name}.yaml").read_text())
    (contracts / "catalog.yaml").write_text('servers: [{url: /api/v1}]\npaths: {"/orders/{id}": {get: {responses: {}}}}')
    done = subprocess.run([ROOT / "deploy" / "edge" / "generate", "--contracts", str(contracts)], capture_output=True, text=True)
    assert done.returncode == 1 and "/api/v1/orders/{order_id} is order's and catalog's" in done.stderr


# What the edge says itself

@pytest.mark.parametrize("request_bytes,status,code", [
    (b"nonsense\r\n\r\n", 400, "bad_request"),
    (b"GET /orders HTTP/1.1\r\n\r\n", 400, "bad_request"),
    (b"GET /orders HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "bad_request"),
    (b"GET /orders HTTP/3.0\r\nHost: a\r\n\r\n", 400, "bad_request"),
    (b"POST /orders HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n", 400, "bad_request"),
    (b"POST /orders HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "bad_request"),
    (b"POST /orders HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 400, "bad_request"),
    (b"TRACE /orders HTTP/1.1\r\nHost: a\r\n\r\n", 405, "method_not_allowed"),
    (b"CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 400, "bad_request"),
    (b"POST /orders HTTP/1.1\r\nHost: a\r\nContent-Length: 1048577\r\n\r\n", 413, "body_too_large"),
    (b"POST /orders HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + (b"100001\r\n" + b"x" * 0x100001 + b"\r\n0\r\n\r\n"), 413, "body_too_large"),
    (b"GET /orders?" + b"x" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 431, "header_too_large"),
    (b"GET /orders HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 9000 + b"\r\n\r\n", 431, "header_too_large"),
    (b"GET /orders HTTP/1.1\r\nHost: a\r\n" + b"".join(b"X-%d: " % i + b"x" * 4000 + b"\r\n" for i in range(8)) + b"\r\n", 431, "header_too_large"),
], ids=range(14))
def test_its_own_errors_are_problems_like_the_services(edge, request_bytes, status, code):
    for port in (edge.port, edge.order_port):
        head, _, body = edge.send(request_bytes, port).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 %d " % status), head + body
        assert b"Content-Type: application/problem+json" in head
        document = json.loads(body)
        PROBLEM.validate(document)
        assert document["code"] == code and document["status"] == status and document["title"] == ERRORS[code]["title"]
        assert list(document) == ["type", "title", "status", "detail", "code", "errors", "trace_id"] and re.fullmatch("[0-9a-f]{32}", document["trace_id"])
        assert (b"Allow: GET, HEAD" in head) == (status == 405)


def test_an_absent_service_is_503_and_found_when_it_is_there(start_edge, names, demo):
    edge = start_edge({"order": demo.port})
    for client in (edge.client, edge.order):
        response = client.post("/orders", content=SEED, headers=JSON)
        PROBLEM.validate(problem(response, 503, "temporarily_unavailable"))
        assert response.headers["retry-after"] == "1"
    problem(edge.client.get("/api/v1/notifications"), 503, "temporarily_unavailable")
    names.addresses["order"] = ["127.0.0.1"]
    deadline = time.monotonic() + 5
    while edge.client.post("/orders", content=SEED, headers=JSON).status_code != 201:
        assert time.monotonic() < deadline
    demo.kill()
    problem(edge.client.get("/orders/x"), 503, "temporarily_unavailable")
    assert edge.client.get("/health").status_code == 200
    demo.start()
    assert edge.client.get("/orders/x").status_code == 404


# What services get to see

def test_who_asks_is_for_the_edge_to_say(start_edge, names, recorder):
    names.addresses["order"] = ["127.0.0.1"]
    edge = start_edge({"order": recorder.port})
    forged = {"X-User-ID": "u1", "X-User_ID": "u1", "X-Forwarded-For": "1.2.3.4", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil", "X-Forwarded-Port": "1",
              "X-Forwarded-Prefix": "/x", "X-Forwarded-User": "u1", "X-Real-IP": "1.2.3.4", "Forwarded": "for=1.2.3.4", "X-HTTP-Method-Override": "DELETE",
              "X-Original-URL": "/internal", "X-Rewrite-URL": "/internal", "Proxy": "evil"}
    edge.client.get("/orders/a%2Fb?x=%20y", headers={**forged, "Authorization": "Bearer t", "Idempotency-Key": "k", "If-Match": "1"})
    first, fields = recorder.head()
    assert first == "GET /orders/a%2Fb?x=%20y HTTP/1.1"
    host = f"127.0.0.1:{edge.port}"
    assert fields["host"] == [host] and fields["x-forwarded-for"] == ["127.0.0.1"] and fields["x-forwarded-proto"] == ["http"]
    assert fields["x-forwarded-host"] == [host] and fields["x-forwarded-port"] == [str(edge.port)] and fields["x-real-ip"] == ["127.0.0.1"]
    assert {name for name in fields if name.startswith("x-") or "forwarded" in name} == {
        "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port", "x-real-ip"}
    assert "proxy" not in fields and "u1" not in str(fields) and "1.2.3.4" not in str(fields)
    assert fields["authorization"] == ["Bearer t"] and fields["idempotency-key"] == ["k"] and fields["if-match"] == ["1"]


def test_one_trace_goes_through(edge, start_edge, recorder):
    sent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    assert edge.client.get("/orders/x", headers={"traceparent": sent}).json()["trace_id"] == sent[3:35]
    assert edge.client.get("/nothing", headers={"traceparent": sent}).json()["trace_id"] == sent[3:35]
    assert [line["trace_id"] for line in edge.logged(2)] == [sent[3:35]] * 2
    behind = start_edge({"order": recorder.port})
    behind.client.get("/orders/x", headers={"traceparent": sent, "tracestate": "a=b"})
    fields = recorder.head()[1]
    assert fields["traceparent"] == [sent] and fields["tracestate"] == ["a=b"]
    bad_ones = [None, "nonsense", "00-" + "0" * 32 + "-00f067aa0ba902b7-01", "ff" + sent[2:], sent[:36] + "0" * 16 + "-01", sent.upper()]
    for number, bad in enumerate(bad_ones, 2):
        behind.client.get("/orders/x", headers={"traceparent": bad} if bad else {})
        fresh, = recorder.head()[1]["traceparent"]
        assert re.fullmatch("00-[0-9a-f]{32}-[0-9a-f]{16}-01", fresh) and fresh[3:35] != sent[3:35]
        assert behind.logged(number)[-1]["trace_id"] == fresh[3:35]


def test_the_log_holds_no_path_and_no_key(edge):
    edge.client.post("/orders", content=SEED, headers={**JSON, "Idempotency-Key": "secret-key", "Authorization": "Bearer secret-token"})
    edge.client.get("/orders/secret-id?secret=1")
    lines = edge.logged(2)
    assert [(line["route"], line["to"]) for line in lines] == [("/orders", "order"), ("/orders/{order_id}", "order")]
    assert "secret" not in edge.access_log.read_text()


# Time

def test_streams_are_passed_on_as_they_come(start_edge, names, launch):
    """And stay while nothing happens, for longer than anything else may take; a client that went is not followed on."""
    shop = launch("--offers", OFFERS, *TOKENS, "--http.stream-heartbeat", "100ms")
    names.addresses["order"] = ["127.0.0.1"]
    edge = start_edge({"order": shop.port}, "--read-timeout", "300ms")
    user = shop.as_user("token-u1")
    order = place(user).json()
    for port, prefix in ((edge.port, "/api/v1"), (edge.port, ""), (edge.order_port, "")):
        stream = Stream(port, f"{prefix}/orders/{order['order_id']}/events", "token-u1")
        stream.opening()
        assert [stream.block() for _ in range(10)] == [":"] * 10
    assert user.post(f"/orders/{order['order_id']}/cancellation").status_code == 200
    assert stream.next()["event"] == "order.canceled"
    again = Stream(edge.port, f"/orders/{order['order_id']}/events", "token-u1", last_id=stream.last_id)
    assert again.opening()["id"] == stream.last_id
    for one in (stream, again):
        one.close()
    eventually(lambda: closed_streams(shop, "client") >= 2)


def test_sigquit_answers_what_is_under_way(edge):
    with socket.create_connection(("127.0.0.1", edge.port), 10) as connection:
        head = f"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(SEED)}\r\nExpect: 100-continue\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"  # it is being read
        edge.process.send_signal(signal.SIGQUIT)
        deadline = time.monotonic() + 10
        while socket.socket().connect_ex(("127.0.0.1", edge.port)) == 0:
            assert time.monotonic() < deadline
        connection.sendall(SEED)
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
    assert answer.startswith(b"HTTP/1.1 201 ") and b'"total":999.98' in answer
    assert edge.process.wait(timeout=10) == 0


def test_sigquit_ends_what_takes_too_long(start_edge, names):
    recorder = Recorder(answer=b"", holds=True)
    names.addresses["order"] = ["127.0.0.1"]
    edge = start_edge({"order": recorder.port}, "--drain-deadline", "200ms")
    with socket.create_connection(("127.0.0.1", edge.port), 10) as connection:
        connection.sendall(b"GET /orders/x HTTP/1.1\r\nHost: x\r\n\r\n")
        recorder.head()
        edge.process.send_signal(signal.SIGQUIT)
        assert edge.process.wait(timeout=10) == 0
    recorder.stop()
