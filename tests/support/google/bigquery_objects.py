"""Objects of the fake Cloud Storage, as jobs of the fake BigQuery read them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.support.google.bigquery_errors import BigQueryError, invalid, not_found, not_modelled
from tests.support.google.bigquery_layout import TableName
from tests.support.google.bigquery_state import BigQueryState
from tests.support.google.errors import GoogleError


@dataclass(frozen=True, kw_only=True)
class SourceFile:
    """A file to load: where it lies here, and under which name errors speak of it."""

    path: Path
    uri: str

    def error(self, message: str) -> BigQueryError:
        """Of a job that reads it."""
        return invalid(f"Error while reading data, error message: {message} File: {self.uri}", location=self.uri)


def content_of(state: BigQueryState, uri: str, table: TableName) -> bytes:
    """The object's bytes, for the table. Raises where it is not there, not to be read, or too far away."""
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
    _check_near(state, uri, table)
    return content


def _check_near(state: BigQueryState, uri: str, table: TableName) -> None:
    """https://cloud.google.com/bigquery/docs/batch-loading-data#data-locations"""
    assert state.storage is not None
    bucket = uri.removeprefix("gs://").split("/")[0]
    there = state.storage.buckets[bucket].resource["location"].lower()
    here = state.catalog.dataset(table.project, table.dataset).location.lower()
    near = here == "us" or there == here or (here == "eu" and there.startswith("europe-"))
    if not near:
        raise invalid(f"Cannot read and write in different locations: source: {there}, destination: {here}")
