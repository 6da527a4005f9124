"""Bad input gets a clear error and changes nothing; no 5xx, no executed second request."""

import gzip
import json
import re
import socket
import time

import pytest

from support.service import JSON, order_body, place, problem
from support.tokens import bearer


@pytest.fixture(autouse=True)
def nothing_is_written_and_nothing_breaks(sqlite_shop):
    before = sqlite_shop.counts()
    yield
    assert sqlite_shop.counts() == before
    assert not re.search(r'http_response_status_code="5\d\d"', sqlite_shop.metrics())
    assert sqlite_shop.process.poll() is None


def raw(shop, data, wait=5):
    """What a connection answers to these bytes, until it closes or falls silent."""
    with socket.create_connection(("127.0.0.1", shop.port), timeout=wait) as s:
        # The names of tests may not depend on a token's text: it takes its place here.
        s.sendall(data.replace(b"Bearer token-u1", f"Bearer {bearer('token-u1')}".encode()))
        answer = b""
        try:
            while chunk := s.recv(65536):
                answer += chunk
        except (TimeoutError, socket.timeout):
            pass
        return answer


ORDER = order_body().encode()
AUTH = b"Authorization: Bearer token-u1\r\nContent-Type: application/json\r\n"
SMUGGLED = b"POST /orders HTTP/1.1\r\nHost: x\r\n" + AUTH + b"Content-Length: %d\r\n\r\n" % len(ORDER) + ORDER


def request(headers, body=b"", line=b"POST /orders HTTP/1.1\r\nHost: x\r\n"):
    return line + AUTH + headers + b"\r\n" + body


CHUNKED = b"%x\r\n%s\r\n0\r\n\r\n" % (len(ORDER), ORDER)


@pytest.mark.parametrize("data", [
    request(b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", CHUNKED),
    request(b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", CHUNKED),
    request(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", CHUNKED),
    request(b"Transfer-Encoding: chunked, chunked\r\n", CHUNKED),
    request(b"Transfer-Encoding: xchunked\r\nContent-Length: 0\r\n"),
    request(b"Transfer-Encoding: gzip, chunked\r\n", CHUNKED),
    request(b"Transfer-Encoding: chunked, identity\r\n", CHUNKED),
    request(b"Transfer-Encoding: \x0bchunked\r\n", CHUNKED),
    request(b"Transfer-Encoding : chunked\r\n", CHUNKED),
    request(b"Transfer-Encoding: chunked\r\n", CHUNKED, line=b"POST /orders HTTP/1.0\r\nHost: x\r\n"),
    request(b"Content-Length: %d\r\nContent-Length: %d\r\n" % (len(ORDER), len(ORDER)), ORDER),
    request(b"Content-Length: %d, %d\r\n" % (len(ORDER), len(ORDER)), ORDER),
    request(b"Content-Length: +%d\r\n" % len(ORDER), ORDER),
    request(b"Content-Length: -1\r\n", ORDER),
    request(b"Content-Length: 0x10\r\n", ORDER),
    request(b"Content-Length: 99999999999999999999\r\n", ORDER),
    request(b"Content-Length:\r\n", ORDER),
    request(b"Content-Length : %d\r\n" % len(ORDER), ORDER),
    request(b"Host: y\r\nContent-Length: %d\r\n" % len(ORDER), ORDER),
    request(b"Content-Length: %d\r\n" % len(ORDER), ORDER, line=b"POST /orders HTTP/1.1\r\n"),
    request(b"X: a\r\n b\r\nContent-Length: %d\r\n" % len(ORDER), ORDER),
    request(b"X: a\rb\r\nContent-Length: %d\r\n" % len(ORDER), ORDER),
    request(b"X: a\x00b\r\nContent-Length: %d\r\n" % len(ORDER), ORDER),
    request(b"X\x00: a\r\nContent-Length: %d\r\n" % len(ORDER), ORDER),
    request(b": a\r\nContent-Length: %d\r\n" % len(ORDER), ORDER),
    request(b"Content-Length: %d\r\n" % len(ORDER), ORDER, line=b"POST http://evil/orders HTTP/1.1\r\nHost: x\r\n"),
    request(b"Content-Length: %d\r\n" % len(ORDER), ORDER, line=b"POST /orders HTTP/2.0\r\nHost: x\r\n"),
    request(b"Content-Length: %d\r\n" % len(ORDER), ORDER, line=b"POST  /orders HTTP/1.1\r\nHost: x\r\n"),
    request(b"Content-Length: %d\r\n" % len(ORDER), ORDER, line=b"PO ST /orders HTTP/1.1\r\nHost: x\r\n"),
    request(b"Content-Length: %d\r\n" % len(ORDER), ORDER, line=b"POST /orders\nHost: x\r\n"),
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    b"GET / HTTP/1.1\nHost: x\n\n\r\n\r\n",
    request(b"Transfer-Encoding: chunked\r\n", b"zz\r\n" + ORDER),
    request(b"Transfer-Encoding: chunked\r\n", b"ffffffffffffffffff\r\n" + ORDER),
], ids=range(34))
def test_requests_that_two_servers_could_read_differently(sqlite_shop, data):
    """B-07: 400, closed, and what follows on the connection is never executed."""
    answer = raw(sqlite_shop, data + SMUGGLED)
    assert answer.startswith(b"HTTP/1.1 400 "), answer
    assert b"Connection: close" in answer and answer.count(b"HTTP/1.1 ") == 1
    assert b'"code":"bad_request"' in answer


def test_pipelined_requests_are_answered_in_order(sqlite_shop):
    data = b"".join(b"GET /orders/x%d HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer token-u1\r\n\r\n" % i for i in range(3))
    data += b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = raw(sqlite_shop, data)
    assert answer.count(b"HTTP/1.1 404") == 3 and answer.endswith(b'{"status":"OK","service":"Order Service"}')


def test_headers_and_bodies_have_their_limits(sqlite_shop):
    """B-03."""
    assert raw(sqlite_shop, request(b"X: " + b"a" * 8_193 + b"\r\n")).startswith(b"HTTP/1.1 431 ")
    assert raw(sqlite_shop, b"GET /" + b"a" * 9_000).startswith(b"HTTP/1.1 431 ")
    user = sqlite_shop.as_user("token-u1")
    problem(user.post("/orders", content=b" " * (2**20 + 1), headers=JSON), 413, "body_too_large")
    big_chunks = request(b"Transfer-Encoding: chunked\r\n", b"100000\r\n" + b" " * 0x100000 + b"\r\n1\r\n \r\n0\r\n\r\n")
    assert raw(sqlite_shop, big_chunks).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("body,code", [
    ("[" * 33 + "]" * 33, "too_deep"), ("[" * 500_000, "too_deep"), ('{"a":' * 100_000, "too_deep"), ('{"a":1,"a":2}', "duplicate_key"),
    ('{"items":[{"x":1,"x":1}]}', "duplicate_key"), ("[" + "1," * 200_000 + "1]", "too_many_values"), ("", "malformed_json"), ("{", "malformed_json"),
    ("{}x", "malformed_json"), ("\ufeff{}", "malformed_json"), ('{"a":01}', "malformed_json"), ('{"a":+1}', "malformed_json"), ('{"a":.5}', "malformed_json"),
    ('{"a":1.}', "malformed_json"), ('{"a":NaN}', "malformed_json"), ("{'a':1}", "malformed_json"), ('{"a":1,}', "malformed_json"), ('{"a":"\n"}', "malformed_json"),
    ('{"a":"\\x"}', "malformed_json"), ('{"a":"\\ud800"}', "malformed_json"), ("/**/{}", "malformed_json"), ("nul", "malformed_json"),
], ids=lambda value: str(value)[:16])
def test_what_is_no_json(sqlite_shop, body, code):
    started = time.monotonic()
    problem(sqlite_shop.as_user("token-u1").post("/orders", content=body.encode(), headers=JSON), 400, code)
    assert time.monotonic() - started < 2


def test_a_million_keys_cost_little_memory(sqlite_shop):
    """B-03: RSS grows by at most 2 MiB over what one such body has cost before."""
    body = ("{" + ",".join(f'"{i:x}":0' for i in range(100_000)) + "}").encode()[: 2**20 - 1]
    user = sqlite_shop.as_user("token-u1")
    resident = lambda: int(re.search(r"process_resident_memory_bytes (\d+)", sqlite_shop.metrics())[1])
    for _ in range(3):
        assert user.post("/orders", content=body, headers=JSON).status_code == 400
    before = resident()
    for _ in range(20):
        assert user.post("/orders", content=body, headers=JSON).status_code == 400
    assert resident() - before <= 2 * 2**20


@pytest.mark.parametrize("data", [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x80", b"\xe2\x82"])
def test_invalid_utf8(sqlite_shop, data):
    """B-05: 400 in a body and a path."""
    user = sqlite_shop.as_user("token-u1")
    problem(user.post("/orders", content=b'{"offer_id":"' + data + b'"}', headers=JSON), 400, "malformed_json")
    escaped = "".join(f"%{byte:02x}" for byte in data)
    assert user.get(f"/orders/{escaped}").status_code == 400
    assert raw(sqlite_shop, b"GET /orders/%00 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer token-u1\r\nConnection: close\r\n\r\n").startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("headers,status,code", [
    ({"Content-Type": "text/plain"}, 415, "unsupported_media_type"), ({}, 415, "unsupported_media_type"),
    ({"Content-Type": "application/json; charset=latin-1"}, 415, "unsupported_media_type"),
    ({**JSON, "Content-Encoding": "gzip"}, 415, "unsupported_media_type"), ({**JSON, "Accept": "text/html"}, 406, "not_acceptable"),
    ({**JSON, "Accept": "application/json;q=0"}, 406, "not_acceptable"),
])
def test_media_types(sqlite_shop, headers, status, code):
    content = gzip.compress(b" " * 2**20) if "Content-Encoding" in headers else ORDER
    problem(sqlite_shop.as_user("token-u1").post("/orders", content=content, headers=headers), status, code)


@pytest.mark.parametrize("path,methods", [
    ("/orders", {"GET", "HEAD", "POST"}), ("/orders/x", {"GET", "HEAD"}), ("/orders/x/cancellation", {"POST"}), ("/health", {"GET", "HEAD"}),
    ("/api/v1/orders", {"GET", "HEAD", "POST"}), ("/docs", {"GET", "HEAD"}),
])
def test_every_other_method_is_405_with_allow(sqlite_shop, path, methods):
    """B-11."""
    user = sqlite_shop.as_user("token-u1")
    for method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "BREW"} - methods:
        if method == "CONNECT":
            continue
        response = user.request(method, path)
        assert response.status_code == 405, (method, path)
        assert "allow" in response.headers
    allow = user.request("PUT", path).headers["allow"]
    assert set(allow.split(", ")) == methods
    assert user.request("OPTIONS", path).status_code == 204


@pytest.mark.parametrize("path", ["/nope", "/orders/", "//orders", "/orders/x/y", "/api/v1", "/api/v2/orders", "/../etc/passwd", "/docs/..%2f..%2fetc%2fpasswd", "/errors/..%2f"])
def test_unknown_paths_are_404(sqlite_shop, path):
    data = f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer token-u1\r\nConnection: close\r\n\r\n".encode()
    assert raw(sqlite_shop, data).startswith(b"HTTP/1.1 404 ")


def test_money_and_ids_are_echoed_nowhere_in_errors(sqlite_shop):
    canary = "canary-7f3a"
    response = place(sqlite_shop.as_user("token-u1"), offer=canary)
    assert canary not in response.text
    response = sqlite_shop.as_user("token-u1").post("/orders", content=json.dumps({"offer_id": canary, "quantity": canary, "price": canary}), headers=JSON)
    assert canary not in response.text
    assert canary not in sqlite_shop.log()


def test_slow_headers_are_cut_off(launch):
    shop = launch("--standalone", "--http.header-deadline", "300ms", "--http.idle-deadline", "600ms")
    with socket.create_connection(("127.0.0.1", shop.port), timeout=10) as s:
        s.sendall(b"GET /health HTTP/1.1\r\nHost:")
        started = time.monotonic()
        assert s.recv(100) == b""
        assert time.monotonic() - started < 3
    with socket.create_connection(("127.0.0.1", shop.port), timeout=10) as s:
        assert s.recv(100) == b""  # idle
    with socket.create_connection(("127.0.0.1", shop.port), timeout=10) as s:
        s.sendall(b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n")
        started = time.monotonic()
        assert s.recv(100) == b""  # a body that does not come
        assert time.monotonic() - started < 3


def test_too_many_connections_are_told(launch):
    shop = launch("--standalone", "--http.connections-max", "10")
    held = [socket.create_connection(("127.0.0.1", shop.port), timeout=5) for _ in range(12)]
    answers = []
    for s in held:
        try:
            s.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answers.append(s.recv(4096)[:12])
        except OSError:
            answers.append(b"HTTP/1.1 503")
        s.close()
    assert answers.count(b"HTTP/1.1 200") >= 8 and answers.count(b"HTTP/1.1 503") >= 1
