"""agora migrate copy: a service goes over from SQLite to PostgreSQL with all that it knows, and its readers go on where they stand."""

import http.client
import json
import os
import sqlite3
import subprocess
import threading
import time

import pytest

from support.audit import AGORA, clean
from support.postgres import psql
from support.publisher import TOKEN, eventually
from support.service import JSON, OFFERS, TOKENS, Service, order_body, place
from support.tokens import bearer

ORDERS = 100_000 if os.environ.get("AGORA_PROVE") == "1" else 2_000
CLIENTS = 8


def agora(*arguments):
    return subprocess.run([AGORA, *map(str, arguments)], capture_output=True, text=True, timeout=600)


def migrated(postgres, name):
    url = postgres.new_database()
    assert agora("migrate", "--service", name, "--database", url).returncode == 0
    return url


def copy(service, url, *flags):
    return agora("migrate", "copy", "--service", service.name, "--from", service.data / f"{service.name}.db", "--to", url, *flags)


def buy(service, count):
    """On connections that stay, with nothing checked on the way: there are many."""
    def shop(number):
        connection = http.client.HTTPConnection("127.0.0.1", service.port)
        for i in range(count // CLIENTS):
            connection.request("POST", "/orders", order_body(), {**JSON, "Authorization": f"Bearer {bearer('token-u1')}", "Idempotency-Key": f"{number}-{i}"})
            answer = connection.getresponse()
            body = answer.read()
            assert answer.status == 201, body

    threads = [threading.Thread(target=shop, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def counts(report):
    return [{(row["invariant"], row["what"]): row["count"] for row in service["checked"] if row["invariant"] != "file"} for service in report["services"]]


@pytest.mark.no_audit
def test_a_marketplace_goes_over(folder, postgres):
    token_file = folder / "token"
    token_file.write_text(TOKEN + "\n")
    shared = ("--offers", OFFERS, *TOKENS, "--service-token-file", str(token_file), "--events.wait", "1s")
    order = Service(folder / "order", *shared)
    told = ("--order-feed", f"feed:http://127.0.0.1:{order.internal_port}", "--mail", "none")
    notification = Service(folder / "notification", *shared, *told, name="notification")
    try:
        order.start()
        notification.start()
        buy(order, ORDERS)
        user = order.as_user("token-u1")
        kept = place(user, key="kept")
        canceled = place(user, quantity=3).json()["order_id"]
        assert user.post(f"/orders/{canceled}/cancellation").status_code == 200
        about_orders = "SELECT count(*) AS n FROM notifications WHERE kind = 'order_placed' AND channel = 'in_app'"
        eventually(lambda: notification.query(about_orders)[0]["n"] == ORDERS + 2, seconds=30 + ORDERS / 200)
        order.stop()
        notification.stop()
        before = clean(order, readers=[notification])
        log_id = order.query("SELECT log_id FROM event_log")
        numbers = "SELECT sequence, notification_id, user_id FROM notification_numbers ORDER BY sequence"
        followed = [notification.query(numbers), notification.query("SELECT log_id FROM notification_log")]
        urls = {service.name: migrated(postgres, service.name) for service in (order, notification)}
        for service in (order, notification):
            began = time.monotonic()
            done = copy(service, urls[service.name], "--json")
            print(f"{service.name}, {ORDERS} orders: copied in {time.monotonic() - began:.1f} s")
            assert done.returncode == 0, done.stderr
            copied = json.loads(done.stdout)["rows"]
            assert copied["inbox_positions" if service is notification else "orders"] == (1 if service is notification else ORDERS + 2)
        assert counts(clean(order, readers=[notification])) == counts(before), "the files are as they were"
        for service in (order, notification):
            service.database = urls[service.name]
        after = clean(order, readers=[notification])
        assert counts(after) == counts(before) and order.query("SELECT log_id FROM event_log") == log_id
        assert [notification.query(numbers), notification.query("SELECT log_id FROM notification_log")] == followed
        # They go on: a key is known, a reader stands where it stood, new numbers and ids are new.
        order.start()
        notification.start()
        user = order.as_user("token-u1")
        again = place(user, key="kept")
        assert again.text == kept.text and again.headers["idempotency-replayed"] == "true"
        assert place(user, quantity=2).status_code == 201
        eventually(lambda: notification.query(about_orders)[0]["n"] == ORDERS + 3)
        eventually(lambda: [row["sequence"] for row in notification.query(numbers)] == [*(row["sequence"] for row in followed[0]), followed[0][-1]["sequence"] + 1])
        assert "degraded" not in notification.ask_internal("/readyz?verbose").text
        assert counts(clean(order, readers=[notification]))[0]["I9", "orders"] == ORDERS + 3
    finally:
        order.kill()
        notification.kill()


@pytest.fixture
def stopped(sqlite_shop):
    """A stopped service with an order."""
    assert place(sqlite_shop.as_user("token-u1")).status_code == 201
    sqlite_shop.stop()
    return sqlite_shop


def refused(service, url, why):
    tables = psql(url, "SELECT string_agg(relname || n_live_tup, ',') FROM pg_stat_user_tables")
    done = copy(service, url)
    assert done.returncode == 2 and why in done.stderr, done.stderr
    assert psql(url, "SELECT string_agg(relname || n_live_tup, ',') FROM pg_stat_user_tables") == tables


def test_a_service_that_runs_is_not_copied(sqlite_shop, postgres):
    refused(sqlite_shop, migrated(postgres, "order"), f"order.db is in use by process {sqlite_shop.process.pid}")


def test_a_target_without_tables_or_of_another_service_is_refused(stopped, postgres):
    refused(stopped, postgres.new_database(), "no tables of a service")
    refused(stopped, migrated(postgres, "notification"), "not the same migrations")


def test_a_target_that_has_rows_is_refused(stopped, postgres):
    url = migrated(postgres, "order")
    assert copy(stopped, url).returncode == 0
    assert psql(url, "SELECT count(*) FROM orders") == "1\n"
    refused(stopped, url, "the target is not empty")


@pytest.mark.damages
@pytest.mark.no_audit
@pytest.mark.parametrize("damage,why", [("UPDATE orders SET number = 'a' || char(0)", "orders.number holds what is no text"), ("UPDATE order_lines SET unit_price = 4.5", "order_lines.unit_price holds what is no integer")])
def test_what_postgresql_cannot_hold_leaves_nothing(stopped, postgres, damage, why):
    database = sqlite3.connect(stopped.data / "order.db")
    database.execute(damage)
    database.commit()
    database.close()
    url = migrated(postgres, "order")
    log_id = psql(url, "SELECT log_id FROM event_log")
    refused(stopped, url, why)
    for table in ("orders", "stock", "outbox", "idempotency_keys"):
        assert psql(url, f"SELECT count(*) FROM {table}") == "0\n"
    assert psql(url, "SELECT log_id FROM event_log") == log_id
