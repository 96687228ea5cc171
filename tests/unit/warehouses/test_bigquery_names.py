from __future__ import annotations

import pytest

from taxi_pipelines.domain.month import WHOLE, Month
from taxi_pipelines.errors import UsageError
from taxi_pipelines.warehouses.bigquery_names import (
    KINDS,
    MonthKey,
    Names,
    VersionKey,
    parse_record,
    parse_staging,
    quoted,
    quoted_table,
)

NAMES = Names(project="my-project", dataset="taxi")
JANUARY = MonthKey(table="green_tripdata", partition=Month(2021, 1))
VERSION = VersionKey(month=JANUARY, version="20260301T120000000000-abababab")
ALL_ZONES = MonthKey(table="taxi_zones", partition=WHOLE)


def test_a_version_has_places_in_both_datasets() -> None:
    assert str(NAMES.target("green_tripdata")) == "my-project.taxi.green_tripdata"
    assert str(NAMES.published(JANUARY)) == "my-project.taxi.green_tripdata$202101"
    assert str(NAMES.published(ALL_ZONES)) == "my-project.taxi.taxi_zones"
    staged = "my-project.taxi_staging.green_tripdata_2021_01_20260301T120000000000_abababab"
    assert str(NAMES.staged(VERSION)) == staged
    assert str(NAMES.staged_part(VERSION)) == f"{staged}$202101"
    assert str(NAMES.record(JANUARY)) == "my-project.taxi_staging.month_green_tripdata_2021_01"
    assert str(NAMES.record(ALL_ZONES)) == "my-project.taxi_staging.month_taxi_zones_all"


@pytest.mark.parametrize("table", KINDS)
@pytest.mark.parametrize("partition", [Month(2009, 12), WHOLE], ids=str)
def test_ids_say_what_they_are_of(table: str, partition: Month) -> None:
    month = MonthKey(table=table, partition=partition)
    version = VersionKey(month=month, version="20260301T120000000000-abababab")
    assert parse_staging(NAMES.staged(version).table_id) == version
    assert parse_record(NAMES.record(month).table_id) == month
    assert parse_staging(NAMES.record(month).table_id) is None
    assert parse_record(NAMES.staged(version).table_id) is None


@pytest.mark.parametrize("table", ["somebody_s_table", "green_tripdata", "green_tripdata_2021", "month_x_2021_01"])
def test_tables_of_others_are_left_alone(table: str) -> None:
    assert parse_staging(table) is None
    assert parse_record(table) is None


def test_the_same_work_has_the_same_job_id_and_another_attempt_another() -> None:
    first = NAMES.job_id("load", VERSION, 1)
    assert first == "taxi_load_taxi_green_tripdata_2021_01_20260301T120000000000_abababab_1"
    others = {NAMES.job_id("load", VERSION, 2), NAMES.job_id("publish", VERSION, 1)}
    others.add(Names(project="my-project", dataset="other").job_id("load", VERSION, 1))
    assert first not in others and len(others) == 3


def test_labels_are_what_google_allows() -> None:
    assert VERSION.labels == {
        "flow": "taxi_run", "type": "green", "month": "2021-01", "execution": "20260301t120000000000-abababab",
    }  # fmt: skip


@pytest.mark.parametrize("version", ["", "a_b", "a.b", "$1", "x" * 201])
def test_a_version_that_would_not_be_found_again_is_refused(version: str) -> None:
    with pytest.raises(UsageError, match="is not a version"):
        VersionKey(month=JANUARY, version=version)


def test_names_are_quoted_part_by_part() -> None:
    assert quoted("a`b", "c\\d") == "`a\\`b`.`c\\\\d`"
    assert quoted_table(NAMES.target("green_tripdata")) == "`my-project`.`taxi`.`green_tripdata`"
