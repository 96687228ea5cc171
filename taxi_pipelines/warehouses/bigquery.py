"""BigQuery as target: one table per type, a partition per month, published by one atomic job.

A month is loaded into a staging table of its own and copied over the target's partition, both free; or merged into it. Month
records (bigquery_records.py) are the truth about what is published, and the lock between machines; locks of files under `spool`
are those between the processes of one machine. Whatever a process did before it died is found again by the ids of its jobs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from functools import cached_property
from pathlib import Path

import pyarrow as pa
from google.cloud import bigquery
from google.cloud.bigquery.table import TableReference

from taxi_pipelines.domain.asking import Asking
from taxi_pipelines.domain.month import Month, Partition, Whole
from taxi_pipelines.errors import PipelineError, WarehouseCorrupt
from taxi_pipelines.gcp.names import check_dataset_name
from taxi_pipelines.interfaces import Addresses, Answer, Clock, PublishedMonth
from taxi_pipelines.taxi.types import TaxiType
from taxi_pipelines.warehouses import bigquery_statements as sql
from taxi_pipelines.warehouses.bigquery_jobs import Jobs
from taxi_pipelines.warehouses.bigquery_listing import Listings
from taxi_pipelines.warehouses.bigquery_load import Loader, Staged, Uploads
from taxi_pipelines.warehouses.bigquery_lock import Hold, MonthLocks
from taxi_pipelines.warehouses.bigquery_names import KINDS, MonthKey, Names, VersionKey
from taxi_pipelines.warehouses.bigquery_publish import PUBLISH, Publisher, Strategy
from taxi_pipelines.warehouses.bigquery_query import Queries
from taxi_pipelines.warehouses.bigquery_records import Holder, Records
from taxi_pipelines.warehouses.bigquery_rows import rows_by_address
from taxi_pipelines.warehouses.bigquery_schema import Fields, sql_name
from taxi_pipelines.warehouses.bigquery_tables import Targets
from taxi_pipelines.warehouses.spill import sweep_spill
from taxi_pipelines.warehouses.statements import table_columns

STAGED_FOR = timedelta(hours=20)
"""Staging tables last a day; a holder who died longer ago than this may have published something whose trace is gone."""


class BigQueryWarehouse:
    """A `Warehouse` in one dataset and its staging dataset, shared by any number of threads, processes and machines."""

    def __init__(
        self,
        client: Callable[[], bigquery.Client],
        *,
        project: str | None,
        dataset: str,
        location: str,
        spool: Path,
        clock: Clock,
        maximum_bytes_billed: int,
        strategy: Strategy = "replace",
        uploads: Uploads | None = None,
        require_partition_filter: bool = False,
    ) -> None:
        """Nothing is connected yet. `project` None: the client's. Raises UsageError for a dataset name that is none."""
        check_dataset_name(dataset)
        self._client = client
        self._project = project
        self._dataset = dataset
        self._spool = spool
        self._clock = clock
        self._strategy = strategy
        self._staged: dict[VersionKey, Staged] = {}
        self._records = Records(client, self._names)
        self._listings = Listings(self._records)
        self._locks = MonthLocks(self._records, self._names, spool / "locks", clock, self._resolve)
        self._jobs = Jobs(client, self._names, location)
        self._targets = Targets(client, self._names, filtered=require_partition_filter)
        self._queries = Queries(client, self._names, location=location, maximum_bytes_billed=maximum_bytes_billed)
        self._loader = Loader(
            client, self._names, self._jobs, self._targets, location=location, spool=spool, uploads=uploads
        )
        self._publisher = Publisher(
            client, self._names, self._jobs, self._targets, self._queries, location=location, strategy=strategy
        )

    @property
    def target(self) -> str:
        """See `Warehouse.target`."""
        return "bigquery"

    @property
    def place(self) -> str:
        """See `Warehouse.place`."""
        return f"{self._names().project}.{self._dataset}"

    @contextmanager
    def lock(self, table: str, partition: Partition) -> Iterator[None]:
        """See `Warehouse.lock`. A dead holder of another machine is waited for until its lease has ended."""
        with self._hold(MonthKey(table=table, partition=partition)):
            yield

    def locked(self, table: str, partitions: Iterable[Partition]) -> set[Partition]:
        """See `Warehouse.locked`."""
        records = self._listings.recent().records
        months = (MonthKey(table=table, partition=partition) for partition in partitions)
        return {month.partition for month in months if self._locks.is_alive(month, records.get(month))}

    def stage(
        self, kind: TaxiType, partition: Partition, version: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]
    ) -> None:
        """See `Warehouse.stage`; to be called under the partition's lock, by which `sweep` knows who is alive."""
        key = _key(kind.table, partition, version)
        self._staged[key] = self._loader.stage(key, schema, batches)

    def addresses(self, table: str, partition: Partition, version: str) -> Addresses:
        """See `Warehouse.addresses`: of what this process staged, as measured on the file; else by a query."""
        key = _key(table, partition, version)
        if self._is_published(key):
            return self._queries.addresses(self._names().target(table), partition.first_day)
        staged = self._find_staged(key)
        return staged.addresses or self._queries.addresses(self._names().staged(key), partition.first_day)

    def publish(self, kind: TaxiType, partition: Partition, version: str) -> None:
        """See `Warehouse.publish`. Raises WarehouseCorrupt where the version is not there, WarehouseUnavailable.

        The record follows when the lock is given back; until then, and if that fails, the job says what is published.
        """
        key = _key(kind.table, partition, version)
        with self._held(key.month) as hold:
            if hold.published and hold.published.version == version:
                return
            staged = self._find_staged(key)
            hold.confirm()
            hold.publishing = key
            self._publisher.publish(key, staged, before=hold.published is not None)
            self._note_published(hold, key, staged)

    def published(self, table: str) -> Mapping[Partition, PublishedMonth]:
        """See `Warehouse.published`. A month whose holder died is left out until somebody has found out about it."""
        held = {month: hold for month, hold in self._locks.holds().items() if month.table == table}
        found: dict[Partition, PublishedMonth] = {}
        listing = self._listings.while_working() if held else self._listings.recent()
        for month, record in listing.records.items():
            if month.table != table or month in held or record.published is None:
                continue
            if not self._locks.is_left(month, record):
                found[month.partition] = record.published
        found |= {month.partition: hold.published for month, hold in held.items() if hold.published}
        return dict(sorted(found.items(), key=lambda item: str(item[0])))

    def columns(self, table: str) -> list[str]:
        """See `Warehouse.columns`; `SELECT *` shows columns that were added later last."""
        there = self._targets.find(KINDS[table]) if self.published(table) else None
        return table_columns(KINDS[table], [[field.name for field in there.schema]]) if there is not None else []

    def column_types(self, table: str) -> dict[str, str]:
        """See `Warehouse.column_types`."""
        there = self._targets.find(KINDS[table])
        types = {field.name: sql_name(field.field_type) for field in there.schema} if there is not None else {}
        return {name: types[name] for name in self.columns(table)}

    def versions(self, table: str, partition: Partition) -> list[str]:
        """See `Warehouse.versions`: the published one, if the table is there. Older ones are not kept."""
        published = self.published(table).get(partition)
        return [published.version] if published and self._targets.find(KINDS[table]) is not None else []

    def discard(self, table: str, partition: Partition, version: str) -> None:
        """See `Warehouse.discard`. Where publishing broke off, the job is asked how far it came."""
        key = _key(table, partition, version)
        with self._held(key.month) as hold:
            if hold.publishing == key:
                self._note_if_done(hold, key, self._find_staged(key))
            if not (hold.published and hold.published.version == version):
                self._drop(key)
                hold.publishing = None

    def read(self, table: str, partition: Partition, version: str) -> Iterator[pa.RecordBatch]:
        """See `Warehouse.read`. Raises WarehouseCorrupt, also where another version replaces this one just now. Free."""
        key = _key(table, partition, version)
        published = self.published(table).get(partition)
        if published is None or published.version != version:
            staged = self._find_staged(key)
            yield from self._rows(key, self._names().staged(key), staged.fields, staged.rows)
            return
        there = self._targets.find(KINDS[table])
        if there is None:
            raise _missing(key)
        place = self._names().published(key.month)
        yield from self._rows(key, place, tuple(there.schema), published.rows, confirm=lambda: self._confirm(key))

    def query(self, sql: str) -> AbstractContextManager[pa.RecordBatchReader]:
        """See `Warehouse.query`: in GoogleSQL. What is billed for it has a limit."""
        return self._queries.user_query(sql, self._make_tables)

    def ask(self, sql: str, asking: Asking) -> AbstractContextManager[Answer]:
        """See `Warehouse.ask`: in GoogleSQL, by a dry run first. What is billed for it has a limit."""
        return self._queries.untrusted_query(sql, self._make_tables, asking)

    def price(self, sql: str) -> int:
        """See `Warehouse.price`: by a dry run, which is free."""
        return self._queries.price(sql, self._make_tables)

    def estimate(self, kind: TaxiType, partition: Partition, file_bytes: int | None) -> int:
        """See `Warehouse.estimate`: load and copy jobs are free; a MERGE reads both months."""
        if self._strategy == "replace" or not isinstance(partition, Month):
            return 0
        there = self._targets.find(kind)
        if there is None:
            return file_bytes or 0
        return self._queries.cost(sql.month_rows(there.reference), partition.first_day) + (file_bytes or 0)

    def sweep(self, only: tuple[str, Partition] | None = None) -> int:
        """See `Warehouse.sweep`. Waits for nobody; finds out about months whose holder died."""
        removed = sweep_spill(self._spool)
        listing = self._listings.for_hygiene()
        for month in listing.unfinished:
            is_wanted = only in (None, (month.table, month.partition))
            if is_wanted and not self._locks.is_alive(month, listing.records.get(month)):
                removed += self._sweep_month(month, listing.staged_of(month))
        return removed

    def problems(self) -> list[str]:
        """See `Warehouse.problems`."""
        try:
            return [*self._leftovers(), *(text for _, _, text in self._lost_months())]
        except PipelineError as error:
            return [error.what]

    def repair(self) -> None:
        """See `Warehouse.repair`. A month whose rows or record are gone is no longer called published; the next run loads it."""
        for month in self._listings.now().unreadable:
            self._records.delete(month)
        for month, expected, _ in list(self._lost_months()):
            with self._hold(month) as hold:
                if hold.published == expected:  # nobody has loaded it again meanwhile
                    hold.note(None)
        self.sweep()

    def _make_tables(self) -> None:
        self._targets.make_all(list(KINDS.values()))

    def _names(self) -> Names:
        return self._built_names

    @cached_property
    def _built_names(self) -> Names:
        return Names(project=self._project or self._client().project, dataset=self._dataset)

    @contextmanager
    def _hold(self, month: MonthKey) -> Iterator[Hold]:
        hold: Hold | None = None
        try:
            with self._locks.hold(month, recorded=month in self._listings.last().records) as hold:
                yield hold
        finally:
            if hold:
                self._listings.note(month, hold.record)

    @contextmanager
    def _held(self, month: MonthKey) -> Iterator[Hold]:
        """The hold that the caller has, or one for as long as this takes."""
        if hold := self._locks.holds().get(month):
            yield hold
            return
        with self._hold(month) as hold:
            yield hold

    def _note_published(self, hold: Hold, key: VersionKey, staged: Staged) -> None:
        hold.note(PublishedMonth(version=key.version, rows=staged.rows, bytes=staged.bytes), key)
        self._staged.pop(key, None)

    def _is_published(self, key: VersionKey) -> bool:
        published = self.published(key.month.table).get(key.month.partition)
        return published is not None and published.version == key.version

    def _find_staged(self, key: VersionKey) -> Staged:
        staged = self._staged.get(key) or self._loader.find(key)
        if staged is None:
            raise _missing(key)
        return staged

    def _drop(self, key: VersionKey) -> bool:
        self._staged.pop(key, None)
        self._listings.forget()
        return self._records.drop_staged(key)

    def _resolve(self, hold: Hold, dead: Holder) -> None:
        """Finds out how far a dead holder came; see `bigquery_lock`.

        A job is asked about again once its source is gone: a holder that only slept can then no longer begin one that succeeds.
        """
        left = self._listings.now().staged_of(hold.month)
        if not left and self._clock() - dead.since > STAGED_FOR:
            hold.note(None)
        for key in left:
            staged = self._find_staged(key)
            known = self._note_if_done(hold, key, staged)
            hold.swept += self._drop(key)
            if not known:
                self._note_if_done(hold, key, staged)

    def _note_if_done(self, hold: Hold, key: VersionKey, staged: Staged) -> bool:
        """Whether a version's publishing job succeeded. It is the published one then, unless another's came after it."""
        done_at = self._jobs.done_at(PUBLISH, key)
        if done_at is None:
            return False
        last = hold.published
        before = self._jobs.done_at(PUBLISH, VersionKey(month=key.month, version=last.version)) if last else None
        if before is None or before <= done_at:
            self._note_published(hold, key, staged)
            hold.write()
        return True

    def _sweep_month(self, month: MonthKey, left: list[VersionKey]) -> int:
        with self._locks.try_hold(month) as hold:
            if hold is None:
                return 0
            dropped = sum(self._drop(key) for key in left)
        self._listings.note(month, hold.record)
        return hold.swept + dropped

    def _leftovers(self) -> Iterator[str]:
        listing = self._listings.now()
        yield from (
            f"the record of {month} was altered (run: bq rm {place})" for month, place in listing.unreadable.items()
        )
        for version in listing.staged:
            if not self._locks.is_alive(version.month, listing.records.get(version.month)):
                yield f"staging table {version.staging_id} is left over"
        for month, record in listing.records.items():
            if self._locks.is_left(month, record):
                yield f"whoever worked on {month} died, and nobody knows yet how far it came"

    def _lost_months(self) -> Iterator[tuple[MonthKey, PublishedMonth, str]]:
        """Months of which the tables hold more or fewer rows than were loaded: month, what is recorded, what is wrong."""
        records = self._listings.now().records
        published = [(month, record.published) for month, record in records.items() if record.published]
        if not published:
            return
        names = self._names()
        found: Counter[tuple[str, str | None]] = Counter()
        for table, part, rows in self._queries.rows(sql.partition_rows(names.project, names.dataset)):
            found[table, part] += rows
        for month, expected in published:
            part = None if isinstance(month.partition, Whole) else f"{month.partition}".replace("-", "")
            there = found[month.table, part]
            if there != expected.rows and not self._locks.is_alive(month, records[month]):
                yield month, expected, f"{month} has {there:,} rows, {expected.rows:,} were loaded"

    def _rows(
        self,
        key: VersionKey,
        place: TableReference,
        fields: Fields,
        rows: int,
        confirm: Callable[[], None] = lambda: None,
    ) -> Iterator[pa.RecordBatch]:
        kind = KINDS[key.month.table]
        return rows_by_address(self._client(), place, fields, kind, rows=rows, spool=self._spool, confirm=confirm)

    def _confirm(self, key: VersionKey) -> None:
        """Raises WarehouseCorrupt where another version was published meanwhile."""
        if key.month in self._locks.holds():
            return
        stored = self._records.read(key.month)
        published = stored.record.published if stored else None
        if published is None or published.version != key.version:
            raise WarehouseCorrupt(f"{key} was replaced while it was read", "run again")


def _key(table: str, partition: Partition, version: str) -> VersionKey:
    return VersionKey(month=MonthKey(table=table, partition=partition), version=version)


def _missing(key: VersionKey) -> WarehouseCorrupt:
    return WarehouseCorrupt(f"{key} is not in BigQuery", "load the month again with --force")
