"""A-01: another's takes hardly longer to be answered than what there is not, so that nobody learns by a clock what 404 does not say. For `./dev prove`: nothing
else runs beside it."""

import statistics
import time

import pytest

from support.contract import CONTRACTS
from support.matrix import rows_of
from support.parties import AT

ROUNDS = 300
# Another's is read before it is known whose it is, which on PostgreSQL is a statement or two more; who has no id to guess at (74 random bits) learns nothing by
# that. A write, or a lock that is waited for, takes longer. A-05 allows a login 5 ms.
ALLOWED_SECONDS = 0.002


def pair_of(cells):
    """Another's and a missing one, asked for by who may do it with their own; nothing where they are answered otherwise than by 404."""
    owners = {cell.who for cell in cells if cell.who in ("buyer A", "seller A") and cell.target == "own" and cell.status < 400}
    return [cell for cell in cells if cell.who in owners and cell.target != "own" and cell.status == 404][:2]


@pytest.mark.parametrize("name", CONTRACTS)
def test_anothers_takes_hardly_longer_than_what_there_is_not(launch, deployment, folder, name):
    """Medians, each after the other in turn."""
    parties, told, differences = AT[name](launch, deployment, folder), [], []
    for pair in filter(None, map(pair_of, rows_of(name))):
        seconds = {cell.target: [] for cell in pair}
        for _ in range(ROUNDS):
            for cell in pair:
                ids = parties.ids(cell)
                started = time.perf_counter()
                assert parties.ask_for(cell, ids).status_code == 404
                seconds[cell.target].append(time.perf_counter() - started)
        others, missing = statistics.median(seconds["other's"]), statistics.median(seconds["missing"])
        told.append(f"{pair[0].operation} of {pair[0].thing}: {others * 1e6:.0f} µs, missing {missing * 1e6:.0f} µs")
        differences.append(abs(others - missing))
    print("\n".join(told))
    assert differences and max(differences) <= ALLOWED_SECONDS
