"""Files into PostgreSQL tables, and tables and queries into files, in a worker. The bytes go through as they are."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from psycopg import Copy, sql

from taxi_pipelines.disk import writable
from taxi_pipelines.domain.records import Level
from taxi_pipelines.tasks import jdbc_properties as properties
from taxi_pipelines.tasks.jdbc_postgres_session import Connection, connected
from taxi_pipelines.tasks.worker_context import WorkerContext
from taxi_pipelines.tasks.working_files import private_folder

_BLOCK = 1 << 18
"""Bytes sent at a time."""

_SUFFIXES = {"TEXT": "txt", "CSV": "csv", "BINARY": "bin"}


def copy_in(values: Mapping[str, Any], context: WorkerContext) -> Mapping[str, Any]:
    """Copies the file into the table. Raises NotFound, QueryFailed with the line that does not fit."""
    it = properties.CopyIn.model_validate(values)
    with (
        context.open_file(it.from_) as file,
        private_folder(context.folder) as private,
        connected(it, context, private) as session,
    ):
        statement = statement_text(it, it.table, "FROM STDIN", session.connection)
        context.log(Level.DEBUG, statement)
        with session.errors(statement), session.connection.cursor() as cursor:
            with cursor.copy(statement.encode()) as copy:
                while block := file.read(_BLOCK):
                    copy.write(block)
            rows = cursor.rowcount
    context.metric("rows", rows)
    context.log(Level.INFO, f"{rows:,} rows copied into {it.table}")
    return {"rowCount": rows}


def copy_out(values: Mapping[str, Any], context: WorkerContext) -> Mapping[str, Any]:
    """Copies the table, or what the query gives, into a file. Raises QueryFailed, DiskFull."""
    it = properties.CopyOut.model_validate(values)
    with private_folder(context.folder) as private:
        target = private / f"copy-out.{_SUFFIXES[it.format]}"
        with connected(it, context, private) as session:
            source = f"({it.sql.rstrip().rstrip(';')}\n)" if it.sql else None
            statement = statement_text(it, source or str(it.table), "TO STDOUT", session.connection)
            context.log(Level.DEBUG, statement)
            with session.errors(statement), session.connection.cursor() as cursor:
                with cursor.copy(statement.encode()) as copy, writable(target), target.open("wb") as file:
                    _drain(copy, file)
                rows = cursor.rowcount
        context.metric("rows", rows)
        context.log(Level.INFO, f"{rows:,} rows copied")
        return {"uri": context.keep_file(target), "rowCount": rows}


def _drain(copy: Copy, file: Any) -> None:
    for block in copy:
        file.write(block)


def statement_text(it: properties.Copy, source: str, direction: str, connection: Connection) -> str:
    """The COPY; names of tables and columns stand as they are given (S12), everything else is quoted."""
    columns = f" ({', '.join(it.columns)})" if it.columns and not source.startswith("(") else ""
    options = ", ".join(_options(it, connection))
    return f"COPY {source}{columns} {direction}" + (f" WITH ({options})" if options else "")


def _options(it: properties.Copy, connection: Connection) -> Iterable[str]:
    if it.format != "TEXT":
        yield f"FORMAT {it.format}"
    for name in ("oids", "freeze"):
        if getattr(it, name):
            yield name.upper()
    if it.header is not None:
        yield f"HEADER {str(it.header).upper()}"
    texts = {"DELIMITER": it.delimiter, "NULL": it.null_string, "QUOTE": it.quote, "ESCAPE": it.escape}
    for name, value in (texts | {"ENCODING": it.encoding}).items():
        if value is not None:
            yield f"{name} {sql.Literal(value).as_string(connection).strip()}"
    lists = {"FORCE_QUOTE": it.force_quote, "FORCE_NOT_NULL": it.force_not_null, "FORCE_NULL": it.force_null}
    for name, names in lists.items():
        if names:
            yield f"{name} {'*' if names == ['*'] else '(' + ', '.join(names) + ')'}"
