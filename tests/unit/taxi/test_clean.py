"""Cleaning keeps every row and every value, whatever the published spelling and types."""

from __future__ import annotations

from datetime import date, datetime
from itertools import pairwise

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from taxi_pipelines.domain.month import WHOLE, Month
from taxi_pipelines.errors import SchemaMismatch
from taxi_pipelines.taxi.clean import Cleaner
from taxi_pipelines.taxi.types import FHV, GREEN, YELLOW, ZONES

JANUARY = Month(2021, 1)
WHEN = datetime(2021, 1, 2, 3, 4, 5)


def green(**columns: pa.Array) -> pa.RecordBatch:
    rows = len(next(iter(columns.values()))) if columns else 1
    needed = {
        "lpep_pickup_datetime": pa.array([WHEN] * rows, pa.timestamp("us")),
        "lpep_dropoff_datetime": pa.array([WHEN] * rows, pa.timestamp("us")),
        "trip_distance": pa.array([1.5] * rows),
        "fare_amount": pa.array([8.0] * rows),
        "total_amount": pa.array([9.3] * rows),
    }
    return pa.RecordBatch.from_pydict(needed | columns)


def clean(batch: pa.RecordBatch, kind: object = GREEN) -> pa.RecordBatch:
    return Cleaner(kind, JANUARY, "file.parquet", batch.schema).clean(batch)  # type: ignore[arg-type]


def test_missing_columns_become_typed_nulls_and_addresses_are_added() -> None:
    cleaned = clean(green())
    assert cleaned.schema.names[-3:] == ["source_month", "source_row", "source_file"]
    assert cleaned.schema.field("ehail_fee").type == pa.float64()
    assert cleaned.column("cbd_congestion_fee").null_count == 1
    assert "pickup_longitude" not in cleaned.schema.names, "legacy columns come only where they are published"
    row = cleaned.to_pylist()[0]
    assert (row["source_month"], row["source_row"], row["source_file"]) == (date(2021, 1, 1), 1, "file.parquet")


@pytest.mark.parametrize(
    ("published", "expected"),
    [
        (pa.array([1.0, None]), [1, None]),
        (pa.array([1, None], pa.int32()), [1, None]),
        (pa.array(["1", None]), [1, None]),
        (pa.array(["1.0", " 2 "]), [1, 2]),
        (pa.array(["", "7"]), [None, 7]),
        (pa.nulls(2), [None, None]),
        (pa.array(["3", "3"]).dictionary_encode(), [3, 3]),
    ],
)
def test_a_whole_number_is_read_from_every_type_it_was_published_in(
    published: pa.Array, expected: list[int | None]
) -> None:
    cleaned = clean(green(passenger_count=published))
    assert cleaned.column("passenger_count").to_pylist() == expected
    assert cleaned.schema.field("passenger_count").type == pa.int64()


@pytest.mark.parametrize(
    ("name", "published", "said"),
    [
        ("passenger_count", pa.array([1.0, 2.5]), "column passenger_count, row 2: 2.5 is not a whole number"),
        ("fare_amount", pa.array(["8.5", "eight"]), "row 2: 'eight' is not a number"),
        ("lpep_pickup_datetime", pa.array(["1/1/2019 0:46"]), "spreadsheet"),
        ("fare_amount", pa.array([[1.0]]), "of type list<.*cannot become double"),
        ("VendorID", pa.array([2**63], pa.uint64()), "row 1: 9223372036854775808"),
    ],
)
def test_a_value_that_does_not_fit_names_column_row_and_value(name: str, published: pa.Array, said: str) -> None:
    with pytest.raises(SchemaMismatch, match=said):
        clean(green(**{name: published}))


def test_the_row_named_counts_from_the_start_of_the_file() -> None:
    good, bad = green(passenger_count=pa.array([1.0, 2.0])), green(passenger_count=pa.array([3.0, 0.5]))
    cleaner = Cleaner(GREEN, JANUARY, "file.parquet", good.schema)
    cleaner.clean(good)
    with pytest.raises(SchemaMismatch, match=r"row 4: 0\.5"):
        cleaner.clean(bad)


def test_an_unknown_column_is_kept_as_it_is() -> None:
    cleaned = clean(green(new_fee=pa.array([0.75]), note=pa.array(["x"], pa.large_string()), empty=pa.nulls(1)))
    assert cleaned.select(["new_fee", "note", "empty"]).to_pylist() == [{"new_fee": 0.75, "note": "x", "empty": None}]
    assert [str(cleaned.schema.field(name).type) for name in ("new_fee", "note", "empty")] == [
        "double",
        "string",
        "string",
    ]


def test_names_match_without_case() -> None:
    cleaned = clean(green(vendorid=pa.array([2]), RateCodeID=pa.array([1])))
    assert (cleaned.column("VendorID").to_pylist(), cleaned.column("RatecodeID").to_pylist()) == ([2], [1])


def test_yellow_2009_goes_into_todays_columns_with_its_texts_and_coordinates_beside() -> None:
    batch = pa.RecordBatch.from_pydict(
        {
            "vendor_name": ["VTS"],
            "Trip_Pickup_DateTime": ["2009-01-04 02:52:00"],
            "Trip_Dropoff_DateTime": ["2009-01-04 03:02:00"],
            "Trip_Distance": [2.63],
            "Start_Lon": [-73.99],
            "Payment_Type": ["CASH"],
            "Fare_Amt": [8.9],
            "surcharge": [0.5],
            "Total_Amt": [9.4],
        }
    )
    row = clean(batch, YELLOW).to_pylist()[0]
    assert row["tpep_pickup_datetime"] == datetime(2009, 1, 4, 2, 52)
    assert (row["VendorID"], row["payment_type"], row["PULocationID"]) == (None, None, None)
    assert (row["vendor_name"], row["payment_type_name"], row["pickup_longitude"]) == ("VTS", "CASH", -73.99)
    assert (row["fare_amount"], row["extra"], row["total_amount"]) == (8.9, 0.5, 9.4)


def test_yellow_2010_vendor_id_is_text_and_not_the_number_of_later_years() -> None:
    batch = pa.RecordBatch.from_pydict(
        {
            "vendor_id": ["CMT"],
            "pickup_datetime": ["2010-03-01 00:00:00"],
            "dropoff_datetime": ["2010-03-01 00:10:00"],
            "trip_distance": [1.0],
            "payment_type": ["CRD"],
            "fare_amount": [5.0],
            "total_amount": [6.0],
        }
    )
    row = clean(batch, YELLOW).to_pylist()[0]
    assert (row["VendorID"], row["vendor_name"], row["payment_type_name"]) == (None, "CMT", "CRD")


def test_a_time_with_a_zone_keeps_its_wall_clock() -> None:
    aware = pa.array([WHEN], pa.timestamp("us")).cast(pa.timestamp("us", "UTC"))
    assert clean(green(lpep_pickup_datetime=aware)).column("lpep_pickup_datetime").to_pylist() == [WHEN]


def test_a_file_of_another_type_is_refused() -> None:
    with pytest.raises(SchemaMismatch, match="is not a file of yellow: it has no tpep_pickup_datetime"):
        clean(green(), YELLOW)


@pytest.mark.parametrize("name", ["source_row", "TRIP_distance"])
def test_two_columns_of_one_name_are_refused(name: str) -> None:
    with pytest.raises(SchemaMismatch, match="two columns for"):
        clean(green(**{name: pa.array([1.0])}))


def test_fhv_2018_keeps_both_base_columns() -> None:
    batch = pa.RecordBatch.from_pydict(
        {
            "Pickup_DateTime": ["2018-01-30 21:06:50"],
            "Dispatching_base_number": ["B02884"],
            "Dispatching_base_num": [None],
        },
        schema=pa.schema(
            [(name, pa.string()) for name in ("Pickup_DateTime", "Dispatching_base_number", "Dispatching_base_num")]
        ),
    )
    row = clean(batch, FHV).to_pylist()[0]
    assert (row["dispatching_base_num"], row["dispatching_base_number"]) == (None, "B02884")


def test_zones_have_no_month_and_na_is_text() -> None:
    batch = pa.RecordBatch.from_pydict({"LocationID": ["265"], "Borough": ["N/A"], "Zone": ["Outside of NYC"]})
    row = Cleaner(ZONES, WHOLE, "taxi_zone_lookup.csv", batch.schema).clean(batch).to_pylist()[0]
    assert (row["LocationID"], row["Borough"], row["source_month"]) == (265, "N/A", None)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_split_into_batches_gives_the_same_rows(data: st.DataObject) -> None:
    counts = data.draw(st.lists(st.one_of(st.none(), st.integers(0, 9)), min_size=1, max_size=60))
    whole = green(passenger_count=pa.array(counts, pa.float64()))
    cuts = sorted(data.draw(st.sets(st.integers(0, len(counts)), max_size=6)) | {0, len(counts)})
    cleaner = Cleaner(GREEN, JANUARY, "file.parquet", whole.schema)
    parts = [whole.slice(start, end - start) for start, end in pairwise(cuts)]
    split = pa.Table.from_batches(list(cleaner.clean_all(iter(parts))), schema=cleaner.schema)
    assert split.equals(pa.Table.from_batches([clean(whole)]))
    assert split["source_row"].to_pylist() == list(range(1, len(counts) + 1))
