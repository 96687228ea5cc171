"""Columns: Arrow's types as BigQuery stores them, the columns a month's staging table has, and how its batches get there. Pure.

The canonical columns stand first, then the address, then whatever came with later months: a column that is added to a table is
always its last, and so the tables of any two months become equal by adding what they lack. Types are named as the API names them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
from google.cloud.bigquery import SchemaField

from taxi_pipelines.errors import SchemaMismatch, WarehouseRefused
from taxi_pipelines.taxi.clean import cast
from taxi_pipelines.taxi.schemas import ADDRESS, SOURCE_MONTH
from taxi_pipelines.taxi.types import TaxiType

Fields = tuple[SchemaField, ...]

INTEGER, NUMERIC, FLOAT, STRING = "INTEGER", "NUMERIC", "FLOAT", "STRING"

ARROW_TYPES: Mapping[str, pa.DataType] = {
    INTEGER: pa.int64(),
    NUMERIC: pa.decimal128(38, 9),
    FLOAT: pa.float64(),
    STRING: pa.string(),
    "BOOLEAN": pa.bool_(),
    "DATE": pa.date32(),
    "DATETIME": pa.timestamp("us"),
    "TIMESTAMP": pa.timestamp("us", "UTC"),
}
"""A timestamp without zone is written to Parquet as not adjusted to UTC, which BigQuery loads as DATETIME:
https://github.com/googleapis/python-bigquery/issues/985"""

_SQL_NAMES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}

_NUMBERS = (INTEGER, NUMERIC, FLOAT)
"""Each may be widened to those after it: https://cloud.google.com/bigquery/docs/reference/standard-sql/conversion_rules#coercion"""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,299}")
_RESERVED = ("_TABLE_", "_FILE_", "_PARTITION", "_ROW_TIMESTAMP", "__ROOT__", "_COLIDENTIFIER")
_NAME_RULE = "names are letters, digits and underscores there; load the month into duckdb"


def sql_name(kind: str) -> str:
    """A type as GoogleSQL and people name it."""
    return _SQL_NAMES.get(kind, kind)


def stored_type(field: pa.Field) -> str | None:
    """How BigQuery stores a published column; None for one without a value, which fits any type. Raises SchemaMismatch."""
    kind = field.type
    types = pa.types
    if types.is_null(kind):
        return None
    if types.is_dictionary(kind):
        return stored_type(field.with_type(kind.value_type))
    for fits, name in (
        (types.is_uint64(kind) or (types.is_decimal(kind) and _is_numeric(kind)), NUMERIC),
        (types.is_integer(kind), INTEGER),
        (types.is_floating(kind), FLOAT),
        (types.is_boolean(kind), "BOOLEAN"),
        (types.is_date(kind), "DATE"),
        (types.is_timestamp(kind), "TIMESTAMP" if getattr(kind, "tz", None) else "DATETIME"),
        (types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind), STRING),
    ):
        if fits:
            return name
    raise SchemaMismatch(
        f"the column {field.name} of type {kind} cannot be stored in BigQuery",
        "columns may be numbers, texts, dates, times of day with their date, and booleans; load it into duckdb",
    )


def _is_numeric(kind: pa.DataType) -> bool:
    return bool(0 <= kind.scale <= 9 and kind.precision - kind.scale <= 29)


def month_fields(kind: TaxiType, month: pa.Schema, table: Sequence[SchemaField]) -> Fields:
    """The columns of the staging table of a month, given those of its target (none: it is not there yet).

    They are the target's, of types that hold the month's values too where BigQuery can widen them, then the month's own.
    Raises SchemaMismatch, WarehouseRefused.
    """
    given = {field.name.lower(): field for field in month}
    kept = [_widened(field, given[field.name.lower()]) if field.name.lower() in given else field for field in table]
    known = {field.name.lower() for field in table}
    own = [_new_field(kind, field) for field in _in_table_order(kind, month) if field.name.lower() not in known]
    return (*kept, *own)


def target_fields(kind: TaxiType) -> Fields:
    """The columns of a table without a month."""
    return month_fields(kind, pa.schema([]), ())


def _in_table_order(kind: TaxiType, month: pa.Schema) -> list[pa.Field]:
    always = [pa.field(c.name, c.type) for c in (*(c for c in kind.schema.columns if not c.legacy), *ADDRESS)]
    first = {field.name for field in always}
    return [*always, *(field for field in month if field.name not in first)]


def _widened(there: SchemaField, field: pa.Field) -> SchemaField:
    wanted = stored_type(field)
    if wanted in _NUMBERS and there.field_type in _NUMBERS:
        return _field(there.name, max(there.field_type, wanted, key=_NUMBERS.index), there.description)
    return there


def _new_field(kind: TaxiType, field: pa.Field) -> SchemaField:
    if not _NAME.fullmatch(field.name) or field.name.upper().startswith(_RESERVED):
        raise SchemaMismatch(f"the column {field.name!r} cannot be stored in BigQuery", _NAME_RULE)
    return _field(field.name, stored_type(field) or STRING, kind.column_comments().get(field.name))


def _field(name: str, kind: str, description: str | None) -> SchemaField:
    return SchemaField(name, kind, description=description) if description else SchemaField(name, kind)


def refuse_altered(kind: TaxiType, place: str, table: Sequence[SchemaField]) -> None:
    """Raises WarehouseRefused where a canonical column of a target table is no longer of its type."""
    canonical = {c.name.lower(): stored_type(pa.field(c.name, c.type)) for c in (*kind.schema.columns, *ADDRESS)}
    wrong = [
        f"{field.name} is {sql_name(field.field_type)}, not {sql_name(wanted)}"
        for field in table
        if (wanted := canonical.get(field.name.lower())) and (field.field_type, field.mode) != (wanted, "NULLABLE")
    ]
    if wrong:
        raise WarehouseRefused(
            f"{place} was altered by hand: {', '.join(wrong)}",
            "change it back, or rename the table and load its months again",
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class _Column:
    """`index` in the month's batches; None: the month lacks it. `there`: its SQL type in the table.

    `foreign`: the month's SQL type, where no value of that type can be stored in it.
    """

    name: str
    type: pa.DataType
    there: str
    index: int | None
    foreign: str | None


class Conversion:
    """A month's batches as they are loaded: the staging table's columns, in its order and of its types."""

    def __init__(self, month: pa.Schema, fields: Sequence[SchemaField], place: str) -> None:
        indexes = {name.lower(): index for index, name in enumerate(month.names)}
        self._columns = [self._column(field, month, indexes.get(field.name.lower())) for field in fields]
        self._place = place
        self._rows = 0
        self.schema = pa.schema([(column.name, column.type) for column in self._columns])

    def convert(self, batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        """Raises SchemaMismatch naming column, row and value."""
        for batch in batches:
            arrays = [self._array(column, batch) for column in self._columns]
            self._rows += batch.num_rows
            yield pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    @staticmethod
    def _column(field: SchemaField, month: pa.Schema, index: int | None) -> _Column:
        wanted = None if index is None else stored_type(month.field(index))
        fits = wanted in (None, field.field_type) or field.field_type == STRING
        fits = fits or (wanted in _NUMBERS and field.field_type in _NUMBERS)
        return _Column(
            name=field.name,
            type=ARROW_TYPES[field.field_type],
            there=sql_name(field.field_type),
            index=index,
            foreign=sql_name(wanted) if wanted and not fits else None,
        )

    def _array(self, column: _Column, batch: pa.RecordBatch) -> pa.Array:
        if column.index is None:
            return pa.nulls(batch.num_rows, column.type)
        values = batch.column(column.index)
        if column.foreign is None:
            return cast(values, column.type, f"{self._place}, column {column.name}", self._rows + 1)
        if values.null_count < len(values):
            raise self._misfit(column, values)
        return pa.nulls(len(values), column.type)

    def _misfit(self, column: _Column, values: pa.Array) -> SchemaMismatch:
        index = pc.index(pc.is_valid(values), True).as_py()
        return SchemaMismatch(
            f"{self._place}, column {column.name}, row {self._rows + index + 1}: {values[index].as_py()!r} is"
            f" {column.foreign}, which BigQuery cannot widen the table's {column.there} to",
            "rename the table's column (ALTER TABLE … RENAME COLUMN), or load the month into duckdb",
        )


def added(fields: Sequence[SchemaField], table: Sequence[SchemaField]) -> Fields:
    """The columns a table lacks."""
    known = {field.name.lower() for field in table}
    return tuple(field for field in fields if field.name.lower() not in known)


def widenings(fields: Sequence[SchemaField], table: Sequence[SchemaField]) -> dict[str, str]:
    """Columns of a table that are narrower than wanted: name → SQL type to be."""
    wanted = {field.name.lower(): field.field_type for field in fields}
    return {
        field.name: sql_name(kind)
        for field in table
        if (kind := wanted.get(field.name.lower(), field.field_type)) != field.field_type
        and kind in _NUMBERS
        and field.field_type in _NUMBERS
        and _NUMBERS.index(kind) > _NUMBERS.index(field.field_type)
    }


def same_columns(one: Sequence[SchemaField], other: Sequence[SchemaField]) -> bool:
    """Whether two tables have the same columns of the same types in the same order, as a copy job demands."""
    return [(field.name.lower(), field.field_type) for field in one] == [
        (field.name.lower(), field.field_type) for field in other
    ]


def clustering(kind: TaxiType) -> list[str] | None:
    """Pick-up time and zone, where the type has them."""
    return [name for name in (kind.schema.pickup_time, kind.schema.pickup_zone) if name] or None


def partition_column(kind: TaxiType) -> str | None:
    """The column a target table is partitioned by, by month; None for a table that is published as a whole."""
    return None if kind.first.first_day is None else SOURCE_MONTH
