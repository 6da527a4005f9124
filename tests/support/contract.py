"""contracts/ as the tests use it: what answers, request bodies and events must look like. Every client of support/service.py asks check()."""

import json
import re

import jsonschema
import yaml

from support.root import ROOT

EVENTS = {path.stem: yaml.safe_load(path.read_text()) for path in (ROOT / "contracts" / "events").glob("*.yaml")}
ERRORS = {row["code"]: row for row in yaml.safe_load((ROOT / "contracts" / "http" / "errors.yaml").read_text())}


def resolve_in(node, document):
    while "$ref" in node:
        found = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        node = found
    return node


def validator_in(schema, document):
    return jsonschema.Draft202012Validator({**schema, "components": document["components"]})


# By type of event: its topic, and what its data must look like.
TOPIC_OF = {name: channel["address"] for document in EVENTS.values() for channel in document["channels"].values() for name in channel["messages"]}
DATA_OF = {name: validator_in(message["payload"], document) for document in EVENTS.values()
           for name, message in document["components"]["messages"].items()}


def validate_event(type, data):
    DATA_OF[type].validate(data)


class Contract:
    """What one service answers."""

    def __init__(self, name):
        self.document = yaml.safe_load((ROOT / "contracts" / "http" / f"{name}.yaml").read_text())
        operations = self.operations()
        self.patterns = [(method, re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), node) for method, path, node in operations]
        self.bodies = {node["operationId"]: self.validator(node["requestBody"]["content"]["application/json"]["schema"])
                       for _, _, node in operations if "requestBody" in node}
        self.answers = {(node["operationId"], status, kind): self.validator(content["schema"]) for _, _, node in operations
                        for status, answer in node["responses"].items() for kind, content in self.resolve(answer)["content"].items()}

    def resolve(self, node):
        return resolve_in(node, self.document)

    def validator(self, schema):
        return validator_in(schema, self.document)

    def operations(self):
        """(method, path template, operation) of each."""
        return [(method.upper(), path, node) for path, methods in self.document["paths"].items() for method, node in methods.items() if method != "servers"]

    def prefixes(self, path):
        """Under which a path is served: its own `servers`, or the document's."""
        servers = self.document["paths"][path].get("servers", self.document["servers"])
        return [server["url"].rstrip("/") for server in servers]

    def find(self, method, path):
        path = path.removeprefix("/api/v1")
        return next((node for known, pattern, node in self.patterns if known == method and pattern.fullmatch(path)), None)

    def codes_of(self, operation, status):
        """Which `code` an operation may answer with this status."""
        declared = [answer for key, answer in operation["responses"].items() if key in (str(status), "default")]
        codes = {code for answer in declared for code in self.resolve(answer).get("x-codes", ())}
        return {code for code in codes if ERRORS[code]["status"] == status}

    def check(self, response):
        """An httpx hook: fails where an answer, or a body that was accepted, is not as the contract says."""
        request = response.request
        operation = self.find(request.method, request.url.raw_path.decode().partition("?")[0])
        if operation is None:
            return
        name, status = operation["operationId"], str(response.status_code)
        kind = response.headers["content-type"]
        if kind == "text/event-stream":
            assert (name, status, kind) in self.answers, f"{name} answered {status} {kind}: not in the contract"
            return  # it has no end; support/streams.py looks at what comes
        response.read()
        schema = self.answers.get((name, status, kind)) or self.answers.get((name, "default", kind))
        assert schema, f"{name} answered {status} {kind}: not in the contract"
        schema.validate(response.json())
        for demanded, statuses in (("retry-after", (429, 503)), ("www-authenticate", (401,)), ("location", (201,))):
            assert demanded in response.headers or response.status_code not in statuses, f"{name} answered {status} without {demanded}"
        if response.status_code >= 400:
            assert all(error["code"] in ERRORS for error in response.json().get("errors", ())), f"{name} answered {response.text}: a code that is not in errors.yaml"
            assert response.json()["code"] in self.codes_of(operation, response.status_code), f"{name} answered {response.text}: not in the contract"
        elif name in self.bodies and request.content:
            self.bodies[name].validate(json.loads(request.content))


CONTRACTS = {name: Contract(name) for name in ("order", "notification")}
