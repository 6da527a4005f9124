"""The contract that came first: three answers on one port, alone, durable."""

import json
import re
import socket
import subprocess

import jsonschema
import pytest

from support.contract import CONTRACT, ERRORS, EVENTS, codes_of, operations, resolve, validator
from support.service import JSON, place

SEED = b'{"user_id":"u1","product_id":"p42","quantity":2,"price":499.99}'


def send(address, port, text):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as s:
        s.settimeout(10)
        s.connect((address, port))
        s.sendall(text)
        data = b""
        while chunk := s.recv(65536):
            data += chunk
    head, _, body = data.partition(b"\r\n\r\n")
    return head.decode(), body.decode()


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_the_seeds_bytes_get_the_seeds_answer(demo, address):
    host = f"[{address}]" if ":" in address else address
    request = (f"POST /orders HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nConnection: close\r\n"
               f"Content-Length: {len(SEED)}\r\n\r\n").encode() + SEED
    head, body = send(address, demo.port, request)
    assert head.startswith("HTTP/1.1 201 Created\r\n")
    start = re.match(r'\{"order_id":"([0-9a-f-]{36})","user_id":"u1","product_id":"p42","quantity":2,"total":999\.98,"status":"pending",', body)
    assert start, body
    order_id = start[1]
    assert f"Location: /api/v1/orders/{order_id}" in head
    get = f"GET /orders/{order_id} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
    assert send(address, demo.port, get)[1] == body


def test_health_is_as_it_was_specified(demo):
    assert demo.client.get("/health").text == '{"status":"OK","service":"Order Service"}'


@pytest.mark.parametrize("offer,quantity,price,total", [
    ("o1", 200, "5.00", "1000.00"), ("o1", 1, "5", "5.00"), ("o10", 1, "1000.0", "1000.00"), ("o4", 1, "1200", "1200"), ("o5", 2, "1.250", "2.500"),
])
def test_amounts_always_have_their_currencys_decimals(sqlite_shop, offer, quantity, price, total):
    response = place(sqlite_shop.as_user("token-u1"), offer=offer, quantity=quantity, price=price)
    assert response.status_code == 201
    assert f'"total":{total},' in response.text
    assert not re.search(r"\d[eE][+-]?\d", re.sub(r'"[^"]*"', "", response.text))


def test_orders_survive_sigkill(demo):
    placed = [demo.client.post("/orders", content=SEED, headers=JSON).text for _ in range(20)]
    demo.restart()
    for text in placed:
        assert demo.client.get(f"/orders/{json.loads(text)['order_id']}").text == text


def test_both_prefixes_are_one_contract(demo):
    placed = demo.client.post("/api/v1/orders", content=SEED, headers=JSON)
    assert placed.status_code == 201
    assert demo.client.get(f"/orders/{placed.json()['order_id']}").text == placed.text
    assert demo.client.get("/api/v1/health").status_code == 200


def test_pages_for_browsers(demo):
    index = demo.client.get("/")
    assert index.headers["content-type"].startswith("text/html") and "/docs" in index.text
    docs = demo.client.get("/docs").text
    assert all(node["operationId"] in docs for _, _, node in operations())
    # One page of its own: no script, nothing from elsewhere.
    assert len(docs) < 60_000 and not re.search(r"<script|src=|http-equiv|url\(|https?://", docs)
    for link in set(re.findall(r'href="(/[^"]*)"', docs)):
        assert demo.client.get(link).status_code == 200, link
    for anchor in re.findall(r'href="#([^"]*)"', docs):
        assert f'id="{anchor}"' in docs
    document = demo.client.get("/openapi.json").json()
    assert document == json.loads(json.dumps(CONTRACT))
    page = demo.client.get("/errors/out_of_stock")
    assert page.status_code == 200 and "out_of_stock" in page.text
    assert demo.client.get("/errors/no_such_code").status_code == 404


def test_served_routes_are_those_of_the_contract(demo):
    lines = subprocess.run([str(demo.binary), "--print-routes", "--data", str(demo.data / "routes")], capture_output=True, text=True,
                           env={**demo.env, "AGORA_ENV": "test"}).stdout.splitlines()
    rows = {(r["method"], r["path"]): r for r in map(json.loads, lines)}
    served_by_prefix = {prefix: {} for prefix in ("", "/api/v1")}
    helpers = {"/", "/docs", "/openapi.json", "/errors/{code}"}
    for (method, path), row in rows.items():
        if path in helpers:
            continue
        prefix = "/api/v1" if path.startswith("/api/v1") else ""
        served_by_prefix[prefix][(method, path[len(prefix):])] = row
    expected = {(method, path): (node["operationId"], node["x-auth"], node["x-ownership"], node.get("x-demo-guests", False))
                for method, path, node in operations()}
    for prefix, served in served_by_prefix.items():
        got = {key: (r["operation_id"], r["auth"], r["ownership"], r["demo_guests"]) for key, r in served.items()}
        assert got == expected, prefix
    ids = [node["operationId"] for _, _, node in operations()]
    assert len(ids) == len(set(ids))


def test_answers_that_break_the_contract_are_noticed(demo, monkeypatch):
    """Every client of these tests compares what it gets with the contract; this one gets something else."""
    health = CONTRACT["components"]["schemas"]["Health"]["properties"]
    monkeypatch.setitem(health, "status", {"const": "FINE"})
    with pytest.raises(jsonschema.ValidationError):
        demo.client.get("/health")


@pytest.mark.no_audit
def test_examples_in_the_contract_fit_their_schemas():
    shown = 0
    for _, _, node in operations():
        bodies = list(node.get("requestBody", {}).get("content", {}).values())
        answers = [content for answer in node["responses"].values() for content in resolve(answer)["content"].values()]
        for content in bodies + answers:
            values = [resolve(example)["value"] for example in content.get("examples", {}).values()]
            for value in values + ([content["example"]] if "example" in content else []):
                validator(content["schema"]).validate(value)
                shown += 1
    assert shown >= 6


@pytest.mark.no_audit
def test_each_declared_code_has_the_status_it_is_declared_under():
    for _, _, node in operations():
        for status, answer in node["responses"].items():
            codes = resolve(answer).get("x-codes", [])
            assert status == "default" or status < "400" or (codes and codes_of(node, int(status)) >= set(codes)), (node["operationId"], status)
            assert set(codes) <= set(ERRORS)


@pytest.mark.no_audit
def test_the_schemas_are_schemas_whose_references_lead_somewhere():
    for document in (CONTRACT, *EVENTS.values()):
        for schema in document["components"]["schemas"].values():
            jsonschema.Draft202012Validator.check_schema(schema)
        for reference in re.findall(r'"\$ref": "([^"]+)"', json.dumps(document)):
            assert resolve({"$ref": reference}, document), reference


@pytest.mark.no_audit
def test_each_topic_says_its_kind_and_who_consumes_it():
    services = {"auth", "catalog", "order", "payment", "recommendation", "notification"}
    for name, document in EVENTS.items():
        for channel in document["channels"].values():
            assert name in services and channel["x-kind"] in ("fact", "state") and channel["x-consumers"] and set(channel["x-consumers"]) <= services
        assert {name for channel in document["channels"].values() for name in channel["messages"]} == set(document["components"]["messages"])


def test_every_code_that_is_answered_has_its_page(demo):
    for code in ERRORS:
        assert demo.client.get(f"/errors/{code}").status_code == 200, code
