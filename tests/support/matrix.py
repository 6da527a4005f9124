"""docs/authorization.md as tests read it: who asks for what, of whose things, and what is answered."""

import os
from typing import NamedTuple

from support.contract import CONTRACTS
from support.publisher import TOKEN as SERVICE_TOKEN
from support.root import ROOT

# CI asks on one set of engines: who may do what is decided by the same code on both.
DEPLOYMENTS = ["embedded", "production"] if os.environ.get("AGORA_PROVE") == "1" else ["embedded"]
FREE = "–"  # of nothing in particular
TARGETS = ("own", "other's", "missing")

# Each party's buyer. A and B have a seller each, the others bought of A's.
BUYERS = {"A": "token-u1", "B": "token-u2", "guest": "token-guest", "support": "token-support", "admin": "token-admin", "erased": "token-erased",
          "claims service": "token-claiming-service", "claims nothing": "token-claiming-nothing", "claims rubbish": "token-claiming-rubbish"}
# The callers, as the table's columns name them: who asks, and whose things are its own.
CALLERS = {"anonymous": (None, "A"), "forged": ("forged", "A"), "expired": ("token-expired", "A"), "erased": ("token-erased", "erased"), "service": (SERVICE_TOKEN, "A"),
           "guest": ("token-guest", "guest"), "buyer A": ("token-u1", "A"), "buyer B": ("token-u2", "B"), "seller A": ("token-m1", "A"), "seller B": ("token-m2", "B"),
           "support": ("token-support", "support"), "admin": ("token-admin", "admin")}
# Their rows are those of a guest.
LIKE_GUESTS = ("claims service", "claims nothing", "claims rubbish")

# {who asks: (token, whose things are its own, its column)}
ASKING = {**{who: (*CALLERS[who], who) for who in CALLERS}, **{who: (BUYERS[who], who, "guest") for who in LIKE_GUESTS}}


class Operation(NamedTuple):
    service: str
    method: str
    path: str
    node: dict


OPERATIONS = {node["operationId"]: Operation(name, method, contract.prefixes(path)[0] + path, node) for name, contract in CONTRACTS.items() for method, path, node in contract.operations()}


def read_table():
    """{(operation, thing): {caller: status of own, other's, missing}}"""
    lines = [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in (ROOT / "docs" / "authorization.md").read_text().splitlines() if line.startswith("|")]
    table = {}
    for operation, thing, *cells in lines:
        if operation == "operation":
            callers = cells
        elif operation.startswith("`"):
            key = operation.strip("`"), thing
            assert key not in table and len(cells) == len(callers), key
            statuses = [[int(status) for status in cell.split()] for cell in cells]
            assert all(len(one) in (1, 1 if thing == FREE else len(TARGETS)) for one in statuses), key
            table[key] = dict(zip(callers, [one * (len(TARGETS) // len(one)) for one in statuses]))
    return table


TABLE = read_table()


class Cell(NamedTuple):
    operation: str
    thing: str
    who: str
    target: str
    status: int

    def __str__(self):
        return f"{self.operation} of {self.thing}, {self.who}, {self.target}"

    @property
    def token(self):
        return ASKING[self.who][0]

    @property
    def party(self):
        """Whose things are the caller's own."""
        return ASKING[self.who][1]

    @property
    def owner(self):
        """The party that has what it is about; none: nobody."""
        return {"own": self.party, "other's": "A" if self.party == "B" else "B", "missing": None}[self.target]


def rows_of(name):
    """The cells of each row of a service."""
    for (operation, thing), row in TABLE.items():
        if OPERATIONS[operation].service == name:
            yield [Cell(operation, thing, who, target, row[column][i]) for who, (_, _, column) in ASKING.items()
                   for i, target in enumerate(TARGETS) if thing != FREE or target == "own"]
