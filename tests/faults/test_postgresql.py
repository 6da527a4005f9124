"""PostgreSQL under faults: it dies, its sessions are ended, replicas of the service stop and die. Whoever keeps his key gets one order."""

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.deployment import Production
from support.offers import stocked_offers
from support.postgres import PostgresServer, psql
from support.service import OFFERS, TOKENS, place, problem
from support.shoppers import Shoppers, counted

PROVE = os.environ.get("AGORA_PROVE") == "1"
DOWN_SECONDS = 20 if PROVE else 5
TERMINATING_SECONDS = 60 if PROVE else 10
STOPS = 10 if PROVE else 3
KILLS, SECONDS_BETWEEN_KILLS = (12, 5) if PROVE else (4, 1.5)


@pytest.fixture
def own_postgres():
    server = PostgresServer(own=True)
    yield server
    server.stop()


@pytest.fixture
def replicas(launch, production):
    """Two order services on one database; whatever becomes of them, all that was committed is published."""
    def start(*flags, offers=OFFERS):
        database = production.new_database()
        return [launch("--offers", offers, *TOKENS, *production.flags(), *flags, database=database) for _ in range(2)]

    yield start
    production.all_is_published(launch.services[-1])


def outside(service, statement):
    """On a session of its own, beside the service's."""
    return psql(service.database + "?application_name=outside", statement)


def test_a_database_that_dies_is_told_at_once_and_found_again(own_postgres, launch, folder, broker):
    """F-05: writes 503 with Retry-After within 1 s, the first success within 3 s of its start, without a restart of ours."""
    production = Production(folder, own_postgres.new_database, broker.new_cluster())
    shop = launch("--offers", OFFERS, *TOKENS, *production.flags(), database=production.new_database())
    with Shoppers([shop], clients=8) as shoppers:
        shoppers.wait_for_orders(100)
        own_postgres.crash()
        down = time.monotonic()
        before = shoppers.count(503)
        with shop.as_user("token-u1") as client:
            while time.monotonic() < down + DOWN_SECONDS:
                began = time.monotonic()
                problem(client.get("/orders/none"), 503, "temporarily_unavailable")
                assert time.monotonic() - began < 1
                assert shop.ask_internal("/livez").status_code == 200
        assert shoppers.count(503) > before
        own_postgres.start()
        up = time.monotonic()
        shoppers.wait_for_orders(1, seconds=3)
        back = time.monotonic() - up
        shoppers.wait_for_orders(100)
    waited = max(attempt.seconds for attempt in shoppers.attempts if down <= attempt.began and attempt.began + attempt.seconds < up)
    print(f"longest answer while down {waited:.3f} s, first success {back:.3f} s after the start, {shoppers.count(503)} × 503")
    assert waited < 1 and back < 3
    shoppers.check(shop)
    production.all_is_published(shop)


def test_ended_sessions_and_serialization_failures_are_not_seen(launch, production):
    """F-06: all sessions terminated every second, one placement in a hundred fails with 40001 or 40P01."""
    shop = launch("--offers", OFFERS, *TOKENS, *production.flags(), database=production.new_database())
    outside(shop, """CREATE FUNCTION collide() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF random() < 0.005 THEN RAISE EXCEPTION 'collided' USING ERRCODE = '40001'; END IF;
        IF random() < 0.005 THEN RAISE EXCEPTION 'collided' USING ERRCODE = '40P01'; END IF;
        RETURN NEW; END $$; CREATE TRIGGER collide BEFORE INSERT ON order_groups FOR EACH ROW EXECUTE FUNCTION collide();""")
    ended = 0
    with Shoppers([shop], clients=8) as shoppers:
        until = time.monotonic() + TERMINATING_SECONDS
        while time.monotonic() < until:
            time.sleep(1)
            ended += int(outside(shop, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                                       "WHERE datname = current_database() AND pid <> pg_backend_pid()"))
    calls = len(shoppers.attempts)
    collided, lost = counted(shop, 'retries_total{sqlstate="40'), counted(shop, 'retries_total{sqlstate="connection"}')
    unknown = counted(shop, "agora_sql_unknown_commits_total")
    print(f"{calls} calls, {ended} sessions ended, {collided:.0f} retries of collisions, {lost:.0f} of lost connections, {shoppers.count(503)} × 503, {unknown:.0f} unknown")
    assert ended > TERMINATING_SECONDS and collided > 0
    assert collided + lost <= calls / 10
    # A session that went while it committed is a 503, which the shopper's key resolves.
    assert shoppers.count(None) == 0 and shoppers.count(503) <= calls / 100
    shoppers.check(shop)
    production.all_is_published(shop)


def stop_in_mid_span(victim):
    """SIGSTOPs the service where it holds a transaction open; when its session's last word was heard."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        victim.process.send_signal(signal.SIGSTOP)
        stopped = time.monotonic()
        time.sleep(0.4)
        # Nobody who runs has one open for so long without a word from its process.
        held = outside(victim, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND xact_start < now() - interval '300 ms' "
                               "AND (state = 'idle in transaction' OR wait_event = 'ClientRead')")
        if int(held) > 0:
            return stopped
        victim.process.send_signal(signal.SIGCONT)
        time.sleep(0.01)
    raise AssertionError("it never stopped in a span")


def test_a_replica_stopped_in_mid_span_holds_the_others_up_for_two_seconds_at_most(replicas):
    victim, other = replicas()
    longest = 0
    for _ in range(STOPS):
        # All want the same stock row.
        with Shoppers([victim], clients=4) as doomed, Shoppers([other], clients=8) as shoppers:
            doomed.wait_for_orders(20)
            shoppers.wait_for_orders(20)
            stopped = stop_in_mid_span(victim)
            # Of this one the others go on.
            while time.monotonic() < stopped + 2.5:
                time.sleep(0.01)
            shoppers.wait_for_orders(20, seconds=1)
            victim.process.send_signal(signal.SIGCONT)
        assert shoppers.count(503) == shoppers.count(None) == 0
        longest = max([longest] + [attempt.seconds for attempt in shoppers.attempts])
    print(f"longest wait of the other replica: {longest:.2f} s")
    assert longest <= 2
    keys = victim.query("SELECT count(*) AS n, count(DISTINCT hash) AS keys FROM idempotency_keys")[0]
    assert keys["n"] == keys["keys"]


def test_replicas_killed_in_turn_under_load_lose_nothing(replicas):
    services = replicas("--payment-window", "1h")
    with Shoppers(services) as shoppers:
        for kill in range(KILLS):
            time.sleep(SECONDS_BETWEEN_KILLS)
            services[kill % 2].restart()
        shoppers.wait_for_orders(50)
    print(f"{len(shoppers.answers)} orders, {shoppers.count(None)} connections ended, {shoppers.count(503)} × 503")
    assert shoppers.count(None) > 0
    shoppers.check(services[0])


def test_one_key_fifty_times_through_two_replicas_is_one_order(replicas):
    services = replicas()
    for key in (f"double-{n}" for n in range(10)):
        def click(number):
            with services[number % 2].as_user("token-u1") as client:
                return place(client, key=key).text

        with ThreadPoolExecutor(50) as pool:
            assert len(set(pool.map(click, range(50)))) == 1
    assert services[0].query("SELECT count(*) AS n FROM orders")[0]["n"] == 10


def test_placements_of_many_offers_in_any_order_never_deadlock(replicas, folder):
    names = [f"o{n}" for n in range(12)]
    services = replicas("--sql.writers", "4", offers=stocked_offers(folder, dict.fromkeys(names, 10**6)))
    with Shoppers(services, offers=names, several=8, clients=24) as shoppers:
        shoppers.wait_for_orders(1_000, seconds=60)
    assert sum(counted(service, 'sqlstate="40P01"') for service in services) == 0
    assert shoppers.count(503) == shoppers.count(None) == 0
    shoppers.check(services[0])


@pytest.mark.no_audit
def test_a_password_is_in_no_log_and_no_answer(own_postgres, launch):
    psql(own_postgres.url("postgres"), "ALTER ROLE agora PASSWORD 'hunter2'")
    url = own_postgres.new_database().replace("agora@", "agora:hunter2@")
    shop = launch("--offers", OFFERS, *TOKENS, "--log-level", "debug", database=url)
    with shop.as_user("token-u1") as client:
        assert place(client).status_code == 201
        own_postgres.crash()
        deadline = time.monotonic() + 10
        while "the database cannot be reached" not in shop.log():
            place(client)
            assert time.monotonic() < deadline
    assert "hunter2" not in shop.log()
