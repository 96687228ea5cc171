"""Parquet as BigQuery reads it: which column type of a file goes into which column of a table, and the words of refusal.

https://cloud.google.com/bigquery/docs/loading-data-cloud-storage-parquet#type_conversions
A column that a file has as INT32 does not go into a FLOAT64 column: "Parquet column 'x' has type INT32 which does not match the
target cpp_type DOUBLE" (github.com/cal-itp/data-infra/issues/811).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tests.support.google.bigquery_errors import invalid, not_modelled
from tests.support.google.bigquery_objects import SourceFile
from tests.support.google.bigquery_schema import DUCKDB_TYPES, Field, Fields, quoted

_CPP_TYPES = {"INTEGER": "INT64", "FLOAT": "DOUBLE", "BOOLEAN": "BOOL"}
_PLAIN = {"BOOLEAN": "BOOLEAN", "INT32": "INTEGER", "INT64": "INTEGER", "FLOAT": "FLOAT", "DOUBLE": "FLOAT"}
_PLAIN |= {"INT96": "TIMESTAMP", "BYTE_ARRAY": "BYTES", "FIXED_LEN_BYTE_ARRAY": "BYTES"}
_LOGICAL = {"STRING": "STRING", "ENUM": "STRING", "DATE": "DATE", "TIME": "TIME", "DECIMAL": "NUMERIC"}


@dataclass(frozen=True, kw_only=True)
class ParquetFile(SourceFile):
    """Such a file."""

    @property
    def scan(self) -> str:
        """In DuckDB's SQL: its rows."""
        return "read_parquet('" + str(self.path).replace("'", "''") + "')"

    @cached_property
    def columns(self) -> dict[str, Any]:
        """Name → pyarrow's ColumnSchema. Raises where it is no Parquet or has nested columns."""
        try:
            with pq.ParquetFile(self.path) as file:
                schema = file.schema
        except (pa.ArrowInvalid, OSError) as error:
            raise self.error("Input file is not in Parquet format.") from error
        columns = [schema.column(index) for index in range(len(schema))]
        if any(column.path != column.name for column in columns):
            raise not_modelled("nested Parquet columns")
        return {column.name: column for column in columns}

    def fields(self) -> Fields:
        """The schema of a table made from it."""
        return tuple(
            Field(name=name, type=own_type(column), mode="NULLABLE" if column.max_definition_level else "REQUIRED")
            for name, column in self.columns.items()
        )

    def select(self, table: str, fields: Fields) -> str:
        """In DuckDB's SQL: its rows with these columns, NULL where it lacks one. Raises where they do not fit."""
        known = {field.name for field in fields}
        for name in self.columns:
            if name not in known:
                raise invalid(f"Provided Schema does not match Table {table}. Cannot add fields (field: {name})")
        return f"SELECT {', '.join(self._cell(field) for field in fields)} FROM {self.scan}"

    def _cell(self, field: Field) -> str:
        column = self.columns.get(field.name)
        if column is None and field.required:
            raise self.error(f"Required field {field.name} is missing in the file.")
        if column is None:
            return f"CAST(NULL AS {DUCKDB_TYPES[field.type]}) AS {quoted(field.name)}"
        if not _fits(column, field):
            target = _CPP_TYPES.get(field.type, field.type)
            raise self.error(
                f"Parquet column '{field.name}' has type {column.physical_type} "
                f"which does not match the target cpp_type {target}."
            )
        return f"CAST({quoted(field.name)} AS {DUCKDB_TYPES[field.type]}) AS {quoted(field.name)}"


def own_type(column: Any) -> str:
    """The type of a table's column made from a file's column."""
    logical = column.logical_type.type
    if logical == "TIMESTAMP":
        return "DATETIME" if "isAdjustedToUTC=false" in str(column.logical_type) else "TIMESTAMP"
    if logical in _LOGICAL:
        return _LOGICAL[logical]
    if logical not in ("NONE", "INT", "UNKNOWN"):
        raise not_modelled(f"Parquet columns of type {logical}")
    return _PLAIN[column.physical_type]


def _fits(column: Any, field: Field) -> bool:
    own = own_type(column)
    return own == field.type or (own, field.type) == ("DATETIME", "TIMESTAMP")
