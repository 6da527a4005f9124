"""A PostgreSQL server of the test run's own, on a free port, with nothing to lose."""

import itertools
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

from support.ports import free_port

BIN = pathlib.Path("/usr/lib/postgresql/15/bin")


class PostgresServer:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="agora-pg-", dir="/dev/shm"))
        self.port = free_port()
        self.numbers = itertools.count(1)
        # It refuses to run as root.
        self.as_user = ["runuser", "-u", "nobody", "--"] if os.getuid() == 0 else []
        if self.as_user:
            shutil.chown(self.folder, "nobody")
        self.run("initdb", "-A", "trust", "-U", "agora", "-E", "UTF8", "--locale=C.UTF-8", "--no-instructions", "-D", self.data)
        self.start()

    @property
    def data(self):
        return str(self.folder / "data")

    def run(self, program, *arguments):
        done = subprocess.run([*self.as_user, str(BIN / program), *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True, cwd="/")
        assert done.returncode == 0, done.stderr

    def start(self):
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self.folder} -c fsync=off"
        self.run("pg_ctl", "-w", "-l", str(self.folder / "log"), "-D", self.data, "-o", options, "start")

    def crash(self):
        """Without a word to anybody, as a power cut would; start() recovers."""
        self.run("pg_ctl", "-m", "immediate", "-D", self.data, "stop")

    def stop(self):
        if (self.folder / "data" / "postmaster.pid").exists():
            self.crash()
        shutil.rmtree(self.folder, ignore_errors=True)

    def new_database(self):
        """A URL. The locale sorts otherwise than bytes do, on purpose."""
        name = f"t{next(self.numbers)}"
        psql(self.url("postgres"), f"CREATE DATABASE {name} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US' ENCODING 'UTF8'")
        return self.url(name)

    def url(self, database):
        return f"postgresql://agora@127.0.0.1:{self.port}/{database}"

    def psql(self, statement):
        """Asked from outside of every test's database."""
        return psql(self.url("postgres"), statement)


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
