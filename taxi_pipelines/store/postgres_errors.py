"""What PostgreSQL and its driver say of the metadata database, in our words.

While connecting, libpq hands on the server's words without its SQLSTATE; then the text is all there is to go by.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import psycopg
from sqlalchemy.exc import DBAPIError

from taxi_pipelines.errors import DiskFull, PipelineError, StoreBusy, StoreCorrupt, UsageError

OLDEST_SERVER = 15

_SETTING = "TAXI_DATABASE_URL"
_PERCENT = f"check user and password in {_SETTING}; @ : / % in a password are written %40 %3A %2F %25"
_FEWER = "raise its max_connections, or run again later"

_WHILE_CONNECTING: Mapping[str, tuple[type[PipelineError], str, str]] = {
    "password authentication failed": (UsageError, "it refused the password", _PERCENT),
    "no password supplied": (UsageError, "it asks for a password", f"put it into {_SETTING}, or into ~/.pgpass"),
    "no pg_hba.conf entry": (
        UsageError,
        "it does not let this machine in",
        "add a line to its pg_hba.conf, or try ?sslmode=require",
    ),
    "permission denied": (UsageError, "the user has no right to connect", "ask for GRANT CONNECT ON DATABASE"),
    "does not support SSL": (UsageError, "it does not offer SSL", f"write ?sslmode=prefer in {_SETTING}"),
    "certificate": (UsageError, "its certificate is not trusted", f"set sslrootcert in {_SETTING}"),
    "too many clients": (StoreBusy, "it has too many connections", _FEWER),
    "too many connections": (StoreBusy, "it has too many connections", _FEWER),
    "connection slots": (StoreBusy, "it has too many connections", _FEWER),
    "starting up": (StoreBusy, "it is starting", "run again"),
    "shutting down": (StoreBusy, "it is shutting down", "run again"),
    "in recovery mode": (StoreBusy, "it is recovering from a crash", "run again"),
    "not yet accepting": (StoreBusy, "it is starting", "run again"),
}


def connect_error(error: psycopg.Error, place: str) -> PipelineError:
    """The error to raise where no connection came about."""
    text = _one_line(str(error))
    server = f"the metadata database, PostgreSQL at {place}"
    if "does not exist" in text and ("database" in text or "role" in text):
        missing = text[text.rfind("FATAL:") + len("FATAL:") :].strip()
        return UsageError(f"{server}: {missing}", f"create it, or name another in {_SETTING}")
    for words, (kind, reason, hint) in _WHILE_CONNECTING.items():
        if words in text:
            return kind(f"{server}: {reason}", hint)
    return StoreBusy(f"{server}: no connection ({text})", f"check host and port in {_SETTING}, and whether it runs")


def refuse_old_server(version: int, place: str) -> None:
    """Raises UsageError for a server too old; `version` as libpq numbers it, 150004 for 15.4."""
    if version // 10_000 < OLDEST_SERVER:
        raise UsageError(
            f"the metadata database, PostgreSQL at {place}, is version {version // 10_000}.{version % 10_000}",
            f"version {OLDEST_SERVER} or newer is needed",
        )


def connection_lost(error: psycopg.Error) -> bool:
    """Whether the server, or the way to it, went away."""
    state = error.sqlstate
    if state is None:
        return isinstance(error, psycopg.OperationalError)
    return state.startswith("08") or state in ("25P03", "57P01", "57P02", "57P03", "57P05")


def translated(error: psycopg.Error, place: str, busy_seconds: float) -> PipelineError | None:
    """The error to raise where the server failed at our work; None where it is our own mistake."""
    server = f"the metadata database, PostgreSQL at {place}"
    if connection_lost(error):
        hint = "the server was restarted or the network failed; run again"
        return StoreBusy(f"{server}: the connection broke off", hint)
    state, said = error.sqlstate or "", _one_line(error.diag.message_primary or str(error))
    if state == "55P03":
        return StoreBusy(f"{server} stayed locked for {busy_seconds} s", "wait for the other process and run again")
    if state == "53100":
        return DiskFull(f"no space left on the disk of {server} ({said})", "free some space there and run again")
    if state == "53300":
        return StoreBusy(f"{server}: it has too many connections", _FEWER)
    if state.startswith(("40", "53", "57014")):
        return StoreBusy(f"{server}: {said}", "run again")
    if state == "42501":
        return UsageError(f"{server}: {said}", "ask for the right: GRANT CREATE ON DATABASE, or the schema's ownership")
    if state == "25006":
        return UsageError(f"{server} can only be read", f"name the primary server in {_SETTING}")
    if state == "54000":  # https://www.postgresql.org/docs/current/btree.html: an entry is a third of a page at most
        return UsageError(f"{server}: {said}", "use a shorter name")
    if state.startswith("XX"):
        return StoreCorrupt(f"{server}: {said}", "look at the server's log")
    return None


@contextmanager
def server_errors(place: str, busy_seconds: float) -> Iterator[None]:
    """Translates what the driver raises, as it is or wrapped."""
    try:
        yield
    except (DBAPIError, psycopg.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        if isinstance(cause, psycopg.Error) and (known := translated(cause, place, busy_seconds)):
            raise known from cause
        raise


def _one_line(text: str) -> str:
    return " ".join(text.split())
