"""Carts and checkouts, as clients make them. Bodies are text: prices must not pass through a float."""

import json

from support.service import JSON

CARTS = "/api/v1/carts"
GROUPS = "/api/v1/order-groups"
ADDRESS = {"name": "Arthur Dent", "line1": "155 Country Lane", "city": "Cottington", "postal_code": "CT1", "country": "GB"}


def new_cart(client, **contact):
    response = client.post(CARTS, json=contact)
    assert response.status_code == 201, response.text
    return response.json()


def add(client, cart_id, offer="o1", quantity=1, key=None, **more):
    headers = {"Idempotency-Key": key} if key else {}
    return client.post(f"{CARTS}/{cart_id}/items", json={"offer_id": offer, "quantity": quantity, **more}, headers=headers)


def cart_of(client, *offers, **contact):
    """A cart with one of each, and an address."""
    cart = new_cart(client, **{"shipping_address": ADDRESS, **contact})
    for offer in offers:
        response = add(client, cart["cart_id"], offer)
        assert response.status_code == 201, response.text
    return client.get(f"{CARTS}/{cart['cart_id']}").json()


def cart_with_a_line(client):
    cart = cart_of(client, "o1")
    return {"cart_id": cart["cart_id"], "line_id": cart["items"][0]["line_id"]}


def cart_checkout(cart, total, **more):
    """The body of a checkout of a cart; `total` as text."""
    members = {"cart_id": json.dumps(cart["cart_id"]), "cart_version": str(cart["version"]), "total": total, **{name: json.dumps(value) for name, value in more.items()}}
    return "{" + ",".join(f'"{name}":{value}' for name, value in members.items()) + "}"


def items_checkout(*lines, **more):
    """The body of a checkout of (offer, quantity, price) lines."""
    items = ",".join(f'{{"offer_id":"{offer}","quantity":{quantity},"price":{price}}}' for offer, quantity, price in lines)
    return '{"items":[' + items + "]" + "".join(f',"{name}":{json.dumps(value)}' for name, value in {"shipping_address": ADDRESS, **more}.items()) + "}"


def check_out(client, body, key):
    return client.post(GROUPS, content=body, headers={**JSON, "Idempotency-Key": key})
