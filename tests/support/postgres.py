"""Databases of a PostgreSQL server with nothing to lose."""

import pathlib
import subprocess
import uuid

from support.engines import Engine, url_of

BIN = pathlib.Path("/usr/lib/postgresql/15/bin")


class PostgresServer:
    """The run's server, or one of this process's own."""

    def __init__(self):
        self.own = None if url_of("postgresql") else Engine("postgresql")
        self.base = url_of("postgresql") or self.own.url
        self.databases = []

    def new_database(self):
        """A URL. The locale sorts otherwise than bytes do, on purpose."""
        name = f"t{uuid.uuid4().hex}"
        psql(self.base, f"CREATE DATABASE {name} TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'en-US' ENCODING 'UTF8'")
        self.databases.append(name)
        return self.base.rpartition("/")[0] + "/" + name

    def stop(self):
        if self.own:
            return self.own.stop()
        for name in self.databases:
            psql(self.base, f"DROP DATABASE {name} WITH (FORCE)")


def psql(url, statement):
    done = subprocess.run([str(BIN / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", statement], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout
