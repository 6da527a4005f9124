"""A-02: what is not the caller's to say, generated from the contracts: every name that an answer has, at every place of a request that does not take it."""

import json

import pytest

from support.contract import CONTRACTS
from support.matrix import CALLERS, DEPLOYMENTS, OPERATIONS, TABLE, TARGETS
from support.parties import AT, BODIES
from support.service import problem

# What others have let their users write, though no answer of ours has it.
ELSEWHERE = {"role": "admin", "roles": ["admin"], "price_paid": 0, "is_admin": True, "captured_total": 1, "payment_id": "p"}
SAMPLES = {"string": "x", "integer": 1, "number": 1, "boolean": True, "array": [], "object": {}, "null": None}


def variants(contract, schema):
    schema = contract.resolve(schema)
    return [found for one in schema["anyOf"] for found in variants(contract, one)] if "anyOf" in schema else [schema]


def objects(contract, schema, path=()):
    """(path, properties) of each object in a schema; 0 stands for the items of an array."""
    for schema in variants(contract, schema):
        if schema.get("type") == "object":
            yield path, schema.get("properties", {})
        for name, inner in schema.get("properties", {}).items():
            yield from objects(contract, inner, (*path, name))
        if "items" in schema:
            yield from objects(contract, schema["items"], (*path, 0))


def sample(contract, schema):
    """A value of the kind; null only where nothing else is."""
    kinds = [one for one in variants(contract, schema) if one.get("type") != "null"]
    if "enum" in kinds[0] or "const" in kinds[0]:
        return kinds[0].get("const", kinds[0].get("enum", [None])[0])
    kind = kinds[0]["type"]
    return SAMPLES[kind if isinstance(kind, str) else kind[0]]


def body_schema(node, kind):
    return node["requestBody"]["content"][kind]["schema"]


def answered(contract, node):
    """{name: value} of all that the operation's answers have, at any depth."""
    schemas = [contract.resolve(answer)["content"]["application/json"]["schema"] for status, answer in node["responses"].items() if status.startswith("2")]
    return {name: sample(contract, schema) for schema in schemas for _, properties in objects(contract, schema) for name, schema in properties.items()}


def place_of(body, path):
    """Where in a body an object of the schema is; None: this one has none there."""
    for step in path:
        if not body or (step not in body if isinstance(step, str) else not isinstance(body, list)):
            return None
        body = body[step]
    return body


def who_may(row):
    return next(CALLERS[who] for who in CALLERS if row[who][TARGETS.index("own")] < 400)


@pytest.mark.parametrize("deployment", DEPLOYMENTS, indirect=True)
@pytest.mark.parametrize("name", CONTRACTS)
def test_what_only_answers_have_is_refused_and_changes_nothing(launch, deployment, folder, name):
    parties, contract, sent = AT[name](launch, deployment, folder), CONTRACTS[name], 0
    reached, wanted = set(), set()
    for (operation, thing), body_of in BODIES.items():
        service, _, _, node = OPERATIONS[operation]
        if service != name:
            continue
        token, party = who_may(TABLE[operation, thing])
        ids = parties.of(thing, party)
        before = parties.state(), parties.shown(ids, party)
        for kind in node["requestBody"]["content"]:
            for path, properties in objects(contract, body_schema(node, kind)):
                wanted.add((operation, path))
                for field, value in {**ELSEWHERE, **answered(contract, node)}.items():
                    # No part of it is another's: not so of a deep copy.
                    body = json.loads(json.dumps(body_of(ids)))
                    place = place_of(body, path)
                    if field in properties or place is None:
                        continue
                    place[field] = value
                    document = problem(parties.ask(operation, token, ids, body, kind), 422, "validation_failed")
                    pointer = "".join(f"/{step}" for step in (*path, field))
                    assert [(error["pointer"], error["code"]) for error in document["errors"]] == [(pointer, "unknown_field")], operation
                    reached.add((operation, path))
                    sent += 1
        assert (parties.state(), parties.shown(ids, party)) == before, operation
        # It was right but for that.
        assert parties.ask(operation, token, ids, body_of(ids)).status_code < 300, operation
        parties.used(thing, party)
    assert reached == wanted
    print(sent, "fields refused at", len(reached), "places")
