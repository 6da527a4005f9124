"""C-05, on both sets of engines: prices, offers, carts and stock that change while they are checked out. What is charged is what was shown, or the answer
is 409 and nothing was ordered."""

import collections
import itertools
import json
import os
import random
import threading

from support.crowd import at_once, post, request
from support.offers import sellers_with_members
from support.publisher import eventually
from support.service import TOKENS, place
from support.shopping import ADDRESS, CARTS, GROUPS, add, cart_checkout, cart_of, items_checkout, new_cart

ROUNDS, ROUNDS_MAX = 500 if os.environ.get("AGORA_PROVE") == "1" else 100, 1_000
OFFERS = {"o1": "s1", "o2": "s2"}


def seeded():
    seed = random.randrange(2**32)
    print("seed", seed)
    return random.Random(seed)


class Catalog:
    """A log of offers that change all the time, by a thread of its own."""

    def __init__(self, deployment, chance):
        self.log, self.chance = deployment.publisher("catalog"), chance
        for seller in OFFERS.values():
            self.log.publish("seller.opened", seller, seller_id=seller, status="open", name="S")
        self.log.publish("product.published", "p", product_id="p", status="published", title="P")
        self.change()
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def change(self):
        """Prices, and now and then one cannot be bought."""
        terms = {"product_id": "p", "variant_id": "v", "sku": "S", "currency": "USD", "requires_shipping": True, "initial_quantity": 10**6}
        self.log.send(*(self.log.event("offer.updated", offer, offer_id=offer, seller_id=seller, price=self.chance.choice((400, 500, 600)),
                                       status=self.chance.choices(("active", "inactive"), (19, 1))[0], **terms) for offer, seller in OFFERS.items()))

    def run(self):
        while not self.stopped.wait(self.chance.uniform(0, 0.03)):
            self.change()

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join()


def shown_cart(user):
    """A cart of both offers, as its buyer sees it."""
    cart = new_cart(user, shipping_address=ADDRESS)
    for offer in OFFERS:
        # While it cannot be bought it comes into no cart.
        eventually(lambda: add(user, cart["cart_id"], offer).status_code == 201)
    return user.get(f"{CARTS}/{cart['cart_id']}").json()


def changes_of(cart):
    """Requests that change it."""
    path, line = f"{CARTS}/{cart['cart_id']}/items", cart["items"][0]["line_id"]
    return [post(path, '{"offer_id":"o1","quantity":1}', "token-u1"), request("PATCH", f"{path}/{line}", '{"quantity":3}', "token-u1"),
            request("DELETE", f"{path}/{line}", "", "token-u1")]


def lines_of(items):
    return sorted((line["offer_id"], line["quantity"]) for line in items)


def test_what_is_charged_is_what_was_shown(launch, deployment):
    """Until each of the ways it can end was seen, and ROUNDS times at least."""
    chance = seeded()
    catalog = Catalog(deployment, chance)
    shop = launch(*TOKENS, *deployment.flags(catalog.log), "--carts-per-buyer-max", str(ROUNDS_MAX), database=deployment.new_database())
    eventually(lambda: len(shop.query("SELECT 1 FROM offers")) == len(OFFERS))
    outcomes, charged = collections.Counter(), {}
    with catalog, shop.as_user("token-u1") as user:
        for i in itertools.count():
            if i >= ROUNDS and {"placed", "price_changed", "cart_changed"} <= outcomes.keys():
                break
            assert i < ROUNDS_MAX, outcomes
            cart = shown_cart(user)
            check_out = post(GROUPS, cart_checkout(cart, f"{cart['total']:.2f}"), "token-u1", f"k{i}")
            # In half of the rounds nobody but the catalog comes in between.
            change = chance.choice(changes_of(cart) + [None] * 3)
            requests = chance.sample([check_out] + ([change] if change else []), 2 if change else 1)
            answers = dict(zip(requests, at_once(shop.port, requests)))
            status, text = answers[check_out]
            document = json.loads(text)
            outcomes[document.get("code", "placed")] += 1
            if status == 201:
                assert document["total"] == document["amount_due"] == cart["total"] == sum(order["total"] for order in document["orders"])
                assert lines_of(line for order in document["orders"] for line in order["items"]) == lines_of(cart["items"])
                assert change is None or (answers[change][0] == 409 and json.loads(answers[change][1])["code"] in ("cart_closed", "offer_unavailable"))
                charged[document["order_group_id"]] = document["total"]
            else:
                assert status == 409 and document["code"] in ("price_changed", "cart_changed", "offer_unavailable"), text
                assert document["code"] != "price_changed" or document["current_total"] != cart["total"]
                assert document["code"] != "cart_changed" or answers[change][0] in (200, 201)
        print(dict(outcomes), "of", i)
        # What was placed stays as it was, whatever became of its offers; what was refused left nothing.
        assert {id: user.get(f"{GROUPS}/{id}").json()["total"] for id in charged} == charged
    assert shop.query("SELECT count(*) AS n FROM order_groups") == [{"n": len(charged)}]


def test_stock_is_counted_and_given_back_while_it_is_checked_out(launch, deployment, folder):
    """Checkouts of carts and of lines, placements, cancellations by unit and their seller's counts, all at once: each unit is sold once, and each answer is true."""
    chance, units, rounds = seeded(), 30, 12
    shop = launch("--offers", sellers_with_members(folder, {"o1": units}), *TOKENS, "--carts-per-buyer-max", "1000", *deployment.flags(), database=deployment.new_database())
    on_hand, outcomes = (0, units), collections.Counter()
    with shop.as_user("token-u1") as user:
        lines = [order_line(place(user, quantity=3).json()) for _ in range(4)]
        held = 12
        for i in range(rounds):
            wanted = [chance.randint(1, 3) for _ in range(8)]
            carts = [cart_of(user, "o1") for _ in range(4)]
            asks = [("sell", n, post(GROUPS, items_checkout(("o1", n, "5.00")), "token-u1", f"{i}-{j}")) for j, n in enumerate(wanted)]
            asks += [("sell", 1, post(GROUPS, cart_checkout(cart, "5.00"), "token-u1", cart["cart_id"])) for cart in carts]
            asks += [("cancel", 1, post(f"/orders/{order}/cancellation", json.dumps({"items": [{"line_id": line, "quantity": 1}]}), "token-u1"))
                     for order, line in chance.choices(lines, k=8)]
            asks += [("count", n, request("PUT", "/api/v1/offers/o1/inventory", f'{{"on_hand":{n}}}', "token-m1")) for n in (chance.randint(10, 40) for _ in range(3))]
            chance.shuffle(asks)
            for (what, n, _), (status, text) in zip(asks, at_once(shop.port, [ask for _, _, ask in asks])):
                answer = json.loads(text)
                outcomes[what, answer.get("code", "yes")] += 1
                if status >= 400:
                    continue
                if what == "sell":
                    assert answer["total"] == 5 * n
                    held += n
                    lines += [order_line(order) for order in answer["orders"]]
                elif what == "cancel":
                    held -= n
                else:
                    assert answer["on_hand"] == n >= answer["reserved"]
                    on_hand = max(on_hand, (answer["version"], n))
            assert shop.query("SELECT on_hand, reserved FROM stock WHERE offer_id = 'o1'") == [{"on_hand": on_hand[1], "reserved": held}]
    print({" ".join(outcome): n for outcome, n in sorted(outcomes.items())})
    assert {("sell", "yes"), ("sell", "out_of_stock"), ("cancel", "yes"), ("count", "yes"), ("count", "below_reserved")} <= outcomes.keys()
    assert outcomes.keys() <= {("sell", "yes"), ("sell", "out_of_stock"), ("cancel", "yes"), ("cancel", "already_canceled"), ("cancel", "not_cancelable"), ("count", "yes"),
                               ("count", "below_reserved")}


def order_line(order):
    return order["order_id"], order["items"][0]["line_id"]
