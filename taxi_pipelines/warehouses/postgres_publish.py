"""Publishing: one transaction that puts a staged month in the place of the one before.

A swap needs the root table for itself for a moment. It waits for that only shortly, because whoever asks for the table after us
waits behind us; then it makes room and tries again. If somebody reads the table for longer (a notebook left open is enough), the
month is brought in step row by row inside its own table, which no reader blocks and which blocks no reader.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from psycopg import errors as pg

from taxi_pipelines.domain.month import Partition
from taxi_pipelines.errors import WarehouseCorrupt, WarehouseUnavailable
from taxi_pipelines.taxi.schemas import SOURCE_ROW
from taxi_pipelines.taxi.types import TaxiType
from taxi_pipelines.warehouses import postgres_inventory as inventory
from taxi_pipelines.warehouses import postgres_statements as sql
from taxi_pipelines.warehouses.postgres_connections import Connection
from taxi_pipelines.warehouses.postgres_names import Names, plain_index, plain_partition, plain_staging
from taxi_pipelines.warehouses.postgres_stage import StagedVersion, find_staged, run, table_columns
from taxi_pipelines.warehouses.postgres_types import widened

Strategy = Literal["replace", "merge"]

COUNTED_EXACTLY = 1 << 24
"""The server notes how many rows an index build has read as a `real`, which is exact up to this."""

LOCK_TIMEOUT = "250ms"
PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0)
"""Seconds between attempts at the swap: about five in all, a quarter of which others may have to wait."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Publication:
    """One version on its way to the readers."""

    names: Names
    kind: TaxiType
    partition: Partition
    version: str

    @property
    def root(self) -> str:
        """The table readers ask."""
        return self.names.qualified(self.kind.table)

    @property
    def plain_final(self) -> str:
        """The month's table once it is published."""
        return plain_partition(self.kind.table, self.partition)

    @property
    def final(self) -> str:
        """The same, quoted and qualified."""
        return self.names.qualified(self.plain_final)

    @property
    def plain_staging(self) -> str:
        """The month's table until then."""
        return plain_staging(self.kind.table, self.partition, self.version)

    @property
    def staging(self) -> str:
        """The same, quoted and qualified."""
        return self.names.qualified(self.plain_staging)


def publish(connection: Connection, it: Publication, strategy: Strategy) -> None:
    """Publishes the version; may be repeated, also when nobody knows whether it succeeded.

    Raises WarehouseCorrupt where the version is not there, WarehouseUnavailable where the table must change and is in use.
    """
    staged = find_staged(connection, it.names, it.kind.table, it.partition, it.version)
    if staged is None:
        inventory.held(connection, it.names, it.kind.table, it.partition, it.version)
        return
    _index(connection, it, staged.rows)
    for pause in PAUSES:
        try:
            return _transaction(connection, it, staged, strategy)
        except pg.LockNotAvailable:
            time.sleep(pause)
    try:
        _transaction(connection, it, staged, "merge")
    except pg.LockNotAvailable as error:
        raise WarehouseUnavailable(
            f"{it.kind.table} is in use, and {it.partition} changes its columns",
            "end the sessions that read it (pg_stat_activity names them), and run again",
        ) from error


def _index(connection: Connection, it: Publication, rows: int) -> None:
    """Indexes the staged month by address and by pick-up time in one BRIN, which serves either alone: files are in the order of
    the one and nearly in that of the other. The build reads every row and counts them: so the month is known to be whole.

    A unique index by address would cost a sixth of the load, and one by zone a fifth, while a zone's rows are on most pages
    anyway. That addresses are unique is checked before the month is published.
    """
    index = plain_index(it.kind.table, it.partition, it.version)
    columns = [column for column in (SOURCE_ROW, it.kind.schema.pickup_time) if column]
    with connection.transaction():
        run(connection, f"DROP INDEX IF EXISTS {it.names.qualified(index)}")  # of an attempt that was broken off
        run(connection, sql.create_index(it.staging, index, columns))
        counted = inventory.one(connection, sql.COUNTED_ROWS, [it.staging])
    if counted != rows or rows > COUNTED_EXACTLY:
        _expect_rows(connection, it.staging, rows)


def _transaction(connection: Connection, it: Publication, staged: StagedVersion, strategy: Strategy) -> None:
    with connection.transaction():
        key = it.names.lock_key(it.kind.table, None)
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [key])
        run(connection, f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        attached = inventory.is_attached(connection, it.names, it.kind.table, it.partition)
        in_place = attached and strategy == "merge"
        root = table_columns(connection, it.root)
        ours = table_columns(connection, it.staging)
        _lock_root(connection, it, exclusive=(attached and not in_place) or not _fits(root, ours))
        columns = _align(connection, it, root, ours)
        if in_place:
            _merge(connection, it, columns, staged)
            _expect_rows(connection, it.final, staged.rows)
        else:
            _swap(connection, it, attached=attached)
        values = [it.kind.table, str(it.partition), it.version, staged.rows, it.final, _plain(staged)]
        connection.execute(sql.note_published(it.names).encode(), values)


def _plain(staged: StagedVersion) -> bytes:
    return bytes(staged.schema.serialize())


def _lock_root(connection: Connection, it: Publication, *, exclusive: bool) -> None:
    mode = "ACCESS EXCLUSIVE" if exclusive else "SHARE UPDATE EXCLUSIVE"
    run(connection, f"LOCK TABLE ONLY {it.root} IN {mode} MODE")


def _fits(root: Mapping[str, str], ours: Mapping[str, str]) -> bool:
    """Whether the root table can take the month as it is."""
    return all(name in root and widened(root[name], kind) == root[name] for name, kind in ours.items())


def _align(
    connection: Connection, it: Publication, root: Mapping[str, str], ours: Mapping[str, str]
) -> Mapping[str, str]:
    """Gives root and staged table the same columns, names and types; what they are then."""
    columns = {name: widened(kind, ours.get(name, kind)) for name, kind in root.items()}
    columns |= {name: kind for name, kind in ours.items() if name not in columns}
    for table, has in ((it.root, root), (it.staging, ours)):
        added = {name: kind for name, kind in columns.items() if name not in has}
        altered = {name: kind for name, kind in columns.items() if has.get(name, kind) != kind}
        if added:
            run(connection, sql.add_columns(table, added))
        if altered:
            run(connection, sql.alter_types(table, altered))
        if added and table == it.root:
            run(connection, *sql.comments(it.names, it.kind, it.kind.table, added))
    return columns


def _merge(connection: Connection, it: Publication, columns: Mapping[str, str], staged: StagedVersion) -> None:
    unique = bool(staged.ends) and _has_unique_addresses(connection, it.final)
    build = sql.merge if unique else sql.replace_rows
    for statement in build(it.final, it.staging, list(columns)):
        run(connection, statement)
    run(connection, f"DROP TABLE {it.staging}")


def _has_unique_addresses(connection: Connection, table: str) -> bool:
    ((rows, distinct, *_),) = inventory.rows(connection, sql.measure_addresses(table))
    return bool(rows == distinct)


def _swap(connection: Connection, it: Publication, *, attached: bool) -> None:
    if attached:
        run(connection, sql.detach_and_drop(it.root, it.final))
    run(
        connection,
        sql.rename(it.staging, it.plain_final),
        sql.comment(it.names, it.plain_final, it.kind.title),
        sql.attach(it.root, it.final, it.partition.first_day),
    )


def _expect_rows(connection: Connection, table: str, rows: int) -> None:
    found = inventory.one(connection, f"SELECT count(*) FROM {table}")
    if found != rows:
        raise WarehouseCorrupt(
            f"{table} has {found:,} rows, {rows:,} were staged", "run again; look at the server's log"
        )
