"""Load jobs of the fake BigQuery: Parquet from an upload or from Cloud Storage, against an explicit schema.

https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-parquet
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.support.google.bigquery_errors import BigQueryError, invalid, not_found, not_modelled
from tests.support.google.bigquery_layout import Layout, read_layout, table_name
from tests.support.google.bigquery_parquet import ParquetFile
from tests.support.google.bigquery_schema import Fields, check_kept, quoted, read_schema
from tests.support.google.bigquery_state import BigQueryState
from tests.support.google.bigquery_write import Destination, Rows, bring, existing, read_destination
from tests.support.google.errors import GoogleError

_KEYS = {
    "destinationTable", "sourceFormat", "sourceUris", "schema", "createDisposition", "writeDisposition", "schemaUpdateOptions",
    "timePartitioning", "clustering", "destinationTableProperties", "parquetOptions", "decimalTargetTypes",
}  # fmt: skip


def check_load(project: str, configuration: Mapping[str, Any]) -> Destination:
    """What is refused when the job is inserted. Raises for what is not modelled, too."""
    if unknown := {key for key in set(configuration) - _KEYS if configuration[key]}:
        raise not_modelled(f"{', '.join(sorted(unknown))} of a load job")
    if configuration.get("sourceFormat", "CSV") != "PARQUET":
        raise not_modelled(f"load jobs of {configuration.get('sourceFormat', 'CSV')}")
    if not configuration.get("destinationTable"):
        raise invalid("Required parameter is missing: destinationTable")
    return read_destination(table_name(configuration["destinationTable"], project), configuration, write="WRITE_APPEND")


def run_load(
    state: BigQueryState, destination: Destination, configuration: Mapping[str, Any], upload: ParquetFile | None
) -> dict[str, Any]:
    """The job's work; answers its statistics. The files are gone afterwards."""
    files = [upload] if upload else _fetch(state, destination, configuration.get("sourceUris") or [])
    try:
        return _load(state, destination, configuration, files)
    finally:
        for file in files:
            file.path.unlink()


def _load(
    state: BigQueryState, destination: Destination, configuration: Mapping[str, Any], files: Sequence[ParquetFile]
) -> dict[str, Any]:
    fields = read_schema(configuration.get("schema")) or _own_fields(state, destination, files[0])
    selects = [file.select(str(destination.name), fields) for file in files]
    source = f"({' UNION ALL '.join(selects)}) AS loaded"
    for file in files:
        _check_required(state, file, fields)
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


def _fetch(state: BigQueryState, destination: Destination, uris: Sequence[str]) -> list[ParquetFile]:
    if not uris:
        raise invalid("Load configuration must specify at least one source URI")
    return [_fetch_one(state, destination, uri) for uri in uris]


def _fetch_one(state: BigQueryState, destination: Destination, uri: str) -> ParquetFile:
    if not uri.startswith("gs://"):
        raise invalid(f"Source URI must be a Google Cloud Storage location: {uri}")
    if "*" in uri or state.storage is None:
        raise not_modelled(f"the source {uri}")
    try:
        content = state.storage.content(uri)
    except GoogleError as error:
        if error.code == 404:
            raise not_found(f"URI {uri}") from error
        raise BigQueryError("accessDenied", f"Access Denied: File {uri}: Access Denied") from error
    _check_near(state, destination, uri)
    path = state.new_file("fetched.parquet")
    path.write_bytes(content)
    return ParquetFile(path=path, uri=uri)


def _check_near(state: BigQueryState, destination: Destination, uri: str) -> None:
    """https://cloud.google.com/bigquery/docs/batch-loading-data#data-locations"""
    assert state.storage is not None
    bucket = uri.removeprefix("gs://").split("/")[0]
    there = state.storage.buckets[bucket].resource["location"].lower()
    here = state.catalog.dataset(destination.name.project, destination.name.dataset).location.lower()
    near = here == "us" or there == here or (here == "eu" and there.startswith("europe-"))
    if not near:
        raise invalid(f"Cannot read and write in different locations: source: {there}, destination: {here}")
