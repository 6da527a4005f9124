"""Order and notification on one way for events, as those see them who watch: traces, metrics."""

import json
import pathlib

from support.publisher import TOKEN
from support.service import OFFERS, TOKENS

WAYS = {"feed": "sqlite", "kafka": "postgresql"}  # how events travel, and the engine that stands beside it


def start_market(launch, request, folder, way, *flags):
    """Both services; u1 has a mail address."""
    offers = folder / "with-mail.jsonl"
    address = {"specversion": "1.0", "id": "t-address", "source": "/agora/offers-file", "type": "user.updated", "subject": "u1", "logid": "offers-file", "version": "2",
               "data": {"user_id": "u1", "email": "u1@example.com", "display_name": "Arthur", "locale": "en"}}
    offers.write_text(pathlib.Path(OFFERS).read_text() + json.dumps(address) + "\n")
    token = folder / "token"
    token.write_text(TOKEN + "\n")
    common = ("--offers", str(offers), *TOKENS, "--service-token-file", str(token), *flags)
    cluster = ("--kafka", request.getfixturevalue("broker").new_cluster()) if way == "kafka" else ()
    database = request.getfixturevalue("postgres").new_database if WAYS[way] == "postgresql" else lambda: None
    order = launch(*common, *cluster, database=database())
    peers = cluster or ("--order-feed", f"feed:http://127.0.0.1:{order.internal_port}", "--events.wait", "1s")
    asking = ("--order-grpc", f"127.0.0.1:{order.grpc_port}")
    notification = launch(*common, *peers, *asking, "--mail", f"maildir:{folder}/mail", "--mail.interval", "50ms", name="notification", database=database())
    return order, notification
