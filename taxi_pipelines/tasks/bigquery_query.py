"""Query jobs, in a worker."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from google.cloud import bigquery
from google.cloud.bigquery.table import TableReference
from pydantic import TypeAdapter

from taxi_pipelines.domain.records import Level
from taxi_pipelines.errors import UsageError
from taxi_pipelines.tasks.bigquery_jobs import NO_RETRY, RETRY, TIMEOUT, Job, Jobs, call_errors
from taxi_pipelines.tasks.bigquery_properties import BigQueryJob, Query
from taxi_pipelines.tasks.google_access import google_clients
from taxi_pipelines.tasks.sql import FetchType
from taxi_pipelines.tasks.sql_rows import Rows
from taxi_pipelines.tasks.worker_context import WorkerContext
from taxi_pipelines.tasks.working_files import private_folder

_DURATION: TypeAdapter[timedelta] = TypeAdapter(timedelta)
_MEASURES = {
    "total.bytes.processed": "total_bytes_processed",
    "estimated.bytes.processed": "estimated_bytes_processed",
    "total.bytes.billed": "total_bytes_billed",
    "num.dml.affected.rows": "num_dml_affected_rows",
    "total.slot.ms": "slot_millis",
    "num.child.jobs": "num_child_jobs",
}
"""Kestra's metrics → the client's names."""

Outputs = Mapping[str, Any]


def query(values: Mapping[str, Any], context: WorkerContext) -> Outputs:
    """Runs the statement; its rows as they are wanted. Raises QueryFailed, WarehouseRefused, TransientError."""
    it = Query.model_validate(values)
    with google_clients(it, context, it.location) as clients, private_folder(context.folder) as private:
        client = clients.bigquery
        jobs = Jobs(client=client, it=it, context=context)
        config = query_config(it, client.project, jobs.labels(it.labels))
        context.log(Level.DEBUG, it.sql)

        def submit(job_id: str) -> Job:
            return client.query(
                it.sql, job_id=job_id, job_config=config, retry=NO_RETRY, job_retry=NO_RETRY, timeout=TIMEOUT
            )

        if it.dry_run:
            return _estimated(submit, context)
        job = jobs.run({"sql": it.sql, "config": config.to_api_repr()}, submit)
        _tell(job, it, context)
        return {"jobId": job.job_id, **_rows(job, it, context, Rows(it.fetching, private)), **_destination(job)}


def query_config(it: Query, project: str, labels: Mapping[str, str]) -> bigquery.QueryJobConfig:
    """Everything about the job but its statement."""
    config = bigquery.QueryJobConfig(
        use_legacy_sql=it.legacy_sql if it.use_legacy_sql is None else it.use_legacy_sql,
        priority=it.priority,
        labels=dict(labels),
        dry_run=it.dry_run,
    )
    if it.use_legacy_sql or it.legacy_sql:
        config.flatten_results = it.flatten_results
    given = {
        "write_disposition": it.write_disposition,
        "create_disposition": it.create_disposition,
        "use_query_cache": it.use_query_cache,
        "maximum_bytes_billed": it.maximum_bytes_billed,
        "maximum_billing_tier": it.maximum_billing_tier,
        "allow_large_results": it.allow_large_results,
        "clustering_fields": it.clustering_fields or None,
        "schema_update_options": it.schema_update_options or None,
        "destination": table_reference(it.destination_table, project) if it.destination_table else None,
        "default_dataset": _dataset(it.default_dataset, project) if it.default_dataset else None,
        "time_partitioning": _time_partitioning(it),
        "range_partitioning": _range_partitioning(it),
        "job_timeout_ms": timeout_ms(it),
    }
    for name, value in given.items():
        if value is not None:
            setattr(config, name, value)
    return config


def table_reference(name: str, project: str) -> TableReference:
    """`[PROJECT.]DATASET.TABLE`, also with `:` behind the project. Raises UsageError."""
    parts = name.replace(":", ".").strip("`").rsplit(".", 2)
    if len(parts) < 2 or not all(parts):
        raise UsageError(f"{name!r} is not a table", "write it as DATASET.TABLE or PROJECT.DATASET.TABLE")
    return TableReference.from_string(".".join(parts), default_project=project)


def timeout_ms(it: BigQueryJob) -> int | None:
    """The job's timeout as BigQuery counts."""
    return int(_DURATION.validate_python(it.job_timeout).total_seconds() * 1000) if it.job_timeout else None


def _dataset(name: str, project: str) -> bigquery.DatasetReference:
    return bigquery.DatasetReference.from_string(name.replace(":", "."), default_project=project)


def _time_partitioning(it: Query) -> bigquery.TimePartitioning | None:
    if it.time_partitioning_field is None:
        return None
    return bigquery.TimePartitioning(type_=it.time_partitioning_type, field=it.time_partitioning_field)


def _range_partitioning(it: Query) -> bigquery.RangePartitioning | None:
    if it.range_partitioning_field is None:
        return None
    numbers = bigquery.PartitionRange(
        start=it.range_partitioning_start, end=it.range_partitioning_end, interval=it.range_partitioning_interval
    )
    return bigquery.RangePartitioning(range_=numbers, field=it.range_partitioning_field)


def _estimated(submit: Any, context: WorkerContext) -> Outputs:
    """A dry run leaves no job behind that could be found again."""
    with call_errors("dry run"):
        job = submit("taxi_dry_run")
    context.log(Level.INFO, f"it would process {job.total_bytes_processed or 0:,} bytes")
    context.metric("estimated.bytes.processed", job.total_bytes_processed or 0)
    return {"jobId": job.job_id}


def _rows(job: Job, it: Query, context: WorkerContext, rows: Rows) -> Outputs:
    if it.fetching is FetchType.NONE:
        return {}
    with call_errors(job.job_id):
        found = job.result(page_size=it.max_results, retry=RETRY, job_retry=NO_RETRY, timeout=TIMEOUT)
        names = [field.name for field in found.schema]
        for page in found.pages:
            rows.add(names, (row.values() for row in page))
    rows.add(names, [])
    rows.end()
    context.metric("total.rows", found.total_rows or 0)
    rows.measure(context)
    return rows.last(context)


def _destination(job: Job) -> Outputs:
    table = job.destination
    if table is None:
        return {}
    return {"destinationTable": {"project": table.project, "dataset": table.dataset_id, "table": table.table_id}}


def _tell(job: Job, it: Query, context: WorkerContext) -> None:
    affected = f", {job.num_dml_affected_rows:,} rows changed" if job.num_dml_affected_rows is not None else ""
    processed = f"{job.total_bytes_processed or 0:,} bytes processed"
    context.log(Level.INFO, f"job {job.project}:{job.location}.{job.job_id}: {processed}{affected}")
    tags = {"statement_type": str(job.statement_type), "project_id": job.project, "location": str(job.location)}
    for name, attribute in _MEASURES.items():
        if (value := getattr(job, attribute)) is not None:
            context.metric(name, value, tags=tags)
    if job.started and job.ended:
        context.metric("duration", (job.ended - job.started).total_seconds(), type="timer", tags=tags)
