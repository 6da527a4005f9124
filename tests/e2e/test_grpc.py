"""Order's gRPC port: what other services may ask, and what it makes of everybody else (B-14)."""

import os
import random
import re
import signal
import socket
import statistics
import subprocess
import threading
import time

import grpc
import httpx
import pytest

from support.mail import text_of
from support.postgres import BIN
from support.publisher import TOKEN, eventually
from support.rpc import (ACK, END_HEADERS, END_STREAM, DATA, HEADERS, NOT_SERVING, PING, PREFACE, RST_STREAM, SERVING, SETTINGS, FakeCatalog, Peer,
                         call_headers, frame, header_block, messages, refused, token_file)
from support.service import OFFERS, TOKENS, place, problem
from support.shopping import ADDRESS, cart_checkout, cart_of, check_out, items_checkout
from support.tokens import bearer, claims_of, make_token, signing_key

CODE = grpc.StatusCode
GET_CONTACT = "agora.order.v1.OrderService/GetContact"
PROVE = os.environ.get("AGORA_PROVE") == "1"
STREAMS, CONNECTIONS, ROUNDS = (10_000, 100, 8) if PROVE else (4_000, 40, 4)
# What a refused message may take, and what all those streams may leave; measured 107 and 159 MB, of 10,000 streams 374 MB, and no more after them.
MEMORY_MB_MAX, RESIDENT_MB_MAX = 64, 512 if PROVE else 256
IN_FLIGHT_MAX = 256
TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture
def order(launch, folder, new_database):
    return launch("--offers", OFFERS, *TOKENS, *token_file(folder), database=new_database())


@pytest.fixture
def sqlite_order(launch, folder):
    return launch("--offers", OFFERS, *TOKENS, *token_file(folder))


@pytest.fixture
def peer_of():
    peers = []

    def make(service, **options):
        peers.append(Peer(service, **options))
        return peers[-1]

    yield make
    for peer in peers:
        peer.close()


def placed(order, who="token-u1"):
    return place(order.as_user(who)).json()


def checked_out(order, who="token-u1", **contact):
    """A group of one order, of which the buyer said where it goes."""
    response = check_out(order.as_user(who), items_checkout(("o1", 1, "5.00"), **contact), "checkout")
    assert response.status_code == 201, response.text
    return response.json()


def calls(service, status, method=None):
    """How many calls have ended so."""
    name = method or '[^"]*'
    pattern = rf'rpc_server_call_duration_seconds_count{{rpc_method="{name}",rpc_response_status_code="{status}"}} (\d+)'
    return sum(int(n) for n in re.findall(pattern, service.metrics()))


def begin_contact(peer, group):
    return peer.begin(GET_CONTACT, messages("order").GetContactRequest(order_group_id=group))


def in_flight(service):
    return int(re.search(r"rpc_server_active_requests (-?\d+)", service.metrics())[1])


def resident_mb(service):
    return int(re.search(r"process_resident_memory_bytes (\d+)", service.metrics())[1]) / 2**20


# What it answers

def test_it_tells_of_orders_and_buyers(order, peer_of):
    document, peer = placed(order), peer_of(order)
    found = peer.ask("GetOrder", order_id=document["order_id"])
    assert (found.user_id, found.seller_id, found.currency, found.status, found.amounts.total) == ("u1", "s1", "USD", "pending", 500)
    assert (found.lines[0].offer_id, found.lines[0].quantity, found.lines[0].unit_price, found.version) == ("o1", 1, 500, 1)
    contact = peer.ask("GetContact", order_group_id=document["order_group_id"])
    assert contact.user_id == "u1" and not contact.HasField("email") and not contact.HasField("shipping_address")
    for unknown in ("nobodys", "", "x" * 65, "../../etc", "'; DROP TABLE orders"):
        refused(CODE.NOT_FOUND, peer.ask, "GetOrder", order_id=unknown, code="not_found")
        refused(CODE.NOT_FOUND, peer.ask, "GetContact", order_group_id=unknown, code="not_found")
        refused(CODE.NOT_FOUND, peer.ask, "BeginPayment", order_group_id=unknown, user_id="u1", payment_id="pay", code="not_found")
    assert calls(order, "OK", "agora.order.v1.OrderService/GetOrder") == 1 and calls(order, "NOT_FOUND") == 15


def test_a_payment_begins_once_it_is_known_where_to_ship(order, peer_of):
    peer = peer_of(order)
    ask = {"user_id": "u1", "payment_id": "pay-1"}
    refused(CODE.FAILED_PRECONDITION, peer.ask, "BeginPayment", order_group_id=placed(order)["order_group_id"], **ask, code="address_required")
    document = checked_out(order, email="arthur@example.com")
    group = ask["order_group_id"] = document["order_group_id"]
    terms = peer.ask("BeginPayment", **ask)
    assert (terms.amount, terms.currency, terms.orders[0].seller_id, terms.orders[0].amount) == (500, "USD", "s1", 500)
    assert terms.pay_by == order.query(f"SELECT pay_by FROM order_groups WHERE group_id = '{group}'")[0]["pay_by"]
    assert peer.ask("BeginPayment", **ask) == terms
    refused(CODE.NOT_FOUND, peer.ask, "BeginPayment", **{**ask, "user_id": "u2"}, code="not_found")
    refused(CODE.INVALID_ARGUMENT, peer.ask, "BeginPayment", **{**ask, "payment_id": ""}, code="validation_failed")
    contact = peer.ask("GetContact", order_group_id=group)
    assert contact.email == "arthur@example.com" and contact.shipping_address.city == "Cottington" and not contact.shipping_address.HasField("line2")
    order.as_user("token-u1").post(f"/orders/{document['orders'][0]['order_id']}/cancellation", json={})
    refused(CODE.FAILED_PRECONDITION, peer.ask, "BeginPayment", **ask, code="order_group_ended")


def test_an_order_that_was_placed_with_its_address_can_be_paid(order, peer_of):
    user, peer = order.as_user("token-u1"), peer_of(order)
    placed_so = place(user, quantity=3, email="arthur@example.com", shipping_address=ADDRESS).json()
    ask = {"order_group_id": placed_so["order_group_id"], "user_id": "u1", "payment_id": "pay-1"}
    assert peer.ask("BeginPayment", **ask).amount == 1500
    assert peer.ask("GetContact", order_group_id=ask["order_group_id"]).shipping_address.city == ADDRESS["city"]
    unit = {"line_id": placed_so["items"][0]["line_id"], "quantity": 1}
    assert user.post(f"/orders/{placed_so['order_id']}/cancellation", json={"items": [unit]}).status_code == 200
    terms = peer.ask("BeginPayment", **ask)
    assert (terms.amount, terms.orders[0].amount) == (1000, 1000)
    told = peer.ask("GetOrder", order_id=placed_so["order_id"])
    assert (told.amounts.total, told.canceled_total, told.lines[0].canceled_total, told.captured_total) == (1500, 500, 500, 0)


def test_what_is_to_be_paid_is_what_is_left_of_a_group(order, peer_of):
    user, peer = order.as_user("token-u1"), peer_of(order)
    group = check_out(user, items_checkout(("o1", 2, "5.00"), ("o3", 1, "4.50")), "k").json()
    ask = {"order_group_id": group["order_group_id"], "user_id": "u1", "payment_id": "pay-1"}
    terms = peer.ask("BeginPayment", **ask)
    assert terms.amount == 1450 and [(part.seller_id, part.amount) for part in terms.orders] == [("s1", 1000), ("s2", 450)]
    assert user.post(f"/orders/{group['orders'][0]['order_id']}/cancellation", json={}).status_code == 200
    terms = peer.ask("BeginPayment", **ask)
    assert terms.amount == 450 and [part.seller_id for part in terms.orders] == ["s2"]
    assert user.get(f"/api/v1/order-groups/{group['order_group_id']}").json()["amount_due"] == 4.5


def test_a_hold_is_extended_once_and_then_ends(launch, folder, new_database, peer_of):
    order = launch("--offers", OFFERS, *TOKENS, *token_file(folder), "--payment-window", "30s", "--payment-hold-min", "5min", database=new_database())
    document = checked_out(order)
    group = document["order_group_id"]
    peer = peer_of(order)
    before = order.query("SELECT count(*) AS n FROM outbox")
    first = peer.ask("BeginPayment", order_group_id=group, user_id="u1", payment_id="pay-1")
    assert first.pay_by > time.time() * 1e6 + 4 * 60e6
    assert peer.ask("BeginPayment", order_group_id=group, user_id="u1", payment_id="pay-2").pay_by == first.pay_by
    now = order.as_user("token-u1").get(f"/api/v1/order-groups/{group}").json()
    assert now["pay_by"] > document["pay_by"] and now["version"] == document["version"]
    assert [one["pay_by"] for one in now["orders"]] == [now["pay_by"]] and now["orders"][0]["version"] == document["orders"][0]["version"]
    assert order.query("SELECT count(*) AS n FROM outbox") == before


def test_health_needs_no_token_and_there_is_no_reflection(sqlite_order, peer_of):
    anybody = peer_of(sqlite_order, token=None)
    assert anybody.health() == SERVING and anybody.health("agora.order.v1.OrderService") == SERVING
    refused(CODE.NOT_FOUND, anybody.health, "agora.order.v1.Nothing")
    ours = peer_of(sqlite_order)
    for method in ("grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", "agora.order.v1.OrderService/DropTables", "x/y"):
        refused(CODE.UNIMPLEMENTED, lambda m=method: ours.begin(m, b"").result())
        refused(CODE.UNAUTHENTICATED, lambda m=method: anybody.begin(m, b"").result())


# Who may ask

def test_only_who_shows_the_service_token_is_served(launch, folder, peer_of):
    order = launch("--offers", OFFERS, *TOKENS, *token_file(folder, TOKEN, "n" * 32))
    group = placed(order)["order_group_id"]
    for token in (None, "", "wrong", "x" * 32, TOKEN[:-1], TOKEN + "t", TOKEN.upper(), bearer("token-u1"), bearer("token-support")):
        refused(CODE.UNAUTHENTICATED, peer_of(order, token=token).ask, "GetContact", order_group_id=group)
    twice = peer_of(order)
    twice.metadata *= 2
    refused(CODE.UNAUTHENTICATED, twice.ask, "GetContact", order_group_id=group)
    # Both are good while the token is rotated.
    for token in (TOKEN, "n" * 32):
        assert peer_of(order, token=token).ask("GetContact", order_group_id=group).user_id == "u1"
    assert "x" * 32 not in order.log() and TOKEN not in order.log()


def test_without_a_service_token_nobody_listens(sqlite_shop):
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", sqlite_shop.grpc_port), timeout=5)


# What it makes of the rest

def test_messages_grow_but_must_be_messages(sqlite_order, peer_of):
    group, peer = placed(sqlite_order)["order_group_id"], peer_of(sqlite_order)
    request = messages("order").GetContactRequest(order_group_id=group).SerializeToString()
    # A field that this version does not know: number 99, a text.
    newer = request + bytes([0x9A, 0x06, 3]) + b"new"
    assert peer.begin(GET_CONTACT, newer, response=messages("order").GetContactResponse).result().user_id == "u1"
    for broken in (b"\xff" * 20, request[:-1], b"\x0a\x02\xff\xfe", b"\x0a\xff\xff\xff\xff\x0f"):
        refused(CODE.INVALID_ARGUMENT, peer.begin(GET_CONTACT, broken).result, code="malformed_message")


def test_a_message_that_is_too_long_is_refused(sqlite_order, peer_of):
    peer = peer_of(sqlite_order, options=[("grpc.max_send_message_length", -1)])
    peer.health()
    before = resident_mb(sqlite_order)
    for _ in range(20):
        refused(CODE.RESOURCE_EXHAUSTED, peer.begin(GET_CONTACT, b"x" * (5 << 20)).result)
    metadata = [("x-long", "y" * 64_000)]
    assert peer.begin(GET_CONTACT, b"", metadata=metadata).code() == CODE.RESOURCE_EXHAUSTED
    # A header that is too long may end its connection: who asks at that moment asks again.
    eventually(lambda: begin_contact(peer, "x").code() == CODE.NOT_FOUND)
    eventually(lambda: in_flight(sqlite_order) == 0)
    assert resident_mb(sqlite_order) - before < MEMORY_MB_MAX


def test_a_call_names_a_deadline_that_is_not_too_far(sqlite_order, peer_of):
    peer = peer_of(sqlite_order)
    for timeout in (None, 3600):
        refused(CODE.INVALID_ARGUMENT, peer.ask, "GetOrder", timeout=timeout, order_id="x", code="deadline_required")


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
class TestCallsThatWait:
    """Of a group that somebody else holds: the server waits for the lock, the caller for the answer."""

    @pytest.fixture
    def held(self, launch, folder, new_database, peer_of):
        order = launch("--offers", OFFERS, *TOKENS, *token_file(folder), "--grpc.calls-in-flight-max", "8", "--grpc.streams-per-connection-max", "1000",
                       database=new_database())
        group = checked_out(order)["order_group_id"]
        psql_process = subprocess.Popen([BIN / "psql", "-qAt", order.database], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

        def say(line):
            psql_process.stdin.write(line + "\n")
            psql_process.stdin.flush()

        say(f"BEGIN; SELECT 'held' FROM order_groups WHERE group_id = '{group}' FOR UPDATE;")
        assert psql_process.stdout.readline().strip() == "held"
        order.let_go = lambda: say("COMMIT;")
        request = messages("order").BeginPaymentRequest(order_group_id=group, user_id="u1", payment_id="pay")
        order.begin = lambda timeout=20: peer_of(order).begin("agora.order.v1.OrderService/BeginPayment", request, timeout)
        yield order
        psql_process.stdin.close()
        psql_process.wait(timeout=10)

    def test_too_many_are_refused_at_once(self, held):
        waiting = [held.begin() for _ in range(8)]
        eventually(lambda: in_flight(held) == 8)
        for _ in range(20):
            refused(CODE.RESOURCE_EXHAUSTED, held.begin().result, code="overloaded")
        held.let_go()
        assert all(call.code() == CODE.OK for call in waiting)
        assert held.begin().code() == CODE.OK
        assert "agora_grpc_shed_calls_total 20" in held.metrics()

    def test_a_deadline_that_passes_frees_the_caller(self, held):
        began = time.monotonic()
        # Who is first to see it: the caller, or the database.
        assert held.begin(timeout=0.3).code() in (CODE.DEADLINE_EXCEEDED, CODE.UNAVAILABLE)
        assert time.monotonic() - began < 2
        eventually(lambda: in_flight(held) == 0)
        held.let_go()
        assert held.begin().code() == CODE.OK

    def test_who_gives_up_leaves_nothing_behind(self, held):
        waiting = [held.begin(timeout=1) for _ in range(8)]
        eventually(lambda: in_flight(held) == 8)
        for call in waiting:
            assert call.cancel()
        eventually(lambda: in_flight(held) == 0)
        held.let_go()
        assert held.begin().code() == CODE.OK

    def test_a_drain_finishes_what_is_under_way_and_begins_nothing(self, held, peer_of):
        anybody = peer_of(held, token=None)
        assert anybody.health() == SERVING
        call = held.begin(timeout=15)
        eventually(lambda: in_flight(held) == 1)
        held.process.send_signal(signal.SIGTERM)
        eventually(lambda: anybody.health() == NOT_SERVING)
        refused(CODE.UNAVAILABLE, held.begin().result, code="temporarily_unavailable")
        held.let_go()
        assert call.code() == CODE.OK
        assert held.process.wait(timeout=15) == 0


class Wire:
    """A connection of bare bytes."""

    def __init__(self, service, wait=2):
        self.socket = socket.create_connection((service.address, service.grpc_port), timeout=wait)

    def send(self, data):
        try:
            self.socket.sendall(data)
        except OSError:
            pass  # it has hung up, which is an answer
        return self

    def rest(self):
        """What comes until it hangs up or falls silent."""
        answer = b""
        try:
            while chunk := self.socket.recv(65536):
                answer += chunk
        except (TimeoutError, ConnectionError):
            pass
        self.socket.close()
        return answer


def test_a_call_whose_deadline_passes_before_its_message_comes_is_not_begun(sqlite_order):
    wire = Wire(sqlite_order).send(PREFACE + frame(SETTINGS) + frame(HEADERS, END_HEADERS, 1, call_headers(GET_CONTACT, timeout="1m")))
    eventually(lambda: calls(sqlite_order, '[^"]*', GET_CONTACT) == 1)
    wire.send(frame(DATA, END_STREAM, 1, b"\x00\x00\x00\x00\x00")).rest()
    assert calls(sqlite_order, "DEADLINE_EXCEEDED", GET_CONTACT) == 1 and in_flight(sqlite_order) == 0


def rubbish():
    seed = random.SystemRandom().randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    hello = PREFACE + frame(SETTINGS)
    good = frame(HEADERS, END_HEADERS, 1, call_headers(GET_CONTACT))
    yield "nothing", b""
    yield "zeros", bytes(1_000)
    yield "HTTP/1.1", b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
    yield "HTTP/1.1 with a body", b"POST /orders HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"
    yield "an upgrade", b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n"
    yield "TLS", bytes.fromhex("1603010200010001fc0303") + bytes(500)
    yield "half a preface", PREFACE[:10]
    yield "no settings", PREFACE + good
    yield "a frame that is too long", hello + b"\xff\xff\xff\x00\x00\x00\x00\x00\x01" + bytes(70_000)
    yield "data of no stream", hello + frame(DATA, 0, 0, b"x")
    yield "data of an idle stream", hello + frame(DATA, 0, 7, b"x")
    yield "an even stream", hello + frame(HEADERS, END_HEADERS, 2, call_headers(GET_CONTACT))
    yield "broken header blocks", hello + frame(HEADERS, END_HEADERS, 1, b"\xff" * 200)
    yield "headers without end", hello + frame(HEADERS, 0, 1, call_headers(GET_CONTACT)) + frame(PING, 0, 0, bytes(8))
    yield "headers of nothing", hello + frame(HEADERS, END_HEADERS | END_STREAM, 1, header_block(__method="GET"))
    yield "a method that is none", hello + frame(HEADERS, END_HEADERS | END_STREAM, 1, header_block(__method="PUT", __scheme="http", __path="/x", __authority="y"))
    yield "a message that says it is longer", hello + good + frame(DATA, END_STREAM, 1, b"\x00\x00\x00\xff\xff" + b"x")
    yield "a compressed message that is none", hello + good + frame(DATA, END_STREAM, 1, b"\x01\x00\x00\x00\x03xyz")
    yield "a window that overflows", hello + frame(8, 0, 0, b"\x7f\xff\xff\xff") * 3
    yield "settings that cannot be", hello + frame(SETTINGS, 0, 0, b"\x00\x04\xff\xff\xff\xff") + frame(SETTINGS, 0, 0, b"\x00\x02")
    yield "pings", hello + frame(PING, 0, 0, bytes(8)) * 5_000
    yield "resets", hello + b"".join(frame(HEADERS, END_HEADERS, stream, call_headers(GET_CONTACT)) + frame(RST_STREAM, 0, stream, b"\x00\x00\x00\x08")
                                     for stream in range(1, 4_000, 2))
    for i in range(40):
        frames = b"".join(frame(chance.randrange(12), chance.randrange(256), chance.randrange(5), chance.randbytes(chance.randrange(64)))
                          for _ in range(chance.randrange(1, 30)))
        yield f"random frames {i}", hello + frames
    for i in range(20):
        yield f"random bytes {i}", chance.randbytes(chance.randrange(1, 5_000))


def test_rubbish_on_its_port_harms_nobody(sqlite_order, peer_of):
    """B-14: after each the service answers others (calls that were reset may be under way for a moment), and at the end it has forgotten them."""
    group, peer = placed(sqlite_order)["order_group_id"], peer_of(sqlite_order)
    for name, data in rubbish():
        wire = Wire(sqlite_order, wait=0.1).send(data)
        eventually(lambda: begin_contact(peer, group).code() == CODE.OK)
        print(name, "→", len(wire.rest()), "bytes")
    eventually(lambda: in_flight(sqlite_order) == 0)
    assert resident_mb(sqlite_order) < 200
    assert sqlite_order.process.poll() is None and not [line for line in sqlite_order.log().splitlines() if '"level":"error"' in line]


def test_plain_http_gets_nothing(sqlite_order):
    with pytest.raises(httpx.TransportError):
        httpx.get(f"http://127.0.0.1:{sqlite_order.grpc_port}/orders", timeout=10)


@pytest.mark.parametrize("token", [TOKEN, "x" * 32], ids=["with the token", "without"])
def test_thousands_of_streams_are_bounded(sqlite_order, peer_of, token):
    """B-14: calls that are opened and say nothing. With the token they fill what may be under way, until their deadlines pass."""
    group, peer = placed(sqlite_order)["order_group_id"], peer_of(sqlite_order)
    ended = "RESOURCE_EXHAUSTED" if token == TOKEN else "UNAUTHENTICATED"
    each = STREAMS // CONNECTIONS
    block = call_headers(GET_CONTACT, token, "1S")
    opening = PREFACE + frame(SETTINGS) + frame(SETTINGS, ACK) + b"".join(frame(HEADERS, END_HEADERS, 2 * i + 1, block) for i in range(each))
    refused_before = 0
    for _ in range(ROUNDS):
        wires = [Wire(sqlite_order).send(opening) for _ in range(CONNECTIONS)]
        eventually(lambda: calls(sqlite_order, ended) >= refused_before + STREAMS - IN_FLIGHT_MAX)
        refused_before = calls(sqlite_order, ended)
        if token != TOKEN:
            assert peer.ask("GetContact", order_group_id=group).user_id == "u1"
        # HTTP goes on whatever happens here.
        assert place(sqlite_order.as_user("token-u1")).status_code == 201
        eventually(lambda: in_flight(sqlite_order) == 0)
        assert peer.ask("GetContact", order_group_id=group).user_id == "u1"
        for wire in wires:
            wire.socket.close()
    print("resident", round(resident_mb(sqlite_order), 1), "MB")
    assert resident_mb(sqlite_order) < RESIDENT_MB_MAX


# What order asks of catalog

@pytest.fixture
def catalog():
    catalog = FakeCatalog().start()
    yield catalog
    catalog.stop()


def offers(price, offer_id="o1", version=2, log_id="offers-file", **changes):
    """Catalog's answer: the offer as tests/support/offers.jsonl has it, at another price."""
    contract = messages("catalog")
    offer = {"offer_id": offer_id, "version": version, "seller_id": "s1", "product_id": "p1", "variant_id": f"v-{offer_id}", "sku": f"SKU-{offer_id}", "price": price,
             "currency": "USD", "status": "active", "requires_shipping": True, "tax_included": True, "handling_days": 1, **changes}
    return lambda context: contract.GetOffersResponse(log_id=log_id, offers=[contract.Offer(**offer)])


@pytest.fixture
def asking(launch, folder, new_database, catalog):
    return launch("--offers", OFFERS, *TOKENS, *token_file(folder), *catalog.flags, database=new_database())


def test_a_price_that_catalog_confirms_is_taken(asking, catalog):
    catalog.answer = offers(600)
    user = asking.as_user("token-u1")
    user.headers["traceparent"] = f"00-{TRACE}-b7ad6b7169203331-01"
    answer = place(user, price="6.00", key="k")
    assert answer.status_code == 201 and answer.json()["total"] == 6.00
    request, metadata, left = catalog.asked[0]
    assert list(request.offer_ids) == ["o1"] and not request.product_ids
    assert metadata["authorization"] == f"Bearer {TOKEN}" and TRACE in metadata["traceparent"] and 0 < left <= 0.3
    # It has learned: nobody is asked again, and the same key gets the same bytes.
    assert place(user, price="6.00", key="k").text == answer.text and place(user, price="6.00").status_code == 201
    assert len(catalog.asked) == 1
    assert asking.query("SELECT price, version FROM offers WHERE offer_id = 'o1'") == [{"price": 600, "version": 2}]


def test_a_checkout_of_lines_asks_too_and_one_of_a_cart_does_not(asking, catalog):
    user = asking.as_user("token-u1")
    # What a cart shows is what order knows, so a buyer can have seen nothing newer there.
    cart = cart_of(user, "o1")
    catalog.answer = offers(600)
    assert problem(check_out(user, cart_checkout(cart, "6.00"), "cart"), 409, "price_changed")["current_total"] == 5.00
    assert not catalog.asked
    group = check_out(user, items_checkout(("o1", 2, "6.00")), "k")
    assert group.status_code == 201 and group.json()["total"] == 12.00
    assert check_out(user, items_checkout(("o1", 2, "6.00")), "k").text == group.text and len(catalog.asked) == 1
    assert problem(check_out(user, items_checkout(("o1", 2, "5.00")), "other"), 409, "price_changed")["errors"]
    assert problem(check_out(user, cart_checkout(cart, "5.00"), "cart"), 409, "price_changed")["current_total"] == 6.00


def test_a_price_that_catalog_does_not_confirm_is_refused_with_the_current_one(asking, catalog):
    catalog.answer = offers(600)
    before = asking.counts()
    refused_price = problem(place(asking.as_user("token-u1"), price="4.00"), 409, "price_changed")
    assert refused_price["current_price"] == 6.00 and asking.counts() == before
    # It is asked once for each: what it says now is known already.
    assert problem(place(asking.as_user("token-u1"), price="4.00"), 409, "price_changed")["current_price"] == 6.00
    assert len(catalog.asked) == 2


def test_of_a_product_all_offers_are_asked(asking, catalog):
    catalog.answer = offers(400)
    answer = asking.as_user("token-u1").post("/orders", content='{"product_id":"p1","quantity":1,"price":4.00}', headers={"Content-Type": "application/json"})
    assert answer.status_code == 201 and answer.json()["items"][0]["offer_id"] == "o1"
    assert list(catalog.asked[0][0].product_ids) == ["p1"] and not catalog.asked[0][0].offer_ids


@pytest.mark.parametrize("answer", [
    offers(600, version=1), offers(600, log_id="another-log"), offers(600, offer_id="o2"), offers(-1), offers(600, currency="XXX"), offers(600, currency="EUR"),
    offers(600, status="free"), offers(600, log_id=""), offers(600, seller_id="../x"), offers(10**18), offers(600, sku=""), offers(600, version=0),
    lambda context: b"\xff\xff\xff", lambda context: b"", lambda context: context.abort(grpc.StatusCode.INTERNAL, "a bug"),
    lambda context: context.abort(grpc.StatusCode.UNAUTHENTICATED, "who are you"), lambda context: context.abort(grpc.StatusCode.NOT_FOUND, "nothing"),
], ids=["an old version", "another log", "another offer", "a negative price", "no currency", "another currency", "no status", "no log", "no id", "too large a price",
        "no sku", "no version", "no message", "an empty one", "a bug", "a refused token", "a status of its own"])
def test_what_catalog_cannot_mean_changes_nothing(launch, folder, catalog, answer):
    order = launch("--offers", OFFERS, *TOKENS, *token_file(folder), *catalog.flags)
    catalog.answer = answer
    before = order.query("SELECT * FROM offers ORDER BY offer_id")
    assert problem(place(order.as_user("token-u1"), price="6.00"), 409, "price_changed")["current_price"] == 5.00
    assert catalog.asked and order.query("SELECT * FROM offers ORDER BY offer_id") == before
    assert place(order.as_user("token-u1"), price="5.00").status_code == 201


def test_a_slow_catalog_costs_300_ms(asking, catalog):
    gone = threading.Event()

    def say_nothing(context):
        gone.wait(20)
        return b""

    catalog.answer, times = say_nothing, []
    for _ in range(5):
        began = time.monotonic()
        assert problem(place(asking.as_user("token-u1"), price="6.00"), 409, "price_changed")["current_price"] == 5.00
        times.append(time.monotonic() - began)
    gone.set()
    print("seconds", [round(t, 3) for t in times])
    assert 0.29 < min(times) and max(times) < 0.9


def test_a_dead_catalog_costs_next_to_nothing_and_is_asked_again_when_it_is_back(asking, catalog):
    catalog.answer = offers(600)
    catalog.stop()
    user, times = asking.as_user("token-u1"), []
    until = time.monotonic() + 2
    while time.monotonic() < until:
        began = time.monotonic()
        assert problem(place(user, price="6.00"), 409, "price_changed")["current_price"] == 5.00
        times.append(time.monotonic() - began)
    assert statistics.median(times) < 0.1 and max(times) < 2, (statistics.median(times), max(times))
    # Who sees the price that we know is not kept waiting at all.
    began = time.monotonic()
    assert place(user, price="5.00").status_code == 201 and time.monotonic() - began < 0.3
    catalog.start(catalog.port)
    back = time.monotonic()
    eventually(lambda: place(user, price="6.00").status_code == 201)
    print("reached again after", round(time.monotonic() - back, 3), "s, while dead at most", round(max(times), 3), "s")
    assert time.monotonic() - back <= 1.3


# What notification asks of order

def test_guests_and_their_addresses_are_asked_of_order_and_not_kept(launch, folder, new_database, mail_server):
    order = launch("--offers", OFFERS, *TOKENS, *token_file(folder), database=new_database())
    notification = launch("--offers", OFFERS, *TOKENS, *token_file(folder), *mail_server.flags, "--mail.retry-first", "50ms", "--mail.retry-max", "200ms",
                          "--order-feed", f"feed:http://127.0.0.1:{order.internal_port}", "--order-grpc", f"127.0.0.1:{order.grpc_port}", "--events.wait", "1s",
                          name="notification", database=new_database())

    def mail_of(document):
        """The row of its mail."""
        rows = notification.query("SELECT status, attempts, failure FROM notifications "
                                  f"WHERE order_group_id = '{document['order_group_id']}' AND channel = 'mail'")
        return rows[0] if rows else {"status": None, "attempts": 0, "failure": None}

    # Of this one order knows no address, and auth no such user.
    token = make_token(signing_key(), claims_of("guest-7", ("guest",)))
    unknown = placed(order, token)
    eventually(lambda: mail_of(unknown)["attempts"] >= 2)
    mail_server.answer = lambda message: "451 later"
    guest = checked_out(order, token, email="guest@example.com")
    eventually(lambda: mail_server.tries)
    order.stop()
    # It was not kept from the first attempt to the next.
    eventually(lambda: "Order could not be asked" in (mail_of(guest)["failure"] or ""))
    mail_server.answer = lambda message: "250 taken"
    attempts = mail_of(guest)["attempts"]
    eventually(lambda: mail_of(guest)["attempts"] > attempts + 1)
    assert not mail_server.mails
    order.start()
    (mail,) = eventually(lambda: mail_server.to("guest@example.com"))
    group = order.query(f"SELECT number FROM order_groups WHERE group_id = '{guest['order_group_id']}'")[0]
    assert group["number"] in mail["Subject"]
    assert "It goes to:\n\n  Arthur Dent\n  155 Country Lane\n  CT1 Cottington\n  GB" in text_of(mail).replace("\r", "")
    eventually(lambda: mail_of(guest)["status"] == "sent")
    # Not kept: in no table, and in no log line.
    for table in ("notifications", "users", "parked_events"):
        kept = str(notification.query(f"SELECT * FROM {table}"))
        assert "guest@example.com" not in kept and "Country Lane" not in kept
    for service in (order, notification):
        assert "guest@example.com" not in service.log() and "Country Lane" not in service.log()
