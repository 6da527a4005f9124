"""Offers files of a test's own."""

import json

from support.service import OFFERS


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
