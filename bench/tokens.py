"""Bearer tokens: what one costs, and what placing with one costs against placing as a demo guest."""

import json
import subprocess

from common import ROOT, WORK, Service, limit, progress, ratio, token_of, wrk

RELEASE = ROOT / "build" / "release"
# By what a token costs at most, in microseconds.
TARGETS = {"verified": 100, "known": 2}


def measure(arguments):
    return costs() + placement(arguments.repetitions)


def costs():
    lines = subprocess.run([str(RELEASE / "bench" / "agora-bench-tokens")], capture_output=True, text=True, check=True).stdout.splitlines()
    figures = [json.loads(line) for line in lines]
    for figure in figures:
        progress(f"{figure['figure']}: {figure['microseconds']:.2f} µs")
    return [limit(f"{figure['figure']} (µs)", figure["microseconds"], TARGETS[word]) for figure in figures for word in TARGETS if figure["figure"].endswith(word)]


def placement(repetitions):
    """With a token that is known after its first use, and without one, on one service."""
    token, jwks = token_of("u1")
    place = (WORK / "place.lua").read_text()
    (WORK / "place-token.lua").write_text(f'wrk.headers["Authorization"] = "Bearer {token}"\n{place}')
    service = Service("db-tokens", "--jwks", jwks)
    pairs = []
    for _ in range(repetitions):
        pairs.append(tuple(wrk(service.url + "/orders", 64, WORK / script) for script in ("place-token.lua", "place.lua")))
        progress(f"placement with a token: {pairs[-1][0]:,.0f}/s against {pairs[-1][1]:,.0f}/s of demo guests")
    service.stop()
    return [ratio("placement with a bearer token, 64 connections, against demo guests", pairs, 0.85)]
