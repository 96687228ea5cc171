"""Connections to one PostgreSQL database: the URL, the sessions' settings, a small pool, and trying again.

A verb borrows a connection for as long as it works, so that any number of threads may call at once. Passwords never appear in
what is said: a place is named by user, host, port and database.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

import psycopg
from psycopg import errors as pg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from taxi_pipelines.errors import UsageError, WarehouseUnavailable
from taxi_pipelines.warehouses.postgres_errors import connect_error, connection_lost, refuse_old_server, server_errors

Connection = psycopg.Connection[tuple[object, ...]]
Result = TypeVar("Result")

_PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0)
"""Seconds between attempts after a server that had answered before went away: a restart takes less."""

_DEFAULTS = {
    "connect_timeout": "10",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "application_name": "taxi-pipelines",
    "client_encoding": "utf8",
}

_SETTINGS = """
SET DateStyle = 'ISO, YMD'; SET TimeZone = 'UTC'; SET extra_float_digits = 1; SET standard_conforming_strings = on;
SET statement_timeout = 0; SET lock_timeout = 0; SET idle_in_transaction_session_timeout = 0; SET idle_session_timeout = 0
"""

_WATCH_THE_CLIENT = "SET client_connection_check_interval = '1s'"

_HINT = (
    "write it as postgresql://user:password@host:5432/database;"
    " in user and password @ : / and % are written %40 %3A %2F and %25"
)


class Connections:
    """All connections of one warehouse."""

    def __init__(self, url: str) -> None:
        """Connects to nothing yet. Raises UsageError for a URL that is none."""
        given = _parsed(url)
        self.place = _place(given)
        self._conninfo = make_conninfo("", **_DEFAULTS | given)
        self._idle: list[Connection] = []
        self._guard = threading.Lock()
        self._answered = False
        self._closed = False

    def close(self) -> None:
        """Closes what is not in use; what is in use is closed when it comes back."""
        with self._guard:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    @contextmanager
    def session(self) -> Iterator[Connection]:
        """A connection of one's own, in autocommit; driver errors are translated. Closed if the work breaks off."""
        connection = self._take()
        try:
            with server_errors(self.place):
                yield connection
        except BaseException:
            connection.close()
            raise
        self._give_back(connection)

    def repeat(self, work: Callable[[Connection], Result]) -> Result:
        """Does work that may safely be done again; again, if the server was restarted meanwhile."""
        for pause in _PAUSES:
            try:
                with self.session() as connection:
                    return work(connection)
            except WarehouseUnavailable as error:
                if not (self._answered and _worth_repeating(error)):
                    raise
            time.sleep(pause)
        with self.session() as connection:
            return work(connection)

    def _take(self) -> Connection:
        while True:
            with self._guard:
                connection = self._idle.pop() if self._idle else None
            if connection is None:
                return self._connect()
            if _is_alive(connection):
                return connection
            connection.close()

    def _give_back(self, connection: Connection) -> None:
        with self._guard:
            if not self._closed and not connection.closed:
                self._idle.append(connection)
                return
        connection.close()

    def _connect(self) -> Connection:
        try:
            connection = psycopg.connect(self._conninfo, autocommit=True)
        except psycopg.Error as error:
            raise connect_error(error, self.place) from error
        try:
            refuse_old_server(connection.info.server_version, self.place)
            with server_errors(self.place):
                connection.execute(_SETTINGS)
                with suppress(pg.InvalidParameterValue):  # a server on Windows cannot watch its clients
                    connection.execute(_WATCH_THE_CLIENT)
        except BaseException:
            connection.close()
            raise
        self._answered = True
        return connection


def _worth_repeating(error: WarehouseUnavailable) -> bool:
    """The server went away, or chose us as a deadlock's victim; not where somebody is simply in our way."""
    cause = error.__cause__
    return isinstance(cause, psycopg.Error) and (connection_lost(cause) or (cause.sqlstate or "").startswith("40"))


def _is_alive(connection: Connection) -> bool:
    try:
        connection.execute("")
    except psycopg.Error:
        return False
    return True


def _parsed(url: str) -> dict[str, str]:
    """libpq's own reading. What it says about a URL it cannot read may quote the password, so it is not passed on."""
    try:
        given = {name: str(value) for name, value in conninfo_to_dict(url).items() if value is not None}
    except (psycopg.Error, UnicodeError):
        raise UsageError("the PostgreSQL URL cannot be read", _HINT) from None
    if "@" in given.get("host", ""):
        raise UsageError("the PostgreSQL URL cannot be read: it has more than one @", _HINT)
    if not url.strip():
        raise UsageError("the PostgreSQL URL is empty", _HINT)
    return given


def _place(given: dict[str, str]) -> str:
    host = given.get("host") or given.get("hostaddr") or "localhost"
    user = f"{given['user']}@" if "user" in given else ""
    return f"{user}{host}:{given.get('port', '').strip(',') or '5432'}/{given.get('dbname', '')}"
