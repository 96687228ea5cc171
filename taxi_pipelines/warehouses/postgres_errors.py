"""What PostgreSQL and its driver say, in our words. The only file that knows SQLSTATEs and libpq's texts.

While connecting, libpq hands on the server's words without its SQLSTATE; then the text is all there is to go by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import psycopg
from psycopg import errors as pg

from taxi_pipelines.errors import (
    DiskFull,
    PipelineError,
    QueryFailed,
    SchemaMismatch,
    WarehouseCorrupt,
    WarehouseRefused,
    WarehouseUnavailable,
)

OLDEST_SERVER = 15

_RUN_AGAIN = "run again"
_TOO_MANY = "it has too many connections"
_FEWER = "lower --parallel, or raise its max_connections"
_ASK_FOR_RIGHT = "ask for the right: GRANT CREATE ON DATABASE, or the ownership of the schema"
_PERCENT = "check user and password in the URL; @ : / % in a password are written %40 %3A %2F %25"
_CHECK_URL = "check host, port and whether the server runs: taxi db start, or set TAXI_POSTGRES_URL"

Refusal = tuple[type[PipelineError], str, str]

_WHILE_CONNECTING: Mapping[str, Refusal] = {
    "password authentication failed": (WarehouseRefused, "it refused the password", _PERCENT),
    "no password supplied": (WarehouseRefused, "it asks for a password", "put it into the URL, or into ~/.pgpass"),
    "no pg_hba.conf entry": (
        WarehouseRefused,
        "it does not let this machine in",
        "add a line to its pg_hba.conf, or try ?sslmode=require",
    ),
    "permission denied": (WarehouseRefused, "the user has no right to connect", "ask for GRANT CONNECT ON DATABASE"),
    "too many clients": (WarehouseUnavailable, _TOO_MANY, _FEWER),
    "too many connections": (WarehouseUnavailable, _TOO_MANY, _FEWER),
    "connection slots": (WarehouseUnavailable, _TOO_MANY, _FEWER),
    "starting up": (WarehouseUnavailable, "it is starting", _RUN_AGAIN),
    "shutting down": (WarehouseUnavailable, "it is shutting down", _RUN_AGAIN),
    "in recovery mode": (WarehouseUnavailable, "it is recovering from a crash", _RUN_AGAIN),
    "not yet accepting": (WarehouseUnavailable, "it is starting", _RUN_AGAIN),
    "does not support SSL": (WarehouseRefused, "it does not offer SSL", "write ?sslmode=prefer in the URL"),
    "certificate": (WarehouseRefused, "its certificate is not trusted", "set sslrootcert in the URL"),
}


def unavailable(place: str, reason: str, hint: str = _RUN_AGAIN) -> WarehouseUnavailable:
    """The server cannot be worked with now."""
    return WarehouseUnavailable(f"PostgreSQL at {place}: {reason}", hint)


def connect_error(error: psycopg.Error, place: str) -> PipelineError:
    """The error to raise where no connection came about."""
    text = _one_line(str(error))
    if "does not exist" in text and ("database" in text or "role" in text):
        missing = text[text.rfind("FATAL:") + len("FATAL:") :].strip()
        return WarehouseRefused(f"PostgreSQL at {place}: {missing}", "create it, or name another in the URL")
    for words, (kind, reason, hint) in _WHILE_CONNECTING.items():
        if words in text:
            return kind(f"PostgreSQL at {place}: {reason}", hint)
    return unavailable(place, f"no connection ({text})", _CHECK_URL)


def refuse_old_server(version: int, place: str) -> None:
    """Raises WarehouseRefused for a server too old; `version` as libpq numbers it, 150004 for 15.4."""
    if version // 10_000 < OLDEST_SERVER:
        raise WarehouseRefused(
            f"PostgreSQL at {place} is version {version // 10_000}.{version % 10_000}",
            f"version {OLDEST_SERVER} or newer is needed",
        )


def translated(error: psycopg.Error, place: str) -> PipelineError:
    """The error to raise where the server failed at our own work."""
    if connection_lost(error):
        return unavailable(
            place, "the connection broke off", "the server was restarted or the network failed; run again"
        )
    said = said_by(error)
    for state, refusal in _BY_STATE.items():
        if (error.sqlstate or "").startswith(state):
            return refusal(place, said)
    return WarehouseRefused(f"PostgreSQL at {place} refused: {said}", "run: taxi doctor")


_BY_STATE: Mapping[str, Callable[[str, str], PipelineError]] = {
    "53100": lambda place, said: DiskFull(
        f"no space left on the disk of PostgreSQL at {place} ({said})", "free some space there and run again"
    ),
    "53300": lambda place, said: unavailable(place, _TOO_MANY, _FEWER),
    "53": lambda place, said: unavailable(place, said),
    "57014": lambda place, said: unavailable(place, f"the statement was cancelled ({said})"),
    "55P03": lambda place, said: unavailable(
        place, "somebody holds the table", "end the sessions that read it, or run again"
    ),
    "40": lambda place, said: unavailable(place, said),
    "42501": lambda place, said: WarehouseRefused(f"PostgreSQL at {place}: {said}", _ASK_FOR_RIGHT),
    "25006": lambda place, said: WarehouseRefused(
        f"PostgreSQL at {place} can only be read", "name the primary server in the URL"
    ),
    "22021": lambda place, said: SchemaMismatch(f"PostgreSQL cannot hold a text: {said}", "load it into duckdb"),
    "XX": lambda place, said: WarehouseCorrupt(f"PostgreSQL at {place}: {said}", "look at the server's log"),
}


def connection_lost(error: psycopg.Error) -> bool:
    """Whether the server, or the way to it, went away."""
    state = error.sqlstate
    if state is None:
        return isinstance(error, psycopg.OperationalError)
    return state.startswith("08") or state in ("57P01", "57P02", "57P03", "57P05")


def query_error(error: psycopg.Error, place: str, tables: list[str], sql: str = "") -> PipelineError:
    """The error to raise where the server refused a user's statement, `sql`."""
    is_ours = (error.sqlstate or "").startswith(("53", "XX")) and not isinstance(error, pg.ConfigurationLimitExceeded)
    if connection_lost(error) or is_ours:
        return translated(error, place)
    hint = "correct the statement"
    if isinstance(error, pg.ConfigurationLimitExceeded):
        hint = "ask for fewer rows or months, or for an aggregate"
    if isinstance(error, pg.UndefinedTable):
        hint = f"the tables are {', '.join(tables)}"
    if isinstance(error, pg.UndefinedColumn):
        hint = 'names with capitals are written in quotes: "VendorID"'
    line, column = _place_in(sql, error.diag.statement_position)
    return QueryFailed(said_by(error), hint, line=line, column=column)


def _place_in(sql: str, position: str | None) -> tuple[int | None, int | None]:
    """The server counts characters, from 1."""
    if position is None:
        return None, None
    before = sql[: int(position) - 1]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def said_by(error: psycopg.Error) -> str:
    """The server's own message, on one line."""
    parts = [error.diag.message_primary, error.diag.message_detail, error.diag.context]
    if error.diag.message_primary is None:
        return _one_line(str(error)) or type(error).__name__
    return _one_line(", ".join(part for part in parts if part))


@contextmanager
def server_errors(place: str) -> Iterator[None]:
    """Translates whatever the driver raises."""
    try:
        yield
    except psycopg.Error as error:
        raise translated(error, place) from error


def _one_line(text: str) -> str:
    return " ".join(text.split())
