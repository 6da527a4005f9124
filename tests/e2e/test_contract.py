"""The contract that came first: three answers on one port, alone, durable."""

import json
import re
import socket
import subprocess
import sys

import jsonschema
import pytest

from support.contract import CONTRACTS, ERRORS, EVENTS, resolve_in
from support.root import ROOT
from support.service import JSON, Service, place

ORDER = CONTRACTS["order"]
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


def test_the_session_of_the_contract_and_again_after_a_kill(launch, deployment):
    order = launch("--demo-guests", "--offers", "builtin", *deployment.flags(), database=deployment.new_database())

    def session(*order_id):
        done = subprocess.run([str(ROOT / "tools" / "contract-session"), order.url, *order_id], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    order_id = session()
    order.restart()
    session(*order_id)


def test_both_prefixes_are_one_contract(demo):
    placed = demo.client.post("/api/v1/orders", content=SEED, headers=JSON)
    assert placed.status_code == 201
    assert demo.client.get(f"/orders/{placed.json()['order_id']}").text == placed.text
    assert demo.client.get("/api/v1/health").status_code == 200


def test_pages_for_browsers(demo):
    index = demo.client.get("/")
    assert index.headers["content-type"].startswith("text/html") and "/docs" in index.text
    docs = demo.client.get("/docs").text
    assert all(node["operationId"] in docs for _, _, node in ORDER.operations())
    # One page of its own: no script, nothing from elsewhere.
    assert len(docs) < 200_000 and not re.search(r"<script|src=|http-equiv|url\(|https?://", docs)
    for link in set(re.findall(r'href="(/[^"]*)"', docs)):
        assert demo.client.get(link).status_code == 200, link
    for anchor in re.findall(r'href="#([^"]*)"', docs):
        assert f'id="{anchor}"' in docs
    document = demo.client.get("/openapi.json").json()
    assert document["components"].pop("securitySchemes")["bearer"]["scheme"] == "bearer"
    for methods in document["paths"].values():
        for method, node in methods.items():
            if method != "servers":
                assert ({"bearer": []} in node["security"]) == (node["x-auth"] != "anonymous") and ({} in node.pop("security")) == node.get("x-demo-guests", False)
    assert document == json.loads(json.dumps(ORDER.document))
    page = demo.client.get("/errors/out_of_stock")
    assert page.status_code == 200 and "out_of_stock" in page.text
    assert demo.client.get("/errors/no_such_code").status_code == 404


@pytest.mark.no_audit
@pytest.mark.parametrize("name,prefixes", [("order", {"", "/api/v1"}), ("notification", {"/api/v1"})])
def test_served_routes_are_those_of_the_contract(folder, name, prefixes):
    service = Service(folder, name=name)
    lines = subprocess.run([*service.command, "--print-routes"], capture_output=True, text=True, env=service.env, timeout=20).stdout.splitlines()
    rows = {(r["method"], r["path"]): r for r in map(json.loads, lines)}
    served_by_prefix = {prefix: {} for prefix in prefixes}
    helpers = {"/", "/docs", "/openapi.json", "/errors/{code}", *([] if "" in prefixes else ["/health"])}
    for (method, path), row in rows.items():
        if path in helpers:
            continue
        prefix = "/api/v1" if path.startswith("/api/v1") else ""
        served_by_prefix[prefix][(method, path[len(prefix):])] = row
    for prefix, served in served_by_prefix.items():
        expected = {(method, path): (node["operationId"], node["x-auth"], node["x-ownership"], node.get("x-demo-guests", False))
                    for method, path, node in CONTRACTS[name].operations() if prefix in CONTRACTS[name].prefixes(path)}
        got = {key: (r["operation_id"], r["auth"], r["ownership"], r["demo_guests"]) for key, r in served.items()}
        assert got == expected, prefix


@pytest.mark.no_audit
def test_the_contracts_can_be_bundled(folder):
    """One document for all services: what several define is the same everywhere, and no two operations have one id."""
    subprocess.run([sys.executable, ROOT / "tools" / "render_contract.py", *(ROOT / "contracts" / "http" / f"{name}.yaml" for name in CONTRACTS), folder],
                   check=True, timeout=60)
    bundle = json.loads((folder / "openapi.json").read_text())
    ids = [node["operationId"] for methods in bundle["paths"].values() for method, node in methods.items() if method != "servers"]
    assert sorted(ids) == sorted(set(ids)) == sorted(node["operationId"] for contract in CONTRACTS.values() for _, path, node in contract.operations())
    for reference in re.findall(r'"\$ref": "([^"]+)"', json.dumps(bundle)):
        assert resolve_in({"$ref": reference}, bundle), reference
    assert all(f'id="{operation}"' in (folder / "docs.html").read_text() for operation in ids)


def test_answers_that_break_the_contract_are_noticed(demo, monkeypatch):
    """Every client of these tests compares what it gets with the contract; this one gets something else."""
    health = ORDER.document["components"]["schemas"]["Health"]["properties"]
    monkeypatch.setitem(health, "status", {"const": "FINE"})
    with pytest.raises(jsonschema.ValidationError):
        demo.client.get("/health")


@pytest.mark.no_audit
@pytest.mark.parametrize("name,least", [("order", 6), ("notification", 4)])
def test_examples_in_the_contract_fit_their_schemas(name, least):
    contract = CONTRACTS[name]
    shown = 0
    for _, _, node in contract.operations():
        bodies = list(node.get("requestBody", {}).get("content", {}).values())
        answers = [content for answer in node["responses"].values() for content in contract.resolve(answer)["content"].values()]
        for content in bodies + answers:
            values = [contract.resolve(example)["value"] for example in content.get("examples", {}).values()]
            for value in values + ([content["example"]] if "example" in content else []):
                contract.validator(content["schema"]).validate(value)
                shown += 1
    assert shown >= least


@pytest.mark.no_audit
@pytest.mark.parametrize("name", CONTRACTS)
def test_each_declared_code_has_the_status_it_is_declared_under(name):
    contract = CONTRACTS[name]
    for _, _, node in contract.operations():
        for status, answer in node["responses"].items():
            codes = contract.resolve(answer).get("x-codes", [])
            assert status == "default" or status < "400" or (codes and contract.codes_of(node, int(status)) >= set(codes)), (node["operationId"], status)
            assert set(codes) <= set(ERRORS)


@pytest.mark.no_audit
def test_the_schemas_are_schemas_whose_references_lead_somewhere():
    for document in (*(contract.document for contract in CONTRACTS.values()), *EVENTS.values()):
        for schema in document["components"]["schemas"].values():
            jsonschema.Draft202012Validator.check_schema(schema)
        for reference in re.findall(r'"\$ref": "([^"]+)"', json.dumps(document)):
            assert resolve_in({"$ref": reference}, document), reference
