"""BigQuery tasks: the official client speaks to the tests' own BigQuery over loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from io import BytesIO
from random import Random
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from taxi_pipelines.tasks.bigquery_jobs import job_failure, pauses_of
from taxi_pipelines.tasks.bigquery_load import load_config
from taxi_pipelines.tasks.bigquery_properties import LoadFromGcs, Query, RetryAuto
from taxi_pipelines.tasks.bigquery_query import query_config
from taxi_pipelines.work_interfaces import GoogleAccess
from tests.support.engines import Bench, Ran, running
from tests.support.google.bigquery_layout import table_name
from tests.support.google.faults import LoseAnswer, Refuse
from tests.support.google.server import FakeGoogle, start_fake
from tests.support.worker_tasks import one_task

TYPE = "io.kestra.plugin.gcp.bigquery."
QUICK = {"type": "constant", "interval": "PT0.01S", "maxAttempts": 3}
DEFAULTS = [
    {"type": "io.kestra.plugin.gcp", "values": {"projectId": "my-project", "location": "EU", "bucket": "ignored"}},
    {"type": "io.kestra.plugin.gcp.bigquery", "values": {"retryAuto": QUICK}},
]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    access = GoogleAccess(storage_emulator=start_fake().url, bigquery_emulator=start_fake().url)
    with running(tmp_path_factory.mktemp("home"), google=access) as found:
        yield found


@pytest.fixture(autouse=True)
def fake(bench: Bench) -> FakeGoogle:
    found = start_fake()
    found.reset()
    outputs(run(bench, task("CreateDataset", name="course")))
    found.calls.clear()
    return found


def run(bench: Bench, *tasks: dict[str, Any], **more: Any) -> Ran:
    return bench.finish(bench.submit(one_task(*tasks, **{"pluginDefaults": DEFAULTS, **more})).id, 60)


def task(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": TYPE + kind, **more}


def query(sql: str, **more: Any) -> dict[str, Any]:
    return task("Query", sql=sql, **more)


def outputs(ran: Ran) -> Any:
    assert ran.states.get("t") == "SUCCESS", ran.lines
    return ran.runs[-1].outputs


def rows(fake: FakeGoogle, table: str) -> int:
    name = table_name({"datasetId": "course", "tableId": table}, "my-project")
    relation = fake.bigquery.catalog.table(name, "EU").relation
    return int(fake.bigquery.data.rows(f"SELECT count(*) FROM {relation}")[0][0])


TABLE = "`my-project.course.trips`"
CREATE = f"CREATE TABLE IF NOT EXISTS {TABLE} (id BYTES, at TIMESTAMP, fare NUMERIC)"
INSERT = f"INSERT INTO {TABLE} (id, at, fare) VALUES (b'ab', TIMESTAMP '2024-01-31 09:30:00+00', NUMERIC '1.50')"


def test_statements_that_give_no_rows_put_out_their_job(bench: Bench, fake: FakeGoogle) -> None:
    ran = run(bench, query(CREATE, id="create"), query(INSERT))
    found = outputs(ran)
    assert found["jobId"].startswith(f"taxi_{ran.execution.id}_")
    assert any("1 rows changed" in line for line in ran.lines), ran.lines
    (job,) = [one for one in fake.bigquery.jobs.all.values() if one.id == found["jobId"]]
    assert job.location == "EU"
    assert job.configuration["labels"]["taxi_execution_id"] == ran.execution.id
    metrics = {one.name: one.value for one in bench.parts.logs.metrics(ran.execution.id)}
    assert metrics["num.dml.affected.rows"] == 1


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"fetchType": "FETCH_ONE"}, {"row": {"n": 1, "t": "a"}, "size": 1}),
        ({"fetch": True}, {"rows": [{"n": 1, "t": "a"}, {"n": 2, "t": "b"}], "size": 2}),
        ({}, {}),
    ],
)
def test_rows_are_put_out_as_asked_for(bench: Bench, fake: FakeGoogle, more: Any, expected: Any) -> None:
    fake.bigquery.page_rows = 1
    found = outputs(run(bench, query("SELECT 1 AS n, 'a' AS t UNION ALL SELECT 2, 'b' ORDER BY n", **more)))
    assert {key: found[key] for key in found if key in ("row", "rows", "size")} == expected
    assert {"project", "dataset", "table"} == found["destinationTable"].keys()


def test_rows_are_stored_as_json_lines(bench: Bench, fake: FakeGoogle) -> None:
    values = "b'ab' AS b, TIMESTAMP '2024-01-31 09:30:00+00' AS ts, NUMERIC '1.50' AS d, DATE '2024-01-31' AS da"
    found = outputs(run(bench, query(f"SELECT {values}, CAST(NULL AS STRING) AS z", fetchType="STORE")))
    with bench.parts.files.open(found["uri"]) as file:
        assert [json.loads(line) for line in file] == [
            {"b": "YWI=", "ts": "2024-01-31T09:30:00Z", "d": 1.5, "da": "2024-01-31", "z": None}
        ]


def test_a_table_made_of_a_query_is_merged_once_only(bench: Bench, fake: FakeGoogle) -> None:
    merge = f"""
        MERGE INTO {TABLE} T USING `my-project.course.new` S ON T.id = S.id
        WHEN NOT MATCHED THEN INSERT (id, at, fare) VALUES (S.id, S.at, S.fare)
    """
    new = "SELECT b'cd' AS id, TIMESTAMP '2024-01-31 09:30:00+00' AS at, NUMERIC '2' AS fare"
    tasks = (
        query(CREATE, id="create"),
        query(new, id="new", destinationTable="course.new", writeDisposition="WRITE_TRUNCATE"),
        query(merge),
    )
    outputs(run(bench, *tasks))
    outputs(run(bench, *tasks))
    assert rows(fake, "trips") == 1


def test_a_lost_answer_makes_no_second_job(bench: Bench, fake: FakeGoogle) -> None:
    fake.faults.on("POST", "/jobs", LoseAnswer())
    outputs(run(bench, query(CREATE, id="create"), query(INSERT)))
    fake.faults.on("POST", "/jobs", LoseAnswer(), Refuse(503))
    outputs(run(bench, query(INSERT)))
    assert rows(fake, "trips") == 2
    assert not fake.faults.left


@pytest.mark.parametrize(
    "reason", ["rateLimitExceeded", "backendError", "internalError", "jobBackendError", "jobInternalError"]
)
def test_a_job_that_failed_for_a_passing_reason_is_made_again(bench: Bench, fake: FakeGoogle, reason: str) -> None:
    fake.bigquery.jobs.fail("query", reason, times=2)
    found = outputs(run(bench, query("SELECT 1 AS n", fetchOne=True)))
    assert found["row"] == {"n": 1}
    assert found["jobId"].endswith("_3")


@pytest.mark.parametrize(
    ("reason", "times", "said"),
    [("backendError", 3, "BigQuery failed too often"), ("invalidQuery", 1, "invalidQuery, as the test wished")],
)
def test_other_reasons_and_too_many_failures_end_the_task(
    bench: Bench, fake: FakeGoogle, reason: str, times: int, said: str
) -> None:
    fake.bigquery.jobs.fail("query", reason, times=times)
    ran = run(bench, query("SELECT 1"))
    assert said in (ran.runs[0].error or "")
    assert len(fake.bigquery.jobs.all) == times


def test_the_next_attempt_finds_the_job_of_the_one_before(bench: Bench, fake: FakeGoogle) -> None:
    """The job was done, but what came after failed: a blind retry would insert the row twice."""
    outputs(run(bench, query(CREATE)))
    fake.faults.on("GET", "/queries/", Refuse(400, "invalid"))
    ran = run(bench, query(INSERT, fetch=True, retry={"type": "constant", "interval": "PT0.01S", "maxAttempts": 2}))
    assert ran.states == {"t": "SUCCESS"}, ran.lines
    assert len(ran.runs[0].attempts) == 2
    assert rows(fake, "trips") == 1


def test_a_job_outlives_its_worker_and_is_found_by_the_next(bench: Bench, fake: FakeGoogle) -> None:
    outputs(run(bench, query(CREATE)))
    fake.bigquery.jobs.hold("query")
    fake.calls.clear()
    execution = bench.submit(one_task(query(INSERT), pluginDefaults=DEFAULTS))
    bench.until(lambda: any(call.method == "GET" and "/jobs/" in call.path for call in fake.calls))
    (worker,) = [
        child
        for child in psutil.Process().children()
        if child.status() != "zombie" and "spawn_main" in " ".join(child.cmdline())
    ]
    worker.kill()
    bench.until(lambda: len(bench.look(execution.id).runs[0].attempts) == 2)
    fake.bigquery.jobs.release()
    assert bench.finish(execution.id).states == {"t": "SUCCESS"}
    assert rows(fake, "trips") == 1


@pytest.mark.parametrize("end", ["kill", "timeout"])
def test_the_job_is_cancelled(bench: Bench, fake: FakeGoogle, end: str) -> None:
    fake.bigquery.jobs.hold("query")
    execution = bench.submit(
        one_task(query("SELECT 1", **({"timeout": "PT1S"} if end == "timeout" else {})), pluginDefaults=DEFAULTS)
    )
    bench.until(lambda: any(call.method == "GET" and "/jobs/" in call.path for call in fake.calls))
    if end == "kill":
        bench.control.kill(execution)
    ran = bench.finish(execution.id)
    assert ran.states == {"t": "KILLED" if end == "kill" else "FAILED"}
    assert [one.id for one in fake.bigquery.jobs.all.values()] == fake.bigquery.jobs.cancelled


def test_without_a_location_a_job_is_found_where_bigquery_made_it(bench: Bench, fake: FakeGoogle) -> None:
    fake.faults.on("POST", "/jobs", LoseAnswer())
    found = run(bench, query("SELECT 1 AS n", projectId="my-project", fetchOne=True), pluginDefaults=[])
    assert outputs(found)["row"] == {"n": 1}


def test_a_dry_run_only_estimates(bench: Bench, fake: FakeGoogle) -> None:
    outputs(
        run(
            bench,
            query(CREATE, id="create"),
            query(INSERT, id="insert"),
            query(f"DELETE FROM {TABLE} WHERE true", dryRun=True),
        )
    )
    assert rows(fake, "trips") == 1


def parquet() -> BytesIO:
    file = BytesIO()
    pq.write_table(pa.table({"id": [1, 2, 3], "zone": ["a", "b", None]}), file)
    file.seek(0)
    return file


def test_files_and_objects_are_loaded_copied_and_deleted(bench: Bench, fake: FakeGoogle) -> None:
    bench.parts.files.put("kestra:///zones.parquet", parquet())
    fake.storage.make_bucket(name="lake-1", location="EU")
    fake.bigquery.jobs.fail("load", "backendError")
    load = {"format": "PARQUET", "writeDisposition": "WRITE_TRUNCATE"}
    ran = run(
        bench,
        task("Load", id="load", **{"from": "kestra:///zones.parquet"}, destinationTable="course.zones", **load),
        {"id": "up", "type": "gcs.upload", "from": "kestra:///zones.parquet", "to": "gs://lake-1/zones.parquet"},
        task(
            "LoadFromGcs",
            id="again",
            **{"from": ["{{ outputs.up.uri }}"]},
            destinationTable="my-project.course.zones",
            **load,
        ),
        task("Copy", id="copy", sourceTables=["course.zones"], destinationTable="course.copied", operationType="COPY"),
        task("DeleteTable", id="delete", dataset="course", table="zones"),
        task("DeleteTable", dataset="course", table="zones"),
    )
    found = {one.task_id: one.outputs for one in ran.runs}
    assert found["load"]["rows"] == found["again"]["rows"] == 3, ran.lines
    assert found["load"]["destinationTable"] == "my-project.course.zones"
    assert found["load"]["jobId"].endswith("_2")
    assert found["copy"]["jobId"]
    assert found["delete"] == {"projectId": "my-project", "datasetId": "course", "table": "zones"}
    assert "there is no table my-project.course.zones" in (ran.runs[-1].error or "")
    assert rows(fake, "copied") == 3


def test_an_empty_file_is_a_failure_unless_allowed(bench: Bench) -> None:
    bench.parts.files.put("kestra:///empty.csv", BytesIO())
    load = task("Load", **{"from": "kestra:///empty.csv"}, destinationTable="course.x", format="CSV")
    assert run(bench, load).runs[0].error == "kestra:///empty.csv is empty; failedOnEmpty: false allows that"
    assert outputs(run(bench, load | {"failedOnEmpty": False})) == {"rows": 0}


def test_a_dataset_is_made_once(bench: Bench, fake: FakeGoogle) -> None:
    wanted = {
        "name": "zoomcamp",
        "friendlyName": "Course",
        "description": "of {{ flow.id }}",
        "labels": {"team": "data"},
    }
    first = outputs(run(bench, task("CreateDataset", ifExists="SKIP", **wanted)))
    assert first == {
        "dataset": "zoomcamp", "project": "my-project", "friendlyName": "Course", "description": "of f", "location": "EU"
    }  # fmt: skip
    assert outputs(run(bench, task("CreateDataset", ifExists="SKIP", name="zoomcamp")))["friendlyName"] == "Course"
    changed = task("CreateDataset", ifExists="UPDATE", dataset="zoomcamp", friendlyName="Again")
    assert outputs(run(bench, changed))["friendlyName"] == "Again"
    refused = run(bench, task("CreateDataset", **wanted)).runs[0].error
    assert refused == "the dataset my-project.zoomcamp is there already; ifExists: SKIP allows that"


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (query("SELEC 1"), "Syntax error"),
        (query("SELECT * FROM course.nothing"), "course.nothing"),
        (query("SELECT 1", destinationTable="nothing"), "'nothing' is not a table"),
        (query("SELECT 1", projectId=""), "no Google Cloud project is named"),
        (
            task("Load", **{"from": "kestra:///nothing.csv"}, destinationTable="course.x", format="CSV"),
            "there is no file kestra:///nothing.csv",
        ),
        (
            task("LoadFromGcs", **{"from": ["s3://x"]}, destinationTable="course.x", format="CSV"),
            "'s3://x' is not an object of Cloud Storage",
        ),
        (task("Copy", sourceTables=["course.nothing"], destinationTable="course.x"), "course.nothing"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(bench: Bench, made: dict[str, Any], said: str) -> None:
    error = run(bench, made).runs[0].error or ""
    assert said in error
    assert "\n" not in error


def test_a_broken_key_is_said_without_showing_it(tmp_path_factory: pytest.TempPathFactory) -> None:
    with running(tmp_path_factory.mktemp("home")) as bench:
        ran = run(bench, query("SELECT 1", serviceAccount='{"type": "service_account", "private_key": "hidden"}'))
    assert "the service account's key is broken" in (ran.runs[0].error or "")
    assert "hidden" not in "".join(ran.lines)


def test_every_option_of_a_query_reaches_bigquery() -> None:
    it = Query.model_validate(
        {
            "sql": "x", "priority": "BATCH", "useLegacySql": True, "maximumBytesBilled": "10", "useQueryCache": False,
            "defaultDataset": "course", "destinationTable": "other:course.t$20240131", "createDisposition": "CREATE_NEVER",
            "schemaUpdateOptions": ["ALLOW_FIELD_ADDITION"], "timePartitioningField": "at", "timePartitioningType": "MONTH",
            "rangePartitioningField": "id", "rangePartitioningStart": 0, "rangePartitioningEnd": 10,
            "rangePartitioningInterval": 5, "jobTimeout": "PT2M", "allowLargeResults": True,
        }
    )  # fmt: skip
    found = query_config(it, "my-project", {"a": "b"}).to_api_repr()
    assert found["jobTimeoutMs"] == "120000"
    assert found["labels"] == {"a": "b"}
    assert found["query"] == {
        "useLegacySql": True, "priority": "BATCH", "flattenResults": True, "useQueryCache": False, "maximumBytesBilled": "10",
        "allowLargeResults": True, "createDisposition": "CREATE_NEVER", "schemaUpdateOptions": ["ALLOW_FIELD_ADDITION"],
        "destinationTable": {"projectId": "other", "datasetId": "course", "tableId": "t$20240131"},
        "defaultDataset": {"projectId": "my-project", "datasetId": "course"},
        "timePartitioning": {"type": "MONTH", "field": "at"},
        "rangePartitioning": {"field": "id", "range": {"start": "0", "end": "10", "interval": "5"}},
    }  # fmt: skip


def test_every_option_of_a_load_reaches_bigquery() -> None:
    it = LoadFromGcs.model_validate(
        {
            "from": ["gs://b/x.csv"], "destinationTable": "d.t", "format": "CSV", "autodetect": True, "maxBadRecords": 3,
            "ignoreUnknownValues": True, "schema": {"fields": [{"name": "a", "type": "INT64", "mode": "REQUIRED"}]},
            "csvOptions": {"skipLeadingRows": 1, "fieldDelimiter": ";", "allowQuotedNewLines": True, "quote": "'"},
        }
    )  # fmt: skip
    assert load_config(it, {}).to_api_repr()["load"] == {
        "sourceFormat": "CSV", "autodetect": True, "maxBadRecords": 3, "ignoreUnknownValues": True, "skipLeadingRows": "1",
        "fieldDelimiter": ";", "allowQuotedNewlines": True, "quote": "'",
        "schema": {"fields": [{"name": "a", "type": "INT64", "mode": "REQUIRED"}]},
    }  # fmt: skip
    json_lines = LoadFromGcs.model_validate({"from": ["gs://b/x"], "destinationTable": "d.t", "format": "JSON"})
    assert load_config(json_lines, {}).source_format == "NEWLINE_DELIMITED_JSON"


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ({"type": "constant", "interval": "PT2S", "maxAttempts": 3}, [2, 2]),
        ({"interval": "PT2S", "maxInterval": "PT5S", "maxAttempts": 5}, [2, 4, 5, 5]),
        ({"interval": "PT2S", "maxDuration": "PT7S", "maxAttempts": 9}, [2, 4]),
        ({"maxAttempts": 1}, []),
    ],
)
def test_pauses_follow_the_policy(policy: dict[str, Any], expected: list[float]) -> None:
    assert list(pauses_of(RetryAuto.model_validate(policy), Random(1))) == expected


def test_of_bad_rows_the_first_is_told() -> None:
    failures = [
        {"reason": "invalid", "message": "too many errors"},
        {"reason": "invalid", "location": "gs://b/x.csv", "message": "line 3: bad"},
    ]
    assert str(job_failure("j", failures)) == "gs://b/x.csv: line 3: bad (job j)"
