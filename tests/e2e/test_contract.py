"""The contract that came first: three answers on one port, alone, durable."""

import json
import re
import socket
import subprocess

import jsonschema
import pytest
import yaml

from support.service import JSON, ROOT, place

SEED = b'{"user_id":"u1","product_id":"p42","quantity":2,"price":499.99}'
CONTRACT = yaml.safe_load((ROOT / "contracts" / "http" / "order.yaml").read_text())


def schema(name):
    return jsonschema.Draft202012Validator({"$ref": f"#/components/schemas/{name}", "components": CONTRACT["components"]})


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
    assert "createOrder" in docs and "src=" not in docs and "http-equiv" not in docs
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
    expected = {}
    for path, operations in CONTRACT["paths"].items():
        for method, node in operations.items():
            expected[(method.upper(), path)] = (node["operationId"], node["x-auth"], node["x-ownership"], node.get("x-demo-guests", False))
    for prefix, served in served_by_prefix.items():
        got = {key: (r["operation_id"], r["auth"], r["ownership"], r["demo_guests"]) for key, r in served.items()}
        assert got == expected, prefix
    ids = [node["operationId"] for operations in CONTRACT["paths"].values() for node in operations.values()]
    assert len(ids) == len(set(ids))


def test_answers_fit_their_schemas(shop):
    user = shop.as_user("token-u1")
    placed = place(user, quantity=2)
    several = user.post("/orders", content='{"items":[{"offer_id":"o1","quantity":1,"price":5.00},{"offer_id":"o2","quantity":1,"price":7.00}]}', headers=JSON)
    canceled = user.post(f"/orders/{placed.json()['order_id']}/cancellation")
    for response in (placed, several, canceled):
        assert response.status_code in (200, 201), response.text
        schema("Order").validate(response.json())
    assert several.json()["product_id"] is None and several.json()["quantity"] is None
    schema("OrderPage").validate(user.get("/orders").json())
    schema("Problem").validate(user.get("/orders/none").json())
    schema("Problem").validate(place(user, price="4.00").json())


def test_every_code_that_is_answered_has_its_page(demo):
    codes = [row["code"] for row in yaml.safe_load((ROOT / "contracts" / "http" / "errors.yaml").read_text())]
    for code in codes:
        assert demo.client.get(f"/errors/{code}").status_code == 200, code
