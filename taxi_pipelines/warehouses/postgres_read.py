"""From PostgreSQL to Arrow: COPY … TO STDOUT as CSV, parsed by Arrow, streamed.

CSV keeps every value: NULL is an empty field and an empty text is `""`; numbers are written with as many digits as tell them
apart. The server sends one row per message, so that pieces of whole rows can be parsed one by one.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import cast

import psycopg
import pyarrow as pa
import pyarrow.csv
from psycopg import Copy
from psycopg import errors as pg
from psycopg.pq import ExecStatus, TransactionStatus

from taxi_pipelines.errors import SchemaMismatch
from taxi_pipelines.warehouses.postgres_connections import Connection
from taxi_pipelines.warehouses.postgres_stage import table_columns
from taxi_pipelines.warehouses.postgres_statements import ROW
from taxi_pipelines.warehouses.postgres_types import shown_type, stored_column
from taxi_pipelines.warehouses.statements import quoted_name, unique_names

_PIECE_BYTES = 4 << 20
_ROWS_AT_ONCE = 10_000


def month_rows(connection: Connection, place: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """A month's rows in the order of their addresses, inside a transaction, as they were published, whatever types and spelling
    the table's columns have by now. Raises SchemaMismatch at a time of a year that Arrow's parser does not know."""
    there = table_columns(connection, place)
    stored = [stored_column(field, {}) for field in schema]
    spelled = [stored_column(field, there).name for field in schema]
    parsed = pa.schema([pa.field(field.name, column.arrow_type) for field, column in zip(schema, stored, strict=True)])
    values = ", ".join(
        quoted_name(name) + ("" if there.get(name) == column.sql_type else f"::{column.sql_type}")
        for name, column in zip(spelled, stored, strict=True)
    )
    select = f"SELECT {values} FROM {place} ORDER BY {ROW}"
    try:
        with connection.cursor() as cursor, cursor.copy(_copy(select)) as copy:
            for batch in _parsed(copy, parsed):
                yield batch if parsed.equals(schema) else batch.cast(schema)
    except pa.ArrowInvalid as error:
        hint = "times are read in the years 1 to 9999 only; in SQL, cast the column to text"
        raise SchemaMismatch(f"{place} has a value that cannot be read: {error}", hint) from error


@contextmanager
def statement_result(connection: Connection, sql: str) -> Iterator[tuple[pa.Schema, Iterator[pa.RecordBatch]]]:
    """The result of a user's one statement, inside a transaction: through COPY where it is a SELECT, else row by row."""
    schema = described(connection, sql)
    connection.execute("SAVEPOINT before_copy")
    with connection.cursor() as cursor, ExitStack() as stack:
        try:
            copy = stack.enter_context(cursor.copy(_copy(sql.rstrip().rstrip(";"))))
        except (pg.SyntaxError, pg.FeatureNotSupported):
            connection.execute("ROLLBACK TO SAVEPOINT before_copy")
            with closing(_row_by_row(connection, sql, schema)) as batches:
                yield schema, batches
        else:
            yield schema, _parsed(copy, schema)
            if connection.pgconn.transaction_status == TransactionStatus.ACTIVE:
                raise psycopg.Rollback  # what the driver needs to cancel a COPY that is not read to its end


def _copy(select: str) -> bytes:
    return f"COPY (\n{select}\n) TO STDOUT (FORMAT CSV)".encode()


def described(connection: Connection, sql: str) -> pa.Schema:
    """What columns the statement will have. The server refuses two statements, and locks the tables: from here on nobody can
    swap a month under it."""
    text = sql.encode()
    for answer in (connection.pgconn.prepare(b"", text), connection.pgconn.describe_prepared(b"")):
        if answer.status != ExecStatus.COMMAND_OK:
            raise pg.error_from_result(answer, connection.info.encoding)
    places = range(answer.nfields)
    names = unique_names((answer.fname(place) or b"").decode() for place in places)
    types = (shown_type(answer.ftype(place), answer.fmod(place)) for place in places)
    return pa.schema([pa.field(name, kind) for name, kind in zip(names, types, strict=True)])


def _parsed(copy: Copy, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """One piece is parsed while the next one is received."""
    with ThreadPoolExecutor(1) as parser:
        parsing: Future[pa.Table] | None = None
        for piece in _pieces(copy):
            ready, parsing = parsing, parser.submit(_parse, piece, schema)
            if ready:
                yield from _batches(ready, schema)
        if parsing:
            yield from _batches(parsing, schema)


def _batches(parsing: Future[pa.Table], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for batch in parsing.result().to_batches():
        yield pa.RecordBatch.from_arrays(batch.columns, schema=schema)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Piece:
    """Whole rows. Where no value holds a line break, parsing is a third faster."""

    text: bytes
    has_line_breaks: bool


def _parse(piece: _Piece, schema: pa.Schema) -> pa.Table:
    """Columns go by number, because a result may have two of one name."""
    names = [str(number) for number in range(len(schema))]
    return pyarrow.csv.read_csv(
        pa.BufferReader(piece.text),
        read_options=pyarrow.csv.ReadOptions(
            column_names=names, use_threads=False, block_size=max(len(piece.text), _PIECE_BYTES)
        ),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=piece.has_line_breaks, ignore_empty_lines=False),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types=dict(zip(names, schema.types, strict=True)),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
            true_values=["t"],
            false_values=["f"],
        ),
    )


def _pieces(copy: Copy) -> Iterator[_Piece]:
    rows: list[bytes | bytearray | memoryview] = []
    size = 0
    for row in copy:
        rows.append(row)
        size += len(row)
        if size >= _PIECE_BYTES:
            yield _joined(rows)
            rows, size = [], 0
    if rows:
        yield _joined(rows)


def _joined(rows: list[bytes | bytearray | memoryview]) -> _Piece:
    text = b"".join(rows)
    return _Piece(text=text, has_line_breaks=text.count(b"\n") + text.count(b"\r") > len(rows))


def _row_by_row(connection: Connection, sql: str, schema: pa.Schema) -> Generator[pa.RecordBatch, None, None]:
    """For what COPY does not take: EXPLAIN, SHOW, a comment after the semicolon. Types Arrow has no match for come as text."""
    with connection.cursor() as cursor:
        if not len(schema):
            cursor.execute(sql.encode())
            return
        with closing(cast("Generator[tuple[object, ...], None, None]", cursor.stream(sql.encode()))) as rows:
            while taken := list(islice(rows, _ROWS_AT_ONCE)):
                yield pa.RecordBatch.from_arrays(
                    [
                        pa.array([_shown(row[place], field.type) for row in taken], field.type)
                        for place, field in enumerate(schema)
                    ],
                    schema=schema,
                )


def _shown(value: object, kind: pa.DataType) -> object:
    if value is None:
        return None
    if pa.types.is_string(kind):
        return str(value)
    return float(str(value)) if pa.types.is_floating(kind) else value
