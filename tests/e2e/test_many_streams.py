"""Two thousand streams, a hundred of which are one user's that nobody reads, and a hundred of a large order: what they cost, and that each reader gets all of its own."""

import re
import resource
import selectors
import socket

import pytest

from support.happenings import World
from support.notifications import told
from support.offers import stocked_offers
from support.publisher import eventually
from support.service import TOKENS
from support.shopping import check_out, items_checkout
from support.streams import Stream, closed_streams, open_streams, request
from support.tokens import many_tokens

PATH = "/api/v1/notifications/events"
STREAMS, STALLED, EVENTS, OF_ONE = 2_000, 100, 10_000, 1_000
PSS_MAX, PSS_OF_A_STREAM_MAX = 150 << 20, 64 << 10
# What waits for one that is not read, what of it the kernel has not taken, and what malloc keeps besides, for each of the hundred.
PSS_OF_A_STALLED_MAX = 256 << 10
LINES, CANCELED = 100, 20


def pss(service):
    with open(f"/proc/{service.process.pid}/smaps_rollup") as file:
        return int(re.search(r"^Pss:\s+(\d+) kB", file.read(), re.M)[1]) << 10


class Readers:
    """Read all that comes, and count it."""

    def __init__(self, port, tokens):
        self.selector = selectors.DefaultSelector()
        self.got = {}
        for subject, token in tokens.items():
            one = socket.create_connection(("127.0.0.1", port), 15)
            one.sendall(request(PATH, token))
            self.selector.register(one, selectors.EVENT_READ, subject)
            self.got[subject] = b""

    def read(self, seconds):
        for key, _ in self.selector.select(seconds):
            more = key.fileobj.recv(65536)
            assert more, f"{key.data}'s stream has ended"
            self.got[key.data] += more

    def counts(self):
        return {subject: got.count(b"\nevent: ") for subject, got in self.got.items()}

    def close(self):
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()


@pytest.fixture
def many_files():
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@pytest.mark.no_audit
def test_two_thousand_streams_of_which_a_hundred_are_not_read(launch, deployment, folder, many_files):
    world = World(deployment)
    readers_of = [f"r{i}" for i in range(STREAMS - STALLED)]
    keys, tokens = many_tokens(["u1", *readers_of])
    (folder / "jwks.json").write_text(keys)
    service = launch("--jwks", str(folder / "jwks.json"), *world.flags, "--mail", "none", name="notification", database=deployment.new_database())
    before = pss(service)
    stalled = [Stream(service.port, PATH, tokens["u1"], receive_buffer=4096) for _ in range(STALLED)]
    readers = Readers(service.port, {subject: tokens[subject] for subject in readers_of})
    eventually(lambda: open_streams(service) == STREAMS)
    with_streams = pss(service)

    events, others = [], 0
    for i in range(EVENTS):
        mine = i % (EVENTS // OF_ONE) == 0
        events.append(world.group_placed(f"g{i}", user="u1" if mine else readers_of[others % len(readers_of)]))
        others += not mine
    most = with_streams
    for at in range(0, EVENTS, 500):
        world.order.send(*events[at:at + 500])
        readers.read(0)
        most = max(most, pss(service))
    told(service, "channel = 'in_app'", EVENTS)

    def all_arrived():
        for _ in range(100):
            readers.read(0.01)
        return sum(readers.counts().values()) == EVENTS - OF_ONE

    eventually(all_arrived, 30)
    expected = {subject: sum(1 for i in range(EVENTS - OF_ONE) if readers_of[i % len(readers_of)] == subject) for subject in readers_of[:50]}
    counts = readers.counts()
    assert {subject: counts[subject] for subject in expected} == expected
    eventually(lambda: closed_streams(service, "queue_full") == STALLED)
    assert open_streams(service) == STREAMS - STALLED
    most = max(most, pss(service))
    print(f"PSS {before >> 20} MB, with {STREAMS} streams {with_streams >> 20} MB, at most {most >> 20} MB: {(most - before) // STREAMS >> 10} KiB a stream")
    assert most <= PSS_MAX and (most - before) / STREAMS <= PSS_OF_A_STREAM_MAX
    assert (most - with_streams) / STALLED <= PSS_OF_A_STALLED_MAX

    # What the kernel took of it, and where one of them goes on.
    got = [stream.rest() for stream in stalled]
    assert all(len(events) < OF_ONE - 256 for events in got)
    again = Stream(service.port, PATH, tokens["u1"], last_id=stalled[0].last_id)
    again.opening()
    mine = [event["data"]["order_group_id"] for event in got[0] + again.take(OF_ONE + 1 - len(got[0])) if "data" in event]
    assert sorted(mine) == sorted(f"g{i}" for i in range(0, EVENTS, EVENTS // OF_ONE))
    readers.close()


@pytest.mark.no_audit
def test_a_hundred_streams_of_a_large_order_that_are_not_read(launch, folder):
    """All of it is read again for each: one document at a time, and not the page of sixteen that there are."""
    shop = launch("--offers", stocked_offers(folder, {f"o{i}": 10 for i in range(LINES)}), *TOKENS)
    buyer = shop.as_user("token-u1")
    order = check_out(buyer, items_checkout(*((f"o{i}", 1, "5.00") for i in range(LINES))), "k").json()["orders"][0]
    path = f"/orders/{order['order_id']}/events"
    for line in order["items"][:CANCELED]:
        canceled = buyer.post(f"/orders/{order['order_id']}/cancellation", json={"items": [{"line_id": line["line_id"], "quantity": 1}]})
        assert canceled.status_code == 200
    document = len(canceled.content)
    assert document > 32 << 10, "a page of them is much"
    log_id = Stream(shop.port, path, "token-u1").opening()["id"].partition(":")[0]
    before = pss(shop)
    streams = [Stream(shop.port, path, "token-u1", last_id=f"{log_id}:0", receive_buffer=4096) for _ in range(STALLED)]
    for stream in streams:
        stream.opening()
        # What was read is under way.
        assert stream.buffer or stream.socket.recv(1, socket.MSG_PEEK)
    each = (pss(shop) - before) // STALLED
    print(f"{each >> 10} KiB a stream, of documents of {document >> 10} KiB")
    assert each <= PSS_OF_A_STALLED_MAX
    assert [event["event"] for event in streams[0].take(CANCELED + 1)] == ["order.placed", *["order.lines_canceled"] * CANCELED]
