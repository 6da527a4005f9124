"""A log of a test's own, for a service that is not there yet: agora-test-publisher, which serves it by libs/events."""

import json
import os
import pathlib
import shutil
import signal
import sqlite3
import subprocess
import time

import httpx

from support.contract import validate_event
from support.ports import free_port
from support.postgres import dump, psql, put_back, rows
from support.service import BUILD, READY_SECONDS
from support.transport import without_delay

TOKEN = "t" * 32
TOPICS = {"product": "agora.products", "offer": "agora.offers", "seller": "agora.sellers", "user": "agora.users", "payment": "agora.payments", "refund": "agora.refunds",
          "order": "agora.orders", "order_group": "agora.order_groups", "stock": "agora.stock"}


class Publisher:
    def __init__(self, name, folder, database=None, cluster=None):
        """`database`: URL of an empty PostgreSQL database; None: a SQLite file in `folder`. `cluster`: of Kafka, by which it is told; None: by its feed."""
        self.name = name
        self.database = database
        self.cluster = cluster
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self.versions = {}
        self.token_file = self.folder / "token"
        self.token_file.write_text(TOKEN + "\n")
        self.process = None

    def start(self, **env):
        command = [str(BUILD / "tests" / "publisher" / "agora-test-publisher"), self.name, self.database or f"sqlite:{self.folder}/log.db", str(self.port), str(self.token_file)]
        if self.cluster:
            command.append(self.cluster)
        output = (self.folder / "log").open("ab")
        self.process = subprocess.Popen(command, env={**os.environ, **env}, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        self.client = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30, transport=without_delay())
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                if self.client.get("/readyz").status_code == 200:
                    return self
            except httpx.TransportError:
                pass
            assert self.process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.01)

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    @property
    def feed(self):
        return f"feed:http://127.0.0.1:{self.port}"

    def event(self, type, subject, version=None, /, **data):
        """An event of the next version, or of this one."""
        topic = TOPICS[type.split(".")[0]]
        version = version or self.versions.get((topic, subject), 0) + 1
        self.versions[(topic, subject)] = max(version, self.versions.get((topic, subject), 0))
        validate_event(type, data)
        return {"topic": topic, "type": type, "subject": subject, "version": version, "data": data}

    def send(self, *events):
        """In this order, in one transaction; validated when they were made."""
        response = self.client.post("/publish", content=json.dumps({"events": events}))
        assert response.status_code == 204, response.text

    def publish(self, type, subject, version=None, /, **data):
        self.send(self.event(type, subject, version, **data))

    def poison(self, type, subject, version, data):
        """An event whose data is not what its type says."""
        self.send({"topic": TOPICS[type.split(".")[0]], "type": type, "subject": subject, "version": version, "data": data})

    def metrics(self):
        # On a connection of its own: one that was silent for as long as the publisher slept is closed.
        return httpx.get(f"http://127.0.0.1:{self.port}/metrics", timeout=30).text

    def trim(self):
        assert self.client.post("/trim").status_code == 204

    # Restores

    def copy(self, to):
        """What a backup would have: a consistent copy."""
        if self.database:
            dump(self.database, to)
            return
        source = sqlite3.connect(f"file:{self.folder}/log.db?mode=ro", uri=True)
        target = sqlite3.connect(to)
        source.backup(target)
        target.close()
        source.close()

    def put_back(self, copy, renew=False):
        """As it was copied, or as `agora restore` does with a new log id."""
        self.kill()
        if self.database:
            put_back(self.database, copy)
            if renew:
                psql(self.database, "UPDATE event_log SET log_id = replace(gen_random_uuid()::text, '-', '')")
            self.start()
            return
        for suffix in ("-wal", "-shm"):
            (self.folder / f"log.db{suffix}").unlink(missing_ok=True)
        shutil.copy(copy, self.folder / "log.db")
        if renew:
            database = sqlite3.connect(self.folder / "log.db")
            database.execute("UPDATE event_log SET log_id = lower(hex(randomblob(16)))")
            database.commit()
            database.close()
        self.start()

    def query(self, sql):
        if self.database:
            return rows(self.database, sql)
        connection = sqlite3.connect(f"file:{self.folder / 'log.db'}?mode=ro", uri=True, timeout=10)
        connection.row_factory = sqlite3.Row
        try:
            return [dict(row) for row in connection.execute(sql)]
        finally:
            connection.close()


def eventually(check, seconds=15):
    """Waits until check() gives something true."""
    deadline = time.monotonic() + seconds
    while True:
        found = check()
        if found:
            return found
        assert time.monotonic() < deadline, "it never came to be"
        time.sleep(0.02)
