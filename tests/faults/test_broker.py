"""F-07: the broker dies under load. Orders are placed throughout, and when it is back all is told, once and in order."""

import os
import time

import pytest

from support.deployment import Production
from support.kafka import Broker
from support.notifications import orders_told
from support.publisher import eventually
from support.service import OFFERS, TOKENS
from support.shoppers import Shoppers

# Enough to be back within a test, and what proof.md asks for.
DOWN_SECONDS = (10, 60, 600) if os.environ.get("AGORA_PROVE") == "1" else (10,)
DRAIN_SECONDS_MAX = 30
DRAIN_PER_SECOND = 2_000


@pytest.fixture
def own_broker():
    broker = Broker(own=True)
    yield broker
    broker.stop()


@pytest.fixture
def market(launch, folder, postgres, own_broker):
    production = Production(folder, postgres.new_database, own_broker.new_cluster())
    flags = ("--offers", OFFERS, *TOKENS, *production.flags())
    order = launch(*flags, database=production.new_database())
    return production, order, launch(*flags, "--mail", "none", name="notification", database=production.new_database())


@pytest.mark.parametrize("seconds", DOWN_SECONDS)
def test_orders_are_placed_while_the_broker_is_down(market, own_broker, seconds):
    production, order, notification = market
    with Shoppers([order], clients=4, pause=0.05) as shoppers:
        eventually(lambda: orders_told(notification) > 10)
        before = len(shoppers.answers)
        own_broker.own.kill()
        time.sleep(seconds)
        while_down = len(shoppers.answers) - before
        own_broker.own.restart()
        shoppers.wait_for_orders(50)
    back = time.monotonic()
    assert while_down > 0 and shoppers.count(503) == shoppers.count(None) == 0, "the order path does not need the broker"
    backlog = len(shoppers.answers) * 3
    eventually(lambda: orders_told(notification) == len(shoppers.answers), seconds=DRAIN_SECONDS_MAX + backlog / DRAIN_PER_SECOND)
    print(f"down {seconds} s: {len(shoppers.answers)} orders, {while_down} of them meanwhile, none refused; all told {time.monotonic() - back:.1f} s after the last")
    production.all_is_published(order)
    assert notification.query("SELECT 1 FROM parked_events") == []
    shoppers.check(order, readers=[notification])
