"""Databases of a PostgreSQL server with nothing to lose."""

import json
import pathlib
import subprocess
import uuid

from support.engines import Engine, url_of

BIN = pathlib.Path("/usr/lib/postgresql/15/bin")


class PostgresServer:
    """The run's server; or one of this process's own, for who wants to crash it."""

    def __init__(self, own=False):
        self.engine = Engine("postgresql") if own or not url_of("postgresql") else None
        self.base = self.engine.url if self.engine else url_of("postgresql")
        self.databases = []

    def crash(self):
        """Without a word to anybody, as a power cut would; start() recovers."""
        self.engine.kill()

    def start(self):
        self.engine.restart()

    def stop(self):
        if self.engine:
            self.engine.stop()
            return
        for name in self.databases:
            self.psql(f"DROP DATABASE {name} WITH (FORCE)")

    def new_database(self):
        """A URL. The locale sorts otherwise than bytes do, on purpose."""
        name = f"t{uuid.uuid4().hex}"
        self.psql(f"CREATE DATABASE {name} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US' ENCODING 'UTF8'")
        self.databases.append(name)
        return self.url(name)

    def copy_of(self, url):
        """The URL of a copy of a database that nobody uses."""
        name = f"t{uuid.uuid4().hex}"
        self.psql(f"CREATE DATABASE {name} TEMPLATE {url.rpartition('/')[2]}")
        self.databases.append(name)
        return self.url(name)

    def url(self, database):
        return f"{self.base.rpartition('/')[0]}/{database}"

    def psql(self, statement):
        """Asked from outside of every test's database."""
        return psql(self.base, statement)


def psql(url, statement):
    done = subprocess.run([str(BIN / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", statement], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rows(url, query):
    """Rows as dicts."""
    return json.loads(psql(url, f"SELECT coalesce(json_agg(t), '[]') FROM ({query}) t"))


def dump(url, to):
    """A consistent copy of a database that is in use."""
    subprocess.run([str(BIN / "pg_dump"), "--format=custom", "--no-owner", f"--file={to}", f"--dbname={url}"], check=True)


def put_back(url, copy):
    """The database as it was when it was copied. Nobody may be connected."""
    psql(url, "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    subprocess.run([str(BIN / "pg_restore"), "--no-owner", "--exit-on-error", f"--dbname={url}", str(copy)], check=True)
