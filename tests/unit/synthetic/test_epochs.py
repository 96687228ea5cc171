"""The schemas told in `epochs` are those of the published files."""

from __future__ import annotations

import csv
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from taxi_pipelines.domain.month import Month
from taxi_pipelines.errors import InvalidMonth, UnknownType, UsageError
from taxi_pipelines.synthetic.epochs import TURNS, parquet_facts, published_schema
from taxi_pipelines.synthetic.tables import KEY_OF
from tests.support.data import real


def test_green_schemas_and_formats_are_those_of_every_real_file() -> None:
    for path in sorted(real("trip-data").glob("green_*.parquet")):
        month = Month.parse(path.stem[-7:])
        with pq.ParquetFile(path) as file:
            written, schema = file.metadata, published_schema("green", month)
            facts = (written.row_group(0).column(0).compression.lower(), written.format_version)
            assert file.schema_arrow.equals(schema), path.name
            assert facts == (parquet_facts(month).compression, parquet_facts(month).version), path.name
            theirs, ours = file.schema_arrow.metadata or {}, schema.metadata or {}
        assert theirs.keys() == ours.keys(), path.name
        if theirs:
            assert json.loads(theirs[b"pandas"])["columns"] == json.loads(ours[b"pandas"])["columns"], path.name


def test_every_month_of_the_catalog_has_its_columns_in_its_order() -> None:
    with real("catalog.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            schema = published_schema(row["type"], Month.parse(row["month"]))
            assert schema.names == row["columns"].split(","), (row["type"], row["month"])


@pytest.mark.parametrize(
    ("kind", "month", "column", "type"),
    [
        ("yellow", "2009-01", "Trip_Pickup_DateTime", pa.string()),
        ("yellow", "2010-03", "__index_level_0__", pa.int64()),
        ("yellow", "2020-07", "airport_fee", pa.null()),
        ("yellow", "2023-01", "airport_fee", pa.float64()),
        ("yellow", "2023-02", "Airport_fee", pa.float64()),
        ("yellow", "2025-01", "cbd_congestion_fee", pa.float64()),
        ("green", "2023-01", "ehail_fee", pa.null()),
        ("green", "2023-02", "store_and_fwd_flag", pa.large_string()),
        ("fhv", "2020-01", "PUlocationID", pa.float64()),
        ("fhv", "2020-01", "SR_Flag", pa.null()),
        ("fhvhv", "2019-02", "access_a_ride_flag", pa.string()),
        ("fhvhv", "2025-01", "cbd_congestion_fee", pa.float64()),
    ],
)
def test_columns_have_the_type_of_their_epoch(kind: str, month: str, column: str, type: pa.DataType) -> None:
    assert published_schema(kind, Month.parse(month)).field(column).type == type


def test_old_columns_are_gone_in_the_next_epoch() -> None:
    assert "__index_level_0__" not in published_schema("yellow", Month(2010, 4)).names
    assert "airport_fee" not in published_schema("yellow", Month(2023, 2)).names
    assert len(published_schema("fhvhv", Month(2024, 12)).names) == 24


def test_turns_are_in_order_of_time_and_every_column_is_known_to_the_generator() -> None:
    for kind, turns in TURNS.items():
        assert [turn.since for turn in turns] == sorted(turn.since for turn in turns)
        for turn in turns:
            assert {name.lower() for name in published_schema(kind, turn.since).names} <= KEY_OF.keys()


def test_pandas_metadata_names_its_own_index() -> None:
    metadata = json.loads(published_schema("yellow", Month(2010, 2)).metadata[b"pandas"])
    assert metadata["index_columns"] == ["__index_level_0__"]
    assert published_schema("yellow", Month(2023, 2)).metadata is None


def test_what_was_never_published_is_refused() -> None:
    with pytest.raises(InvalidMonth, match="first month of fhvhv is 2019-02"):
        published_schema("fhvhv", Month(2019, 1))
    with pytest.raises(UnknownType, match="yellow"):
        published_schema("yelow", Month(2021, 1))
    with pytest.raises(UsageError):
        published_schema("zones", Month(2021, 1))
