from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from google.cloud.bigquery import SchemaField

from taxi_pipelines.errors import SchemaMismatch, WarehouseRefused
from taxi_pipelines.taxi.types import ALL
from taxi_pipelines.warehouses.bigquery_schema import (
    Conversion,
    added,
    clustering,
    month_fields,
    partition_column,
    refuse_altered,
    same_columns,
    stored_type,
    target_fields,
    widenings,
)

GREEN, ZONES = ALL["green"], ALL["zones"]


def names(fields: tuple[SchemaField, ...]) -> list[str]:
    return [field.name for field in fields]


@pytest.mark.parametrize(
    ("kind", "stored"),
    [
        (pa.int64(), "INTEGER"),
        (pa.int8(), "INTEGER"),
        (pa.uint64(), "NUMERIC"),
        (pa.float32(), "FLOAT"),
        (pa.string(), "STRING"),
        (pa.dictionary(pa.int32(), pa.string()), "STRING"),
        (pa.date32(), "DATE"),
        (pa.timestamp("ns"), "DATETIME"),
        (pa.timestamp("us", "America/New_York"), "TIMESTAMP"),
        (pa.bool_(), "BOOLEAN"),
        (pa.decimal128(38, 9), "NUMERIC"),
        (pa.null(), None),
    ],
    ids=str,
)
def test_every_plain_type_has_its_counterpart(kind: pa.DataType, stored: str | None) -> None:
    assert stored_type(pa.field("x", kind)) == stored


@pytest.mark.parametrize("kind", [pa.list_(pa.int64()), pa.decimal256(76, 38), pa.decimal128(38, 0)], ids=str)
def test_a_type_that_bigquery_cannot_hold_is_refused_by_name(kind: pa.DataType) -> None:
    with pytest.raises(SchemaMismatch, match="the column toll_tags of type"):
        stored_type(pa.field("toll_tags", kind))


def test_a_new_table_has_the_canonical_columns_then_the_address_then_the_month_s_own() -> None:
    month = pa.schema([("toll_tag", pa.string()), ("fare_amount", pa.float64()), ("source_row", pa.int64())])
    always = [column.name for column in GREEN.schema.columns if not column.legacy]
    fields = month_fields(GREEN, month, ())
    assert names(fields) == [*always, "source_month", "source_row", "source_file", "toll_tag"]
    assert fields[always.index("fare_amount")].description == GREEN.column_comments()["fare_amount"]


def test_a_later_month_adds_its_columns_at_the_end_and_keeps_the_table_s_spelling() -> None:
    table = month_fields(GREEN, pa.schema([("toll_tag", pa.string())]), ())
    fields = month_fields(GREEN, pa.schema([("Toll_Tag", pa.string()), ("lane", pa.int64())]), table)
    assert names(fields) == [*names(table), "lane"]
    assert names(added(fields, table)) == ["lane"]


def test_two_months_become_equal_by_adding_what_each_lacks() -> None:
    old = month_fields(GREEN, pa.schema([("pickup_longitude", pa.float64())]), ())
    new = month_fields(GREEN, pa.schema([]), ())
    assert same_columns(old, (*new, *added(old, new)))
    assert not same_columns(old, new)


def test_whole_numbers_are_widened_to_decimals_and_never_back() -> None:
    table = month_fields(GREEN, pa.schema([("level", pa.int64())]), ())
    wider = month_fields(GREEN, pa.schema([("level", pa.float64())]), table)
    assert widenings(wider, table) == {"level": "FLOAT64"}
    assert widenings(table, wider) == {}
    assert same_columns(month_fields(GREEN, pa.schema([("level", pa.int64())]), wider), wider)


@pytest.mark.parametrize("name", ["a-b", "1st", "a b", "_PARTITIONTIME", "_table_x", "x" * 301, "", "größe"])
def test_a_name_that_bigquery_refuses_is_refused_before(name: str) -> None:
    with pytest.raises(SchemaMismatch, match="cannot be stored in BigQuery; names are letters, digits and underscores"):
        month_fields(GREEN, pa.schema([(name, pa.int64())]), ())


def test_a_canonical_column_of_another_type_was_altered_by_hand() -> None:
    table = [
        SchemaField(field.name, "STRING" if field.name in ("VendorID", "source_row") else field.field_type)
        for field in target_fields(GREEN)
    ]
    with pytest.raises(
        WarehouseRefused,
        match=r"x.green was altered by hand: VendorID is STRING, not INT64, source_row is STRING, not INT64",
    ):
        refuse_altered(GREEN, "x.green", table)
    refuse_altered(GREEN, "x.green", target_fields(GREEN))


def test_batches_come_in_the_table_s_order_and_types_with_nulls_for_what_the_month_lacks() -> None:
    fields = (SchemaField("b", "FLOAT"), SchemaField("lacking", "DATETIME"), SchemaField("A", "STRING"))
    month = pa.schema([("a", pa.int64()), ("B", pa.int64())])
    batch = pa.RecordBatch.from_arrays([pa.array([1, None]), pa.array([3, 4])], schema=month)
    (converted,) = Conversion(month, fields, "green 2021-01").convert([batch])
    assert converted.to_pydict() == {"b": [3.0, 4.0], "lacking": [None, None], "A": ["1", None]}
    assert converted.schema.types == [pa.float64(), pa.timestamp("us"), pa.string()]


def test_a_value_of_a_type_the_column_cannot_take_is_named_with_its_row() -> None:
    month = pa.schema([("code", pa.string())])
    conversion = Conversion(month, (SchemaField("code", "INTEGER"),), "green 2021-01")
    batches = [pa.RecordBatch.from_pydict({"code": pa.array(values, pa.string())}) for values in ([None], [None, "B2"])]
    with pytest.raises(SchemaMismatch, match="green 2021-01, column code, row 3: 'B2' is STRING"):
        list(conversion.convert(batches))
    assert conversion.schema.types == [pa.int64()]


def test_times_without_zone_are_written_as_bigquery_takes_them_for_datetime(tmp_path: Path) -> None:
    path = tmp_path / "times.parquet"
    fields = (SchemaField("at", "DATETIME"),)
    conversion = Conversion(pa.schema([("at", pa.timestamp("ns"))]), fields, "green 2021-01")
    batch = pa.RecordBatch.from_pydict({"at": pa.array([datetime(2021, 1, 1, 12)], pa.timestamp("ns"))})
    pq.write_table(pa.Table.from_batches(conversion.convert([batch])), path)
    assert "isAdjustedToUTC=false, timeUnit=microseconds" in str(pq.read_metadata(path).schema.column(0))


def test_tables_are_cut_by_month_and_ordered_by_pickup_but_for_the_zones() -> None:
    assert partition_column(GREEN) == "source_month"
    assert clustering(GREEN) == ["lpep_pickup_datetime", "PULocationID"]
    assert (partition_column(ZONES), clustering(ZONES)) == (None, None)
