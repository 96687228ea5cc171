"""PostgreSQL as target: one table per type, a partition per month, published by swapping partitions in one transaction.

`loaded_months` is the truth about what is published; it is written in the transaction that publishes. A partition's lock is an
advisory lock of a session, which the server gives back when the session's process dies.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

import psycopg
import pyarrow as pa
from psycopg import errors as pg

from taxi_pipelines.domain.month import Partition, parse_partition
from taxi_pipelines.errors import PipelineError, WarehouseCorrupt
from taxi_pipelines.interfaces import Addresses, PublishedMonth
from taxi_pipelines.taxi.types import ALL, TaxiType
from taxi_pipelines.warehouses import postgres_statements as sql
from taxi_pipelines.warehouses.postgres_connections import Connection, Connections
from taxi_pipelines.warehouses.postgres_errors import query_error
from taxi_pipelines.warehouses.postgres_names import Names, plain_partition, plain_staging
from taxi_pipelines.warehouses.postgres_publish import Publication, Strategy, publish, published_version
from taxi_pipelines.warehouses.postgres_read import copied_out, statement_result
from taxi_pipelines.warehouses.postgres_stage import StagedVersion, find_staged, run, stage, table_columns
from taxi_pipelines.warehouses.statements import quoted_name, table_columns as in_order

_KINDS = {kind.table: kind for kind in ALL.values()}


class PostgresWarehouse:
    """A `Warehouse` in one schema of a PostgreSQL database, shared by any number of threads, processes and machines."""

    def __init__(self, url: str, *, schema: str = "taxi", strategy: Strategy = "replace") -> None:
        """Whatever libpq takes as a URL; nothing is connected yet. Raises UsageError."""
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

    @contextmanager
    def lock(self, table: str, partition: Partition) -> Iterator[None]:
        """See `Warehouse.lock`."""
        key = self._names.lock_key(table, partition)
        with self._connections.session() as connection:
            connection.execute("SELECT pg_advisory_lock(%s)", [key])
            try:
                yield
            finally:
                with suppress(psycopg.OperationalError):  # a session that is gone holds no lock
                    connection.execute("SELECT pg_advisory_unlock(%s)", [key])

    def is_locked(self, table: str, partition: Partition) -> bool:
        """See `Warehouse.is_locked`."""
        key = self._names.lock_key(table, partition)
        return self._connections.repeat(lambda connection: _one(connection, sql.HELD_LOCK, [key]) != 0)
