"""A connection to a PostgreSQL for as long as a task needs it: opened as the task says, cancelled if it breaks off, and what the
server and its driver say, in our words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.types.string import TextLoader

from taxi_pipelines.disk import writable
from taxi_pipelines.domain.records import Level
from taxi_pipelines.errors import PermanentError, PipelineError, QueryFailed, TransientError
from taxi_pipelines.tasks.jdbc_properties import PostgresAccess
from taxi_pipelines.tasks.jdbc_url import postgres_url
from taxi_pipelines.tasks.worker_context import WorkerContext

Connection = psycopg.Connection[tuple[object, ...]]

FIRST_WITH_MERGE = 15
_CANCEL_SECONDS = 3.0
_DEFAULTS = {"connect_timeout": "10", "application_name": "taxi-pipelines", "client_encoding": "utf8"}
_WATCHES_THE_CLIENT = 140_000
"""The first server that ends a statement by itself when whoever asked is gone."""

_WHILE_STARTING = ("starting up", "shutting down", "recovery mode", "not yet accepting", "too many", "connection slots")
_CHECK = "check url, username and password; TAXI_REWRITE_HOSTS asks another host instead"


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """A connection in autocommit; `place` names it without a password."""

    connection: Connection
    place: str

    @contextmanager
    def errors(self, text: str) -> Iterator[None]:
        """Translates what the driver raises while the text is run."""
        try:
            yield
        except psycopg.Error as error:
            raise statement_error(error, text, self.place, self.connection.info.server_version) from error


@contextmanager
def connected(it: PostgresAccess, context: WorkerContext, private: Path, *, zone: str = "UTC") -> Iterator[Session]:
    """A session until the end of the block; a statement that still runs then is cancelled on the server.

    Raises UsageError for a wrong URL, PermanentError where the server does not let us in, TransientError where it is not there.
    """
    given = postgres_url(it.url, context.rewrite_hosts)
    if given.ignored:
        context.log(Level.DEBUG, f"parameters of the URL without effect here: {', '.join(given.ignored)}")
    login = {name: value for name, value in (("user", it.username), ("password", it.password)) if value is not None}
    settings = {**_DEFAULTS, **login, **given.settings, **_ssl(it, private)}
    place = f"PostgreSQL at {settings['host']}:{settings['port']}/{settings.get('dbname', '')}"
    connection = _connect(settings, place)
    try:
        _adapt(connection, context)
        session = Session(connection=connection, place=place)
        with session.errors(""):
            connection.execute(_settings(connection, zone))
        yield session
    except BaseException:
        if connection.info.transaction_status is TransactionStatus.ACTIVE:
            with suppress(psycopg.Error):  # the server is gone, or sees itself that we are
                connection.cancel_safe(timeout=_CANCEL_SECONDS)
        raise
    finally:
        connection.close()


def statement_error(error: psycopg.Error, text: str, place: str, version: int) -> PipelineError:
    """The error to raise; `version` as libpq numbers it, 140005 for 14.5."""
    said, state = error.diag, error.sqlstate
    if said.message_primary is None or (state or "").startswith(("08", "57P")):
        return TransientError(f"{place}: the connection broke off ({_one_line(str(error))})", "give the task a `retry`")
    parts = [said.message_primary, said.message_detail, said.context]
    message = _one_line(", ".join(part for part in parts if part))
    if said.statement_position:
        message += f" (line {text[: int(said.statement_position) - 1].count(chr(10)) + 1} of the SQL)"
    if version < FIRST_WITH_MERGE * 10_000 and re.search(r'at or near "merge"', said.message_primary, re.IGNORECASE):
        number = f"{version // 10_000}.{version % 10_000}"
        return QueryFailed(
            f"{place} is version {number}, and MERGE needs version {FIRST_WITH_MERGE}: {message}",
            "use INSERT … ON CONFLICT, or a newer server",
        )
    return QueryFailed(message, _one_line(said.message_hint or "") or "nothing of its transaction stays")


def _connect(settings: Mapping[str, str], place: str) -> Connection:
    try:
        return psycopg.connect(make_conninfo("", **settings), autocommit=True)
    except psycopg.Error as error:
        said = _one_line(str(error))
        starting = any(words in said for words in _WHILE_STARTING)
        kind = PermanentError if "FATAL:" in said and not starting else TransientError
        raise kind(f"{place}: no connection: {said}", _CHECK) from error


def _ssl(it: PostgresAccess, private: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    if it.ssl_mode or it.ssl:
        found["sslmode"] = (it.ssl_mode or "VERIFY_FULL").lower().replace("_", "-")
    if it.ssl_key_password:
        found["sslpassword"] = it.ssl_key_password
    texts = {"sslrootcert": it.ssl_root_cert, "sslcert": it.ssl_cert, "sslkey": it.ssl_key}
    for name, text in texts.items():
        if text:
            path = private / f"{name}.pem"
            with writable(path):
                path.touch(mode=0o600)
                path.write_text(text, encoding="utf-8")
            found[name] = str(path)
    return found


def _settings(connection: Connection, zone: str) -> sql.Composed:
    watch = "; SET client_connection_check_interval = '1s'"
    found = sql.SQL("SET DateStyle = 'ISO'; SET extra_float_digits = 1; SET TimeZone = {}").format(sql.Literal(zone))
    return found + sql.SQL(watch) if connection.info.server_version >= _WATCHES_THE_CLIENT else found


def _adapt(connection: Connection, context: WorkerContext) -> None:
    """Times stay texts: Python's own reach from the year 1 to 9999 only."""
    for name in (
        "date",
        "time",
        "inet",
        "cidr",
        "int4range",
        "int8range",
        "numrange",
        "daterange",
        "tsrange",
        "tstzrange",
    ):
        connection.adapters.register_loader(name, TextLoader)
    for name in ("timestamp", "timestamptz", "timetz"):
        connection.adapters.register_loader(name, _TimeLoader)
    connection.adapters.register_loader("interval", _IntervalLoader)
    connection.add_notice_handler(lambda notice: _tell(notice, context))


def _tell(notice: psycopg.errors.Diagnostic, context: WorkerContext) -> None:
    level = Level.WARN if notice.severity_nonlocalized == "WARNING" else Level.INFO
    context.log(level, f"{notice.severity}: {_one_line(notice.message_primary or '')}")


class _TimeLoader(Loader):
    """PostgreSQL's 2024-01-31 09:30:00+00 → 2024-01-31T09:30:00Z; 'infinity' and years BC stay."""

    def load(self, data: Buffer) -> str:
        return iso_time(bytes(data).decode())


class _IntervalLoader(Loader):
    """1 year 2 mons 3 days 04:05:06.7 → P1Y2M3DT4H5M6.7S."""

    def load(self, data: Buffer) -> str:
        return iso_interval(bytes(data).decode())


_TIME = re.compile(r"(?:(?P<day>\d+-\d\d-\d\d) )?(?P<clock>\d\d:\d\d:\d\d(?:\.\d+)?)(?P<zone>[+-]\d\d(?::\d\d)*)?")
_INTERVAL = re.compile(
    r"(?:(-?\d+) years? ?)?(?:(-?\d+) mons? ?)?(?:(-?\d+) days? ?)?(?:(-?)(\d+):(\d\d):(\d\d(?:\.\d+)?))?"
)


def iso_time(text: str) -> str:
    """A timestamp, or a time with a zone, of the style ISO."""
    match = _TIME.fullmatch(text)
    if match is None:
        return text
    zone = match["zone"] or ""
    zone = "Z" if zone == "+00" else f"{zone}:00" if len(zone) == 3 else zone
    return (f"{match['day']}T" if match["day"] else "") + match["clock"] + zone


def iso_interval(text: str) -> str:
    """An interval of the style postgres; one of another style stays as it is."""
    match = _INTERVAL.fullmatch(text.replace("+", ""))
    if match is None or not text:
        return text
    years, months, days, sign, hours, minutes, seconds = match.groups()
    date = "".join(f"{int(part)}{unit}" for part, unit in ((years, "Y"), (months, "M"), (days, "D")) if part)
    if hours is None:
        return f"P{date}"
    clock = [(str(int(hours)), "H"), (str(int(minutes)), "M"), (f"{seconds[:2].lstrip('0') or '0'}{seconds[2:]}", "S")]
    time = "".join(f"{sign}{part}{unit}" for part, unit in clock if part != "0")
    return f"P{date}T{time}" if time else f"P{date or 'T0S'}"


def _one_line(text: str) -> str:
    return " ".join(text.split())
