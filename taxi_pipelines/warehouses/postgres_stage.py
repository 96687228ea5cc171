"""Staging: Arrow batches → a table of their own by binary COPY, in one transaction and constant memory.

The table's comment says which version of which month it is; so whoever finds it later knows whose lock decides over it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pgpq
import pyarrow as pa
import pyarrow.compute as pc
from psycopg import Copy

from taxi_pipelines.domain.month import Partition, parse_partition
from taxi_pipelines.errors import SchemaMismatch
from taxi_pipelines.taxi.schemas import SOURCE_FILE, SOURCE_MONTH, SOURCE_ROW
from taxi_pipelines.taxi.types import TaxiType
from taxi_pipelines.warehouses import postgres_statements as sql
from taxi_pipelines.warehouses.postgres_connections import Connection
from taxi_pipelines.warehouses.postgres_names import Names, plain_index, plain_staging
from taxi_pipelines.warehouses.postgres_types import StoredColumn, stored_column

CONSTANT = (SOURCE_MONTH, SOURCE_FILE)
"""Columns with one value per month. It is kept once, in the table's description, and not in the rows: a fifth less to write."""

FIRST = SOURCE_ROW
"""The column that stands first in a month's table: indexing and counting addresses then need not walk over the others."""

_PIECE_ROWS = 8_192


@dataclass(frozen=True, kw_only=True, slots=True)
class StagedVersion:
    """What the comment of a staging table says."""

    table: str
    partition: Partition
    version: str
    rows: int
    schema: pa.Schema

    def to_text(self) -> str:
        """As the comment is written."""
        plain = {"table": self.table, "month": str(self.partition), "version": self.version, "rows": self.rows}
        return json.dumps(plain | {"schema": base64.b64encode(self.schema.serialize()).decode()})

    @classmethod
    def from_text(cls, text: str) -> StagedVersion:
        """The inverse of `to_text`."""
        plain = json.loads(text)
        return cls(
            table=plain["table"],
            partition=parse_partition(plain["month"]),
            version=plain["version"],
            rows=plain["rows"],
            schema=pa.ipc.read_schema(pa.BufferReader(base64.b64decode(plain["schema"]))),
        )


def find_staged(
    connection: Connection, names: Names, table: str, partition: Partition, version: str
) -> StagedVersion | None:
    """The staged version, None where there is none."""
    place = names.qualified(plain_staging(table, partition, version))
    row = connection.execute(sql.COMMENT_OF, [place]).fetchone()
    return StagedVersion.from_text(str(row[0])) if row and row[0] else None


def table_columns(connection: Connection, place: str) -> dict[str, str]:
    """A table's columns, name → SQL type; empty where there is no such table."""
    return {str(name): str(kind) for name, kind in connection.execute(sql.TABLE_COLUMNS, [place]).fetchall()}


def stage(
    connection: Connection,
    names: Names,
    kind: TaxiType,
    partition: Partition,
    version: str,
    schema: pa.Schema,
    batches: Iterable[pa.RecordBatch],
) -> None:
    """Writes the version's table, indexes included. All of it is there afterwards, or nothing."""
    plain = plain_staging(kind.table, partition, version)
    place = names.qualified(plain)
    root = table_columns(connection, names.qualified(kind.table))
    columns = {field.name: stored_column(field, root) for field in schema}
    definitions = root | {column.name: column.sql_type for column in columns.values()}
    sent = [column for name, column in columns.items() if name not in CONSTANT]
    varying = {name: sql_type for name, sql_type in definitions.items() if name not in (FIRST, *CONSTANT)}
    rows = _Rows(batches)
    with connection.transaction():
        run(connection, f"DROP TABLE IF EXISTS {place}", sql.create_table(place, {FIRST: definitions[FIRST]} | varying))
        with connection.cursor() as cursor, cursor.copy(sql.copy_into(place, [c.name for c in sent]).encode()) as copy:
            _write(copy, sent, rows)
        run(connection, *sql.add_constants(place, rows.constants, partition.first_day))
        _index(connection, names, kind, partition, version)
        staged = StagedVersion(
            table=kind.table, partition=partition, version=version, rows=rows.count, schema=schema.remove_metadata()
        )
        run(connection, *sql.comments(names, kind, plain, definitions), sql.comment(names, plain, staged.to_text()))


def run(connection: Connection, *statements: str) -> None:
    """Executes statements in one round trip."""
    connection.execute(";\n".join(statements).encode())


class _Rows:
    """The rows in small pieces, without the columns that have one value in all of a month; counts them on their way."""

    def __init__(self, batches: Iterable[pa.RecordBatch]) -> None:
        self._batches = batches
        self.count = 0
        self._firsts: dict[str, pa.Scalar] = {}  # compared as scalars: pa.scalar(value) would import pandas

    @property
    def constants(self) -> dict[str, Any]:
        """The one value of each of those columns; None where there was no row."""
        return {name: self._firsts[name].as_py() if name in self._firsts else None for name in CONSTANT}

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for batch in self._batches:
            self._check(batch)
            self.count += batch.num_rows
            varying = batch.drop_columns(list(CONSTANT))
            for start in range(0, batch.num_rows, _PIECE_ROWS):
                yield varying.slice(start, _PIECE_ROWS)

    def _check(self, batch: pa.RecordBatch) -> None:
        for name in CONSTANT if batch.num_rows else ():
            values = batch.column(name)
            first = self._firsts.setdefault(name, values[0])
            same = pc.equal(values, first).true_count if first.is_valid else values.null_count
            if same != batch.num_rows:
                raise SchemaMismatch(f"{name} is not the same in all rows of the month", "load one file at a time")


def _write(copy: Copy, columns: Sequence[StoredColumn], pieces: Iterable[pa.RecordBatch]) -> None:
    """Sends the rows. The next piece is encoded while the one before is on its way."""
    sent = pa.schema([pa.field(column.name, column.arrow_type) for column in columns])
    encoder = pgpq.ArrowToPostgresBinaryEncoder(sent)
    with ThreadPoolExecutor(1) as sender:
        sending: Future[None] = sender.submit(copy.write, encoder.write_header())
        for piece in pieces:
            data = encoder.write_batch(_cast(piece, sent))
            sending.result()
            sending = sender.submit(copy.write, data)
        sending.result()
    copy.write(encoder.finish())


def _cast(batch: pa.RecordBatch, sent: pa.Schema) -> pa.RecordBatch:
    arrays = []
    for array, field in zip(batch.columns, sent, strict=True):
        try:
            arrays.append(array if array.type == field.type else array.cast(field.type))
        except pa.ArrowInvalid as error:
            raise SchemaMismatch(
                f"the column {field.name} does not fit into PostgreSQL as {field.type}: {error}", "load it into duckdb"
            ) from error
    return pa.RecordBatch.from_arrays(arrays, schema=sent)


def _index(connection: Connection, names: Names, kind: TaxiType, partition: Partition, version: str) -> None:
    """By address and by pick-up time, each a BRIN: files are in the order of the one and nearly in that of the other.

    A unique index by address would cost a sixth of the load, and one by zone a fifth, while a zone's rows are on most pages
    anyway. That addresses are unique is measured before the month is published.
    """
    plain = plain_staging(kind.table, partition, version)
    for what, column in (("row", SOURCE_ROW), ("time", kind.schema.pickup_time)):
        if column:
            run(connection, sql.create_index(names, plain, plain_index(kind.table, partition, version, what), column))
