"""Partitioning and clustering of the fake BigQuery's tables, and the names of tables, partitions and labels.

Rules: https://cloud.google.com/bigquery/docs/partitioned-tables and https://cloud.google.com/bigquery/docs/clustered-tables
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.support.google.bigquery_errors import invalid, not_modelled
from tests.support.google.bigquery_schema import Fields, by_name, quoted

_ID = re.compile(r"[A-Za-z0-9_]{1,1024}")
_LABEL_KEY = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_LABEL_VALUE = re.compile(r"[a-z0-9_-]{0,63}")
_MOST_LABELS = 64
_FORMATS = {"HOUR": "%Y%m%d%H", "DAY": "%Y%m%d", "MONTH": "%Y%m", "YEAR": "%Y"}
_PARTITION_TYPES = ("DATE", "DATETIME", "TIMESTAMP")
_CLUSTER_TYPES = ("STRING", "INTEGER", "BOOLEAN", "DATE", "DATETIME", "TIMESTAMP", "NUMERIC")
_MOST_CLUSTER_COLUMNS = 4
NULL_PARTITION = "__NULL__"


@dataclass(frozen=True, kw_only=True, slots=True)
class TableName:
    """A table, or one partition of it (`table$202401`)."""

    project: str
    dataset: str
    table: str
    partition: str | None = None

    def __str__(self) -> str:
        return f"{self.project}:{self.dataset}.{self.table}" + (f"${self.partition}" if self.partition else "")

    def resource(self) -> dict[str, str]:
        """The tableReference."""
        return {"projectId": self.project, "datasetId": self.dataset, "tableId": self.table}


def table_name(reference: Mapping[str, Any], project: str) -> TableName:
    """Of a tableReference; a partition may be named in it. Raises where a name breaks Google's rules."""
    table, _, partition = reference.get("tableId", "").partition("$")
    check_dataset_id(reference.get("datasetId", ""))
    if not _ID.fullmatch(table):
        raise invalid(
            f'Invalid table ID "{table}". Table IDs must be alphanumeric (plus underscores) and must be at most 1024 characters long.'
        )
    return TableName(
        project=reference.get("projectId", project),
        dataset=reference["datasetId"],
        table=table,
        partition=partition or None,
    )


def check_dataset_id(name: str) -> None:
    """Raises where it breaks Google's rule."""
    if not _ID.fullmatch(name):
        raise invalid(
            f'Invalid dataset ID "{name}". Dataset IDs must be alphanumeric (plus underscores) and must be at most 1024 characters long.'
        )


def check_labels(labels: Mapping[str, str | None] | None) -> None:
    """Raises where a label breaks Google's rules: https://cloud.google.com/bigquery/docs/labels-intro#requirements"""
    for key, value in (labels or {}).items():
        if not _LABEL_KEY.fullmatch(key):
            raise invalid(
                f'Label key "{key}" is invalid: lower-case letters, digits, _ and -, at most 63, a letter first'
            )
        if value is not None and not _LABEL_VALUE.fullmatch(value):
            raise invalid(f'Label value "{value}" is invalid: lower-case letters, digits, _ and -, at most 63')
    if len(labels or {}) > _MOST_LABELS:
        raise invalid(f"A resource can have at most {_MOST_LABELS} labels")


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """How a table is cut: by a DATE, DATETIME or TIMESTAMP column into hours to years, and clustered by columns."""

    unit: str | None = None
    column: str | None = None
    clustering: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [f"interval(type:{self.unit.lower()},field:{self.column})"] if self.unit else ["none"]
        return " ".join(parts + ([f"clustering({','.join(self.clustering)})"] if self.clustering else []))

    def resource(self) -> dict[str, Any]:
        """The parts of a table's resource that tell it."""
        told: dict[str, Any] = {}
        if self.unit:
            told["timePartitioning"] = {"type": self.unit, "field": self.column}
        if self.clustering:
            told["clustering"] = {"fields": list(self.clustering)}
        return told

    def check(self, fields: Fields) -> None:
        """Raises unless the columns can be partitioned and clustered by."""
        known = by_name(fields)
        if self.column is not None:
            field = known.get(self.column.lower())
            if field is None:
                raise invalid(
                    f"The field specified for partitioning cannot be found in the schema. Field: {self.column}."
                )
            if field.type not in _PARTITION_TYPES or (field.type, self.unit) == ("DATE", "HOUR"):
                raise invalid(
                    f"{self.unit} partitioning is not possible on column {self.column} of type {field.type}. "
                    "The field specified for partitioning must be of type DATE, DATETIME or TIMESTAMP."
                )
        for name in self.clustering:
            field = known.get(name.lower())
            if field is None:
                raise invalid(
                    f"The field specified for clustering cannot be found in the schema. Invalid field: {name}."
                )
            if field.type not in _CLUSTER_TYPES:
                raise invalid(f"The field specified for clustering cannot be of type {field.type}. Field: {name}.")

    def partition_id(self) -> str:
        """In DuckDB's SQL: the id of the partition of a row."""
        if self.unit is None:
            raise ValueError("not partitioned")
        return f"coalesce(strftime({quoted(self.column or '')}, '{_FORMATS[self.unit]}'), '{NULL_PARTITION}')"

    def rows_of(self, name: TableName) -> str:
        """In DuckDB's SQL: the condition that a row is in the table's part named. Raises where there is no such part."""
        if name.partition is None:
            return "true"
        if self.unit is None:
            raise invalid(f"Cannot read partition information from a table that is not partitioned: {name}")
        if name.partition != NULL_PARTITION:
            _check_partition(name, self.unit)
        return f"{self.partition_id()} = '{name.partition}'"


def _check_partition(name: TableName, unit: str) -> None:
    text = name.partition or ""
    try:
        fits = datetime.strptime(text, _FORMATS[unit]).strftime(_FORMATS[unit]) == text
    except ValueError:
        fits = False
    if not fits:
        raise invalid(f"Invalid time partition id {text} in {name}: the table is partitioned by {unit}")


def read_layout(resource: Mapping[str, Any]) -> Layout:
    """Of a table's resource or a job's configuration."""
    if resource.get("rangePartitioning"):
        raise not_modelled("partitioning by integer range")
    partitioning = resource.get("timePartitioning") or {}
    unit = partitioning.get("type")
    if partitioning and unit not in _FORMATS:
        raise invalid(f"Invalid partitioning type {unit}: one of HOUR, DAY, MONTH, YEAR")
    if partitioning and not partitioning.get("field"):
        raise not_modelled("partitioning by the time of ingestion")
    if partitioning.get("expirationMs") and int(partitioning["expirationMs"]):
        raise not_modelled("partitions that expire")
    clustering = tuple((resource.get("clustering") or {}).get("fields", ()))
    if len(clustering) > _MOST_CLUSTER_COLUMNS:
        raise invalid(f"Cannot cluster by more than {_MOST_CLUSTER_COLUMNS} columns")
    return Layout(unit=unit, column=partitioning.get("field"), clustering=clustering)
