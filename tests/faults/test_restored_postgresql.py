"""Order's PostgreSQL database is put back by PostgreSQL's own tools while notification reads it: the procedures of docs/operations.md, played."""

import json
import os
import pathlib
import shutil
import subprocess
import time

import pytest

from support.audit import AGORA, clean
from support.notifications import told
from support.postgres import BIN, PostgresServer, psql
from support.publisher import TOKEN, eventually
from support.service import OFFERS, TOKENS, Service, place

pytestmark = pytest.mark.no_audit
AS_SERVER = ["runuser", "-u", "nobody", "--"] if os.getuid() == 0 else []



def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


def done(*command):
    code, out, message = run(*command)
    assert code == 0, message
    return out


class Pair:
    """Order, and notification that reads it, by its feed or by Kafka."""

    def __init__(self, folder, server, cluster=None):
        self.token_file = folder / "token"
        self.token_file.write_text(TOKEN + "\n")
        self.database = server.new_database()
        shared = ("--offers", OFFERS, *TOKENS, "--service-token-file", str(self.token_file), "--events.wait", "1s", "--mail", f"maildir:{folder}/mail")
        by = ("--kafka", cluster) if cluster else ()
        self.order = Service(folder / "order", *[flag for flag in (*shared, *by) if flag not in ("--mail", f"maildir:{folder}/mail")], database=self.database)
        reads = by or ("--order-feed", f"feed:http://127.0.0.1:{self.order.internal_port}")
        # Its own database is not put back: on another server, where this one's goes back in time.
        self.notification = Service(folder / "notification", *shared, *reads, name="notification")
        self.order.start()
        self.notification.start()

    def place(self, count):
        user = self.order.as_user("token-u1")
        for _ in range(count):
            assert place(user).status_code == 201

    def partitions_read(self):
        return self.notification.query("SELECT count(*) AS n FROM inbox_positions WHERE stream LIKE 'agora.orders/%' AND event_id <> ''")[0]["n"]

    def told(self, orders):
        return told(self.notification, "kind = 'order_placed'", 2 * orders)

    def degraded(self):
        report = self.notification.ask_internal("/readyz?verbose").text
        return "consumer order degraded" in report and report

    def rebuild(self, *flags):
        return run(AGORA, "events", "rebuild", "--service", "notification", "--publisher", "order", "--url", f"http://127.0.0.1:{self.notification.internal_port}",
                   "--token-file", self.token_file, *flags)

    def renew(self):
        return run(AGORA, "restore", "--service", "order", "--database", self.database, "--json")

    def goes_on_after(self, lost, there):
        """The log has another id: its reader stops, says so, and goes on when it is rebuilt. `there`: orders that came back."""
        log_id = psql(self.database, "SELECT log_id FROM event_log").strip()
        self.order.start()
        assert "log_changed" in eventually(self.degraded)
        # Before anything new is told: what was lost is the newest that the reader knows.
        code, out, message = eventually(lambda: (said := self.rebuild())[1].count("lowered: agora.orders ") == lost and said)
        assert code == 1 and "--accept-gap" in message
        code, _, message = self.rebuild("--accept-gap")
        assert code == 0, message
        eventually(lambda: not self.degraded())
        self.place(1)
        self.told(there + lost + 1)
        assert psql(self.database, "SELECT log_id FROM event_log").strip() == log_id
        report = clean(self.order, readers=[self.notification])
        assert not any("rebuild" in row["why"] for row in report["services"][1]["not_checked"]), "it was compared, not passed over"

    def end(self):
        for service in (self.order, self.notification):
            service.kill()


@pytest.mark.parametrize("by", ["feed", "kafka"])
def test_a_dump_that_is_put_back(folder, postgres, request, by):
    pair = Pair(folder, postgres, request.getfixturevalue("broker").new_cluster() if by == "kafka" else None)
    try:
        # One order comes back and one is placed afterwards, so one of Kafka's three partitions keeps nothing but what was lost.
        pair.place(1)
        pair.told(1)
        before = psql(pair.database, "SELECT log_id FROM event_log")
        done(BIN / "pg_dump", "--format=custom", f"--file={folder}/order.dump", f"--dbname={pair.database}")
        lost = 7
        pair.place(lost)
        pair.told(1 + lost)
        while by == "kafka" and pair.partitions_read() < 3:
            pair.place(1)
            lost += 1
            pair.told(1 + lost)
        code, _, message = pair.renew()
        assert code == 2 and "is in use by order-service/" in message, "a service that runs is not pulled the log from under"
        pair.order.stop()
        psql(postgres.base, f"DROP DATABASE {pair.database.rpartition('/')[2]} WITH (FORCE)")
        psql(postgres.base, f"CREATE DATABASE {pair.database.rpartition('/')[2]} TEMPLATE template0 ENCODING 'UTF8'")
        done(BIN / "pg_restore", "--exit-on-error", f"--dbname={pair.database}", folder / "order.dump")
        assert psql(pair.database, "SELECT log_id FROM event_log") == before
        code, out, message = pair.renew()
        assert code == 0 and json.loads(out)["log_id"] == psql(pair.database, "SELECT log_id FROM event_log").strip(), message
        pair.goes_on_after(lost=lost, there=1)
    finally:
        pair.end()


@pytest.fixture
def archiving(folder):
    """A server that archives its WAL as operations.md says."""
    server = PostgresServer(own=True)
    archive = folder / "archive"
    archive.mkdir()
    if AS_SERVER:
        shutil.chown(archive, "nobody")
        folder.chmod(0o755)
    psql(server.base, "ALTER SYSTEM SET archive_mode = 'on'")
    psql(server.base, f"ALTER SYSTEM SET archive_command = 'test ! -f {archive}/%f && cp %p {archive}/%f'")
    server.crash()
    server.start()
    yield server, archive
    server.stop()


def test_a_recovery_to_a_point_in_time(folder, archiving):
    server, archive = archiving
    pair = Pair(folder, server)
    try:
        done(BIN / "pg_basebackup", "--checkpoint=fast", f"--pgdata={folder}/base", f"--dbname={server.base}")
        pair.place(5)
        pair.told(5)
        moment = psql(server.base, "SELECT clock_timestamp()").strip()
        time.sleep(0.01)
        pair.place(7)
        pair.told(12)
        pair.order.stop()
        psql(server.base, "SELECT pg_switch_wal()")
        eventually(lambda: psql(server.base, "SELECT last_archived_wal >= pg_walfile_name(pg_current_wal_lsn() - 1) FROM pg_stat_archiver").strip() == "t")
        server.crash()
        data = pathlib.Path(json.loads((server.engine.state / "state.json").read_text())["postgresql"]["folder"]) / "data"
        data.rename(data.with_name("lost"))
        shutil.copytree(folder / "base", data)
        with (data / "postgresql.auto.conf").open("a") as settings:
            settings.write(f"restore_command = 'cp {archive}/%f %p'\nrecovery_target_time = '{moment}'\nrecovery_target_action = 'promote'\n")
        (data / "recovery.signal").touch()
        if AS_SERVER:
            subprocess.run(["chown", "-R", "nobody", str(data)], check=True)
        server.start()
        eventually(lambda: psql(server.base, "SELECT pg_is_in_recovery()").strip() == "f")
        assert psql(pair.database, "SELECT count(*) FROM orders").strip() == "5"
        code, _, message = pair.renew()
        assert code == 0, message
        pair.goes_on_after(lost=7, there=5)
    finally:
        pair.end()
