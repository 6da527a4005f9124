"""Events as order, auth and catalog publish them, for services that only hear of them."""

TIME = "2026-11-23T10:00:00.000Z"
NUMBER = "4T8QX0WZ1M"
AMOUNTS = {"subtotal": 1000, "discount_total": 0, "shipping_total": 0, "tax_total": 0, "total": 1000}


def line(title="Towel", quantity=2, total=1000):
    return {"line_id": "l1", "offer_id": "o1", "sku": "SKU-1", "title": title, "quantity": quantity, "total": total}


class World:
    """The three logs that notification reads."""

    def __init__(self, deployment):
        self.order, self.auth, self.catalog = map(deployment.publisher, ("order", "auth", "catalog"))
        self.flags = deployment.flags(self.order, self.auth, self.catalog)

    # Who there is

    def user(self, user_id, email="default", display_name="Arthur", locale="en", type="user.registered"):
        email = f"{user_id}@example.com" if email == "default" else email
        self.auth.publish(type, user_id, user_id=user_id, email=email, display_name=display_name, locale=locale)

    def seller(self, seller_id, *members, type="seller.opened"):
        self.catalog.publish(type, seller_id, seller_id=seller_id, status="open", name="Seller", members=[{"user_id": m, "role": "owner"} for m in members])

    # What happens

    def group_placed(self, group, user="u1"):
        return self.order.event("order_group.placed", group, order_group_id=group, number=NUMBER, user_id=user, currency="USD", order_ids=[f"{group}-1"],
                                placed_at=TIME, pay_by=TIME, **AMOUNTS)

    def group_paid(self, group, user="u1", title="Towel", more=()):
        orders = [{"order_id": f"{group}-1", "number": NUMBER, "seller_id": "s1", "total": 1000, "lines": [line(title), *more]}]
        return self.order.event("order_group.paid", group, order_group_id=group, number=NUMBER, user_id=user, payment_id="pay", currency="USD", total=1000,
                                orders=orders, paid_at=TIME)

    def group_canceled(self, group, reason, user="u1"):
        return self.order.event("order_group.canceled", group, order_group_id=group, number=NUMBER, user_id=user, reason=reason, canceled_at=TIME)

    def capture_refused(self, group, user="u1", reason="ended"):
        return self.order.event("order_group.capture_refused", group, order_group_id=group, number=NUMBER, user_id=user, payment_id="pay", amount=1000,
                                currency="USD", reason=reason, refused_at=TIME)

    def lines_canceled(self, group, reason="out_of_stock", refund=500, user="u1", seller="s1", **more):
        lines = [{"line_id": "l1", "offer_id": "o1", "quantity": 1, "canceled_quantity": 1, "canceled_total": 500, **more}]
        return self.order.event("order.lines_canceled", f"{group}-1", order_id=f"{group}-1", number=NUMBER, order_group_id=group, user_id=user, seller_id=seller,
                                reason=reason, fulfillment_status="not_fulfilled", lines=lines, currency="USD", canceled_total=500, refunded_total=0,
                                refund_amount=refund, canceled_at=TIME)

    def order_refunded(self, group, amount=500, user="u1", seller="s1"):
        return self.order.event("order.refunded", f"{group}-1", order_id=f"{group}-1", number=NUMBER, order_group_id=group, user_id=user, seller_id=seller,
                                refund_id=f"r-{amount}", payment_id="pay", currency="USD", amount=amount, refunded_total=amount, payment_status="partially_refunded",
                                fulfillment_status="not_fulfilled", lines=[], restock=False, refunded_at=TIME)

    def order_paid(self, group, user="u1", seller="s1", title="Towel"):
        return self.order.event("order.paid", f"{group}-1", order_id=f"{group}-1", number=NUMBER, order_group_id=group, user_id=user, seller_id=seller,
                                payment_id="pay", currency="USD", total=1000, lines=[line(title)], paid_at=TIME)

    def order_shipped(self, group, tracking=None, user="u1", title="Towel"):
        return self.fulfillment("order.shipped", group, "shipped", tracking, user, title)

    def order_delivered(self, group, user="u1"):
        return self.fulfillment("order.delivered", group, "delivered", None, user, "Towel")

    def fulfillment(self, type, group, status, tracking, user, title):
        lines = [{name: value for name, value in line(title).items() if name != "total"}]
        return self.order.event(type, f"{group}-1", order_id=f"{group}-1", number=NUMBER, order_group_id=group, user_id=user, seller_id="s1",
                                fulfillment_id=f"{group}-f", fulfillment_status=status, lines=lines, tracking=tracking, **{f"{status}_at": TIME})

    def order_canceled(self, group, reason="buyer", user="u1", seller="s1", refund=0, refunded=0):
        return self.order.event("order.canceled", f"{group}-1", order_id=f"{group}-1", number=NUMBER, order_group_id=group, user_id=user, seller_id=seller,
                                reason=reason, lines=[{"line_id": "l1", "offer_id": "o1", "quantity": 2}], currency="USD", canceled_total=1000, refunded_total=refunded, refund_amount=refund,
                                canceled_at=TIME)
