"""Columns of the fake BigQuery: how a schema is read, which changes of one are allowed, and what stands for it in DuckDB.

Rules: https://cloud.google.com/bigquery/docs/schemas and https://cloud.google.com/bigquery/docs/managing-table-schemas
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.support.google.bigquery_errors import BigQueryError, invalid, not_modelled

DUCKDB_TYPES = {
    "INTEGER": "BIGINT",
    "FLOAT": "DOUBLE",
    "STRING": "VARCHAR",
    "BOOLEAN": "BOOLEAN",
    "DATE": "DATE",
    "DATETIME": "TIMESTAMP",
    "TIMESTAMP": "TIMESTAMP WITH TIME ZONE",
    "TIME": "TIME",
    "BYTES": "BLOB",
    "NUMERIC": "DECIMAL(38,9)",
}
"""Type as BigQuery's REST API tells it → type in DuckDB."""

_OTHER_NAMES = {"INT64": "INTEGER", "FLOAT64": "FLOAT", "BOOL": "BOOLEAN", "DECIMAL": "NUMERIC"}
_OTHER_NAMES |= dict.fromkeys(("INT", "SMALLINT", "BIGINT", "TINYINT", "BYTEINT"), "INTEGER")
_SQL_NAMES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,299}")
_RESERVED = ("_TABLE_", "_FILE_", "_PARTITION", "_ROW_TIMESTAMP", "__ROOT__", "_COLIDENTIFIER")
_LONGEST_DESCRIPTION = 1024
_KEYS = {"name", "type", "mode", "description"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One column."""

    name: str
    type: str
    mode: str = "NULLABLE"
    description: str | None = None

    @property
    def required(self) -> bool:
        """Whether NULL is refused."""
        return self.mode == "REQUIRED"

    @property
    def sql_type(self) -> str:
        """The type as GoogleSQL names it."""
        return _SQL_NAMES.get(self.type, self.type)

    def resource(self) -> dict[str, Any]:
        """As the REST API tells it."""
        told = {"name": self.name, "type": self.type, "mode": self.mode}
        return told if self.description is None else {**told, "description": self.description}


Fields = tuple[Field, ...]


def quoted(name: str) -> str:
    """A name in DuckDB's SQL."""
    return '"' + name.replace('"', '""') + '"'


def type_name(text: str) -> str:
    """The REST API's name of a type. Raises where there is none."""
    name = _OTHER_NAMES.get(text.upper(), text.upper())
    if name not in DUCKDB_TYPES:
        raise not_modelled(f"columns of type {text}")
    return name


def read_schema(resource: Mapping[str, Any] | None) -> Fields:
    """The columns of `{"fields": […]}`. Raises what Google refuses about names, modes and descriptions."""
    fields = tuple(_read_field(entry) for entry in (resource or {}).get("fields", ()))
    seen: set[str] = set()
    for field in fields:
        if field.name.lower() in seen:
            raise invalid(f"Field {field.name} already exists in schema")
        seen.add(field.name.lower())
    return fields


def _read_field(entry: Mapping[str, Any]) -> Field:
    name = entry.get("name", "")
    if not _NAME.fullmatch(name):
        raise invalid(
            f'Invalid field name "{name}". Fields must contain only letters, numbers, and underscores, '
            "start with a letter or underscore, and be at most 300 characters long."
        )
    if name.upper().startswith(_RESERVED):
        raise invalid(f"Field name {name} uses a reserved prefix")
    if set(entry) - _KEYS:
        raise not_modelled(f"{', '.join(sorted(set(entry) - _KEYS))} of a column")
    mode = (entry.get("mode") or "NULLABLE").upper()
    if mode == "REPEATED":
        raise not_modelled("REPEATED columns")
    if mode not in ("NULLABLE", "REQUIRED"):
        raise invalid(f"Invalid value for mode: {mode} is not a valid value")
    description = entry.get("description")
    if description is not None and len(description) > _LONGEST_DESCRIPTION:
        raise invalid(f"Field description of {name} is longer than {_LONGEST_DESCRIPTION} characters")
    return Field(name=name, type=type_name(entry.get("type", "")), mode=mode, description=description)


def by_name(fields: Iterable[Field]) -> dict[str, Field]:
    """Lower-case name → column: names do not differ by case alone."""
    return {field.name.lower(): field for field in fields}


def _mismatch(table: str, message: str) -> BigQueryError:
    return invalid(f"Provided Schema does not match Table {table}. {message}")


def check_kept(table: str, old: Fields, new: Fields, *, relax: bool) -> None:
    """Raises unless every column of `new` that is also in `old` has its type, and its mode (or NULLABLE, if `relax`)."""
    known = by_name(old)
    for field in new:
        before = known.get(field.name.lower())
        if before is None:
            continue
        if before.type != field.type:
            raise _mismatch(table, f"Field {field.name} has changed type from {before.type} to {field.type}")
        if before.mode != field.mode and not (relax and before.required):
            raise _mismatch(table, f"Field {field.name} has changed mode from {before.mode} to {field.mode}")


def check_updated(table: str, old: Fields, new: Fields) -> None:
    """Raises unless a table's schema may be set to `new` by tables.patch: columns are added or relaxed, nothing else."""
    check_kept(table, old, new, relax=True)
    kept = by_name(new)
    for field in old:
        if field.name.lower() not in kept:
            raise _mismatch(table, f"Field {field.name} is missing in new schema")
    for field in added(old, new):
        if field.required:
            raise _mismatch(table, f"Cannot add required fields to an existing schema. (field: {field.name})")


def added(old: Fields, new: Fields) -> Fields:
    """The columns of `new` that `old` lacks."""
    known = by_name(old)
    return tuple(field for field in new if field.name.lower() not in known)


def widened(table: str, old: Fields, new: Fields, *, addition: bool, relaxation: bool) -> Fields:
    """The schema after a job brought rows of `new`. Raises where the job was not allowed such a change."""
    check_kept(table, old, tuple(replace(field, mode=_mode(old, field)) for field in new), relax=relaxation)
    more = added(old, new)
    if more and not addition:
        raise _mismatch(table, f"Cannot add fields (field: {more[0].name})")
    if any(field.required for field in more):
        raise _mismatch(table, f"Cannot add required fields to an existing schema. (field: {more[0].name})")
    brought = by_name(new)
    for field in old:
        if field.required and field.name.lower() not in brought:
            raise _mismatch(table, f"Field {field.name} is missing in new schema")
    return (*(replace(field, mode=_mode(new, field)) if relaxation else field for field in old), *more)


def _mode(other: Fields, field: Field) -> str:
    """NULLABLE where the column is so on either side."""
    counterpart = by_name(other).get(field.name.lower())
    return counterpart.mode if counterpart and field.required else field.mode


def column_definitions(fields: Sequence[Field]) -> str:
    """The columns of CREATE TABLE in DuckDB."""
    return ", ".join(
        f"{quoted(field.name)} {DUCKDB_TYPES[field.type]}{' NOT NULL' if field.required else ''}" for field in fields
    )
