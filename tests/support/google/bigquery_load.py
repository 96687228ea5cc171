"""Load jobs of the fake BigQuery: Parquet or CSV from an upload or from Cloud Storage, against an explicit schema.

https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-parquet and …-csv
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.support.google.bigquery_csv import read_csv, read_options
from tests.support.google.bigquery_errors import BigQueryError, invalid, not_modelled
from tests.support.google.bigquery_layout import Layout, read_layout, table_name
from tests.support.google.bigquery_objects import SourceFile, content_of
from tests.support.google.bigquery_parquet import ParquetFile
from tests.support.google.bigquery_schema import Fields, check_kept, quoted, read_schema
from tests.support.google.bigquery_state import BigQueryState
from tests.support.google.bigquery_write import Destination, Rows, bring, existing, read_destination

_KEYS = {
    "destinationTable", "sourceFormat", "sourceUris", "schema", "createDisposition", "writeDisposition", "schemaUpdateOptions",
    "timePartitioning", "clustering", "destinationTableProperties",
}  # fmt: skip
_PARQUET_KEYS = {"parquetOptions", "decimalTargetTypes"}


def check_load(project: str, configuration: Mapping[str, Any]) -> Destination:
    """What is refused when the job is inserted. Raises for what is not modelled, too."""
    match _format(configuration):
        case "CSV":
            read_options(configuration, _KEYS)
        case "PARQUET":
            if unknown := {key for key in set(configuration) - _KEYS - _PARQUET_KEYS if configuration[key]}:
                raise not_modelled(f"{', '.join(sorted(unknown))} of a load job")
        case other:
            raise not_modelled(f"load jobs of {other}")
    if not configuration.get("destinationTable"):
        raise invalid("Required parameter is missing: destinationTable")
    return read_destination(table_name(configuration["destinationTable"], project), configuration, write="WRITE_APPEND")


def run_load(
    state: BigQueryState, destination: Destination, configuration: Mapping[str, Any], upload: SourceFile | None
) -> dict[str, Any]:
    """The job's work; answers its statistics. The files are gone afterwards."""
    files = [upload] if upload else _fetch(state, destination, configuration.get("sourceUris") or [])
    try:
        return _load(state, destination, configuration, files)
    finally:
        for file in files:
            file.path.unlink()


def _load(
    state: BigQueryState, destination: Destination, configuration: Mapping[str, Any], files: Sequence[SourceFile]
) -> dict[str, Any]:
    read = _csv if _format(configuration) == "CSV" else _parquet
    source, fields = read(state, destination, configuration, files)
    asked = read_layout(configuration)
    layout = None if asked == Layout() else asked
    rows = Rows(source=source, fields=fields, layout=layout, settings=_settings(configuration))
    count, size = state.data.size(source, fields)
    bring(state, destination, rows)
    sent = sum(file.path.stat().st_size for file in files)
    load = {
        "inputFiles": len(files),
        "inputFileBytes": sent,
        "outputRows": count,
        "outputBytes": size,
        "badRecords": 0,
    }
    return {"load": {key: str(value) for key, value in load.items()}}


def _format(configuration: Mapping[str, Any]) -> str:
    return str(configuration.get("sourceFormat") or "CSV")


def _csv(
    state: BigQueryState, destination: Destination, configuration: Mapping[str, Any], files: Sequence[SourceFile]
) -> tuple[str, Fields]:
    """A relation with the files' rows, and its columns."""
    old = existing(state, destination)
    fields = read_schema(configuration.get("schema")) or (old.fields if old else ())
    if not fields:
        raise invalid("No schema specified on job or table.")
    relation = state.data.create(fields)
    for file in files:
        read = read_csv(file.path.read_bytes(), file.uri, fields, read_options(configuration, _KEYS))
        if read.refusal is not None:
            raise _too_many_errors(file, read.refusal)
        state.data.fill(relation, read.table)
    return relation, fields


def _too_many_errors(file: SourceFile, first: str) -> BigQueryError:
    said = "Error while reading data, error message: "
    detail = invalid(f"{said}{first}", location=file.uri)
    message = (
        f"{said}CSV table encountered too many errors, giving up. Rows: 1; errors: 1. "
        f"Please look into the errors[] collection for more details. File: {file.uri}"
    )
    return BigQueryError("invalid", message, location=file.uri, details=[detail])


def _parquet(
    state: BigQueryState, destination: Destination, configuration: Mapping[str, Any], sources: Sequence[SourceFile]
) -> tuple[str, Fields]:
    """The files' rows as a subquery, and its columns."""
    files = [ParquetFile(path=source.path, uri=source.uri) for source in sources]
    fields = read_schema(configuration.get("schema")) or _own_fields(state, destination, files[0])
    selects = [file.select(str(destination.name), fields) for file in files]
    for file in files:
        _check_required(state, file, fields)
    return f"({' UNION ALL '.join(selects)}) AS loaded", fields


def _own_fields(state: BigQueryState, destination: Destination, file: ParquetFile) -> Fields:
    """The file's own schema, for a job that names none; a table that stays must have it, too."""
    fields = file.fields()
    old = existing(state, destination)
    if old is not None and not destination.truncates_table:
        check_kept(str(old.name), old.fields, fields, relax=False)
    return fields


def _settings(configuration: Mapping[str, Any]) -> dict[str, Any]:
    properties = configuration.get("destinationTableProperties") or {}
    return {key: value for key, value in properties.items() if key in ("labels", "description", "friendlyName")}


def _check_required(state: BigQueryState, file: ParquetFile, fields: Fields) -> None:
    required = [field for field in fields if field.required]
    if not required:
        return
    counts = ", ".join(f"count(*) - count({quoted(field.name)})" for field in required)
    for field, missing in zip(required, state.data.rows(f"SELECT {counts} FROM {file.scan}")[0], strict=True):
        if missing:
            raise file.error(f"Only optional fields can be set to NULL. Field: {field.name}; Value: NULL")


def _fetch(state: BigQueryState, destination: Destination, uris: Sequence[str]) -> list[SourceFile]:
    if not uris:
        raise invalid("Load configuration must specify at least one source URI")
    return [_fetch_one(state, destination, uri) for uri in uris]


def _fetch_one(state: BigQueryState, destination: Destination, uri: str) -> SourceFile:
    content = content_of(state, uri, destination.name)
    path = state.new_file("fetched")
    path.write_bytes(content)
    return SourceFile(path=path, uri=uri)
