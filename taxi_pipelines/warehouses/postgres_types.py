"""Column types: Arrow's as PostgreSQL stores them, and PostgreSQL's as a query's result shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from taxi_pipelines.errors import SchemaMismatch

MAX_NAME_BYTES = 63
"""Longer identifiers PostgreSQL would cut off without a word."""

_STORED: Mapping[str, pa.DataType] = {
    "bigint": pa.int64(),
    "double precision": pa.float64(),
    "text": pa.string(),
    "timestamp without time zone": pa.timestamp("us"),
    "timestamp with time zone": pa.timestamp("us", "UTC"),
    "date": pa.date32(),
    "boolean": pa.bool_(),
}
_NUMBERS = ("bigint", "numeric", "double precision")
"""Each holds those before it, as far as a number of that kind can."""

_SHOWN: Mapping[int, pa.DataType] = {
    16: pa.bool_(), 20: pa.int64(), 21: pa.int16(), 23: pa.int32(), 26: pa.int64(),
    700: pa.float32(), 701: pa.float64(), 1700: pa.float64(),
    1082: pa.date32(), 1114: pa.timestamp("us"), 1184: pa.timestamp("us", "UTC"),
}  # fmt: skip
"""By OID; what is not listed is shown as text. `numeric` without bounds, which sums and averages of whole numbers have, has
no Arrow type: double."""

_NUMERIC_OID = 1700


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredColumn:
    """A month's column in its table: its name there, its SQL type, and the Arrow type it is sent as."""

    name: str
    sql_type: str
    arrow_type: pa.DataType


def stored_column(field: pa.Field, root: Mapping[str, str]) -> StoredColumn:
    """How a published column is stored, given the root table's columns (name → SQL type). Raises SchemaMismatch."""
    if len(field.name.encode()) > MAX_NAME_BYTES or not field.name or "\0" in field.name:
        raise SchemaMismatch(
            f"the column {field.name!r} cannot be stored in PostgreSQL", f"names have 1 to {MAX_NAME_BYTES} bytes there"
        )
    name = next((known for known in root if known.lower() == field.name.lower()), field.name)
    wanted = _sql_type(field)
    before = root.get(name)
    sql_type = widened(before, wanted) if before and wanted else before or wanted or "text"
    return StoredColumn(name=name, sql_type=sql_type, arrow_type=_arrow_type(sql_type, field.type))


def widened(one: str, other: str) -> str:
    """The SQL type that holds the values of both."""
    if one == other:
        return one
    if one in _NUMBERS and other in _NUMBERS:
        return max(one, other, key=_NUMBERS.index)
    return "text"


def shown_type(oid: int, modifier: int) -> pa.DataType:
    """The Arrow type of a result's column; `modifier` is PostgreSQL's, -1 where there is none."""
    if oid == _NUMERIC_OID and modifier > 0:
        precision, scale = (modifier - 4) >> 16, (modifier - 4) & 0x7FF
        if precision <= 38 and scale <= precision:
            return pa.decimal128(precision, scale)
    return _SHOWN.get(oid, pa.string())


def _sql_type(field: pa.Field) -> str | None:
    """None for a column without a value, which fits into any."""
    kind = field.type
    types = pa.types
    if types.is_null(kind):
        return None
    if types.is_dictionary(kind):
        return _sql_type(field.with_type(kind.value_type))
    for fits, name in (
        (types.is_decimal(kind) or types.is_uint64(kind), "numeric"),
        (types.is_integer(kind), "bigint"),
        (types.is_floating(kind), "double precision"),
        (types.is_boolean(kind), "boolean"),
        (types.is_date(kind), "date"),
        (types.is_timestamp(kind), f"timestamp {'with' if getattr(kind, 'tz', None) else 'without'} time zone"),
        (types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind), "text"),
    ):
        if fits:
            return name
    raise SchemaMismatch(
        f"the column {field.name} of type {kind} cannot be stored in PostgreSQL",
        "columns may be numbers, texts, dates, times of day with their date, and booleans; load it into duckdb",
    )


def _arrow_type(sql_type: str, published: pa.DataType) -> pa.DataType:
    if sql_type != "numeric":
        return _STORED[sql_type]
    if pa.types.is_decimal(published):
        return published
    return pa.decimal128(20, 0)
