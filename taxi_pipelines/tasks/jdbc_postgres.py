"""SQL on PostgreSQL, in a worker.

The whole text goes to the server as it is, in one message of the simple protocol: the server finds the statements in it, and
makes them one transaction. Rows come in chunks, so that any number of them fits into the memory.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from psycopg import capabilities, errors, generators, sql
from psycopg.adapt import Transformer
from psycopg.pq import ExecStatus, TransactionStatus
from psycopg.types.json import Jsonb

from taxi_pipelines.domain.records import Level
from taxi_pipelines.errors import UsageError
from taxi_pipelines.tasks.jdbc_postgres_session import Connection, Session, connected
from taxi_pipelines.tasks.jdbc_properties import PostgresQueries, PostgresQuery
from taxi_pipelines.tasks.sql_rows import Rows
from taxi_pipelines.tasks.sql_text import statements, with_parameters
from taxi_pipelines.tasks.worker_context import WorkerContext
from taxi_pipelines.tasks.working_files import private_folder

_MOST_TAGS = 20
"""Statements whose end is told in the log."""

Outputs = Mapping[str, Any]


def query(values: Mapping[str, Any], context: WorkerContext) -> Outputs:
    """Runs the statements; the rows of the last one that gives any."""
    it = PostgresQuery.model_validate(values)
    return _run(it, context, Rows.last, one_transaction=True)


def queries(values: Mapping[str, Any], context: WorkerContext) -> Outputs:
    """Runs the statements; the rows of each of them."""
    it = PostgresQueries.model_validate(values)
    return {"outputs": _run(it, context, Rows.outputs, one_transaction=it.transaction)}


def _run(
    it: PostgresQuery, context: WorkerContext, collect: Callable[[Rows, WorkerContext], Any], *, one_transaction: bool
) -> Any:
    with private_folder(context.folder) as private:
        rows = Rows(it.fetching, private)
        with connected(it, context, private, zone=it.time_zone_id) as session:
            text = _with_values(it.sql, it.parameters, session.connection)
            after = _with_values(it.after_sql or "", it.parameters, session.connection)
            context.log(Level.DEBUG, text)
            perform = partial(_perform, session, rows=rows, size=it.fetch_size)
            tags = _in_order(perform, text, after, one_transaction=one_transaction)
            if session.connection.info.transaction_status is TransactionStatus.INTRANS:
                perform("COMMIT")
        _tell(tags, context)
        rows.measure(context)
        return collect(rows, context)


def _in_order(perform: Callable[[str], list[str]], text: str, after: str, *, one_transaction: bool) -> list[str]:
    if not one_transaction:
        return [tag for statement in [*statements(text), *statements(after)] for tag in perform(statement)]
    if not after:
        return perform(text)
    perform("BEGIN")
    tags = [*perform(text), *perform(after)]
    perform("COMMIT")
    return tags


def _perform(session: Session, text: str, *, rows: Rows, size: int) -> list[str]:
    """Sends a text and takes what comes back; the server's word for each statement. Raises QueryFailed, TransientError."""
    with session.errors(text):
        return _take(session.connection, text, rows, size)


def _take(connection: Connection, text: str, rows: Rows, size: int) -> list[str]:
    server, loader, tags = connection.pgconn, Transformer(connection), []
    server.send_query(text.encode())
    if capabilities.has_stream_chunked():
        server.set_chunked_rows_mode(size)
    else:  # libpq before 17
        server.set_single_row_mode()
    while (result := connection.wait(generators.fetch(server))) is not None:
        match ExecStatus(result.status):
            case ExecStatus.TUPLES_CHUNK | ExecStatus.SINGLE_TUPLE | ExecStatus.TUPLES_OK as status:
                loader.set_pgresult(result)
                names = [(result.fname(column) or b"").decode() for column in range(result.nfields)]
                rows.add(names, loader.load_rows(0, result.ntuples, tuple))
                if status is ExecStatus.TUPLES_OK:
                    rows.end()
            case ExecStatus.COMMAND_OK | ExecStatus.EMPTY_QUERY:
                pass
            case ExecStatus.COPY_IN | ExecStatus.COPY_OUT:
                raise UsageError("COPY from STDIN or to STDOUT has no file here", "use postgresql.copyIn or copyOut")
            case _:
                raise errors.error_from_result(result)
        if tag := (result.command_status or b"").decode():
            tags.append(tag)
    return tags


def _with_values(text: str, parameters: Mapping[str, Any], connection: Connection) -> str:
    """The text with the parameters' values as literals, which the server takes for whatever type is wanted."""

    def literal(name: str) -> str | None:
        if name not in parameters:
            return None
        value = parameters[name]
        return sql.Literal(Jsonb(value) if isinstance(value, Mapping) else value).as_string(connection)

    return with_parameters(text, literal) if parameters else text


def _tell(tags: list[str], context: WorkerContext) -> None:
    if tags:
        more = f"; and {len(tags) - _MOST_TAGS} more" if len(tags) > _MOST_TAGS else ""
        context.log(Level.INFO, "; ".join(tags[:_MOST_TAGS]) + more)
