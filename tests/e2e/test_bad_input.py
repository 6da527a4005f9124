"""Bad input gets a clear error and changes nothing; no 5xx, no executed second request. On both services, on the routes of their contracts."""

import gzip
import json
import re
import time

import pytest

from support.contract import CONTRACTS
from support.service import JSON, order_body, problem


@pytest.fixture(autouse=True)
def nothing_is_written_and_nothing_breaks(target):
    before = target.state()
    yield
    assert target.state() == before
    assert not re.search(r'http_response_status_code="5\d\d"', target.service.metrics())
    assert target.service.process.poll() is None


HEADS = [
    # What they say of the body's length; the body that follows.
    (b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", "chunked"),
    (b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "chunked"),
    (b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "chunked"),
    (b"Transfer-Encoding: chunked, chunked\r\n", "chunked"),
    (b"Transfer-Encoding: xchunked\r\nContent-Length: 0\r\n", "nothing"),
    (b"Transfer-Encoding: gzip, chunked\r\n", "chunked"),
    (b"Transfer-Encoding: chunked, identity\r\n", "chunked"),
    (b"Transfer-Encoding: \x0bchunked\r\n", "chunked"),
    (b"Transfer-Encoding : chunked\r\n", "chunked"),
    (b"Content-Length: @LENGTH\r\nContent-Length: @LENGTH\r\n", "whole"),
    (b"Content-Length: @LENGTH, @LENGTH\r\n", "whole"),
    (b"Content-Length: +@LENGTH\r\n", "whole"),
    (b"Content-Length: -1\r\n", "whole"),
    (b"Content-Length: 0x10\r\n", "whole"),
    (b"Content-Length: 99999999999999999999\r\n", "whole"),
    (b"Content-Length:\r\n", "whole"),
    (b"Content-Length : @LENGTH\r\n", "whole"),
    (b"Host: y\r\nContent-Length: @LENGTH\r\n", "whole"),
    (b"X: a\r\n b\r\nContent-Length: @LENGTH\r\n", "whole"),
    (b"X: a\rb\r\nContent-Length: @LENGTH\r\n", "whole"),
    (b"X: a\x00b\r\nContent-Length: @LENGTH\r\n", "whole"),
    (b"X\x00: a\r\nContent-Length: @LENGTH\r\n", "whole"),
    (b": a\r\nContent-Length: @LENGTH\r\n", "whole"),
]
LINES = [
    b"@METHOD @PATH HTTP/1.1\r\n", b"@METHOD http://evil@PATH HTTP/1.1\r\nHost: x\r\n", b"@METHOD @PATH HTTP/2.0\r\nHost: x\r\n",
    b"@METHOD  @PATH HTTP/1.1\r\nHost: x\r\n", b"@MET HOD @PATH HTTP/1.1\r\nHost: x\r\n", b"@METHOD @PATH\nHost: x\r\n",
]
REQUESTS = [
    *(lambda t, headers=headers, kind=kind: t.head(headers) + {"chunked": t.chunked(), "whole": t.write[2], "nothing": b""}[kind] for headers, kind in HEADS),
    *(lambda t, line=line: t.head(b"Content-Length: @LENGTH\r\n", line) + t.write[2] for line in LINES),
    lambda t: t.head(b"Transfer-Encoding: chunked\r\n", b"@METHOD @PATH HTTP/1.0\r\nHost: x\r\n") + t.chunked(),
    lambda t: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    lambda t: b"GET / HTTP/1.1\nHost: x\n\n\r\n\r\n",
    lambda t: t.head(b"Transfer-Encoding: chunked\r\n") + b"zz\r\n" + t.write[2],
    lambda t: t.head(b"Transfer-Encoding: chunked\r\n") + b"ffffffffffffffffff\r\n" + t.write[2],
]


@pytest.mark.parametrize("request_of", REQUESTS, ids=range(len(REQUESTS)))
def test_requests_that_two_servers_could_read_differently(target, request_of):
    """B-07: 400, closed, and what follows on the connection is never executed."""
    answer = target.raw(request_of(target) + target.whole())
    assert answer.startswith(b"HTTP/1.1 400 "), answer
    assert b"Connection: close" in answer and answer.count(b"HTTP/1.1 ") == 1
    assert b'"code":"bad_request"' in answer


def test_pipelined_requests_are_answered_in_order(target):
    path = b"/none"
    data = b"".join(b"GET %s%d HTTP/1.1\r\nHost: x\r\n%s\r\n" % (path, i, target.authorization) for i in range(3))
    data += b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = target.raw(data)
    assert answer.count(b"HTTP/1.1 404") == 3 and answer.endswith(b' Service"}') and b'{"status":"OK"' in answer


def test_headers_and_bodies_have_their_limits(target):
    """B-03. Whatever the route: also those that want no body."""
    assert target.raw(target.head(b"X: " + b"a" * 8_193 + b"\r\n")).startswith(b"HTTP/1.1 431 ")
    assert target.raw(b"GET /" + b"a" * 9_000).startswith(b"HTTP/1.1 431 ")
    for method, path in target.routes():
        problem(target.send(method, path, b" " * (2**20 + 1)), 413, "body_too_large")
    big_chunks = target.head(b"Transfer-Encoding: chunked\r\n") + b"100000\r\n" + b" " * 0x100000 + b"\r\n1\r\n \r\n0\r\n\r\n"
    assert target.raw(big_chunks).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("body,code", [
    ("[" * 33 + "]" * 33, "too_deep"), ("[" * 500_000, "too_deep"), ('{"a":' * 100_000, "too_deep"), ('{"a":1,"a":2}', "duplicate_key"),
    ('{"items":[{"x":1,"x":1}]}', "duplicate_key"), ("[" + "1," * 200_000 + "1]", "too_many_values"), ("", "malformed_json"), ("{", "malformed_json"),
    ("{}x", "malformed_json"), ("\ufeff{}", "malformed_json"), ('{"a":01}', "malformed_json"), ('{"a":+1}', "malformed_json"), ('{"a":.5}', "malformed_json"),
    ('{"a":1.}', "malformed_json"), ('{"a":NaN}', "malformed_json"), ("{'a':1}", "malformed_json"), ('{"a":1,}', "malformed_json"), ('{"a":"\n"}', "malformed_json"),
    ('{"a":"\\x"}', "malformed_json"), ('{"a":"\\ud800"}', "malformed_json"), ("/**/{}", "malformed_json"), ("nul", "malformed_json"),
], ids=lambda value: str(value)[:16])
def test_what_is_no_json(target, body, code):
    for method, path in target.body_routes(required=body == ""):
        started = time.monotonic()
        problem(target.send(method, path, body.encode()), 400, code)
        assert time.monotonic() - started < 2


def test_a_million_keys_cost_little_memory(target):
    """B-03: RSS grows by at most 2 MiB over what one such body has cost before."""
    body = ("{" + ",".join(f'"{i:x}":0' for i in range(100_000)) + "}").encode()[: 2**20 - 1]
    method, path, _ = target.write
    for _ in range(3):
        assert target.send(method, path, body).status_code == 400
    before = target.resident()
    for _ in range(20):
        assert target.send(method, path, body).status_code == 400
    assert target.resident() - before <= 2 * 2**20


@pytest.mark.parametrize("data", [b"\xff", b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\x80", b"\xe2\x82"])
def test_invalid_utf8(target, data):
    """B-05: 400 in a body, a path and a query. Headers are bytes: what one means is asked of who reads it."""
    escaped = "".join(f"%{byte:02x}" for byte in data)
    for method, path in target.body_routes():
        problem(target.send(method, path, b'{"offer_id":"' + data + b'"}'), 400, "malformed_json")
        problem(target.send(method, path, b'{"' + data + b'":1}'), 400, "malformed_json")
    for method, path in target.id_routes(escaped):
        assert target.ask(method, path).status_code == 400, path
    # Probes ignore what anybody adds to them.
    for method, path in target.routes(lambda path, _: path != "/health"):
        for query in (f"limit={escaped}", f"{escaped}=1"):
            problem(target.send(method, f"{path}?{query}", b"{}" if method in ("POST", "PUT", "PATCH") else b""), 400, "malformed_query")
    for header, status in ((b"Authorization: Bearer " + data, 401), (b"Accept: " + data, 406), (b"X-Anything: " + data, 200)):
        authorization = b"" if status == 401 else target.authorization
        answer = target.raw(b"GET %s HTTP/1.1\r\nHost: x\r\n" % target.lists() + authorization + header + b"\r\nConnection: close\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 %d " % status), answer
    assert target.raw(target.head(b"Content-Type: application/json" + data + b"\r\nConnection: close\r\nContent-Length: 0\r\n")).startswith((b"HTTP/1.1 415 ", b"HTTP/1.1 400 "))


def test_nul(target):
    """B-05: a string with it is no value of ours, in a body; in a path or a header it is no request."""
    for method, path in target.body_routes():
        for body in (b'{"user_id":"\\u0000"}', b'{"\\u0000":1}', b'{"read":"a\\u0000b"}'):
            problem(target.send(method, path, body), 422, "validation_failed")
    for method, path in target.id_routes("%00"):
        assert target.ask(method, path).status_code == 400, path
    assert target.raw(b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n").startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("id", ["a" * 65, "no!id", "%2e%2e%2f", "%20", "%E2%80%AE", "é", "x%0d%0aSet-Cookie:a=b", "%27%20OR%201=1--"])
def test_an_id_that_is_none_finds_nothing(target, id):
    """B-05, B-10: as a missing one, and nothing of it is answered."""
    for method, path in target.id_routes(id):
        answer = target.ask(method, path, content=target.write[2] if method == "PATCH" else b"", headers=JSON)
        assert answer.status_code == 404 and "set-cookie" not in answer.headers, path


@pytest.mark.parametrize("headers,status,code", [
    ({"Content-Type": "text/plain"}, 415, "unsupported_media_type"), ({}, 415, "unsupported_media_type"),
    ({"Content-Type": "application/json; charset=latin-1"}, 415, "unsupported_media_type"),
    ({**JSON, "Content-Encoding": "gzip"}, 415, "unsupported_media_type"), ({**JSON, "Accept": "text/html"}, 406, "not_acceptable"),
    ({**JSON, "Accept": "application/json;q=0"}, 406, "not_acceptable"),
])
def test_media_types(target, headers, status, code):
    """B-03, B-11: what is packed a thousand times over is not unpacked."""
    content = gzip.compress(b" " * 2**20) if "Content-Encoding" in headers else target.write[2]
    for method, path in target.body_routes():
        problem(target.send(method, path, content, headers), status, code)


def test_every_other_method_is_405_with_allow(target):
    """B-11, of every path in the contract."""
    contract = CONTRACTS[target.service.name]
    for template in contract.document["paths"]:
        path = target.path(template)
        # A path that is written out may be one with a parameter, too.
        methods = {method for method, other, _ in contract.operations() if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", other), template)}
        methods |= {"HEAD"} if "GET" in methods else set()
        for method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "BREW"} - methods:
            response = target.ask(method, path)
            assert response.status_code == 405, (method, path)
            assert "allow" in response.headers
        other = next(method for method in ("PUT", "DELETE", "PATCH") if method not in methods)
        assert set(target.ask(other, path).headers["allow"].split(", ")) == methods
        assert target.ask("OPTIONS", path).status_code == 204


@pytest.mark.parametrize("path", ["/nope", "/orders/", "//orders", "/orders/x/y", "/notifications", "/api/v1", "/api/v2/orders", "/api/v1/notifications/x/y", "/../etc/passwd",
                                  "/docs/..%2f..%2fetc%2fpasswd", "/errors/..%2f", "/metrics", "/internal/feed"])
def test_unknown_paths_are_404(target, path):
    data = f"GET {path} HTTP/1.1\r\nHost: x\r\n".encode() + target.authorization
    assert target.raw(data + b"Connection: close\r\n\r\n").startswith(b"HTTP/1.1 404 ")


def test_what_came_in_is_echoed_nowhere_in_errors(target):
    canary = "canary-7f3a"
    bodies = [order_body(offer=canary).encode(), json.dumps({"offer_id": canary, "quantity": canary, "price": canary, "read": canary}).encode()]
    answers = [target.send(method, path, body) for method, path in target.body_routes() for body in bodies]
    answers += [target.ask(method, path) for method, path in target.id_routes(canary) if method != "PATCH"]
    answers += [target.ask("GET", f"{target.lists().decode()}?{name}={canary}") for name in ("limit", "cursor", "unread", "status")]
    for answer in answers:
        assert answer.status_code >= 400 and canary not in answer.text, answer.text
    assert canary not in target.service.log()
