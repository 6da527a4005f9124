"""Carts, checkout and who buys: a checkout of several sellers against a placement on each engine, adding to a cart, reads with a token, memory."""

import json
import urllib.request

import tokens
from common import OFFERS, WORK, Service, limit, p99_ms, progress, ratio, rate_of, run_wrk, token_of, wrk
from events import up
from order import reads
from postgresql import engines, new_database, on

CONNECTIONS = 64
CARTS = 500
OFFERS_IN_CARTS = 40
LOAD_SECONDS = 10
ADDRESS = {"name": "A Buyer", "line1": "Lane 1", "city": "Town", "postal_code": "12345", "country": "GB"}


def measure(arguments):
    results = checkouts("SQLite", arguments.repetitions, lambda name, *flags: Service(f"db-{name}", *flags))
    with engines() as urls:
        results += checkouts("PostgreSQL", arguments.repetitions, lambda name, *flags: on(new_database(urls["postgresql"]), *flags))
    return results + cart_adds() + tokens.placement(arguments.repetitions) + reads(arguments.repetitions, *token_of("u1")) + up(arguments.repetitions)


def scripts(token):
    """Three lines of two sellers (offers next to each other are of different ones), and a placement of one line, with the same token."""
    head = f'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\nwrk.headers["Authorization"] = "Bearer {token}"\n'
    line = """'{"offer_id":"offer' .. i + %d .. '","quantity":1,"price":499.99}'"""
    address = json.dumps(ADDRESS)
    (WORK / "checkout.lua").write_text(
        head + "local n = 0\nrequest = function()\n  n = n + 1\n  local i = math.random(0, %d)\n" % (OFFERS - 3)
        + '  wrk.headers["Idempotency-Key"] = "c" .. n\n'
        + "  return wrk.format(nil, nil, nil, '{\"items\":[' .. " + " .. ',' .. ".join(line % k for k in range(3)) + f""" .. '],"shipping_address":{address}}}')\nend\n""")
    (WORK / "place-keyed.lua").write_text(
        head + "local n = 0\nrequest = function()\n  n = n + 1\n"
        + '  wrk.headers["Idempotency-Key"] = "p" .. n\n'
        + """  return wrk.format(nil, nil, nil, '{"offer_id":"offer' .. math.random(0, %d) .. '","quantity":1,"price":499.99}')\nend\n""" % (OFFERS - 1))


def checkouts(engine, repetitions, start):
    token, jwks = token_of("u1")
    scripts(token)
    pairs = []
    for repetition in range(repetitions):
        rates = []
        for path, script in (("/api/v1/order-groups", "checkout.lua"), ("/orders", "place-keyed.lua")):
            service = start(f"{script}-{repetition}", "--jwks", jwks)
            rates.append(wrk(service.url + path, CONNECTIONS, WORK / script))
            service.stop()
        pairs.append(tuple(rates))
        progress(f"{engine}: checkouts of 3 lines of 2 sellers {rates[0]:,.0f}/s against {rates[1]:,.0f}/s placements of one line")
    return [ratio(f"checkout of 3 lines of 2 sellers on {engine}, 64 connections, against placements of one line, both with keys and tokens", pairs, 0.4)]


def cart_adds():
    """Adding to one of many carts: as fast as it goes, then at half of that rate."""
    token, jwks = token_of("u1")
    service = Service("db-carts", "--jwks", jwks, "--carts-per-buyer-max", str(CARTS))
    headers = {"Authorization": f"Bearer {token}"}
    carts = [json.load(urllib.request.urlopen(urllib.request.Request(service.url + "/api/v1/carts", method="POST", headers=headers)))["cart_id"] for _ in range(CARTS)]
    (WORK / "carts.txt").write_text("\n".join(carts))
    add = (
        f'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\nwrk.headers["Authorization"] = "Bearer {token}"\n'
        f"local carts = {{}}\nfor id in io.lines('{WORK}/carts.txt') do carts[#carts + 1] = '/api/v1/carts/' .. id .. '/items' end\n"
        "request = function()\n  return wrk.format(nil, carts[math.random(#carts)], nil, "
        """'{"offer_id":"offer' .. math.random(0, %d) .. '","quantity":1}')\nend\n""" % (OFFERS_IN_CARTS - 1))
    (WORK / "add.lua").write_text(add)
    full = rate_of(run_wrk(service.url, CONNECTIONS, WORK / "add.lua", seconds=LOAD_SECONDS))
    # Each connection waits so long, on average, that all of them together ask half as often.
    wait = 2 * CONNECTIONS / full * 1000
    (WORK / "add-half.lua").write_text(add + f"delay = function() return math.random(0, {round(2 * wait)}) end\n")
    output = run_wrk(service.url, CONNECTIONS, WORK / "add-half.lua", seconds=LOAD_SECONDS)
    service.stop()
    progress(f"cart adds: {full:,.0f}/s at most; p99 {p99_ms(output):.2f} ms at {rate_of(output):,.0f}/s")
    name, value, target, met, _ = limit("adding to a cart, p99 at half load (ms)", p99_ms(output), 10)
    return [(name, value, target, met, f"{rate_of(output):,.0f}/s of at most {full:,.0f}/s, {CARTS} carts")]
