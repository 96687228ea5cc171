"""Everything that can go wrong with BigQuery: lost answers, jobs that fail, Ctrl-C, tables that others change. One clear line each."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from google.cloud import bigquery as google

from taxi_pipelines.errors import (
    PipelineError,
    SchemaMismatch,
    UsageError,
    WarehouseCorrupt,
    WarehouseRefused,
    WarehouseUnavailable,
)
from taxi_pipelines.warehouses import bigquery_jobs
from taxi_pipelines.warehouses.bigquery import BigQueryWarehouse
from tests.support import bigquery
from tests.support.bigquery import jobs_of, nothing_is_left, target
from tests.support.google.faults import CutRequest, LoseAnswer, Refuse
from tests.support.warehouses import FEB, GREEN, JAN, MAR, TABLE, ask, fares, held, month_of, put, stage

OLD, NEW = [1.0, 1.0, 4.0], [2.0, 2.0]


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(bigquery_jobs, "_PAUSES", (0.0, 0.0, 0.0))
    state = bigquery.fake().bigquery
    yield
    assert bigquery.fake().faults.left == 0
    assert not state.jobs._troubles, "what a test wished for did not happen"
    state.jobs.release()


def put_or_discard(warehouse: BigQueryWarehouse, version: str, table: pa.Table) -> None:
    """As a run does."""
    with warehouse.lock(TABLE, JAN), ExitStack() as undo:
        undo.callback(warehouse.discard, TABLE, JAN, version)
        stage(warehouse, version, table)
        warehouse.publish(GREEN, JAN, version)
        undo.pop_all()


@pytest.mark.parametrize("strategy", ["replace", "merge"])
@pytest.mark.parametrize(
    ("method", "part"),
    [
        ("POST", "/upload/"),
        ("PUT", "/upload/"),
        ("POST", "/jobs"),
        ("PATCH", "_staging/"),
        ("POST", "_staging/"),
        ("DELETE", "/tables/"),
    ],
)
def test_whatever_answer_is_lost_the_work_is_done_once(tmp_path: Path, strategy: str, method: str, part: str) -> None:
    warehouse = bigquery.warehouse_of(tmp_path, strategy=strategy)
    put(warehouse, "v1", month_of(OLD, month=FEB), month=FEB)
    bigquery.fake().faults.on(method, part, LoseAnswer())
    put(warehouse, "v1", month_of(OLD))
    assert bigquery.fake().faults.left == 0
    assert fares(warehouse) == OLD * 2
    ours = [job.job_id for job in jobs_of(tmp_path) if job.job_id.startswith("taxi_")]
    assert len(ours) == 4 and all(job.endswith("_1") for job in ours)
    assert bigquery.staging_tables(tmp_path) == []


@pytest.mark.parametrize("fault", [Refuse(503), Refuse(500), Refuse(429), CutRequest(after=2_000)], ids=str)
def test_an_upload_that_breaks_off_is_carried_on(tmp_path: Path, fault: Any) -> None:
    warehouse = bigquery.warehouse_of(tmp_path)
    bigquery.fake().faults.on("PUT", "/upload/", fault)
    put(warehouse, "v1", month_of(OLD))
    assert fares(warehouse) == OLD


@pytest.mark.parametrize("kind", ["load", "copy"])
def test_a_job_that_failed_in_passing_is_tried_again(tmp_path: Path, kind: str) -> None:
    warehouse = bigquery.warehouse_of(tmp_path)
    bigquery.fake().bigquery.jobs.fail(kind, "backendError", times=3)
    put(warehouse, "v1", month_of(OLD))
    assert fares(warehouse) == OLD
    assert len([job for job in jobs_of(tmp_path) if job.job_id.startswith("taxi_")]) == 5


@pytest.mark.parametrize(
    ("kind", "reason", "expected"),
    [
        ("load", "invalid", SchemaMismatch),
        ("load", "quotaExceeded", WarehouseRefused),
        ("load", "backendError", WarehouseUnavailable),
        ("copy", "accessDenied", WarehouseRefused),
        ("copy", "stopped", WarehouseUnavailable),
    ],
)
def test_after_a_job_that_failed_for_good_the_old_month_is_in_place(
    tmp_path: Path, kind: str, reason: str, expected: type[PipelineError]
) -> None:
    warehouse = bigquery.warehouse_of(tmp_path)
    put(warehouse, "v1", month_of(OLD))
    times = bigquery_jobs.ATTEMPTS if reason == "backendError" else 1
    bigquery.fake().bigquery.jobs.fail(kind, reason, "Field fare_amount of row 7 says no", times=times)
    with pytest.raises(expected, match="Field fare_amount of row 7 says no"):
        put_or_discard(warehouse, "v2", month_of(NEW))
    assert fares(warehouse) == OLD
    assert warehouse.published(TABLE)[JAN].version == "v1"
    nothing_is_left(tmp_path)


@pytest.mark.parametrize("kind", ["load", "copy"])
def test_ctrl_c_cancels_the_job_and_leaves_the_old_month(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = bigquery.warehouse_of(tmp_path)
    put(warehouse, "v1", month_of(OLD))
    state = bigquery.fake().bigquery
    state.jobs.hold(kind)
    _interrupt_waiting(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        put_or_discard(warehouse, "v2", month_of(NEW))
    step = {"load": "load", "copy": "publish"}[kind]
    assert any(step in job and bigquery.dataset_of(tmp_path) in job for job in state.jobs.cancelled)
    assert fares(warehouse) == OLD
    assert warehouse.published(TABLE)[JAN].version == "v1"
    nothing_is_left(tmp_path)


def _interrupt_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while the job that is held is waited for."""
    jobs, sleep = bigquery.fake().bigquery.jobs.all, bigquery_jobs.time.sleep

    class Interrupted:
        @staticmethod
        def sleep(seconds: float) -> None:
            if any(job.held for job in jobs.values()):
                raise KeyboardInterrupt
            sleep(seconds)

    monkeypatch.setattr(bigquery_jobs, "time", Interrupted)


def test_a_copy_that_was_done_when_ctrl_c_came_is_the_published_month(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = bigquery.warehouse_of(tmp_path)
    put(warehouse, "v1", month_of(OLD))
    publish = warehouse._publisher.publish

    def interrupted(*arguments: Any, **named: Any) -> None:
        publish(*arguments, **named)
        raise KeyboardInterrupt

    monkeypatch.setattr(warehouse._publisher, "publish", interrupted)
    with pytest.raises(KeyboardInterrupt):
        put_or_discard(warehouse, "v2", month_of(NEW))
    assert fares(warehouse) == NEW
    assert warehouse.published(TABLE)[JAN].version == "v2"
    nothing_is_left(tmp_path)


def test_columns_that_others_added_meanwhile_are_no_hindrance(tmp_path: Path) -> None:
    one, other = bigquery.warehouse_of(tmp_path), bigquery.warehouse_of(tmp_path)
    with one.lock(TABLE, JAN):
        stage(one, "v1", month_of(OLD))
        put(other, "v1", month_of(NEW, month=FEB, extra={"toll_tag": ["a", "b"]}), month=FEB)
        one.publish(GREEN, JAN, "v1")
    assert ask(one, f"SELECT fare_amount, toll_tag FROM {TABLE} ORDER BY source_month, source_row")[2:] == [
        (4.0, None), (2.0, "a"), (2.0, "b"),
    ]  # fmt: skip


def test_where_two_months_add_different_columns_at_once_one_is_loaded_again(tmp_path: Path) -> None:
    one, other = bigquery.warehouse_of(tmp_path), bigquery.warehouse_of(tmp_path)
    put(one, "v1", month_of(OLD, month=MAR), month=MAR)
    with pytest.raises(WarehouseUnavailable, match="gained other columns"), one.lock(TABLE, JAN), ExitStack() as undo:
        undo.callback(one.discard, TABLE, JAN, "v1")
        stage(one, "v1", month_of(OLD, extra={"lane": [1, 2, 3]}))
        put(other, "v1", month_of(NEW, month=FEB, extra={"toll_tag": ["a", "b"]}), month=FEB)
        one.publish(GREEN, JAN, "v1")
    put(one, "v2", month_of(OLD, extra={"lane": [1, 2, 3]}))
    assert list(one.columns(TABLE))[-5:-3] == ["toll_tag", "lane"]
    nothing_is_left(tmp_path)


def test_a_table_that_somebody_altered_is_refused_by_column(tmp_path: Path) -> None:
    dataset = bigquery.dataset_of(tmp_path)
    fields = [google.SchemaField("VendorID", "STRING"), google.SchemaField("source_month", "DATE")]
    table = google.Table(f"{bigquery.PROJECT}.{dataset}.{TABLE}", schema=fields)
    table.time_partitioning = google.TimePartitioning(type_="MONTH", field="source_month")
    bigquery.client().create_table(table)
    with pytest.raises(WarehouseRefused, match="was altered by hand: VendorID is STRING, not INT64"):
        put(bigquery.warehouse_of(tmp_path), "v1", month_of(OLD))
    nothing_is_left(tmp_path)


def test_a_table_that_is_cut_in_another_way_is_refused(tmp_path: Path) -> None:
    dataset = bigquery.dataset_of(tmp_path)
    table = google.Table(f"{bigquery.PROJECT}.{dataset}.{TABLE}", schema=[google.SchemaField("source_month", "DATE")])
    bigquery.client().create_table(table)
    with pytest.raises(WarehouseRefused, match="ours is a table partitioned by month on source_month"):
        put(bigquery.warehouse_of(tmp_path), "v1", month_of(OLD))


@pytest.mark.parametrize("gone", ["", "_staging"])
def test_a_missing_dataset_is_answered_with_setup(tmp_path: Path, gone: str) -> None:
    bigquery.client().delete_dataset(bigquery.dataset_of(tmp_path) + gone)
    with pytest.raises(WarehouseRefused, match=r"Not found: Dataset .*taxi gcp setup"):
        put(bigquery.warehouse_of(tmp_path), "v1", month_of(OLD))


def test_a_dataset_with_a_dash_is_refused_with_a_name_that_would_do() -> None:
    with pytest.raises(UsageError, match=r"no dash.*try my_taxi"):
        BigQueryWarehouse(
            bigquery.client, project=None, dataset="my-taxi", location="EU", spool=Path("x"), clock=bigquery.now,
            maximum_bytes_billed=1,
        )  # fmt: skip


def test_a_month_that_is_replaced_while_it_is_read_is_not_half_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse, other = bigquery.warehouse_of(tmp_path), bigquery.warehouse_of(tmp_path)
    put(warehouse, "v1", month_of(OLD))
    confirm = warehouse._confirm

    def meanwhile(*arguments: Any) -> None:
        put(other, "v2", month_of(OLD))
        confirm(*arguments)

    monkeypatch.setattr(warehouse, "_confirm", meanwhile)
    with pytest.raises(WarehouseCorrupt, match="was replaced while it was read"):
        held(warehouse, "v1")


def test_rows_that_somebody_deleted_are_found_and_their_month_is_loaded_again(tmp_path: Path) -> None:
    warehouse = bigquery.warehouse_of(tmp_path)
    put(warehouse, "v1", month_of(OLD))
    put(warehouse, "v1", month_of(NEW, month=FEB), month=FEB)
    assert warehouse.problems() == []
    place = f"`{bigquery.PROJECT}`.`{bigquery.dataset_of(tmp_path)}`.`{TABLE}`"
    bigquery.client().query(f"DELETE FROM {place} WHERE fare_amount = 4").result()
    assert warehouse.problems() == ["green_tripdata 2021-01 has 2 rows, 3 were loaded"]
    with pytest.raises(WarehouseCorrupt, match="has 2 rows, 3 were loaded"):
        held(warehouse, "v1")
    warehouse.repair()
    assert list(warehouse.published(TABLE)) == [FEB]
    assert warehouse.problems() == []


def test_a_table_that_is_gone_holds_no_version(tmp_path: Path) -> None:
    put(bigquery.warehouse_of(tmp_path), "v1", month_of(OLD))
    bigquery.client().delete_table(target(tmp_path, TABLE))
    warehouse = bigquery.warehouse_of(tmp_path)
    assert warehouse.versions(TABLE, JAN) == []
    assert warehouse.problems() == ["green_tripdata 2021-01 has 0 rows, 3 were loaded"]
    put(warehouse, "v2", month_of(NEW))
    assert fares(warehouse) == NEW


def test_another_location_than_the_dataset_s_is_said(tmp_path: Path) -> None:
    dataset = bigquery.dataset_of(tmp_path)
    warehouse = BigQueryWarehouse(
        bigquery.client, project=bigquery.PROJECT, dataset=dataset, location="US", spool=tmp_path / "spool",
        clock=bigquery.now, maximum_bytes_billed=bigquery.LIMIT,
    )  # fmt: skip
    with pytest.raises(WarehouseRefused, match=r"was not found in location US; set location to where the dataset is"):
        put_or_discard(warehouse, "v1", month_of(OLD))
    nothing_is_left(tmp_path)


def test_a_right_that_is_lacking_is_named(tmp_path: Path) -> None:
    said = "Access Denied: Dataset p:taxi: Permission bigquery.tables.create denied on dataset p:taxi (or it may not exist)."
    bigquery.fake().faults.on("POST", "_staging/tables", Refuse(403, "accessDenied", said))
    with pytest.raises(
        WarehouseRefused, match=r"Permission bigquery\.tables\.create denied.*a role with bigquery\.tables\.create"
    ):
        put(bigquery.warehouse_of(tmp_path), "v1", month_of(OLD))


def test_a_record_that_somebody_altered_costs_its_own_month_only(tmp_path: Path) -> None:
    warehouse = bigquery.warehouse_of(tmp_path)
    put(warehouse, "v1", month_of(OLD))
    put(warehouse, "v1", month_of(NEW, month=FEB), month=FEB)
    place = f"{bigquery.PROJECT}.{bigquery.dataset_of(tmp_path)}_staging.month_green_tripdata_2021_01"
    record = bigquery.client().get_table(place)
    record.friendly_name = "January"
    bigquery.client().update_table(record, ["friendly_name"])

    again = bigquery.warehouse_of(tmp_path)
    assert list(again.published(TABLE)) == [FEB]
    with pytest.raises(WarehouseCorrupt, match="the record of green_tripdata 2021-01 was altered; run: bq rm"):
        put(again, "v2", month_of(NEW))
    assert ["record of green_tripdata 2021-01 was altered" in problem for problem in again.problems()] == [True]
    again.repair()
    assert again.problems() == []
    put(again, "v2", month_of(NEW))
    assert fares(again) == NEW * 2
