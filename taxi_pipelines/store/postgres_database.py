"""The metadata database on a PostgreSQL server, in a schema of its own: made at the first write, brought up to date.

Writers take turns by an advisory lock, as they do on SQLite, so that nothing in the stores depends on which of the two it is:
what a writer reads, nobody changes before it has written, and numbers are given in the order in which they become visible.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import psycopg
import sqlalchemy as sa
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import Connection, Row, Select

from taxi_pipelines.errors import StoreBusy, UsageError
from taxi_pipelines.store.postgres_errors import connect_error, connection_lost, refuse_old_server, server_errors
from taxi_pipelines.store.revisions import find_revision, make_tables
from taxi_pipelines.store.tables import REVISIONS, metadata

BUSY_SECONDS = 30
"""How long a writer waits for another one; a transaction idle for twice as long is ended by the server."""

SCHEMA = "taxi_metadata"
"""Where the tables are, unless the URL's options say `search_path`."""

_PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0)
"""Seconds between attempts after a server that had answered before went away: a restart takes less."""

_DEFAULTS = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "application_name": "taxi-pipelines metadata",
    "client_encoding": "utf8",
}

_LOCK = sa.text(
    "SELECT pg_advisory_xact_lock(hashtextextended('taxi-pipelines ' || current_setting('search_path'), 0))"
)
# Not by to_regnamespace(): that asks a cache, which a wait for an advisory lock does not bring up to date.
_SCHEMA_THERE = sa.text("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = :schema)")
_SOMETHING_THERE = sa.text(
    "SELECT EXISTS (SELECT FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = :schema)"
)

Result = TypeVar("Result")


class PostgresDatabase:
    """`Metadata` on a PostgreSQL server. `close` it when done."""

    def __init__(self, url: str) -> None:
        """Connects to nothing yet. Raises UsageError for a URL that is none."""
        self._address = _address(url)
        self._engine = sa.create_engine(
            "postgresql+psycopg://",
            creator=self._connect,
            hide_parameters=True,
            max_overflow=-1,
            use_native_hstore=False,
        )
        self._reader = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._preparing = threading.Lock()
        self._prepared = False
        self._answered = False

    def read(self, query: Select[Any]) -> Sequence[Row[Any]]:
        """See `Metadata.read`. A server that was restarted is waited for."""

        def work() -> Sequence[Row[Any]]:
            if not self._prepared and not self._exists():
                return []
            self._prepare()
            with self._reader.connect() as connection:
                return connection.execute(query).all()

        return self._repeat(work)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """See `Metadata.write`. A server lost on the way is StoreBusy, and whether it wrote is not known."""
        connection = self._repeat(self._begin)
        with server_errors(self._address.place, BUSY_SECONDS), connection:
            yield connection
            connection.commit()

    def vacuum(self) -> None:
        """See `Metadata.vacuum`. The server's own autovacuum would do it later."""

        def work() -> None:
            if self._prepared or self._exists():
                self._prepare()
                with self._reader.connect() as connection:
                    for table in metadata.tables:
                        connection.exec_driver_sql(f"VACUUM (ANALYZE) {table}")

        self._repeat(work)

    def close(self) -> None:
        """Closes the connections."""
        self._engine.dispose()

    def _begin(self) -> Connection:
        """A transaction that holds the lock; a wait for it is what `lock_timeout` ends."""
        self._prepare()
        connection = self._engine.connect()
        try:
            connection.execute(_LOCK)
        except BaseException:
            connection.close()
            raise
        return connection

    def _repeat(self, work: Callable[[], Result]) -> Result:
        """Does work that may safely be done again; again, if the server was restarted meanwhile."""
        for pause in _PAUSES:
            try:
                return self._once(work)
            except StoreBusy as error:
                cause = error.__cause__
                if not (self._answered and isinstance(cause, psycopg.Error) and connection_lost(cause)):
                    raise
            time.sleep(pause)
        return self._once(work)

    def _once(self, work: Callable[[], Result]) -> Result:
        with server_errors(self._address.place, BUSY_SECONDS):
            return work()

    def _exists(self) -> bool:
        with self._reader.connect() as connection:
            return self._holds_tables(connection)

    def _holds_tables(self, connection: Connection) -> bool:
        return bool(connection.execute(_SOMETHING_THERE, {"schema": self._address.schema}).scalar_one())

    def _prepare(self) -> None:
        """Makes sure, once, that the tables are there and of the newest revision."""
        with self._preparing:
            if self._prepared:
                return
            with self._reader.connect() as connection:
                is_current = self._holds_tables(connection) and self._is_current(connection)
            if not is_current:
                with self._engine.begin() as connection:
                    connection.execute(_LOCK)
                    self._bring_up_to_date(connection)
            self._prepared = True

    def _is_current(self, connection: Connection) -> bool:
        return find_revision(connection, f"schema {self._address.schema} of {self._address.place}") == REVISIONS[-1]

    def _bring_up_to_date(self, connection: Connection) -> None:
        """Under the lock: another process may have done it meanwhile."""
        if not connection.execute(_SCHEMA_THERE, {"schema": self._address.schema}).scalar_one():
            connection.execute(sa.schema.CreateSchema(self._address.schema))
        if not self._holds_tables(connection):
            make_tables(connection)
        elif not self._is_current(connection):
            from taxi_pipelines.store.upgrade import upgrade  # noqa: PLC0415 - imports Alembic: 0.3 s, seldom needed

            upgrade(connection)

    def _connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        place = self._address.place
        try:
            connection = psycopg.connect(self._address.conninfo)
        except psycopg.Error as error:
            raise connect_error(error, place) from error
        try:
            refuse_old_server(connection.info.server_version, place)
        except UsageError:
            connection.close()
            raise
        self._answered = True
        return connection


@dataclass(frozen=True, kw_only=True, slots=True)
class _Address:
    """Where to connect. `place` names it without the password."""

    conninfo: str
    place: str
    schema: str


def _address(url: str) -> _Address:
    """libpq's own reading. What it says about a URL it cannot read may quote the password, so it is not passed on."""
    hint = "write TAXI_DATABASE_URL as postgresql://user:password@host:5432/database"
    try:
        given = {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
    except (psycopg.Error, UnicodeError):
        raise UsageError("the URL of the metadata database is not one of PostgreSQL", hint) from None
    if not given or "@" in given.get("host", ""):
        raise UsageError("the URL of the metadata database cannot be read", hint)
    options = given.pop("options", "")
    named = re.search(r"search_path\s*=\s*([^\s,]+)", options)
    schema = named[1] if named else SCHEMA
    if not re.fullmatch(r"[a-z_][a-z0-9_]*", schema):
        raise UsageError(f"search_path={schema} in TAXI_DATABASE_URL", "name a schema of small letters, digits and _")
    ours = f"-clock_timeout={BUSY_SECONDS}s -cidle_in_transaction_session_timeout={2 * BUSY_SECONDS}s -cTimeZone=UTC"
    settings = {**_DEFAULTS, **given, "options": f"{ours} {options} -csearch_path={schema}"}
    host = given.get("host") or given.get("hostaddr") or "localhost"
    user = f"{given['user']}@" if "user" in given else ""
    place = f"{user}{host}:{given.get('port') or '5432'}/{given.get('dbname', '')}"
    return _Address(conninfo=make_conninfo("", **settings), place=place, schema=schema)
