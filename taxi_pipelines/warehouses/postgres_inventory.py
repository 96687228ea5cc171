"""What there is in the database: published months, held versions, leftovers; and what is wrong with it. Only looks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pyarrow as pa
from psycopg import errors as pg

from taxi_pipelines.domain.month import Partition, parse_partition
from taxi_pipelines.errors import WarehouseCorrupt
from taxi_pipelines.taxi.types import ALL
from taxi_pipelines.warehouses import postgres_statements as sql
from taxi_pipelines.warehouses.postgres_connections import Connection
from taxi_pipelines.warehouses.postgres_names import Names, plain_partition, plain_staging
from taxi_pipelines.warehouses.postgres_stage import StagedVersion, find_staged

TABLES = tuple(kind.table for kind in ALL.values())


def rows(connection: Connection, text: str, values: Sequence[object] | None = None) -> list[tuple[Any, ...]]:
    """The rows of a small result."""
    return connection.execute(text.encode(), values).fetchall()


def one(connection: Connection, text: str, values: Sequence[object] | None = None) -> int:
    """The one number a statement gives."""
    ((number,),) = rows(connection, text, values)
    return int(number)


def published_rows(connection: Connection, names: Names, columns: str, table: str) -> list[tuple[Any, ...]]:
    """Of every published month of a table: its name and those columns; none where nothing was ever published."""
    text = f"SELECT source_month, {columns} FROM {names.months} WHERE table_name = %s ORDER BY 1"
    try:
        return rows(connection, text, [table])
    except pg.UndefinedTable:
        return []


def is_attached(connection: Connection, names: Names, table: str, partition: Partition) -> bool:
    """Whether readers of the table see the partition."""
    places = [names.qualified(table), names.qualified(plain_partition(table, partition))]
    return one(connection, sql.ATTACHED, places) > 0


def held(connection: Connection, names: Names, table: str, partition: Partition, version: str) -> tuple[str, pa.Schema]:
    """Where a version's rows lie, and their schema as it was published. Raises WarehouseCorrupt."""
    if staged := find_staged(connection, names, table, partition, version):
        return names.qualified(plain_staging(table, partition, version)), staged.schema
    for month, published, schema in published_rows(connection, names, "version, arrow_schema", table):
        wanted = (month, published) == (str(partition), version)
        if wanted and is_attached(connection, names, table, partition):
            place = names.qualified(plain_partition(table, partition))
            return place, pa.ipc.read_schema(pa.BufferReader(schema))
    raise missing(table, partition, version)


def missing(table: str, partition: Partition, version: str) -> WarehouseCorrupt:
    """The error for a version that is not held."""
    return WarehouseCorrupt(f"{table} {partition} has no version {version}", "load the month again with --force")


def leftovers(connection: Connection, names: Names) -> list[tuple[str, StagedVersion]]:
    """Staging tables: of somebody at work, or of somebody who died."""
    found = rows(connection, sql.STAGING_TABLES, [names.schema])
    return [(plain, StagedVersion.from_text(text)) for plain, text in found if text and text.startswith("{")]


def locked(connection: Connection, names: Names, table: str, partitions: Iterable[Partition]) -> set[Partition]:
    """The partitions whose lock a session holds."""
    held = {key for (key,) in rows(connection, sql.HELD_LOCKS)}
    return {partition for partition in partitions if names.lock_key(table, partition) in held}


def lost_months(connection: Connection, names: Names) -> list[tuple[str, str]]:
    """Months that are called published and whose partition is not in place."""
    return [
        (table, month)
        for table in TABLES
        for month, _ in published_rows(connection, names, "version", table)
        if not is_attached(connection, names, table, parse_partition(month))
    ]


def problems(connection: Connection, names: Names) -> Iterator[str]:
    """One sentence each."""
    for table, month in lost_months(connection, names):
        yield f"{names.months} names {table} {month}, whose partition is missing"
    known = {
        (table, plain_partition(table, parse_partition(month)))
        for table in TABLES
        for month, _ in published_rows(connection, names, "version", table)
    }
    for table, partition in rows(connection, sql.PARTITIONS, [names.schema]):
        if table in TABLES and (table, partition) not in known:
            yield f"{names.qualified(table)} has the partition {partition}, which {names.months} does not name"
    for plain, staged in leftovers(connection, names):
        if not locked(connection, names, staged.table, [staged.partition]):
            yield f"{names.qualified(plain)} is left over"
