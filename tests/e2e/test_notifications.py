"""Who is told of what happens, by which way, in which words; and what users and support do with it."""

import itertools
import subprocess

import pytest

from support.happenings import NUMBER, line
from support.mail import html_of, text_of
from support.notifications import rows, told
from support.publisher import eventually
from support.service import Service, problem

pytestmark = pytest.mark.no_audit


@pytest.fixture
def people(world, notification):
    """Buyer u1, seller s1 with two members; they have been welcomed."""
    world.user("u1")
    world.user("m1", display_name="Zaphod", locale="de")
    world.user("m2")
    world.seller("s1", "m1", "m2")
    told(notification, "kind = 'welcome'", 6)
    eventually(lambda: notification.query("SELECT 1 FROM seller_members") and not rows(notification, where="status = 'pending'"))
    return world


@pytest.mark.parametrize("happens,expected", [
    (lambda w: [w.group_placed("g")], {("u1", "order_placed")}),
    (lambda w: [w.group_paid("g")], {("u1", "order_paid")}),
    (lambda w: [w.order_paid("g")], {("m1", "sale_paid"), ("m2", "sale_paid")}),
    (lambda w: [w.group_canceled("g", "expired"), w.order_canceled("g", "expired")], {("u1", "order_expired")}),
    (lambda w: [w.group_canceled("g", "buyer"), w.order_canceled("g", "buyer")], {("u1", "order_canceled")}),
    (lambda w: [w.order_paid("g"), w.order_canceled("g", "support")],
     {("m1", "sale_paid"), ("m2", "sale_paid"), ("u1", "order_canceled"), ("m1", "sale_canceled"), ("m2", "sale_canceled")}),
    (lambda w: [w.capture_refused("g")], {("u1", "capture_refused")}),
    (lambda w: [w.lines_canceled("g", refund=0)], {("u1", "order_lines_canceled")}),
    (lambda w: [w.order_paid("g"), w.lines_canceled("g", sku="SKU-1", title="Towel"), w.order_refunded("g", 0), w.order_refunded("g")],
     {("m1", "sale_paid"), ("m2", "sale_paid"), ("u1", "order_lines_canceled"), ("m1", "sale_lines_canceled"), ("m2", "sale_lines_canceled"), ("u1", "order_refunded")}),
    (lambda w: [w.order_shipped("g"), w.order_delivered("g")], {("u1", "order_shipped"), ("u1", "order_delivered")}),
], ids=["placed", "group paid", "order paid", "expired", "canceled by its buyer", "canceled after it was paid", "capture refused", "lines canceled before it was paid",
        "lines canceled and refunded", "shipped and delivered"])
def test_each_event_is_told_once_to_whom_it_concerns(people, notification, mail_server, happens, expected):
    people.order.send(*happens(people))
    got = told(notification, "kind <> 'welcome'", 2 * len(expected))
    assert set(got) == {(user, channel, kind) for user, kind in expected for channel in ("in_app", "mail")}
    eventually(lambda: not rows(notification, where="status = 'pending'"))
    mailed = [envelope.rcpt_tos for envelope, message in mail_server.mails if message["Subject"].find("elcome") < 0 and "Willkommen" not in message["Subject"]]
    assert sorted(mailed) == sorted([f"{user}@example.com"] for user, _ in expected)


def test_mails_speak_their_readers_language(people, notification, mail_server):
    people.order.send(people.order_paid("g", title="Handtuch"), people.group_paid("g", title="Towel & <b>soap</b>", more=[line("Canceled before", 0, 0)]))
    english = eventually(lambda: [m for m in mail_server.to("u1@example.com") if NUMBER in m["Subject"]])[0]
    german = eventually(lambda: [m for m in mail_server.to("m1@example.com") if NUMBER in m["Subject"]])[0]
    assert english["Subject"] == f"Your order {NUMBER} is paid" and english["To"] == "Arthur <u1@example.com>"
    assert "2 x Towel & <b>soap</b>: 10.00 USD" in text_of(english) and "Towel &amp; &lt;b&gt;soap&lt;/b&gt;" in html_of(english)
    assert "Canceled before" not in text_of(english)
    assert german["Subject"] == f"Bitte versenden Sie die Bestellung {NUMBER}" and "Hallo Zaphod," in text_of(german)
    assert english["Auto-Submitted"] == "auto-generated" and english["Message-ID"].endswith("@agora.example>")


def test_a_mail_says_what_is_canceled_and_what_is_given_back(people, notification, mail_server):
    people.order.send(people.order_paid("g"), people.lines_canceled("g", "not_shipped", title="Towel <1>", sku="S"), people.order_refunded("g"),
                      people.order_canceled("g", "support", refund=500))
    got = eventually(lambda: len(found := [m for m in mail_server.to("u1@example.com") if NUMBER in m["Subject"]]) == 3 and found)
    mails = {mail["Subject"]: mail for mail in got}
    canceled, refunded, whole = (mails[subject] for subject in (f"Part of your order {NUMBER} is canceled", f"You got money back for your order {NUMBER}",
                                                                f"Your order {NUMBER} is canceled"))
    assert "You get 5.00 USD back." in text_of(whole) and "You get 5.00 USD back." in html_of(whole) and "In all" not in text_of(whole)
    assert "did not ship it in time" in text_of(canceled) and "1 x Towel <1>" in text_of(canceled) and "You get 5.00 USD back." in text_of(canceled)
    assert "Towel &lt;1&gt;" in html_of(canceled) and "5.00 USD" in text_of(refunded)
    # One that ends by a refund gives nothing back by itself.
    people.order.send(people.order_canceled("h", "support", refunded=1500))
    ended = eventually(lambda: [m for m in mail_server.to("u1@example.com") if "15.00" in text_of(m)])[0]
    assert "In all you got 15.00 USD back." in text_of(ended) and "In all you got 15.00 USD back." in html_of(ended)
    german = eventually(lambda: [m for m in mail_server.to("m1@example.com") if "einen Teil" in m["Subject"]])[0]
    assert "1 x Towel <1>" in text_of(german) and "5.00" not in text_of(german)


def test_a_mail_says_how_to_follow_what_is_on_its_way(people, notification, mail_server):
    tracking = {"carrier": "D<H>L", "number": "JD1", "url": "https://example.com/track?n=JD1&x=1"}
    people.order.send(people.order_shipped("g", tracking), people.order_shipped("h", {**tracking, "url": None}))
    first, second = sorted(eventually(lambda: len(found := [m for m in mail_server.to("u1@example.com") if NUMBER in m["Subject"]]) == 2 and found),
                           key=lambda mail: "Follow" not in text_of(mail))
    assert "It is sent by D<H>L, number JD1." in text_of(first) and "Follow it: https://example.com/track?n=JD1&x=1" in text_of(first)
    assert '<a href="https://example.com/track?n=JD1&amp;x=1">JD1</a>' in html_of(first) and "D&lt;H&gt;L" in html_of(first)
    assert "href" not in html_of(second)


EVIL = ["x\r\nBcc: victim@example.com", "x\n.\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<victim@example.com>", '"a" <victim@example.com>, b@example.com',
        "=?UTF-8?Q?a=0D=0ABcc:_victim@example.com?=", "ünï\u2028cøde \u202e"]


@pytest.mark.parametrize("evil", EVIL)
def test_what_users_write_adds_no_header_and_no_recipient(world, notification, mail_server, evil):
    """B-09."""
    world.user("u1", display_name=evil)
    world.seller("s1", "u1")
    eventually(lambda: notification.query("SELECT 1 FROM seller_members"))
    world.order.send(world.group_paid("g", title=evil), world.order_paid("g", title=evil))
    eventually(lambda: len(mail_server.mails) == 3)
    for envelope, message in mail_server.mails:
        assert envelope.rcpt_tos == ["u1@example.com"] and envelope.mail_from == "no-reply@agora.example"
        assert sorted(message.keys()) == sorted(["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type",
                                                 *[key for key in message.keys() if key in ("X-Peer", "X-MailFrom", "X-RcptTo")]])
        assert [address.addr_spec for address in message["To"].addresses] == ["u1@example.com"]


@pytest.mark.parametrize("address", ["u1@example.com\r\nRCPT TO:<victim@example.com>", "u1@example.com,victim@example.com", "<u1@example.com>", "u1", "u 1@example.com"])
def test_an_address_that_is_none_is_not_written_to(world, notification, mail_server, address):
    world.user("u1", email=address)
    eventually(lambda: rows(notification, where="status = 'suppressed'"))
    assert not mail_server.tries


def test_who_has_no_address_hears_in_the_app(world, notification, mail_server):
    world.user("u1", email=None)
    world.order.send(world.group_placed("g"))
    eventually(lambda: len(rows(notification, where="status = 'suppressed'")) == 2)
    assert len(rows(notification, where="channel = 'in_app'")) == 2 and not mail_server.tries


def test_a_mail_waits_for_its_user_to_be_heard_of(world, notification, mail_server):
    world.order.send(world.group_placed("g"))
    told(notification, "kind = 'order_placed'", 2)
    eventually(lambda: rows(notification, where="attempts > 0"))
    world.user("u1")
    eventually(lambda: [m for m in mail_server.to("u1@example.com") if NUMBER in m["Subject"]])


def test_a_sale_waits_for_its_seller_to_be_heard_of(world, notification):
    world.order.send(world.order_paid("g"), world.order_paid("h", seller="s2"))
    eventually(lambda: notification.query("SELECT 1 FROM parked_events WHERE reason = 'dependency'"))
    world.seller("s1", "m1")
    told(notification, "user_id = 'm1' AND kind = 'sale_paid'", 2)
    assert notification.query("SELECT subject FROM parked_events") == [{"subject": "h-1"}]


def test_a_mail_that_is_deferred_is_tried_again_as_the_same(people, notification, mail_server):
    answers = itertools.chain(["451 later", "421 go away", "451 later"], itertools.repeat("250 taken"))
    mail_server.answer = lambda message: next(answers)
    mail_server.tries.clear()
    people.order.send(people.group_placed("g"))
    eventually(lambda: [m for m in mail_server.to("u1@example.com") if NUMBER in m["Subject"]])
    assert len(mail_server.tries) == 4 and len(set(mail_server.tries)) == 1
    eventually(lambda: rows(notification, "status, attempts", "kind = 'order_placed' AND channel = 'mail'") == [("sent", 4)])


def test_a_mail_that_is_refused_is_a_dead_letter_until_support_asks(people, notification, mail_server):
    mail_server.answer = lambda message: "550 no such user u1@example.com"
    people.order.send(people.group_placed("g"))
    support = notification.as_user("token-support")
    items = eventually(lambda: support.get("/api/v1/admin/deliveries").json()["items"])
    assert [(item["user_id"], item["kind"], item["attempts"]) for item in items] == [("u1", "order_placed", 1)]
    assert "550" in items[0]["failure"] and "@" not in items[0]["failure"]
    assert 'agora_mail_attempts_total{status="dead"} 1' in notification.metrics()
    mail_server.answer = lambda message: "250 taken"
    path = f"/api/v1/admin/deliveries/{items[0]['notification_id']}/retry"
    problem(notification.as_user("token-u1").post(path), 403, "forbidden")
    assert support.post(path).status_code == 202
    eventually(lambda: [m for m in mail_server.to("u1@example.com") if NUMBER in m["Subject"]])
    eventually(lambda: not support.get("/api/v1/admin/deliveries").json()["items"])
    problem(support.post(path), 404, "not_found")
    assert len(set(mail_server.tries[-2:])) == 1


def test_a_mail_server_that_is_away_loses_nothing(people, notification, mail_server):
    port = mail_server.controller.port
    mail_server.stop()
    people.order.send(*(people.group_placed(f"g{i}") for i in range(20)))
    eventually(lambda: len(rows(notification, where="attempts > 0 AND status = 'pending'")) == 20)
    mail_server.controller = type(mail_server.controller)(mail_server, hostname="127.0.0.1", port=port)
    mail_server.start()
    eventually(lambda: len([m for m in mail_server.to("u1@example.com") if NUMBER in m["Subject"]]) == 20)


def test_an_erased_user_is_forgotten(people, notification):
    people.order.send(people.group_placed("g"))
    told(notification, "kind = 'order_placed'", 2)
    assert notification.as_user("token-u1").get("/api/v1/notifications").status_code == 200
    people.auth.publish("user.deleted", "u1", user_id="u1")
    eventually(lambda: not rows(notification, where="user_id = 'u1'"))
    problem(notification.as_user("token-u1").get("/api/v1/notifications"), 401, "invalid_token")
    people.order.send(people.group_paid("g"), people.order_paid("g"))
    told(notification, "kind = 'sale_paid'", 4)
    assert not rows(notification, where="user_id = 'u1'") and not notification.query("SELECT 1 FROM users WHERE user_id = 'u1'")


# In the app

def test_users_read_what_they_were_told_newest_first_in_pages(people, notification):
    for i in range(5):
        people.order.send(people.group_placed(f"g{i}"))
        told(notification, f"order_group_id = 'g{i}'", 2)
    user = notification.as_user("token-u1")
    first = user.get("/api/v1/notifications?limit=4").json()
    assert [item["order_group_id"] for item in first["items"]] == ["g4", "g3", "g2", "g1"] and first["has_more"]
    assert first["items"][0]["title"] == f"We received your order {NUMBER}" and first["items"][0]["read_at"] is None
    rest = user.get("/api/v1/notifications", params={"limit": 4, "cursor": first["next_cursor"]}).json()
    assert [item["kind"] for item in rest["items"]] == ["order_placed", "welcome"] and not rest["has_more"]
    problem(user.get("/api/v1/notifications", params={"unread": "true", "cursor": first["next_cursor"]}), 400, "invalid_cursor")
    assert notification.as_user("token-u2").get("/api/v1/notifications").json()["items"] == []


@pytest.mark.parametrize("kind", ["application/merge-patch+json", "application/json"])
def test_users_mark_their_own_as_read(people, notification, kind):
    user, headers = notification.as_user("token-u1"), {"Content-Type": kind}
    (item,) = user.get("/api/v1/notifications").json()["items"]
    path = f"/api/v1/notifications/{item['notification_id']}"
    problem(notification.as_user("token-u2").patch(path, content='{"read":true}', headers=headers), 404, "not_found")
    read = user.patch(path, content='{"read":true}', headers=headers).json()
    assert read == {**item, "read_at": read["read_at"]} and read["read_at"]
    assert user.patch(path, content='{"read":true}', headers=headers).json() == read, "the first time counts"
    assert user.get("/api/v1/notifications?unread=true").json()["items"] == []
    assert user.patch(path, content='{"read":false}', headers=headers).json() == item


@pytest.mark.parametrize("method,path,body,status,code", [
    ("GET", "/notifications?limit=0", None, 422, "validation_failed"),
    ("GET", "/notifications?unread=yes", None, 422, "validation_failed"),
    ("GET", "/notifications?colour=red", None, 422, "validation_failed"),
    ("GET", "/notifications?cursor=x", None, 400, "invalid_cursor"),
    ("PATCH", "/notifications/none", b'{"read":true}', 404, "not_found"),
    ("PATCH", "/notifications/no!id", b'{"read":true}', 404, "not_found"),
    ("PATCH", "/notifications/none", b"{", 400, "malformed_json"),
    ("PATCH", "/notifications/none", b"{}", 422, "validation_failed"),
    ("PATCH", "/notifications/none", b'{"read":1}', 422, "validation_failed"),
    ("DELETE", "/notifications", None, 405, "method_not_allowed"),
])
def test_bad_requests_are_refused_and_change_nothing(people, notification, method, path, body, status, code):
    before = rows(notification, "notification_id, read_at, status")
    answer = notification.as_user("token-u1").request(method, f"/api/v1{path}", content=body, headers={"Content-Type": "application/json"} if body else {})
    problem(answer, status, code)
    assert rows(notification, "notification_id, read_at, status") == before


def test_health_has_two_paths(notification):
    assert notification.client.get("/health").text == notification.client.get("/api/v1/health").text == '{"status":"OK","service":"Notification Service"}'


# Starting

@pytest.mark.parametrize("flags,words", [
    ((), "--mail must be named in production"),
    (("--mail", "none", "--offers", "builtin"), "refused in production"),
    (("--mail", "ftp://x"), "--mail must be smtp://"),
    (("--mail", "none", "--mail-from", "no address"), "--mail-from must be a mail address"),
    (("--mail", "none", "--order-feed", "feed:http://127.0.0.1:1"), "AGORA_SERVICE_TOKEN_FILE"),
])
def test_wrong_settings_are_told_before_anything_happens(folder, flags, words):
    service = Service(folder / "x", *flags, name="notification", production=True)
    done = subprocess.run(service.command, capture_output=True, text=True, env=service.env, timeout=20)
    assert done.returncode == 2 and words in done.stderr
    assert not (folder / "x").exists()


def test_a_maildir_will_do(launch, world):
    service = launch(*world.flags, "--mail.interval", "20ms", name="notification")
    world.user("u1")
    (path,) = eventually(lambda: list((service.data / "mail" / "new").iterdir()))
    assert path.name.endswith(".u1@agora.example") and b"To: Arthur\r\n <u1@example.com>\r\n" in path.read_bytes()
    assert not list((service.data / "mail" / "tmp").iterdir())
