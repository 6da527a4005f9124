"""Starts, kills and asks a real service."""

import json
import os
import pathlib
import signal
import sqlite3
import subprocess
import time

import httpx

from support.contract import CONTRACTS
from support.ports import free_port
from support.postgres import psql, rows
from support.root import ROOT
from support.tokens import TOKENS, bearer
from support.transport import without_delay

BUILD = pathlib.Path(os.environ.get("AGORA_BUILD", ROOT / "build" / "release"))
OFFERS = str(ROOT / "tests" / "support" / "offers.jsonl")
READY_SECONDS = 15


class Service:
    def __init__(self, data, *flags, name="order", database=None, faults=False, env=None, production=False, address="127.0.0.1", port=None):
        self.name = name
        self.address = address
        self.data = pathlib.Path(data)
        self.database = database
        self.flags = flags
        self.binary = BUILD / "services" / name / f"{name}-service{'-faults' if faults else ''}"
        self.port = port or free_port()
        self.internal_port = free_port()
        self.grpc_port = free_port() if name == "order" else None
        self.env = {**os.environ, "AGORA_ENV": "production" if production else "test", **(env or {})}
        if address != "127.0.0.1":
            self.env["AGORA_BIND"] = address
        self.process = None
        self.log_file = self.data / "log"

    @property
    def command(self):
        database = ["--db", self.database] if self.database else ["--data", str(self.data)]
        ports = ["--port", str(self.port), "--internal-port", str(self.internal_port)]
        if self.grpc_port:
            ports += ["--grpc-port", str(self.grpc_port)]
        return [str(self.binary), *ports, *database, *self.flags]

    def start(self, **env):
        self.spawn(**env)
        deadline = time.monotonic() + READY_SECONDS
        while not self.is_ready():
            assert self.process.poll() is None, f"ended with {self.process.returncode}: {self.log()}"
            assert time.monotonic() < deadline, f"not ready: {self.log()}"
            time.sleep(0.01)
        self.client = self.connect()
        return self

    def spawn(self, **env):
        self.data.mkdir(parents=True, exist_ok=True)
        self.process = subprocess.Popen(self.command, env={**self.env, **env}, stdin=subprocess.DEVNULL,
                                        stdout=self.log_file.open("ab"), stderr=subprocess.STDOUT)

    def is_ready(self):
        try:
            return self.ask_internal("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    @property
    def feed(self):
        return f"feed:http://{self.address}:{self.internal_port}"

    @property
    def url(self):
        return f"http://{self.address}:{self.port}"

    def log(self):
        return self.log_file.read_text(errors="replace")

    def kill(self):
        """SIGKILL; nothing is left to say."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        if self.process:
            self.process.wait()

    def stop(self):
        """SIGTERM, and the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)

    def restart(self):
        self.kill()
        return self.start()

    # Asking

    def connect(self, **headers):
        """A client that compares every answer with the contract."""
        return httpx.Client(base_url=self.url, timeout=30, headers=headers, event_hooks={"response": [CONTRACTS[self.name].check]}, transport=without_delay())

    def as_user(self, token):
        """`token`: a name of support/tokens.py, or a token."""
        return self.connect(Authorization=f"Bearer {bearer(token)}")

    def metrics(self):
        return self.ask_internal("/metrics").text

    def ask_internal(self, path):
        with httpx.Client(transport=without_delay(), timeout=5) as client:
            return client.get(f"http://{self.address}:{self.internal_port}{path}")

    def query(self, sql):
        """Rows as dicts, read beside the service (or after it)."""
        if self.database:
            return rows(self.database, sql)
        connection = sqlite3.connect(f"file:{self.data / (self.name + '.db')}?mode=ro", uri=True, timeout=10)
        connection.row_factory = sqlite3.Row
        try:
            return [dict(row) for row in connection.execute(sql)]
        finally:
            connection.close()

    def change(self, sql):
        """Changes the database of a service that is stopped."""
        if self.database:
            psql(self.database, sql)
            return
        connection = sqlite3.connect(self.data / (self.name + ".db"))
        connection.execute(sql)
        connection.commit()
        connection.close()

    @property
    def written(self):
        """What the outbox's rows are ordered by as they were written: on PostgreSQL they are numbered later, and elsewhere."""
        return "id" if self.database else "sequence"

    def counts(self):
        """Rows of every table that a request may write: equal before and after a refusal."""
        tables = ["order_groups", "orders", "order_lines", "outbox", "idempotency_keys", "stock_movements", "order_contacts", "addresses", "audit_log", "payment_holds", "payment_attempts", "refunds", "fulfillments", "fulfillment_lines"]
        counts = {table: self.query(f"SELECT count(*) AS n FROM {table}")[0]["n"] for table in tables}
        counts["carts"] = self.query("SELECT * FROM carts ORDER BY cart_id")
        counts["cart_lines"] = self.query("SELECT * FROM cart_lines ORDER BY cart_id, position")
        counts["stock"] = self.query("SELECT offer_id, on_hand, reserved, version FROM stock ORDER BY offer_id")
        return counts


def order_body(offer="o1", quantity=1, price="5.00", **more):
    """A request body as text: prices must not pass through a float."""
    members = {"offer_id": json.dumps(offer), "quantity": json.dumps(quantity), "price": str(price)}
    members.update({name: json.dumps(value) for name, value in more.items()})
    return "{" + ",".join(f'"{name}":{value}' for name, value in members.items()) + "}"


JSON = {"Content-Type": "application/json"}


def place(client, key=None, path="/orders", **order):
    headers = dict(JSON)
    if key:
        headers["Idempotency-Key"] = key
    return client.post(path, content=order_body(**order), headers=headers)


def problem(response, status, code):
    """Asserts the shape of an error and gives its document."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document = response.json()
    assert document["code"] == code, document
    assert document["status"] == status and document["type"] == f"/errors/{code}"
    assert document["title"] and document["detail"] and len(document["trace_id"]) == 32
    return document
