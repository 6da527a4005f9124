"""B-02: JSONTestSuite as request bodies. Part of `./dev prove` only, because the corpus comes from a registry; the cases that always run
stand in test_bad_input.py and libs/json/tests."""

import json
import subprocess

import pytest

from support.root import ROOT
from support.service import JSON

REPLACED = "\ufffd"


@pytest.fixture(scope="module")
def cases():
    """name → body. Bodies that are no UTF-8 did not survive the packaging; invalid UTF-8 has tests of its own."""
    subprocess.run([str(ROOT / "tools" / "corpora"), "json"], check=True)
    text = (ROOT / "build" / "corpora" / "json-test-suite.js").read_text()
    cases = json.loads(text.partition("export default ")[2].rstrip().rstrip(";"))
    return {case["name"]: case["input"] for case in cases if REPLACED not in case["input"]}


def ask(shop, body):
    response = shop.as_user("token-u1").post("/orders", content=body.encode(), headers=JSON)
    return response.status_code, response.json()["code"]


def test_what_must_be_refused_is_400(sqlite_shop, cases):
    refused = {name: body for name, body in cases.items() if name.startswith("n_")}
    assert len(refused) > 150
    for name, body in refused.items():
        assert ask(sqlite_shop, body)[0] == 400, name


def test_what_must_be_taken_is_never_400_but_for_duplicate_names(sqlite_shop, cases):
    taken = {name: body for name, body in cases.items() if name.startswith("y_")}
    assert len(taken) > 80
    for name, body in taken.items():
        status, code = ask(sqlite_shop, body)
        assert status == 422 or (status, code) == (400, "duplicate_key") and "duplicate" in name, (name, status, code)


def test_what_is_left_open_is_answered_one_way_or_the_other(sqlite_shop, cases):
    for name, body in cases.items():
        if name.startswith("i_"):
            assert ask(sqlite_shop, body)[0] in (400, 422), name
