"""Staging: Arrow batches → a table of their own by binary COPY, in one transaction and constant memory.

The table's comment says which version of which month it is; so whoever finds it later knows whose lock decides over it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import pgpq
import pyarrow as pa
from psycopg import Copy
from psycopg import errors as pg

from taxi_pipelines.domain.month import Partition, parse_partition
from taxi_pipelines.errors import SchemaMismatch
from taxi_pipelines.taxi.types import TaxiType
from taxi_pipelines.warehouses import postgres_statements as sql
from taxi_pipelines.warehouses.postgres_connections import Connection
from taxi_pipelines.warehouses.postgres_names import Names, plain_index, plain_staging
from taxi_pipelines.warehouses.postgres_types import StoredColumn, stored_column

_PIECE_ROWS = 16_384


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
    root = table_columns(connection, names.qualified(kind.table))
    columns = [stored_column(field, root) for field in schema]
    definitions = root | {column.name: column.sql_type for column in columns}
    with connection.transaction():
        run(connection, sql.create_staging(names, plain, definitions.items(), partition.first_day))
        with (
            connection.cursor() as cursor,
            cursor.copy(sql.copy_into(names, plain, [c.name for c in columns]).encode()) as copy,
        ):
            rows = _write(copy, columns, batches)
        _index(connection, names, kind, partition, version)
        staged = StagedVersion(
            table=kind.table, partition=partition, version=version, rows=rows, schema=schema.remove_metadata()
        )
        run(connection, *sql.comments(names, kind, plain, definitions), sql.comment(names, plain, staged.to_text()))


def run(connection: Connection, *statements: str) -> None:
    """Executes statements in one round trip."""
    connection.execute(";\n".join(statements).encode())


def _write(copy: Copy, columns: Sequence[StoredColumn], batches: Iterable[pa.RecordBatch]) -> int:
    """Sends the rows; how many. The next piece is encoded while the one before is on its way."""
    sent = pa.schema([pa.field(column.name, column.arrow_type) for column in columns])
    encoder = pgpq.ArrowToPostgresBinaryEncoder(sent)
    rows = 0
    with ThreadPoolExecutor(1) as sender:
        sending: Future[None] = sender.submit(copy.write, encoder.write_header())
        for piece in _pieces(batches):
            rows += piece.num_rows
            data = encoder.write_batch(_cast(piece, sent))
            sending.result()
            sending = sender.submit(copy.write, data)
        sending.result()
    copy.write(encoder.finish())
    return rows


def _pieces(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for start in range(0, batch.num_rows, _PIECE_ROWS):
            yield batch.slice(start, _PIECE_ROWS)


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
    """By address, unique unless the rows are not; by pick-up time a BRIN, because files are nearly in its order; by zone."""
    plain = plain_staging(kind.table, partition, version)

    def create(what: str, column: str | None, *, unique: bool = False, brin: bool = False) -> None:
        if column:
            index = plain_index(kind.table, partition, version, what)
            run(connection, sql.create_index(names, plain, index, column, unique=unique, brin=brin))

    try:
        with connection.transaction():
            create("row", "source_row", unique=True)
    except pg.UniqueViolation:
        create("row", "source_row")
    create("time", kind.schema.pickup_time, brin=True)
    create("zone", kind.schema.pickup_zone)
