"""Offers files of a test's own."""

import json

from support.service import OFFERS


def offers_with_members(folder, **members):
    """The tests' offers, and who may act for their sellers: s1="m1"."""
    path = folder / "with-members.jsonl"
    lines = [json.dumps({"specversion": "1.0", "id": f"members-{seller}", "source": "/agora/offers-file", "type": "seller.member_added", "subject": seller,
                         "logid": "offers-file", "version": "2", "data": {"seller_id": seller, "status": "open", "name": f"Seller {seller}",
                                                                          "members": [{"user_id": user, "role": "owner"}]}}) for seller, user in members.items()]
    path.write_text(open(OFFERS).read() + "\n".join(lines) + "\n")
    return str(path)


def sellers_with_members(folder, offers):
    """stocked_offers(), which are to be shipped the day they are paid, of a seller for whom m1 may act."""
    path = stocked_offers(folder, offers)
    member = {"seller_id": "s1", "status": "open", "name": "Seller s1", "members": [{"user_id": "m1", "role": "owner"}]}
    with open(path, "a") as file:
        file.write(json.dumps({"specversion": "1.0", "id": "members-s1", "source": "/agora/offers-file", "type": "seller.member_added", "subject": "s1",
                               "logid": "offers-file", "version": "2", "data": member}) + "\n")
    return path


def stocked_offers(folder, offers):
    """A file with these offers, each with so many units, at 5.00 each."""
    path = folder / "stocked.jsonl"
    lines = [line for line in open(OFFERS) if "offer." not in line]
    for name, quantity in offers.items():
        lines.append(json.dumps({
            "specversion": "1.0", "id": name, "source": "/agora/offers-file", "type": "offer.created", "subject": name, "logid": "offers-file",
            "version": "1", "data": {"offer_id": name, "seller_id": "s1", "product_id": "p1", "variant_id": "v", "sku": name, "price": 500,
                                     "currency": "USD", "status": "active", "requires_shipping": True, "initial_quantity": quantity}}) + "\n")
    path.write_text("".join(lines))
    return str(path)
