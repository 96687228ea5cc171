"""Staging: cleaned rows → one Parquet file → a load job → a staging table, in constant memory, its rows counted thrice."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa
from google.api_core import exceptions as api
from google.cloud import bigquery

from taxi_pipelines.errors import SchemaMismatch, WarehouseCorrupt
from taxi_pipelines.interfaces import Addresses
from taxi_pipelines.warehouses.bigquery_errors import bigquery_errors
from taxi_pipelines.warehouses.bigquery_jobs import NO_RETRY, RETRY, TIMEOUT, Jobs
from taxi_pipelines.warehouses.bigquery_names import KINDS, Names, VersionKey
from taxi_pipelines.warehouses.bigquery_schema import Conversion, Fields, month_fields
from taxi_pipelines.warehouses.bigquery_tables import Layout, Targets
from taxi_pipelines.warehouses.bigquery_upload import load_file
from taxi_pipelines.warehouses.engine import distinct_addresses
from taxi_pipelines.warehouses.parquet import row_order, write_parquet
from taxi_pipelines.warehouses.spill import spill_folder


class Uploads(Protocol):
    """Where a cleaned file goes before it is loaded."""

    def upload(self, path: Path, name: str) -> AbstractContextManager[str]:
        """Puts the file there under a name, and says its gs:// address; it goes with the context, unless it is to be kept."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Staged:
    """A staging table. `addresses` were measured on the file that it was made of; None where another process made it."""

    rows: int
    bytes: int
    fields: Fields
    addresses: Addresses | None


class Loader:
    """Makes staging tables."""

    def __init__(
        self,
        client: Callable[[], bigquery.Client],
        names: Callable[[], Names],
        jobs: Jobs,
        targets: Targets,
        *,
        location: str,
        spool: Path,
        uploads: Uploads | None,
    ) -> None:
        self._client = client
        self._names = names
        self._jobs = jobs
        self._targets = targets
        self._location = location
        self._spool = spool
        self._uploads = uploads

    def stage(self, version: VersionKey, month: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Staged:
        """Loads the rows into the version's staging table.

        Raises SchemaMismatch, WarehouseRefused, WarehouseUnavailable, WarehouseCorrupt where rows were lost, DiskFull.
        """
        kind = KINDS[version.month.table]
        table = self._targets.find(kind)
        if table is not None:
            self._targets.check(kind, table)
        fields = month_fields(kind, month, table.schema if table is not None else ())
        conversion = Conversion(month, fields, str(version.month))
        with spill_folder(self._spool) as folder:
            path = Path(folder) / f"{version.version}.parquet"
            rows = write_parquet(path, conversion.schema, conversion.convert(batches))
            addresses = _measured(path)
            job = self._send(path, version, self._config(version, fields, Layout.of(kind, table)))
        return self._proven(version, job.output_rows, rows, addresses)

    def find(self, version: VersionKey) -> Staged | None:
        """What was staged, by whomever; None where it is not there."""
        with bigquery_errors(str(version)):
            try:
                table = self._client().get_table(self._names().staged(version), retry=RETRY, timeout=TIMEOUT)
            except api.NotFound:
                return None
        return Staged(rows=table.num_rows, bytes=table.num_bytes, fields=tuple(table.schema), addresses=None)

    def _config(self, version: VersionKey, fields: Fields, layout: Layout) -> bigquery.LoadJobConfig:
        return bigquery.LoadJobConfig(
            source_format=bigquery.SourceFormat.PARQUET,
            schema=fields,
            create_disposition=bigquery.CreateDisposition.CREATE_IF_NEEDED,
            write_disposition=bigquery.WriteDisposition.WRITE_TRUNCATE,
            time_partitioning=layout.partitioning,
            clustering_fields=layout.clustering,
            destination_table_description=KINDS[version.month.table].title,
            labels=version.labels,
        )

    def _send(self, path: Path, version: VersionKey, config: bigquery.LoadJobConfig) -> Any:
        """The finished load job."""
        to = self._names().staged(version)
        client, location = self._client(), self._location

        def send_file(job_id: str) -> Any:
            with path.open("rb") as file:
                return load_file(client, file, to, job_id=job_id, config=config, location=location)

        if self._uploads is None:
            return self._jobs.run("load", version, send_file, refused=SchemaMismatch)
        kind = KINDS[version.month.table]
        name = f"clean/{kind.name}/{version.month.partition}/{version.version}.parquet"
        with self._uploads.upload(path, name) as uri:

            def name_object(job_id: str) -> Any:
                return client.load_table_from_uri(
                    uri, to, job_id=job_id, job_config=config, location=location, retry=NO_RETRY, timeout=TIMEOUT
                )

            return self._jobs.run("load", version, name_object, refused=SchemaMismatch)

    def _proven(self, version: VersionKey, loaded: int, rows: int, addresses: Addresses) -> Staged:
        staged = self.find(version)
        there = staged.rows if staged else 0
        if not (loaded == there == addresses.rows == rows) or staged is None:
            raise WarehouseCorrupt(
                f"{version}: {rows:,} rows were sent, BigQuery loaded {loaded:,} and holds {there:,}", "run again"
            )
        return Staged(rows=staged.rows, bytes=staged.bytes, fields=staged.fields, addresses=addresses)


def _measured(path: Path) -> Addresses:
    order = row_order(path)
    distinct = order.rows if order.rising else distinct_addresses(path)
    return Addresses(rows=order.rows, distinct=distinct, first=order.first, last=order.last)
