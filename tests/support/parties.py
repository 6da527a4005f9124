"""What each party of docs/authorization.md has at order and at notification, and a right body for each of its rows."""

import json
import uuid

from support.contract import CONTRACTS
from support.happenings import World
from support.matrix import BUYERS, FREE, OPERATIONS
from support.offers import offers_with_members
from support.publisher import eventually
from support.selling import capture, packed, ship
from support.service import JSON, TOKENS, place
from support.shopping import ADDRESS, CARTS, GROUPS, cart_of
from support.tokens import NAMED, bearer

# What A and B sell; the others bought of A.
OF_A, OF_B = {"offer_id": "o1", "seller_id": "s1"}, {"offer_id": "o3", "seller_id": "s2"}
SELLERS = {"s1": "token-m1", "s2": "token-m2"}
PRICES = {"o1": "5.00", "o3": "4.50"}
MISSING = "00000000-0000-7000-8000-000000000000"
NOBODYS = {name: MISSING for name in ("order_id", "order_group_id", "cart_id", "line_id", "fulfillment_id", "offer_id", "seller_id", "notification_id", "units_of")} | {
    "user_id": "nobody", "version": 1}
UNITS = 200  # of each order: none is used up

LINE = {"offer_id": "o1", "quantity": 1, "price": 5}
CONTACT = {"email": "buyer@example.com", "shipping_address": ADDRESS, "billing_address": ADDRESS}
UNIT = lambda of: {"line_id": of["units_of"], "quantity": 1}
# By operation and thing; rows that are not here have none. Whole numbers are amounts, too.
BODIES = {
    ("createOrder", FREE): lambda of: {"items": [LINE], **CONTACT},
    ("createOrder", "buyer"): lambda of: {"user_id": of["user_id"], **LINE},
    ("cancelOrder", "order"): lambda of: {"items": [UNIT(of)]},
    ("cancelOrder", "paid order"): lambda of: {"items": [UNIT(of)]},
    ("createFulfillment", "paid order"): lambda of: {"items": [UNIT(of)], "tracking": {"carrier": "DHL", "number": "1"}},
    ("updateFulfillment", "fulfilment"): lambda of: {"tracking": {"carrier": "DHL", "number": uuid.uuid4().hex}},
    ("confirmDelivery", "shipped order"): lambda of: {},
    ("createOrderGroup", FREE): lambda of: {"items": [LINE], **CONTACT},
    ("createOrderGroup", "cart"): lambda of: {"cart_id": of["cart_id"], "cart_version": of["version"], "total": 5, **CONTACT},
    ("createCart", FREE): lambda of: CONTACT,
    ("mergeCarts", FREE): lambda of: {"guest_token": bearer("token-other-guest")},
    ("updateCart", "cart"): lambda of: CONTACT,
    ("addCartLine", "cart"): lambda of: {"offer_id": "o1", "quantity": 1},
    ("updateCartLine", "cart"): lambda of: {"quantity": 3},
    ("updateCartLine", "line"): lambda of: {"quantity": 3},
    ("setInventory", "offer"): lambda of: {"on_hand": 2_000_000},
    ("adjustInventory", "offer"): lambda of: {"delta": 1, "reason": "received"},
    ("markNotification", "notification"): lambda of: {"read": True},
}


def subject(party):
    return NAMED[BUYERS[party]][0]


class Parties:
    """At one service. `of(thing, party)`: the ids that a row about such a thing needs."""

    def __init__(self, service):
        self.service = service
        self.clients = {}
        self.made = {}

    def as_caller(self, token):
        if token not in self.clients:
            self.clients[token] = self.service.as_user(token) if token else self.service.connect()
        return self.clients[token]

    def of(self, thing, party):
        if thing == FREE:
            return {}
        if (thing, party) not in self.made:
            self.made[thing, party] = self.make(thing, party)
        return self.made[thing, party]

    def used(self, thing, party):
        """Somebody changed it; the next who asks gets a new one, where that matters."""
        if thing in self.used_up:
            self.made.pop((thing, party), None)

    def ids(self, cell):
        """What a cell is about."""
        ids = self.of(cell.thing, cell.owner) if cell.owner else NOBODYS
        # A line of any cart, in the caller's own.
        return {**self.of("line", cell.party), "line_id": ids["line_id"]} if cell.thing == "line" else ids

    def ask_for(self, cell, ids):
        body = BODIES.get((cell.operation, cell.thing))
        return self.ask(cell.operation, cell.token, ids, body and body(ids))

    def ask(self, operation, token, of, body=None, kind=JSON["Content-Type"]):
        """The answer, read whole unless it has no end. `body`: a document."""
        service, method, path, node = OPERATIONS[operation]
        wants_key = any(one["name"] == "Idempotency-Key" and one.get("required") for one in map(CONTRACTS[service].resolve, node.get("parameters", ())))
        headers = {"Idempotency-Key": uuid.uuid4().hex} if wants_key else {}
        options = {} if body is None else {"content": json.dumps(body), "headers": {**headers, "Content-Type": kind}}
        with self.as_caller(token).stream(method, path.format(**of), **options) as response:
            if response.headers["content-type"] != "text/event-stream":
                response.read()
        return response


class AtOrder(Parties):
    used_up = ("cart", "line", "shipped order")

    def __init__(self, launch, deployment, folder):
        auth, payment = deployment.publisher("auth"), deployment.publisher("payment")
        super().__init__(launch("--offers", offers_with_members(folder, s1="m1", s2="m2"), *TOKENS, "--carts-per-buyer-max", "1000", *deployment.flags(auth, payment),
                                database=deployment.new_database()))
        self.as_caller("token-m2").put("/api/v1/offers/o3/inventory", json={"on_hand": 1_000_000})
        self.pay(payment)
        for thing in ("order", "paid order", "shipped order", "fulfilment", "group", "cart", "line"):
            self.of(thing, "erased")
        auth.publish("user.deleted", subject("erased"), user_id=subject("erased"))
        eventually(lambda: self.as_caller("token-erased").get("/orders").status_code == 401)
        # What the service does of its own accord is done.
        eventually(lambda: not self.service.query(f"SELECT 1 FROM carts WHERE user_id = '{subject('erased')}'"))

    def pay(self, payment):
        """An order for each party."""
        orders = {party: self.place(party) for party in BUYERS}
        for order in orders.values():
            capture(payment, order)
        eventually(lambda: len(self.service.query("SELECT 1 FROM orders WHERE status = 'confirmed'")) == len(orders))
        self.paid = orders

    def place(self, party):
        offer = self.wares(party)["offer_id"]
        response = place(self.as_caller(BUYERS[party]), offer=offer, price=PRICES[offer], quantity=UNITS)
        assert response.status_code == 201, response.text
        return response.json()

    def wares(self, party):
        return OF_B if party == "B" else OF_A

    def make(self, thing, party):
        buyer, seller = self.as_caller(BUYERS[party]), self.as_caller(SELLERS[self.wares(party)["seller_id"]])
        if thing == "buyer":
            return {"user_id": subject(party)}
        if thing in ("offer", "seller"):
            return self.wares(party)
        if thing in ("order", "group"):
            order = self.place(party)
            return {"order_id": order["order_id"], "order_group_id": order["order_group_id"], "units_of": order["items"][0]["line_id"]}
        if thing == "fulfilment":
            return {"fulfillment_id": packed(seller, self.paid[party], quantity=1)["fulfillment_id"], "order_id": self.paid[party]["order_id"]}
        if thing in ("paid order", "shipped order"):
            if thing == "shipped order":
                assert ship(seller, packed(seller, self.paid[party], quantity=1)).status_code == 200
            return {"order_id": self.paid[party]["order_id"], "units_of": self.paid[party]["items"][0]["line_id"]}
        cart = cart_of(buyer, "o1")
        return {"cart_id": cart["cart_id"], "version": cart["version"], "line_id": cart["items"][0]["line_id"]}

    def state(self):
        """All that a request may write: equal before and after a refusal."""
        return self.service.counts()

    def shown(self, of, party):
        """What there is to see of a party's thing."""
        support, buyer = self.as_caller("token-support"), self.as_caller(BUYERS[party])
        paths = {"order_id": (support, "/orders"), "order_group_id": (support, GROUPS), "cart_id": (buyer, CARTS)}
        answers = [client.get(f"{path}/{of[name]}") for name, (client, path) in paths.items() if name in of]
        answers += [support.get(f"/api/v1/offers/{offer}/inventory") for offer in PRICES]
        assert all(answer.status_code == 200 for answer in answers)
        return [answer.text for answer in answers]


class AtNotification(Parties):
    used_up = ("mail",)

    def __init__(self, launch, deployment, folder):
        world = World(deployment)
        super().__init__(launch(*TOKENS, *world.flags, "--mail.interval", "20ms", name="notification", database=deployment.new_database()))
        for party in BUYERS:
            world.user(subject(party), email=None)
        eventually(lambda: len(self.told()) == 2 * len(BUYERS) and self.is_settled())
        for thing in ("notification", "mail"):
            self.of(thing, "erased")
        world.auth.publish("user.deleted", subject("erased"), user_id=subject("erased"))
        eventually(lambda: self.as_caller("token-erased").get("/api/v1/notifications").status_code == 401 and len(self.told()) == 2 * len(BUYERS) - 2)

    def told(self):
        return {(row["user_id"], row["channel"]): row["notification_id"] for row in self.service.query("SELECT user_id, channel, notification_id FROM notifications")}

    def is_settled(self):
        return not self.service.query("SELECT 1 FROM notifications WHERE status = 'pending'")

    def make(self, thing, party):
        # A mail that is to be tried again goes nowhere, as before: its reader has no address.
        eventually(self.is_settled)
        return {"notification_id": self.told()[subject(party), "mail" if thing == "mail" else "in_app"]}

    def state(self):
        eventually(self.is_settled)
        return self.service.query("SELECT notification_id, user_id, kind, data, read_at, status, attempts FROM notifications ORDER BY notification_id")

    def shown(self, of, party):
        return [self.as_caller(BUYERS[party]).get("/api/v1/notifications").text]


AT = {"order": AtOrder, "notification": AtNotification}
