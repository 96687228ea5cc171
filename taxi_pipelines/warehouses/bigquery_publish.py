"""Publishing a staged month in one atomic job: a copy job that replaces the partition, or one MERGE by the rows' addresses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from google.api_core import exceptions as api
from google.cloud import bigquery

from taxi_pipelines.domain.month import Whole
from taxi_pipelines.errors import WarehouseRefused, WarehouseUnavailable
from taxi_pipelines.interfaces import Addresses
from taxi_pipelines.warehouses import bigquery_statements as sql
from taxi_pipelines.warehouses.bigquery_errors import bigquery_errors
from taxi_pipelines.warehouses.bigquery_jobs import NO_RETRY, RETRY, TIMEOUT, Jobs
from taxi_pipelines.warehouses.bigquery_load import Staged
from taxi_pipelines.warehouses.bigquery_names import KINDS, Names, VersionKey
from taxi_pipelines.warehouses.bigquery_query import Queries
from taxi_pipelines.warehouses.bigquery_schema import Fields, added, same_columns, widenings
from taxi_pipelines.warehouses.bigquery_tables import Targets

Strategy = Literal["replace", "merge"]

PUBLISH = "publish"
"""The step whose job decides what is published."""


class Publisher:
    """Brings staged versions into their target tables."""

    def __init__(
        self,
        client: Callable[[], bigquery.Client],
        names: Callable[[], Names],
        jobs: Jobs,
        targets: Targets,
        queries: Queries,
        *,
        location: str,
        strategy: Strategy,
    ) -> None:
        self._client = client
        self._names = names
        self._jobs = jobs
        self._targets = targets
        self._queries = queries
        self._location = location
        self._strategy = strategy

    def publish(self, version: VersionKey, staged: Staged, *, before: bool) -> None:
        """`before`: whether the month has a published version. Raises WarehouseRefused, WarehouseUnavailable."""
        fields = self._aligned(version, staged.fields)
        if self._strategy == "merge" and self._can_merge(version, staged, before=before):
            names = [field.name for field in fields]
            statement = sql.merge(self._names().target(version.month.table), self._names().staged(version), names)
            self._run(version, self._statement(version, statement))
        elif not staged.rows and not isinstance(version.month.partition, Whole):
            statement = sql.delete_month(self._names().target(version.month.table))
            self._run(version, self._statement(version, statement))
        else:
            self._copy(version, fields)

    def _copy(self, version: VersionKey, fields: Fields) -> None:
        config = bigquery.CopyJobConfig(
            create_disposition=bigquery.CreateDisposition.CREATE_NEVER,
            write_disposition=bigquery.WriteDisposition.WRITE_TRUNCATE,
            labels=version.labels,
        )
        part, to = self._names().staged_part(version), self._names().published(version.month)

        def submit(job_id: str) -> Any:
            return self._client().copy_table(
                part, to, job_id=job_id, job_config=config, location=self._location, retry=NO_RETRY, timeout=TIMEOUT
            )

        try:
            self._run(version, submit)
        except WarehouseRefused as error:
            table = self._targets.find(KINDS[version.month.table], now=True)
            if table is not None and not same_columns(fields, table.schema):
                raise _changed(version) from error
            raise

    def _run(self, version: VersionKey, submit: Callable[[str], Any]) -> None:
        self._jobs.run(PUBLISH, version, submit, refused=WarehouseRefused)

    def _statement(self, version: VersionKey, statement: str) -> Callable[[str], Any]:
        return lambda job_id: self._queries.submit(job_id, statement, version)

    def _can_merge(self, version: VersionKey, staged: Staged, *, before: bool) -> bool:
        """A MERGE must find at most one row for each: where addresses repeat, the month is replaced as a whole instead."""
        if isinstance(version.month.partition, Whole):
            return False
        ours = staged.addresses or self._queries.addresses(self._names().staged(version), None)
        if not _unique(ours):
            return False
        target = self._names().target(version.month.table)
        return not before or _unique(self._queries.addresses(target, version.month.partition.first_day))

    def _aligned(self, version: VersionKey, ours: Fields) -> Fields:
        """Gives target and staging table the same columns, in the same order; what they are."""
        kind = KINDS[version.month.table]
        table = self._targets.ensure(kind, ours)
        if wider := widenings(ours, table.schema):
            statement = sql.widen(table.reference, wider)
            self._jobs.run("widen", version, self._statement(version, statement), refused=WarehouseRefused)
            table = self._targets.find(kind, now=True) or table
        if missing := added(table.schema, ours):
            ours = self._extend_staging(version, (*ours, *missing))
        if not same_columns(ours, table.schema):
            raise _changed(version)
        return ours

    def _extend_staging(self, version: VersionKey, fields: Fields) -> Fields:
        with bigquery_errors(str(version)):
            table = bigquery.Table(self._names().staged(version), schema=fields)
            try:
                made = self._client().update_table(table, ["schema"], retry=RETRY, timeout=TIMEOUT)
            except api.BadRequest as error:  # a type was widened meanwhile
                raise _changed(version) from error
        return tuple(made.schema)


def _unique(addresses: Addresses) -> bool:
    return addresses.rows == addresses.distinct


def _changed(version: VersionKey) -> WarehouseUnavailable:
    """The month is loaded again, into a staging table that fits."""
    return WarehouseUnavailable(f"{version.month.table} gained other columns while {version} was loaded", "run again")
