"""Load jobs, in a worker: a stored file is sent in pieces, objects of a bucket are named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.cloud import bigquery

from taxi_pipelines.domain.records import Level
from taxi_pipelines.errors import NotFound, PermanentError, UsageError
from taxi_pipelines.tasks.bigquery_jobs import NO_RETRY, TIMEOUT, Job, Jobs, Submit
from taxi_pipelines.tasks.bigquery_properties import Load, LoadFromGcs, LoadTask
from taxi_pipelines.tasks.bigquery_query import table_reference
from taxi_pipelines.tasks.google_access import google_clients
from taxi_pipelines.tasks.worker_context import WorkerContext
from taxi_pipelines.warehouses.bigquery_upload import load_file

_FORMATS = {"JSON": "NEWLINE_DELIMITED_JSON"}
_MEASURES = {
    "output.rows": "output_rows",
    "output.bytes": "output_bytes",
    "input.bytes": "input_file_bytes",
    "input.files": "input_files",
}
"""Kestra's metrics → the client's names."""

Outputs = Mapping[str, Any]


def load(values: Mapping[str, Any], context: WorkerContext) -> Outputs:
    """Sends the file. Raises NotFound, QueryFailed with the row that is wrong."""
    it = Load.model_validate(values)
    size = context.file_size(it.from_)
    if size is None:
        raise NotFound(f"there is no file {it.from_}", "look at the outputs of the task that made it")
    if not size:
        if it.failed_on_empty:
            raise PermanentError(f"{it.from_} is empty", "failedOnEmpty: false allows that")
        context.log(Level.WARN, f"{it.from_} is empty: nothing is loaded")
        return {"rows": 0}
    with google_clients(it, context, it.location) as clients:
        client = clients.bigquery
        to = table_reference(it.destination_table, client.project)
        jobs = Jobs(client=client, it=it, context=context)
        config = load_config(it, jobs.labels({}))

        def submit(job_id: str) -> Job:
            with context.open_file(it.from_) as file:
                return load_file(client, file, to, job_id=job_id, config=config, location=client.location)

        return _run(jobs, submit, str(to), config, [it.from_], context)


def load_from_gcs(values: Mapping[str, Any], context: WorkerContext) -> Outputs:
    """Names the objects. Raises QueryFailed with the row that is wrong."""
    it = LoadFromGcs.model_validate(values)
    if wrong := [uri for uri in it.from_ if not uri.startswith("gs://")]:
        raise UsageError(f"{wrong[0]!r} is not an object of Cloud Storage", "write it as gs://BUCKET/NAME")
    with google_clients(it, context, it.location) as clients:
        client = clients.bigquery
        to = table_reference(it.destination_table, client.project)
        jobs = Jobs(client=client, it=it, context=context)
        config = load_config(it, jobs.labels({}))

        def submit(job_id: str) -> Job:
            return client.load_table_from_uri(
                it.from_, to, job_id=job_id, job_config=config, retry=NO_RETRY, timeout=TIMEOUT
            )

        return _run(jobs, submit, str(to), config, it.from_, context)


def load_config(it: LoadTask, labels: Mapping[str, str]) -> bigquery.LoadJobConfig:
    """Everything about the job but its source and its table."""
    csv = it.csv_options
    given: dict[str, Any] = {
        "source_format": _FORMATS.get(it.format, it.format),
        "labels": dict(labels),
        "write_disposition": it.write_disposition,
        "create_disposition": it.create_disposition,
        "autodetect": it.autodetect,
        "schema": _fields(it.schema_) if it.schema_ is not None else None,
        "ignore_unknown_values": it.ignore_unknown_values,
        "max_bad_records": it.max_bad_records,
        "clustering_fields": it.clustering_fields or None,
        "schema_update_options": it.schema_update_options or None,
        "use_avro_logical_types": it.avro_options.use_avro_logical_types if it.format == "AVRO" else None,
    }
    if it.format == "CSV":
        given |= {
            "allow_jagged_rows": csv.allow_jagged_rows,
            "allow_quoted_newlines": csv.allow_quoted_new_lines,
            "encoding": csv.encoding,
            "field_delimiter": csv.field_delimiter,
            "quote_character": csv.quote,
            "skip_leading_rows": csv.skip_leading_rows,
        }
    if it.time_partitioning_field is not None:
        given["time_partitioning"] = bigquery.TimePartitioning(
            type_=it.time_partitioning_type, field=it.time_partitioning_field
        )
    config = bigquery.LoadJobConfig()
    for name, value in given.items():
        if value is not None:
            setattr(config, name, value)
    return config


def _fields(schema: Mapping[str, Any]) -> list[bigquery.SchemaField]:
    try:
        return [bigquery.SchemaField.from_api_repr(dict(field)) for field in schema["fields"]]
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(
            f"the schema cannot be read: {error!r}", "it has `fields`, each with `name` and `type`"
        ) from error


def _run(
    jobs: Jobs, submit: Submit, table: str, config: bigquery.LoadJobConfig, sources: list[str], context: WorkerContext
) -> Outputs:
    job = jobs.run({"to": table, "from": sources, "config": config.to_api_repr()}, submit)
    tags = {"destination_table": table, "project_id": job.project, "location": str(job.location)}
    for name, attribute in _MEASURES.items():
        if (value := getattr(job, attribute)) is not None:
            context.metric(name, value, tags=tags)
    context.log(Level.INFO, f"job {job.project}:{job.location}.{job.job_id}: {job.output_rows:,} rows into {table}")
    return {"jobId": job.job_id, "rows": job.output_rows, "destinationTable": table}
