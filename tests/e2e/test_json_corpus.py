"""B-02: JSONTestSuite as the bodies of every operation that takes one, on both services. Part of `./dev prove` only, because the corpus comes from a registry; the cases that always run
stand in test_bad_input.py and libs/json/tests."""

import json
import subprocess

import pytest

from support.root import ROOT

REPLACED = "\ufffd"


@pytest.fixture(scope="module")
def cases():
    """name → body. Bodies that are no UTF-8 did not survive the packaging; invalid UTF-8 has tests of its own."""
    subprocess.run([str(ROOT / "tools" / "corpora"), "json"], check=True)
    text = (ROOT / "build" / "corpora" / "json-test-suite.js").read_text()
    cases = json.loads(text.partition("export default ")[2].rstrip().rstrip(";"))
    return {case["name"]: case["input"] for case in cases if REPLACED not in case["input"]}


def ask(target, method, path, body):
    response = target.send(method, path, body.encode())
    return response.status_code, response.json().get("code")


def routes(target):
    """Every operation that takes a body, of something that is not there."""
    routes = target.body_routes(id="none")
    assert routes
    return routes


def test_what_must_be_refused_is_400(target, cases):
    refused = {name: body for name, body in cases.items() if name.startswith("n_")}
    assert len(refused) > 150
    for method, path in routes(target):
        for name, body in refused.items():
            # No body is what an operation may be content with.
            if body or (method, path) in target.body_routes(id="none", required=True):
                assert ask(target, method, path, body)[0] == 400, (path, name)


def test_what_must_be_taken_is_never_400_but_for_duplicate_names(target, cases):
    taken = {name: body for name, body in cases.items() if name.startswith("y_")}
    assert len(taken) > 80
    for method, path in routes(target):
        for name, body in taken.items():
            status, code = ask(target, method, path, body)
            # An empty cart is made of an empty object.
            made = status == 201 and (path, body.strip()) == ("/api/v1/carts", "{}")
            assert made or status in (404, 422) or (status, code) == (400, "duplicate_key") and "duplicate" in name, (path, name, status, code)


def test_what_is_left_open_is_answered_one_way_or_the_other(target, cases):
    for method, path in routes(target):
        for name, body in cases.items():
            if name.startswith("i_"):
                assert ask(target, method, path, body)[0] in (400, 422), (path, name)
