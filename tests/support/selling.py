"""Sales: orders that are paid, and what their sellers do with them."""

from support.publisher import eventually
from support.service import place

API = "/api/v1"
TRACKING = {"carrier": "DHL", "number": "JD014600003", "url": "https://example.com/track/JD014600003"}


def capture(payment, order):
    group = order["order_group_id"]
    payment.publish("payment.captured", f"pay-{group}", payment_id=f"pay-{group}", order_group_id=group, amount=round(order["total"] * 100),
                    currency=order["currency"])


def paid(shop, payment, token="token-u1", **order):
    """An order that its seller is to ship."""
    return all_paid(shop, payment, [place(shop.as_user(token), **order).json()], token)[0]


def all_paid(shop, payment, orders, token="token-u1"):
    for order in orders:
        capture(payment, order)
    user = shop.as_user(token)
    read = lambda: [user.get(f"/orders/{order['order_id']}").json() for order in orders]
    eventually(lambda: all(order["status"] == "confirmed" for order in read()), 60)
    return read()


def pack(client, order, quantity=None, key=None, line=0, **more):
    item = order["items"][line]
    headers = {"Idempotency-Key": key} if key else {}
    body = {"items": [{"line_id": item["line_id"], "quantity": quantity or item["quantity"]}], **more}
    return client.post(f"{API}/orders/{order['order_id']}/fulfillments", json=body, headers=headers)


def packed(client, order, **options):
    response = pack(client, order, **options)
    assert response.status_code == 201, response.text
    return response.json()


def patch(client, fulfillment, **change):
    return client.patch(f"{API}/fulfillments/{fulfillment['fulfillment_id']}", json=change)


def ship(client, fulfillment, **more):
    return patch(client, fulfillment, status="shipped", **more)


def shipped(client, order, **options):
    fulfillment = packed(client, order, **options)
    response = ship(client, fulfillment)
    assert response.status_code == 200, response.text
    return response.json()


def confirm(client, order, key=None):
    return client.post(f"{API}/orders/{order['order_id']}/delivery-confirmation", headers={"Idempotency-Key": key} if key else {})
