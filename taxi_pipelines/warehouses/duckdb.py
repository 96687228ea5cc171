"""The embedded warehouse: immutable Parquet months, a catalog that is renamed into place, DuckDB to query them.

Publishing is a read-modify-write of `catalog.json` under one short lock; its rename is the moment readers change over.
`warehouse.duckdb`, which is derived, follows by a second rename; if a crash comes between the two, whoever comes next
carries on. All reading of our own starts from the catalog.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from pathlib import Path

import duckdb
import pyarrow as pa

from taxi_pipelines.disk import sync_folder, writable
from taxi_pipelines.domain.asking import Asking
from taxi_pipelines.domain.month import Partition
from taxi_pipelines.errors import WarehouseCorrupt
from taxi_pipelines.interfaces import Addresses, Answer, PublishedMonth
from taxi_pipelines.taxi.types import ALL, TaxiType
from taxi_pipelines.warehouses.catalog import Catalog, Columns, read_catalog, write_catalog
from taxi_pipelines.warehouses.duckdb_ask import answer
from taxi_pipelines.warehouses.engine import distinct_addresses, run_statement, sorted_batches
from taxi_pipelines.warehouses.folder import MonthFile, WarehouseFolder
from taxi_pipelines.warehouses.locks import Locks
from taxi_pipelines.warehouses.parquet import read_batches, read_footer, row_order, write_parquet
from taxi_pipelines.warehouses.spill import spill_folder, sweep_spill
from taxi_pipelines.warehouses.statements import SCHEMA
from taxi_pipelines.warehouses.views import (
    build_views,
    catalog_columns,
    catalog_types,
    create_views,
    install_views,
    remove_views,
    views_problems,
)

_CATALOG_LOCK = "catalog"
_KINDS = {kind.table: kind for kind in ALL.values()}


class DuckDBWarehouse:
    """A `Warehouse` in a home folder, shared by any number of threads and processes of one machine."""

    def __init__(self, home: Path) -> None:
        self._folder = WarehouseFolder(home)
        self._locks = Locks(self._folder.locks)

    @property
    def target(self) -> str:
        """See `Warehouse.target`."""
        return "duckdb"

    @property
    def place(self) -> str:
        """See `Warehouse.place`: the file that other programs may open."""
        return str(self._folder.views)

    def lock(self, table: str, partition: Partition) -> AbstractContextManager[None]:
        """See `Warehouse.lock`."""
        return self._locks.hold(_lock_name(table, partition))

    def locked(self, table: str, partitions: Iterable[Partition]) -> set[Partition]:
        """See `Warehouse.locked`."""
        return {partition for partition in partitions if self._locks.is_held(_lock_name(table, partition))}

    def stage(
        self, kind: TaxiType, partition: Partition, version: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]
    ) -> None:
        """See `Warehouse.stage`; to be called under the partition's lock, by which `sweep` knows who is alive."""
        path = self._folder.staged(kind.table, partition, version)
        with writable(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        write_parquet(path, schema, batches)

    def addresses(self, table: str, partition: Partition, version: str) -> Addresses:
        """See `Warehouse.addresses`. Raises WarehouseCorrupt."""
        path = self._folder.held(table, partition, version)
        order = row_order(path)
        distinct = order.rows if order.rising else distinct_addresses(path)
        return Addresses(rows=order.rows, distinct=distinct, first=order.first, last=order.last)

    def publish(self, kind: TaxiType, partition: Partition, version: str) -> None:
        """See `Warehouse.publish`. Raises WarehouseCorrupt where the version is not there, DiskFull."""
        final = self._folder.final(kind.table, partition, version)
        staged = self._folder.staged(kind.table, partition, version)
        with self._locks.hold(_CATALOG_LOCK):
            catalog = self._current_catalog()
            if staged.exists():
                with writable(final):
                    staged.replace(final)
                    sync_folder(final.parent)
            footer = read_footer(final)
            self._commit(
                catalog.with_published(
                    kind.table,
                    partition,
                    version,
                    rows=footer.rows,
                    bytes=footer.bytes,
                    columns=_columns(footer.schema),
                )
            )

    def published(self, table: str) -> Mapping[Partition, PublishedMonth]:
        """See `Warehouse.published`. Raises WarehouseCorrupt."""
        return {
            partition: PublishedMonth(version=entry.version, rows=entry.rows, bytes=entry.bytes)
            for partition, entry in self._catalog().of_table(table).items()
        }

    def columns(self, table: str) -> list[str]:
        """See `Warehouse.columns`. Raises WarehouseCorrupt."""
        catalog = self._catalog()
        return catalog_columns(_KINDS[table], catalog) if catalog.of_table(table) else []

    def column_types(self, table: str) -> dict[str, str]:
        """See `Warehouse.column_types`. Raises WarehouseCorrupt."""
        catalog = self._catalog()
        return catalog_types(_KINDS[table], catalog) if catalog.of_table(table) else {}

    def versions(self, table: str, partition: Partition) -> list[str]:
        """See `Warehouse.versions`. Raises WarehouseCorrupt."""
        entry = self._catalog().of_table(table).get(partition)
        held = entry.versions if entry else ()
        return [version for version in held if self._folder.final(table, partition, version).exists()]

    def discard(self, table: str, partition: Partition, version: str) -> None:
        """See `Warehouse.discard`. A published version stays: who cleans up need not know how far publishing came."""
        with self._locks.hold(_CATALOG_LOCK):
            catalog = self._catalog()
            entry = catalog.of_table(table).get(partition)
            if entry and entry.version == version:
                return
            if catalog.holds(table, partition, version):
                catalog = catalog.without_version(table, partition, version)
                write_catalog(self._folder.catalog, self._folder.catalog_temporary, catalog)
            with writable(self._folder.root):
                self._folder.staged(table, partition, version).unlink(missing_ok=True)
                self._folder.final(table, partition, version).unlink(missing_ok=True)

    def read(self, table: str, partition: Partition, version: str) -> Iterator[pa.RecordBatch]:
        """See `Warehouse.read`. Raises WarehouseCorrupt, DiskFull."""
        path = self._folder.held(table, partition, version)
        if row_order(path).rising:
            yield from read_batches(path)
        else:
            yield from sorted_batches(path, self._folder.spill)

    @contextmanager
    def query(self, sql: str) -> Iterator[pa.RecordBatchReader]:
        """See `Warehouse.query`. Raises QueryFailed and WarehouseCorrupt, also while the result is read."""
        catalog = self._catalog()
        with self._spill() as spill, closing(duckdb.connect(config={"temp_directory": spill})) as connection:
            create_views(connection, self._folder, catalog)
            connection.execute(f"SET search_path = '{SCHEMA}'")
            yield run_statement(connection, sql, sorted(_KINDS), self._folder.root)

    def ask(self, sql: str, asking: Asking) -> AbstractContextManager[Answer]:
        """See `Warehouse.ask`. Raises QueryFailed and WarehouseCorrupt, also while the result is read."""
        self._catalog()
        return answer(self._folder.home, sql, asking)

    def price(self, sql: str) -> int | None:
        """See `Warehouse.price`."""
        return None

    def estimate(self, kind: TaxiType, partition: Partition, file_bytes: int | None) -> int:
        """See `Warehouse.estimate`."""
        return 0

    def sweep(self, only: tuple[str, Partition] | None = None) -> int:
        """See `Warehouse.sweep`. Raises WarehouseCorrupt. Waits for nobody; writes nothing where all is in order."""
        found = [file for file in self._leftovers(self._catalog()) if only in (None, (file.table, file.partition))]
        removed = sum(self._sweep_leftover(file) for file in found)
        return removed + self._sweep_temporary() + sweep_spill(self._folder.spill)

    def problems(self) -> list[str]:
        """See `Warehouse.problems`."""
        try:
            catalog = self._catalog()
        except WarehouseCorrupt as error:
            return [error.what]
        leftovers = [
            f"{file.path} is left over"
            for file in self._leftovers(catalog)
            if not self.locked(file.table, [file.partition])
        ]
        return [*self._file_problems(catalog), *views_problems(self._folder, catalog), *leftovers]

    def repair(self) -> None:
        """See `Warehouse.repair`. A catalog that is lost is made anew of the newest version of every month."""
        with self._locks.hold(_CATALOG_LOCK):
            self._remove_temporary()
            try:
                catalog = self._catalog()
            except WarehouseCorrupt:
                catalog = self._catalog_of_files()
                write_catalog(self._folder.catalog, self._folder.catalog_temporary, catalog)
            if not catalog.generation:
                remove_views(self._folder.views)
            elif any(views_problems(self._folder, catalog)):
                install_views(self._folder, build_views(self._folder, catalog))
        self.sweep()

    def _catalog(self) -> Catalog:
        """A lost catalog is not an empty one: whoever took it for one would sweep every month away."""
        published_before = self._folder.views.exists()
        catalog = read_catalog(self._folder.catalog)
        if published_before and not catalog.generation:
            raise WarehouseCorrupt(f"{self._folder.catalog} is missing", "run: taxi doctor --fix")
        return catalog

    def _spill(self) -> AbstractContextManager[str]:
        """Where a query may spill: nowhere in a home that can only be read."""
        writable_home = os.access(self._folder.home, os.W_OK)
        return spill_folder(self._folder.spill) if writable_home else nullcontext("")

    def _current_catalog(self) -> Catalog:
        """The catalog, after what a dead publisher left is carried on or removed; under the catalog's lock."""
        catalog = self._catalog()
        self._roll_forward(catalog)
        return catalog

    def _commit(self, catalog: Catalog) -> None:
        built = build_views(self._folder, catalog)
        try:
            write_catalog(self._folder.catalog, self._folder.catalog_temporary, catalog)
        except BaseException:
            remove_views(built)
            raise
        install_views(self._folder, built)

    def _roll_forward(self, catalog: Catalog) -> int:
        """Installs views that were built for this very catalog; removes what else was being built; how many files."""
        found = len(self._folder.temporary_files())
        built = self._folder.next_views(catalog.generation)
        if catalog.generation and built.exists():
            install_views(self._folder, built)
        self._remove_temporary()
        if catalog.generation and not self._folder.views.exists():
            install_views(self._folder, build_views(self._folder, catalog))
        return found

    def _remove_temporary(self) -> None:
        with writable(self._folder.home):
            for path in self._folder.temporary_files():
                path.unlink(missing_ok=True)

    def _sweep_temporary(self) -> int:
        if not self._folder.temporary_files() and (self._folder.views.exists() or not self._catalog().generation):
            return 0
        with self._locks.try_hold(_CATALOG_LOCK) as held:
            return self._roll_forward(self._catalog()) if held else 0

    def _leftovers(self, catalog: Catalog) -> list[MonthFile]:
        """Files that are not in the catalog: of somebody at work, or of somebody who died."""
        return [
            file
            for file in self._folder.month_files()
            if file.staging or not catalog.holds(file.table, file.partition, file.version)
        ]

    def _sweep_leftover(self, file: MonthFile) -> int:
        with self._locks.try_hold(_lock_name(file.table, file.partition)) as held:
            if not held or file not in self._leftovers(self._catalog()):
                return 0
            with writable(file.path):
                file.path.unlink(missing_ok=True)
            return 1

    def _file_problems(self, catalog: Catalog) -> Iterator[str]:
        for table, entries in catalog.tables.items():
            for partition, entry in entries.items():
                path = self._folder.final(table, partition, entry.version)
                try:
                    footer = read_footer(path)
                except WarehouseCorrupt as error:
                    yield error.what
                    continue
                if footer.bytes != entry.bytes:
                    yield f"{path} has {footer.bytes} bytes, the catalog says {entry.bytes}"
                if footer.rows != entry.rows:
                    yield f"{path} has {footer.rows} rows, the catalog says {entry.rows}"

    def _catalog_of_files(self) -> Catalog:
        catalog = Catalog()
        for file in sorted(self._folder.month_files(), key=lambda file: (file.version, file.table)):
            if file.staging:
                continue
            try:
                footer = read_footer(file.path)
            except WarehouseCorrupt:
                continue  # nobody can read it: a leftover
            catalog = catalog.with_published(
                file.table,
                file.partition,
                file.version,
                rows=footer.rows,
                bytes=footer.bytes,
                columns=_columns(footer.schema),
            )
        return catalog


def _columns(schema: pa.Schema) -> Columns:
    return tuple((field.name, str(field.type)) for field in schema)


def _lock_name(table: str, partition: Partition) -> str:
    return f"{table}-{partition}"
