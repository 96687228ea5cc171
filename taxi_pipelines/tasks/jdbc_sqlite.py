"""SQL in SQLite, in a worker: in memory, or in a file."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from taxi_pipelines.domain.records import Level
from taxi_pipelines.errors import PermanentError, QueryFailed, TransientError, UsageError
from taxi_pipelines.tasks.jdbc_embedded import fetch_copy, file_outputs, interruptible
from taxi_pipelines.tasks.jdbc_properties import SQLiteQueries, SQLiteQuery
from taxi_pipelines.tasks.sql_rows import Rows
from taxi_pipelines.tasks.worker_context import WorkerContext
from taxi_pipelines.tasks.working_files import private_folder

_SCHEME = "jdbc:sqlite:"
_LOCK_SECONDS = 30.0
_PRAGMAS = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "cache_size", "temp_store", "encoding")
_TRANSACTION = re.compile(r"\s*(BEGIN|COMMIT|END|ROLLBACK)\b", re.IGNORECASE)

Outputs = Mapping[str, Any]


def query(values: Mapping[str, Any], context: WorkerContext) -> Outputs:
    """Runs the statements; the rows of the last one that gives any."""
    it = SQLiteQuery.model_validate(values)
    return _run(it, context, Rows.last, one_transaction=True)


def queries(values: Mapping[str, Any], context: WorkerContext) -> Outputs:
    """Runs the statements; the rows of each of them."""
    it = SQLiteQueries.model_validate(values)
    return _run(it, context, lambda rows, to: {"outputs": rows.outputs(to)}, one_transaction=it.transaction)


def _run(
    it: SQLiteQuery, context: WorkerContext, collect: Callable[[Rows, WorkerContext], Outputs], *, one_transaction: bool
) -> Outputs:
    with private_folder(context.folder) as private:
        name, pragmas = _database(it.url)
        place = _place(it, name, context, private)
        rows = Rows(it.fetching, private)
        with closing(_connect(place, pragmas)) as connection:
            work = partial(_perform, connection, it, context, rows, one_transaction=one_transaction)
            interruptible(work, connection.interrupt)
        rows.measure(context)
        file = None if place == ":memory:" else Path(place)
        return {**collect(rows, context), **file_outputs(it, file, context)}


def _database(url: str) -> tuple[str, dict[str, str]]:
    """The database's name, and what the URL sets. Raises UsageError."""
    if not url.startswith(_SCHEME):
        raise UsageError(f"{url!r} is not a JDBC URL of SQLite", "write it as jdbc:sqlite:/absolute/path.db")
    name, _, parameters = url.removeprefix(_SCHEME).strip().partition("?")
    given = dict(parse_qsl(parameters))
    return name, {pragma: given[pragma] for pragma in _PRAGMAS if re.fullmatch(r"-?\w+", given.get(pragma, ""))}


def _place(it: SQLiteQuery, name: str, context: WorkerContext, private: Path) -> str:
    """Where the database is: a copy of the stored one, the file of that name, or the memory."""
    in_memory = name in ("", ":memory:")
    if it.sqlite_file or (in_memory and it.output_db_file):
        own = private / ("database.sqlite" if in_memory else Path(name).name)
        fetch_copy(context, it.sqlite_file, own)
        return str(own)
    return ":memory:" if in_memory else str(context.folder / name)


def _connect(place: str, pragmas: Mapping[str, str]) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(place, timeout=_LOCK_SECONDS, isolation_level=None, check_same_thread=False)
    except sqlite3.Error as error:
        raise PermanentError(f"SQLite cannot open {place}: {error}", "look at `url`") from error
    try:
        for name, value in pragmas.items():
            connection.execute(f"PRAGMA {name} = {value}")
    except sqlite3.Error as error:
        connection.close()
        raise PermanentError(f"SQLite cannot open {place}: {error}", "look at `url`") from error
    return connection


def _perform(
    connection: sqlite3.Connection, it: SQLiteQuery, context: WorkerContext, rows: Rows, *, one_transaction: bool
) -> None:
    text = ";\n".join(part for part in (it.sql, it.after_sql) if part)
    context.log(Level.DEBUG, text)
    found = list(_statements(text))
    together = one_transaction and len(found) > 1 and not any(map(_TRANSACTION.match, found))
    values = {name: _bindable(value) for name, value in it.parameters.items()}
    try:
        if together:
            connection.execute("BEGIN")
        for statement in found:
            _execute(connection, statement, values, rows, it.fetch_size)
        if connection.in_transaction:
            connection.execute("COMMIT")
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            raise TransientError(f"the SQLite database stayed locked: {error}", "give the task a `retry`") from error
        raise QueryFailed(str(error), "nothing of its transaction stays") from error


def _execute(connection: sqlite3.Connection, statement: str, values: Mapping[str, Any], rows: Rows, size: int) -> None:
    with closing(connection.execute(statement, values)) as cursor:
        if cursor.description is None:
            return
        names = [column[0] for column in cursor.description]
        while block := cursor.fetchmany(size):
            rows.add(names, block)
        rows.add(names, [])
        rows.end()


def _statements(text: str) -> Iterator[str]:
    """SQLite says itself where one is complete: triggers have `;` inside. Empty ones are dropped."""
    statement = ""
    for piece in text.split(";"):
        statement += piece + ";"
        if sqlite3.complete_statement(statement):
            if statement.strip(" \t\r\n;"):
                yield statement
            statement = ""
    if statement.strip(" \t\r\n;"):
        yield statement.removesuffix(";")


def _bindable(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, Mapping | list) else value
