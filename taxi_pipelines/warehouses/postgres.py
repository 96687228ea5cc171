"""PostgreSQL as target: one table per type, a partition per month, published by swapping partitions in one transaction.

`loaded_months` is the truth about what is published; it is written in the transaction that publishes. A partition's lock is an
advisory lock of a session, which the server gives back when the session's process dies.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress

import psycopg
import pyarrow as pa
from psycopg import errors as pg

from taxi_pipelines.domain.asking import Asking
from taxi_pipelines.domain.month import Partition, parse_partition
from taxi_pipelines.errors import PipelineError, QueryFailed
from taxi_pipelines.interfaces import Addresses, Answer, PublishedMonth
from taxi_pipelines.taxi.types import ALL, TaxiType
from taxi_pipelines.warehouses import postgres_ask as asked
from taxi_pipelines.warehouses import postgres_inventory as inventory
from taxi_pipelines.warehouses import postgres_statements as statements
from taxi_pipelines.warehouses.postgres_connections import Connection, Connections
from taxi_pipelines.warehouses.postgres_errors import query_error
from taxi_pipelines.warehouses.postgres_names import Names, plain_staging
from taxi_pipelines.warehouses.postgres_publish import Publication, Strategy, publish
from taxi_pipelines.warehouses.postgres_read import described, month_rows, statement_result
from taxi_pipelines.warehouses.postgres_stage import StagedVersion, find_staged, run, stage, table_columns
from taxi_pipelines.warehouses.statements import table_columns as in_order

_KINDS = {kind.table: kind for kind in ALL.values()}
_CANCEL_SECONDS = 5.0


class PostgresWarehouse:
    """A `Warehouse` in one schema of a PostgreSQL database, shared by any number of threads, processes and machines."""

    def __init__(self, url: str, *, schema: str = "taxi", strategy: Strategy = "replace") -> None:
        """`url` is whatever libpq takes; nothing is connected yet. Raises UsageError."""
        self._connections = Connections(url)
        self._names = Names(schema)
        self._strategy = strategy
        self._prepared = False

    def close(self) -> None:
        """Closes the connections."""
        self._connections.close()

    @property
    def target(self) -> str:
        """See `Warehouse.target`."""
        return "postgres"

    @property
    def place(self) -> str:
        """See `Warehouse.place`."""
        return f"{self._connections.place}, schema {self._names.schema}"

    @contextmanager
    def lock(self, table: str, partition: Partition) -> Iterator[None]:
        """See `Warehouse.lock`."""
        key = self._names.lock_key(table, partition)
        with self._connections.session() as connection:
            connection.execute("SELECT pg_advisory_lock(%s)", [key])
            yield
            with suppress(psycopg.OperationalError):  # a session that is gone holds no lock
                connection.execute("SELECT pg_advisory_unlock(%s)", [key])

    def locked(self, table: str, partitions: Iterable[Partition]) -> set[Partition]:
        """See `Warehouse.locked`."""
        wanted = list(partitions)
        return self._connections.repeat(lambda c: inventory.locked(c, self._names, table, wanted))

    def stage(
        self, kind: TaxiType, partition: Partition, version: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]
    ) -> None:
        """See `Warehouse.stage`; to be called under the partition's lock, by which `sweep` knows who is alive.

        Raises WarehouseUnavailable, SchemaMismatch, DiskFull; nothing is left then. Not tried again here, because the
        batches cannot be: whoever calls may do so with new ones, after taking the lock anew.
        """
        self._connections.repeat(self._prepare)
        with self._connections.session() as connection:
            stage(connection, self._names, kind, partition, version, schema, batches)

    def addresses(self, table: str, partition: Partition, version: str) -> Addresses:
        """See `Warehouse.addresses`. Raises WarehouseCorrupt.

        Of a staged version it is mostly known without a look at the rows: each address sent was higher than the one before, the
        table was empty, and the server counted as many rows as were sent. That each was also stored as it was sent is left to
        the protocol's and the server's own checksums; `verify` asks of a published version, and that is always measured.
        """

        def measure(connection: Connection) -> Addresses:
            staged = find_staged(connection, self._names, table, partition, version)
            if staged and staged.ends:
                first, last = staged.ends
                return Addresses(rows=staged.rows, distinct=staged.rows, first=first, last=last)
            place, _ = inventory.held(connection, self._names, table, partition, version)
            ((rows, distinct, first, last),) = inventory.rows(connection, statements.measure_addresses(place))
            return Addresses(rows=rows, distinct=distinct, first=first, last=last)

        return self._connections.repeat(measure)

    def publish(self, kind: TaxiType, partition: Partition, version: str) -> None:
        """See `Warehouse.publish`. Raises WarehouseCorrupt where the version is not there, WarehouseUnavailable, DiskFull."""
        it = Publication(names=self._names, kind=kind, partition=partition, version=version)

        def work(connection: Connection) -> None:
            self._prepare(connection)
            publish(connection, it, self._strategy)

        self._connections.repeat(work)

    def published(self, table: str) -> Mapping[Partition, PublishedMonth]:
        """See `Warehouse.published`."""
        columns = "version, rows, bytes"
        found = self._connections.repeat(lambda c: inventory.published_rows(c, self._names, columns, table))
        return {
            parse_partition(month): PublishedMonth(version=version, rows=rows, bytes=size)
            for month, version, rows, size in found
        }

    def columns(self, table: str) -> list[str]:
        """See `Warehouse.columns`; `SELECT *` shows columns that were added later last."""
        if not self.published(table):
            return []
        place = self._names.qualified(table)
        return in_order(_KINDS[table], [self._connections.repeat(lambda c: table_columns(c, place))])

    def column_types(self, table: str) -> dict[str, str]:
        """See `Warehouse.column_types`."""
        there = self._connections.repeat(lambda c: table_columns(c, self._names.qualified(table)))
        return {name: there[name] for name in self.columns(table)}

    def versions(self, table: str, partition: Partition) -> list[str]:
        """See `Warehouse.versions`: the published one, if its partition is in place. Older ones are not kept."""
        published = self.published(table).get(partition)
        attached = self._connections.repeat(lambda c: inventory.is_attached(c, self._names, table, partition))
        return [published.version] if published and attached else []

    def discard(self, table: str, partition: Partition, version: str) -> None:
        """See `Warehouse.discard`."""
        self._connections.repeat(lambda c: self._drop(c, plain_staging(table, partition, version)))

    def read(self, table: str, partition: Partition, version: str) -> Iterator[pa.RecordBatch]:
        """See `Warehouse.read`. Raises WarehouseCorrupt, also where another version replaces this one just now.

        The table is locked before the transaction sees anything of it: a month is swapped before or after, not between.
        """
        with self._connections.session() as connection:
            place, schema = inventory.held(connection, self._names, table, partition, version)
            with connection.transaction():
                run(connection, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                try:
                    run(connection, f"LOCK TABLE {place} IN ACCESS SHARE MODE")
                except pg.UndefinedTable as error:
                    raise inventory.missing(table, partition, version) from error
                inventory.held(connection, self._names, table, partition, version)
                yield from month_rows(connection, place, schema)

    @contextmanager
    def query(self, sql: str) -> Iterator[pa.RecordBatchReader]:
        """See `Warehouse.query`: in a transaction that cannot write. Raises QueryFailed, also while the result is read."""
        with self._connections.session() as connection:
            self._prepare_if_allowed(connection)
            with self._refusals(sql), connection.transaction():
                run(connection, f"SET TRANSACTION READ ONLY; SET LOCAL search_path = {self._names.quoted_schema}")
                with statement_result(connection, sql) as (schema, batches):
                    yield pa.RecordBatchReader.from_batches(schema, self._watched(batches, sql))

    @contextmanager
    def ask(self, sql: str, asking: Asking) -> Iterator[Answer]:
        """See `Warehouse.ask`. Raises QueryFailed, also while the result is read; WarehouseRefused."""
        tables = sorted(_KINDS)
        with self._connections.session() as connection:
            self._prepare_if_allowed(connection)
            with (
                asking.ended_by(lambda: connection.cancel_safe(timeout=_CANCEL_SECONDS)),
                self._refusals(sql),
                connection.transaction(),
            ):
                run(connection, f"SET LOCAL search_path = {self._names.quoted_schema}")
                described(connection, sql)
                asked.check(connection, self._names, tables, sql)
                run(connection, asked.limits())
                with statement_result(connection, sql) as (schema, batches):
                    yield Answer(reader=pa.RecordBatchReader.from_batches(schema, self._watched(batches, sql)))

    def price(self, sql: str) -> int | None:
        """See `Warehouse.price`."""
        return None

    def estimate(self, kind: TaxiType, partition: Partition, file_bytes: int | None) -> int:
        """See `Warehouse.estimate`: a server bills nothing."""
        return 0

    def sweep(self, only: tuple[str, Partition] | None = None) -> int:
        """See `Warehouse.sweep`. Waits for nobody."""

        def work(connection: Connection) -> int:
            found = inventory.leftovers(connection, self._names)
            wanted = [one for one in found if only in (None, (one[1].table, one[1].partition))]
            return sum(self._sweep_one(connection, *one) for one in wanted)

        return self._connections.repeat(work)

    def problems(self) -> list[str]:
        """See `Warehouse.problems`."""
        try:
            return self._connections.repeat(lambda c: list(inventory.problems(c, self._names)))
        except PipelineError as error:
            return [error.what]

    def repair(self) -> None:
        """See `Warehouse.repair`. A month whose partition is gone is no longer called published; the next run loads it."""
        text = f"DELETE FROM {self._names.months} WHERE table_name = %s AND source_month = %s"

        def work(connection: Connection) -> None:
            self._prepare(connection)
            for lost in inventory.lost_months(connection, self._names):
                connection.execute(text.encode(), lost)

        self._connections.repeat(work)
        self.sweep()

    def _prepare_if_allowed(self, connection: Connection) -> None:
        """Who may only read, reads what is there."""
        with suppress(pg.InsufficientPrivilege, pg.ReadOnlySqlTransaction):
            self._prepare(connection)

    def _prepare(self, connection: Connection) -> None:
        """Makes schema and tables where they are missing."""
        if self._prepared:
            return
        if inventory.one(connection, statements.missing_tables(self._names, _KINDS)):
            with connection.transaction():
                connection.execute("SELECT pg_advisory_xact_lock(%s)", [self._names.lock_key("", None)])
                run(connection, statements.create_schema(self._names))
                run(connection, *(statements.create_root(self._names, kind) for kind in _KINDS.values()))
        self._prepared = True

    def _drop(self, connection: Connection, plain: str) -> None:
        run(connection, f"DROP TABLE IF EXISTS {self._names.qualified(plain)}")

    def _sweep_one(self, connection: Connection, plain: str, staged: StagedVersion) -> int:
        key = self._names.lock_key(staged.table, staged.partition)
        with connection.transaction():
            if not inventory.one(connection, "SELECT pg_try_advisory_xact_lock(%s)::int", [key]):
                return 0
            self._drop(connection, plain)
            return 1

    @contextmanager
    def _refusals(self, sql: str) -> Iterator[None]:
        """What the server says to a user's statement, and values that Arrow has no place for."""
        try:
            yield
        except psycopg.Error as error:
            raise query_error(error, self._connections.place, sorted(_KINDS), sql) from error
        except pa.ArrowInvalid as error:
            raise QueryFailed(f"a value cannot be shown: {error}", "cast the column to text") from error

    def _watched(self, batches: Iterator[pa.RecordBatch], sql: str) -> Iterator[pa.RecordBatch]:
        with self._refusals(sql):
            yield from batches
