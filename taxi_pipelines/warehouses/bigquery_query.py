"""Query jobs: our own statements, a user's SELECT as Arrow batches, and what a statement would cost.

Every one of them has a limit of bytes billed and the one location; values are parameters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import date
from typing import Any

import pyarrow as pa
from google.api_core import exceptions as api
from google.cloud import bigquery
from google.cloud.bigquery.retry import DEFAULT_JOB_RETRY
from google.cloud.bigquery.table import RowIterator, TableReference

from taxi_pipelines.domain.asking import Asking
from taxi_pipelines.errors import PipelineError, QueryFailed
from taxi_pipelines.interfaces import Addresses, Answer
from taxi_pipelines.warehouses import bigquery_statements as sql
from taxi_pipelines.warehouses.bigquery_errors import DRIVER_ERRORS, bigquery_errors, query_error
from taxi_pipelines.warehouses.bigquery_jobs import NO_RETRY, RETRY, TIMEOUT
from taxi_pipelines.warehouses.bigquery_names import KINDS, Names, VersionKey
from taxi_pipelines.warehouses.bigquery_rows import PAGE_ROWS, arrow_batches, arrow_schema
from taxi_pipelines.warehouses.statements import unique_names

_TELLING = re.compile(r"\bINFORMATION_SCHEMA\b|\bEXTERNAL_QUERY\b|\b(?:ML|AI)\s*\.\s*\w+", re.IGNORECASE)
"""What a dry run does not list among the tables that a statement reads, or what is billed by something else than bytes."""

_ONLY_TABLES = f"the tables are {', '.join(sorted(KINDS))}"
_ONLY_READS = "months are published by `taxi run`, results are written with -o FILE"
_LONGEST_MS = 330_000
_JOB_RETRY = DEFAULT_JOB_RETRY.with_timeout(120.0)


class Queries:
    """Everything of one warehouse that is billed by the byte."""

    def __init__(
        self,
        client: Callable[[], bigquery.Client],
        names: Callable[[], Names],
        *,
        location: str,
        maximum_bytes_billed: int,
    ) -> None:
        self._client = client
        self._names = names
        self._location = location
        self._maximum = maximum_bytes_billed

    def submit(self, job_id: str, statement: str, version: VersionKey) -> Any:
        """Makes the job of one of our writing statements about a month; does not wait, does not retry."""
        config = self._config(version.month.partition.first_day)
        config.labels = version.labels
        return self._client().query(
            statement,
            job_id=job_id,
            job_config=config,
            location=self._location,
            retry=NO_RETRY,
            job_retry=None,
            timeout=TIMEOUT,
        )

    def rows(self, statement: str, month: date | None = None) -> list[tuple[Any, ...]]:
        """All rows of one of our reading statements; few of them."""
        with bigquery_errors(self._names().place):
            return [tuple(row.values()) for row in self._result(statement, self._config(month))]

    def addresses(self, table: TableReference, month: date | None) -> Addresses:
        """Measured by a query: of one month, or of all that there is."""
        ((rows, distinct, first, last),) = self.rows(sql.measure_addresses(table, by_month=month is not None), month)
        return Addresses(rows=rows, distinct=distinct, first=first, last=last)

    def cost(self, statement: str, month: date) -> int:
        """Bytes that a statement would read; it is not run."""
        config = self._config(month)
        with bigquery_errors(self._names().place):
            return int(self._dry_run(statement, config).total_bytes_processed)

    @contextmanager
    def user_query(self, statement: str, make_tables: Callable[[], None]) -> Iterator[pa.RecordBatchReader]:
        """A user's statement, which must be one SELECT. Raises QueryFailed, also while the result is read.

        `make_tables`: called where a table is missing, which may be one of ours that no month was loaded into yet.
        """
        with self._refusals():
            try:
                self._refuse_writing(statement)
            except api.NotFound:
                with suppress(PipelineError):  # who may only read, is told of the table that is missing
                    make_tables()
                self._refuse_writing(statement)
            rows = self._result(statement, self._config(None))
            fields = list(rows.schema)
            names = unique_names(field.name for field in fields)
            yield pa.RecordBatchReader.from_batches(arrow_schema(fields, names), self._watched(rows, names))

    @contextmanager
    def untrusted_query(self, statement: str, make_tables: Callable[[], None], asking: Asking) -> Iterator[Answer]:
        """As `user_query`, of somebody who may read the target tables and nothing else. Raises QueryFailed."""
        self.price(statement, make_tables)
        config = self._config(None)
        config.job_timeout_ms = _LONGEST_MS
        with self._refusals():
            job = self._client().query(
                statement, job_config=config, location=self._location, retry=RETRY, job_retry=None, timeout=TIMEOUT
            )
            with asking.ended_by(lambda: self._cancel(job)):
                rows = self._rows_of(job)
                fields = list(rows.schema)
                names = unique_names(field.name for field in fields)
                reader = pa.RecordBatchReader.from_batches(arrow_schema(fields, names), self._watched(rows, names))
                yield Answer(reader=reader, bytes_billed=int(job.total_bytes_billed or 0))

    def price(self, statement: str, make_tables: Callable[[], None]) -> int:
        """Bytes that `untrusted_query` would read. Raises QueryFailed where it would refuse the statement."""
        if word := _TELLING.search(statement):
            raise QueryFailed(f"the statement reads or calls {word[0]}", _ONLY_TABLES)
        with self._refusals():
            try:
                job = self._dry_run(statement, self._config(None))
            except api.NotFound:
                with suppress(PipelineError):  # who may only read, is told of the table that is missing
                    make_tables()
                job = self._dry_run(statement, self._config(None))
        if job.statement_type != "SELECT":
            raise QueryFailed(
                f"a query only reads, and this is {job.statement_type or 'no statement'}", "write a SELECT"
            )
        if routines := job._job_statistics().get(
            "referencedRoutines"
        ):  # which may be remote; the client has no name for them
            raise QueryFailed(f"the statement calls {routines[0].get('routineId')}", _ONLY_TABLES)
        main = self._names().main
        for table in job.referenced_tables:
            if (table.project, table.dataset_id) != (main.project, main.dataset_id) or table.table_id not in KINDS:
                raise QueryFailed(f"the statement reads {table}", _ONLY_TABLES)
        return int(job.total_bytes_processed or 0)

    def _watched(self, rows: RowIterator, names: list[str]) -> Iterator[pa.RecordBatch]:
        with self._refusals():
            yield from arrow_batches(rows, names)

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        try:
            yield
        except DRIVER_ERRORS as error:
            raise query_error(error, self._names().place) from error

    def _refuse_writing(self, statement: str) -> None:
        """By a dry run: it costs nothing, and says what kind of statement it is."""
        kind = self._dry_run(statement, self._config(None)).statement_type
        if kind != "SELECT":
            raise QueryFailed(f"a query only reads, and this is {kind or 'no statement'}", _ONLY_READS)

    def _dry_run(self, statement: str, config: bigquery.QueryJobConfig) -> bigquery.QueryJob:
        config.dry_run = True
        config.use_query_cache = False
        return self._client().query(
            statement, job_config=config, location=self._location, retry=RETRY, job_retry=None, timeout=TIMEOUT
        )

    def _result(self, statement: str, config: bigquery.QueryJobConfig) -> RowIterator:
        job = self._client().query(
            statement, job_config=config, location=self._location, retry=RETRY, job_retry=_JOB_RETRY, timeout=TIMEOUT
        )
        return self._rows_of(job, _JOB_RETRY)

    def _rows_of(self, job: bigquery.QueryJob, job_retry: Any = None) -> RowIterator:
        try:
            return job.result(page_size=PAGE_ROWS, retry=RETRY, job_retry=job_retry)
        except DRIVER_ERRORS:
            raise
        except BaseException:
            self._cancel(job)
            raise

    @staticmethod
    def _cancel(job: bigquery.QueryJob) -> None:
        with suppress(*DRIVER_ERRORS):
            job.cancel(retry=NO_RETRY, timeout=TIMEOUT)

    def _config(self, month: date | None) -> bigquery.QueryJobConfig:
        return bigquery.QueryJobConfig(
            default_dataset=self._names().main,
            maximum_bytes_billed=self._maximum,
            query_parameters=[bigquery.ScalarQueryParameter("month", "DATE", month)] if month else [],
        )
