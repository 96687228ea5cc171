"""Staging: Arrow batches → a table of their own by binary COPY, in one transaction and constant memory.

The table's comment says which version of which month it is; so whoever finds it later knows whose lock decides over it.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import pgpq
import pyarrow as pa
import pyarrow.compute as pc
from psycopg import Copy

from taxi_pipelines.domain.month import Partition, parse_partition
from taxi_pipelines.errors import SchemaMismatch, WarehouseCorrupt
from taxi_pipelines.taxi.schemas import SOURCE_FILE, SOURCE_MONTH, SOURCE_ROW
from taxi_pipelines.taxi.types import TaxiType
from taxi_pipelines.warehouses import postgres_statements as sql
from taxi_pipelines.warehouses.postgres_connections import Connection
from taxi_pipelines.warehouses.postgres_names import Names, plain_staging
from taxi_pipelines.warehouses.postgres_types import StoredColumn, stored_column

CONSTANT = (SOURCE_MONTH, SOURCE_FILE)
"""Columns with one value per month, which is not sent. The file's name is not even written into the rows but kept once, in
the table's description: a fifth less to write."""

_PIECE_ROWS = 8_192


@dataclass(frozen=True, kw_only=True, slots=True)
class StagedVersion:
    """What the comment of a staging table says.

    `rows` is the server's own count of what it took. `ends` are the first and the last address, if each one sent was higher than
    the one before, so that no two are equal; None where that was not so, or there was no row.
    """

    table: str
    partition: Partition
    version: str
    rows: int
    ends: tuple[int, int] | None
    schema: pa.Schema

    def to_text(self) -> str:
        """As the comment is written."""
        plain = {"table": self.table, "month": str(self.partition), "version": self.version}
        numbers = {"rows": self.rows, "ends": self.ends}
        return json.dumps({**plain, **numbers, "schema": base64.b64encode(self.schema.serialize()).decode()})

    @classmethod
    def from_text(cls, text: str) -> StagedVersion:
        """The inverse of `to_text`."""
        plain = json.loads(text)
        return cls(
            table=plain["table"],
            partition=parse_partition(plain["month"]),
            version=plain["version"],
            rows=plain["rows"],
            ends=tuple(plain["ends"]) if plain["ends"] else None,
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
    """Writes the version's table. All of it is there afterwards, or nothing.

    Raises WarehouseCorrupt where the server took fewer rows than were sent, SchemaMismatch where they do not fit into the table.
    """
    plain = plain_staging(kind.table, partition, version)
    place = names.qualified(plain)
    root = table_columns(connection, names.qualified(kind.table))
    columns = {field.name: stored_column(field, root) for field in schema}
    definitions = root | {column.name: column.sql_type for column in columns.values()}
    sent = [column for name, column in columns.items() if name not in CONSTANT]
    rows = _Rows(batches, partition.first_day)
    with connection.transaction():
        run(connection, f"DROP TABLE IF EXISTS {place}")
        run(connection, sql.create_table(place, _layout(definitions), partition.first_day))
        with connection.cursor() as cursor:
            with cursor.copy(sql.copy_into(place, [c.name for c in sent]).encode()) as copy:
                _write(copy, sent, rows)
            rows.expect(cursor.rowcount, place)
        run(connection, *sql.add_file_name(place, rows.file_name))
        staged = StagedVersion(
            table=kind.table,
            partition=partition,
            version=version,
            rows=rows.count,
            ends=rows.ends,
            schema=schema.remove_metadata(),
        )
        run(connection, *sql.comments(names, kind, plain, definitions), sql.comment(names, plain, staged.to_text()))


def _layout(columns: Mapping[str, str]) -> dict[str, str]:
    """The columns that are written, as a row has them: first the address, so that indexing it need not walk over the others; the
    month behind the last text, where alignment mostly leaves a gap for it."""
    names = [name for name in columns if name not in (SOURCE_ROW, *CONSTANT)]
    texts = [place for place, name in enumerate(names, start=1) if columns[name] == "text"]
    names.insert(texts[-1] if texts else len(names), SOURCE_MONTH)
    return {name: columns[name] for name in (SOURCE_ROW, *names)}


def run(connection: Connection, *statements: str) -> None:
    """Executes statements in one round trip."""
    connection.execute(";\n".join(statements).encode())


class _Rows:
    """The rows in small pieces, without the columns that have one value in all of a month; counts them on their way, and
    watches their addresses."""

    def __init__(self, batches: Iterable[pa.RecordBatch], first_day: date | None) -> None:
        self._batches = batches
        self._first_day = first_day
        self.count = 0
        self._ends: tuple[int, int] | None = None
        self._rising = True
        self._firsts: dict[str, pa.Scalar] = {}  # compared as scalars: pa.scalar(value) would import pandas

    @property
    def file_name(self) -> str | None:
        """The file all rows are from; None where there was no row."""
        return self._firsts[SOURCE_FILE].as_py() if self._firsts else None

    @property
    def ends(self) -> tuple[int, int] | None:
        """See `StagedVersion.ends`."""
        return self._ends if self._rising else None

    def expect(self, stored: int, place: str) -> None:
        """Raises WarehouseCorrupt where the server stored more or fewer rows than went by."""
        if stored != self.count:
            raise WarehouseCorrupt(f"{place} took {stored:,} of {self.count:,} rows", "run again")

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for batch in self._batches:
            if batch.num_rows:
                self._check(batch)
                self._follow(batch.column(SOURCE_ROW))
            self.count += batch.num_rows
            varying = batch.drop_columns(list(CONSTANT))
            for start in range(0, batch.num_rows, _PIECE_ROWS):
                yield varying.slice(start, _PIECE_ROWS)

    def _check(self, batch: pa.RecordBatch) -> None:
        for name in CONSTANT:
            values = batch.column(name)
            first = self._firsts.setdefault(name, values[0])
            same = pc.equal(values, first).true_count if first.is_valid else values.null_count
            if same != batch.num_rows:
                raise SchemaMismatch(f"{name} is not the same in all rows of the month", "load one file at a time")
        if self._firsts[SOURCE_MONTH].as_py() != self._first_day:
            raise SchemaMismatch(f"{SOURCE_MONTH} is not the month that is loaded", "load the month's own file")

    def _follow(self, addresses: pa.Array) -> None:
        """Notices an address that is null, or not above the one before."""
        steps = len(addresses) - 1
        first, last = addresses[0].as_py(), addresses[steps].as_py()
        rising = not addresses.null_count and pc.less(addresses.slice(0, steps), addresses.slice(1)).true_count == steps
        self._rising = self._rising and rising and (self._ends is None or self._ends[1] < first)
        self._ends = (self._ends[0] if self._ends else first, last)


def _write(copy: Copy, columns: Sequence[StoredColumn], pieces: Iterable[pa.RecordBatch]) -> None:
    """Sends the rows. What the server has not taken yet waits in the sockets' buffers while the next piece is encoded; a thread
    of its own for sending cost more CPU and was not faster."""
    sent = pa.schema([pa.field(column.name, column.arrow_type) for column in columns])
    encoder = pgpq.ArrowToPostgresBinaryEncoder(sent)
    copy.write(encoder.write_header())
    for piece in pieces:
        encoded = encoder.write_batch(_cast(piece, sent))
        copy.write(memoryview(encoded))  # of a view the driver takes its parts without copying them
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
