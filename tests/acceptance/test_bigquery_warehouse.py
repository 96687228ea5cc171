"""What BigQuery is asked to do for a month, and what it is not asked to do; machines that work on the same months."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from taxi_pipelines import Pipeline
from taxi_pipelines.domain.month import WHOLE, Month
from taxi_pipelines.domain.receipt import RunAction
from taxi_pipelines.errors import QueryFailed, WarehouseCorrupt, WarehouseUnavailable
from taxi_pipelines.gcp.uploads import BucketUploads
from taxi_pipelines.synthetic.files import republish, write_month
from taxi_pipelines.taxi.types import ALL
from tests.support import bigquery
from tests.support.bigquery import jobs_of, nothing_is_left, target
from tests.support.google.clients import storage_client
from tests.support.warehouses import FEB, GREEN, JAN, TABLE, ask, fares, held, month_of, put, stage

OLD, NEW = [1.0, 1.0, 4.0], [2.0, 2.0]
MOST_CALLS = 12


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    bigquery.fake().calls.clear()
    yield
    bigquery.fake().bigquery.page_rows = 50_000


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    write_month(folder, "green", Month(2021, 1), 3_000)
    return folder


def pipeline(home: Path, source: Path, **settings: Any) -> Pipeline:
    return Pipeline(
        home=home,
        source=source,
        target="bigquery",
        project=bigquery.PROJECT,
        dataset=bigquery.dataset_of(home),
        location=bigquery.LOCATION,
        bigquery_emulator_host=bigquery.fake().url,
        **settings,
    )


def calls() -> list[str]:
    """What was asked of BigQuery since this was last called, without the pieces of files."""
    asked = [call for call in bigquery.fake().calls if call.method != "PUT"]
    bigquery.fake().calls.clear()
    return [f"{call.method} {call.path.rpartition('/projects/')[2]} {call.note}" for call in asked]


def test_a_first_month_takes_at_most_twelve_calls_and_no_query(tmp_path: Path, source: Path) -> None:
    bigquery.dataset_of(tmp_path)
    with pipeline(tmp_path, source) as taxi:
        calls()
        assert taxi.run("green", "2021-01").rows == 3_000
        asked = calls()
        assert len(asked) <= MOST_CALLS, "\n".join(asked)
        republish(source / "green_tripdata_2021-01.parquet", edited=5, deleted=5, added=5, seed=1)
        assert taxi.run("green", "2021-01").action is RunAction.RELOADED
        asked = calls()
        assert len(asked) <= MOST_CALLS, "\n".join(asked)
    assert {job.job_type for job in jobs_of(tmp_path)} == {"load", "copy"}  # nothing is billed for either


def test_an_unchanged_month_is_known_by_two_calls(tmp_path: Path, source: Path) -> None:
    with pipeline(tmp_path, source) as taxi:
        taxi.run("green", "2021-01")
    with pipeline(tmp_path, source) as taxi:
        calls()
        assert taxi.run("green", "2021-01").action is RunAction.UNCHANGED
        asked = calls()
    assert len(asked) <= 2, "\n".join(asked)


def test_a_plan_of_ten_years_asks_for_one_list(tmp_path: Path, source: Path) -> None:
    with pipeline(tmp_path, source) as taxi:
        taxi.run("green", "2021-01")
        calls()
        taxi.plan("green", "2015-01", "2024-12")
        asked = calls()
    assert len(asked) <= 3, "\n".join(asked)


def test_every_job_has_its_name_its_labels_and_the_one_location(tmp_path: Path) -> None:
    warehouse = bigquery.warehouse_of(tmp_path)
    put(warehouse, "20260301T12-ab", month_of(OLD))
    load, copy = sorted(jobs_of(tmp_path), key=lambda job: job.job_type, reverse=True)
    dataset = bigquery.dataset_of(tmp_path)
    assert load.job_id == f"taxi_load_{dataset}_green_tripdata_2021_01_20260301T12_ab_1"
    assert copy.job_id == f"taxi_publish_{dataset}_green_tripdata_2021_01_20260301T12_ab_1"
    for job in (load, copy):
        assert job.location == bigquery.LOCATION
        assert job.labels == {"flow": "taxi_run", "type": "green", "month": "2021-01", "execution": "20260301t12-ab"}
    assert copy.destination.table_id == "green_tripdata$202101"
    assert copy.write_disposition == "WRITE_TRUNCATE"


def test_the_table_is_partitioned_clustered_and_described(tmp_path: Path) -> None:
    warehouse = bigquery.warehouse_of(tmp_path, require_partition_filter=True)
    put(warehouse, "v1", month_of(OLD))
    put(
        warehouse,
        "v1",
        month_of([None], month=WHOLE, kind=ALL["zones"], extra={"LocationID": [1]}, without=["fare_amount"]),
        month=WHOLE,
        kind=ALL["zones"],
    )
    table = target(tmp_path, TABLE)
    assert (table.time_partitioning.type_, table.time_partitioning.field) == ("MONTH", "source_month")
    assert table.clustering_fields == ["lpep_pickup_datetime", "PULocationID"]
    assert table.require_partition_filter
    assert table.labels["type"] == "green"
    assert {field.name: field.field_type for field in table.schema if "source" in field.name or "time" in field.name} == {
        "lpep_pickup_datetime": "DATETIME", "lpep_dropoff_datetime": "DATETIME",
        "source_month": "DATE", "source_row": "INTEGER", "source_file": "STRING",
    }  # fmt: skip
    zones = target(tmp_path, "taxi_zones")
    assert zones.time_partitioning is None and not zones.require_partition_filter
    put(warehouse, "v2", month_of(NEW))
    assert ask(warehouse, f"SELECT count(*) FROM {TABLE} WHERE source_month = '2021-01-01'") == [(2,)]
    with pytest.raises(QueryFailed, match="without a filter"):
        ask(warehouse, f"SELECT count(*) FROM {TABLE}")


def test_a_merge_touches_only_the_rows_that_changed(tmp_path: Path) -> None:
    warehouse = bigquery.warehouse_of(tmp_path, strategy="merge")
    put(warehouse, "v1", month_of([1.0, 2.0, 3.0, float("nan"), None]))
    put(warehouse, "v1", month_of([9.0], month=FEB), month=FEB)
    put(warehouse, "v2", month_of([1.0, 2.5, 3.0, float("nan")]))
    assert fares(warehouse)[:3] == [1.0, 2.5, 3.0]
    merge = next(job for job in jobs_of(tmp_path) if job.job_type == "query" and "MERGE" in job.query)
    stats = merge.dml_stats
    assert (stats.inserted_row_count, stats.updated_row_count, stats.deleted_row_count) == (0, 1, 1)
    assert merge.maximum_bytes_billed == bigquery.LIMIT
    assert warehouse.published(TABLE)[FEB].rows == 1


def test_a_month_whose_addresses_repeat_is_replaced_as_a_whole_also_by_merge(tmp_path: Path) -> None:
    warehouse = bigquery.warehouse_of(tmp_path, strategy="merge")
    put(warehouse, "v1", month_of([1.0, 2.0], rows=[1, 1]))
    put(warehouse, "v2", month_of([5.0, 6.0]))
    put(warehouse, "v3", month_of([7.0, 8.0, 9.0], rows=[1, 1, 2]))
    assert sorted(fare or 0.0 for fare in fares(warehouse)) == [7.0, 8.0, 9.0]


def test_a_month_goes_through_the_lake_s_bucket_where_there_is_one(tmp_path: Path) -> None:
    storage = storage_client(bigquery.fake().url)
    bucket = storage.bucket("taxi-lake-" + bigquery.dataset_of(tmp_path).replace("_", "-"))
    storage.create_bucket(bucket, location="EU")
    for keep in (False, True):
        uploads = BucketUploads(lambda: storage, bucket=bucket.name, prefix="lake", keep=keep)
        warehouse = bigquery.warehouse_of(tmp_path, uploads=uploads)
        put(warehouse, f"v{int(keep)}", month_of(OLD))
        assert fares(warehouse) == OLD
        kept = [blob.name for blob in storage.list_blobs(bucket)]
        assert kept == (["lake/clean/green/2021-01/v1.parquet"] if keep else [])
    load = next(job for job in jobs_of(tmp_path) if job.job_type == "load")
    assert load.source_uris == [f"gs://{bucket.name}/lake/clean/green/2021-01/v1.parquet"]
    storage.close()


def test_loading_costs_nothing_and_merging_what_it_reads(tmp_path: Path) -> None:
    replace = bigquery.warehouse_of(tmp_path)
    assert replace.estimate(GREEN, JAN, 1_000) == 0
    merge = bigquery.warehouse_of(tmp_path, strategy="merge")
    assert merge.estimate(GREEN, JAN, 1_000) == 1_000
    put(merge, "v1", month_of(OLD))
    put(merge, "v1", month_of(OLD * 100, month=FEB), month=FEB)
    dear, cheap = merge.estimate(GREEN, FEB, None), merge.estimate(GREEN, JAN, None)
    assert dear > cheap > 0


def test_a_query_only_reads_and_has_a_limit(tmp_path: Path) -> None:
    warehouse = bigquery.warehouse_of(tmp_path, maximum_bytes_billed=20)
    put(warehouse, "v1", month_of(OLD))
    with pytest.raises(QueryFailed, match="a query only reads, and this is DELETE"):
        ask(warehouse, f"DELETE FROM {TABLE} WHERE true")
    with pytest.raises(QueryFailed, match="maximum_bytes_billed"):
        ask(warehouse, f"SELECT * FROM {TABLE}")
    assert held(warehouse, "v1").num_rows == 3  # which is no query


def test_a_result_comes_page_by_page(tmp_path: Path) -> None:
    warehouse = bigquery.warehouse_of(tmp_path)
    put(warehouse, "v1", month_of([float(number) for number in range(50)]))
    bigquery.fake().bigquery.page_rows = 7
    assert fares(warehouse) == [float(number) for number in range(50)]
    assert held(warehouse, "v1").num_rows == 50


def test_a_machine_that_works_on_a_month_is_seen_by_the_others(tmp_path: Path) -> None:
    here = bigquery.warehouse_of(tmp_path)
    there = bigquery.warehouse_of(tmp_path, spool=tmp_path / "elsewhere")
    put(here, "v1", month_of(OLD))
    waited = threading.Event()

    def second() -> None:
        put(there, "v3", month_of([3.0]))
        waited.set()

    with here.lock(TABLE, JAN):
        assert there.locked(TABLE, [JAN, FEB]) == {JAN}
        stage(here, "v2", month_of(NEW))
        assert there.sweep() == 0
        assert there.problems() == []
        assert there.published(TABLE)[JAN].version == "v1"
        thread = threading.Thread(target=second)
        thread.start()
        here.publish(GREEN, JAN, "v2")
        assert not waited.is_set()
    thread.join(20)
    assert fares(here) == [3.0]


def test_the_place_of_a_machine_that_slept_too_long_is_taken_and_it_publishes_nothing(tmp_path: Path) -> None:
    time = {"now": bigquery.now()}
    here = bigquery.warehouse_of(tmp_path, clock=lambda: time["now"])
    there = bigquery.warehouse_of(tmp_path, spool=tmp_path / "elsewhere", clock=lambda: time["now"])
    put(here, "v1", month_of(OLD))
    with pytest.raises((WarehouseUnavailable, WarehouseCorrupt)), here.lock(TABLE, JAN):
        stage(here, "v2", month_of(NEW))
        time["now"] += timedelta(minutes=5)
        put(there, "v3", month_of([3.0]))
        here.publish(GREEN, JAN, "v2")
    assert fares(there) == [3.0]
    assert there.published(TABLE)[JAN].version == "v3"
    nothing_is_left(tmp_path)
