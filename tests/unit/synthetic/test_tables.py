"""Generated rows: deterministic, in batches, plausible, with the faults measured on the published files."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from taxi_pipelines.domain.month import Month
from taxi_pipelines.errors import UsageError
from taxi_pipelines.synthetic.drafts import BACKWARDS_PER_10_000
from taxi_pipelines.synthetic.epochs import TURNS, published_schema
from taxi_pipelines.synthetic.tables import BATCH_ROWS, generate

JANUARY = Month(2021, 1)
EPOCHS = [(kind, turn.since) for kind, turns in TURNS.items() for turn in turns]
MONEY = ["fare_amount", "extra", "mta_tax", "tip_amount", "tolls_amount", "improvement_surcharge"]
SURCHARGES = ["congestion_surcharge", "airport_fee", "Airport_fee", "cbd_congestion_fee"]


def frame(kind: str, month: Month, rows: int, *, seed: int = 0, duplicates: int = 0) -> pd.DataFrame:
    batches = list(generate(kind, month, rows, seed=seed, duplicates=duplicates))
    return pa.Table.from_batches(batches).to_pandas(ignore_metadata=True)


def equal_rows(trips: pd.DataFrame) -> int:
    """How many rows have an earlier one equal in every column."""
    return int(trips.duplicated().sum())


@pytest.mark.parametrize(("kind", "month"), EPOCHS, ids=[f"{kind}-{month}" for kind, month in EPOCHS])
def test_every_epoch_yields_valid_rows_of_its_schema(kind: str, month: Month) -> None:
    (batch,) = generate(kind, month, 1_000, duplicates=7)
    batch.validate(full=True)
    assert batch.schema.equals(published_schema(kind, month), check_metadata=True)
    assert equal_rows(batch.to_pandas()) == 7


def test_the_same_arguments_give_the_same_rows_and_others_do_not() -> None:
    first, again = (pa.Table.from_batches(generate("green", JANUARY, 3_000, seed=4)) for _ in range(2))
    assert first.equals(again)
    for kind, month, seed in (("green", JANUARY, 5), ("green", Month(2021, 2), 4), ("yellow", JANUARY, 4)):
        other = pa.Table.from_batches(generate(kind, month, 3_000, seed=seed))
        assert first["trip_distance"] != other["trip_distance"]


@pytest.mark.parametrize("rows", [0, 1, 2, 99, BATCH_ROWS, BATCH_ROWS + 1, 2 * BATCH_ROWS + 5])
def test_batches_are_bounded_and_hold_all_rows(rows: int) -> None:
    sizes = [batch.num_rows for batch in generate("fhvhv", Month(2024, 1), rows)]
    assert sum(sizes) == rows
    assert all(0 < size <= BATCH_ROWS for size in sizes)


@pytest.mark.parametrize(("kind", "month"), [("yellow", JANUARY), ("green", JANUARY), ("fhvhv", Month(2024, 1))])
@pytest.mark.parametrize("duplicates", [0, 1, 777, (BATCH_ROWS + 1) // 2])
def test_exactly_the_duplicates_asked_for_are_equal_in_every_column(kind: str, month: Month, duplicates: int) -> None:
    assert equal_rows(frame(kind, month, BATCH_ROWS + 1, duplicates=duplicates)) == duplicates


def test_more_duplicates_than_every_second_row_are_refused() -> None:
    with pytest.raises(UsageError, match="10 rows cannot hold 6 duplicates"):
        list(generate("green", JANUARY, 10, duplicates=6))


@pytest.mark.parametrize("kind", ["yellow", "green"])
@pytest.mark.parametrize(
    ("month", "low", "high"),
    [(Month(2020, 6), 0.21, 0.47), (JANUARY, 0.21, 0.47), (Month(2022, 3), 0.03, 0.14), (Month(2025, 1), 0.03, 0.14)],
)
def test_the_null_block_is_null_together_in_the_share_of_its_year(
    kind: str, month: Month, low: float, high: float
) -> None:
    trips = frame(kind, month, 20_000)
    missing = trips["passenger_count"].isna()
    assert low <= missing.mean() <= high
    block = ["RatecodeID", "store_and_fwd_flag", "congestion_surcharge"]
    for column in [*block, "payment_type", "trip_type"] if kind == "green" else block:
        assert (trips[column].isna() == missing).all(), column
    if kind == "yellow":
        assert (trips["payment_type"] == 0).equals(missing)


def test_before_2019_nothing_is_null_but_columns_that_are_null_throughout() -> None:
    trips = frame("yellow", Month(2015, 7), 5_000)
    assert set(trips.isna().mean()) == {0.0, 1.0}


@pytest.mark.parametrize(("kind", "prefix"), [("yellow", "tpep"), ("green", "lpep")])
def test_refunds_share_the_key_of_their_charge_with_all_money_negated(kind: str, prefix: str) -> None:
    trips = frame(kind, Month(2024, 3), 100_000)
    key = ["VendorID", f"{prefix}_pickup_datetime", f"{prefix}_dropoff_datetime", "PULocationID", "DOLocationID"]
    assert 0.0015 <= trips.duplicated(key).mean() <= 0.005
    money = [name for name in trips.columns if name in {*MONEY, *SURCHARGES, "total_amount"}]
    refunds = trips[trips["total_amount"] < 0]
    charges = trips.loc[refunds.index - 1]
    assert (refunds[key].to_numpy() == charges[key].to_numpy()).all()
    assert np.array_equal(refunds[money].to_numpy(), -charges[money].to_numpy(), equal_nan=True)


@pytest.mark.parametrize(("kind", "month"), [("yellow", JANUARY), ("green", JANUARY), ("yellow", Month(2025, 1))])
def test_totals_add_up_to_the_cent(kind: str, month: Month) -> None:
    trips = frame(kind, month, 20_000)
    parts = trips[[*MONEY, *(name for name in SURCHARGES if name in trips.columns)]].astype(float).fillna(0).sum(axis=1)
    assert (parts.round(2) == trips["total_amount"].round(2)).all()


def test_pickups_go_through_the_month_but_for_a_handful_far_outside() -> None:
    times = frame("green", Month(2019, 3), 50_000)["lpep_pickup_datetime"]
    inside = times.between(datetime(2019, 3, 1), datetime(2019, 3, 31, 23, 59, 59))
    assert 1 <= (~inside).sum() <= 10
    assert {2008, 2041} <= set(times[~inside].dt.year)
    hours = times[inside & (times.index < 49_000)].astype("int64").to_numpy() / 3.6e9
    assert (np.diff(hours) > -1).all()
    assert (times[inside].dt.day.value_counts() > 1_000).all()


def test_codes_and_zones_are_the_real_ones_with_the_odd_ones_among_them() -> None:
    trips = frame("yellow", Month(2024, 1), 200_000)
    assert set(trips["VendorID"]) == {1, 2, 5, 6}
    assert set(trips["RatecodeID"].dropna()) == {1, 2, 3, 4, 5, 6, 99}
    assert set(trips["PULocationID"]) == set(trips["DOLocationID"]) == set(range(1, 266))
    backwards = (trips["tpep_dropoff_datetime"] < trips["tpep_pickup_datetime"]).mean()
    assert 0 < backwards < 3 * BACKWARDS_PER_10_000 / 10_000
    assert trips["trip_distance"].between(0, 100).all()
    assert trips["trip_distance"].mean() > trips["trip_distance"].median() > 0.5


def test_the_oldest_yellow_files_have_texts_and_places() -> None:
    trips = frame("yellow", Month(2009, 1), 5_000)
    assert set(trips["vendor_name"]) == {"CMT", "VTS", "DDS"}
    assert {"CASH", "Credit"} <= set(trips["Payment_Type"])
    assert trips["Trip_Pickup_DateTime"].str.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d").all()
    assert trips[["Rate_Code", "store_and_forward", "mta_tax"]].isna().all(axis=None)
    unknown = trips["Start_Lon"] == 0
    assert 0 < unknown.mean() < 0.1
    assert trips.loc[~unknown, "Start_Lat"].between(40.5, 41).all()


def test_fhv_zones_may_be_null_but_where_pandas_wrote_integers() -> None:
    assert 0.1 < frame("fhv", Month(2020, 1), 5_000)["PUlocationID"].isna().mean() < 0.5
    assert frame("fhv", Month(2019, 5), 5_000)["PUlocationID"].notna().all()
    assert frame("fhv", Month(2016, 1), 5_000)["dropOff_datetime"].isna().all()


def test_high_volume_trips_of_lyft_lack_origin_and_others_have_a_blank_flag() -> None:
    trips = frame("fhvhv", Month(2023, 5), 5_000)
    lyft = trips["hvfhs_license_num"] == "HV0005"
    assert 0.1 < lyft.mean() < 0.5
    assert (trips["on_scene_datetime"].isna() == lyft).all()
    assert Counter(trips.loc[~lyft, "access_a_ride_flag"]).keys() == {" "}
