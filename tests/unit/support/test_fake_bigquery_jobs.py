"""The fake BigQuery's load and copy jobs, as the official client meets them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from google.api_core import exceptions as api
from google.cloud import bigquery

from tests.support.google.bigquery_samples import (
    ARROW,
    FEBRUARY,
    PROJECT,
    SCHEMA,
    STAGED,
    TRIPS,
    client_of,
    ids_of,
    load,
    load_config,
    make_dataset,
    parquet,
    rows_of,
    trip,
)
from tests.support.google.faults import CutRequest, LoseAnswer, Refuse
from tests.support.google.server import FakeGoogle, start_fake

Field = bigquery.SchemaField
MIB = 1 << 20


@pytest.fixture
def fake() -> Iterator[FakeGoogle]:
    fake = start_fake()
    fake.reset()
    yield fake
    fake.reset()


@pytest.fixture
def client(fake: FakeGoogle) -> bigquery.Client:
    client = client_of(fake.url)
    make_dataset(client)
    return client


def load_file(client: bigquery.Client, file: io.BytesIO, table: str = TRIPS, **more: Any) -> bigquery.LoadJob:
    return client.load_table_from_file(file, table, job_config=load_config(**more)).result(retry=None)


def copy(
    client: bigquery.Client, source: str, target: str, *, write: str = "WRITE_TRUNCATE", **more: Any
) -> bigquery.CopyJob:
    config = bigquery.CopyJobConfig(write_disposition=write, **more)
    return client.copy_table(source, target, job_config=config).result(retry=None)


def error_of(client: bigquery.Client, job_id: str) -> str | None:
    error = client.get_job(job_id).error_result
    return error["reason"] if error else None


def test_a_load_makes_its_table_and_tells_its_figures(client: bigquery.Client) -> None:
    job = load(client, [trip(1), trip(2, FEBRUARY)], job_id="load-1", labels={"flow": "run"})
    assert (job.job_id, job.state, job.labels, job.location) == ("load-1", "DONE", {"flow": "run"}, "EU")
    assert (job.output_rows, job.output_bytes, job.input_files) == (2, 2 * (4 * 8 + 3), 1)
    assert job.input_file_bytes == len(parquet([trip(1), trip(2, FEBRUARY)]).getvalue())
    table = client.get_table(TRIPS)
    assert (table.num_rows, table.time_partitioning.type_, table.clustering_fields) == (2, "MONTH", ["zone"])
    assert table.schema[0].description == "Number."


def test_a_file_may_come_in_one_request(fake: FakeGoogle, client: bigquery.Client) -> None:
    file = parquet([trip(1)])
    client.load_table_from_file(file, TRIPS, size=len(file.getvalue()), job_config=load_config()).result()
    assert rows_of(client) == [tuple(trip(1).values())]
    assert [call.query for call in fake.calls if call.path.startswith("/upload/")] == ["uploadType=multipart"]


def test_the_log_of_calls_names_the_kind_of_a_job(fake: FakeGoogle, client: bigquery.Client) -> None:
    load(client, [trip(1)])
    copy(client, TRIPS, STAGED)
    assert [call.note for call in fake.calls if call.note] == ["load", "load", "copy"]


def test_a_file_comes_in_chunks_and_goes_on_where_the_line_broke(
    fake: FakeGoogle, client: bigquery.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("google.cloud.bigquery.client._DEFAULT_CHUNKSIZE", MIB)
    rows, file = 500_000, io.BytesIO()
    pq.write_table(pa.table({"id": np.arange(rows)}), file, compression="none", use_dictionary=False)
    file.seek(0)
    fake.faults.on("PUT", "/upload/", CutRequest(after=MIB // 2))
    config = load_config(schema=[Field("id", "INT64")], time_partitioning=None, clustering_fields=None)
    job = client.load_table_from_file(file, TRIPS, job_config=config, job_id="big").result()
    assert (job.output_rows, fake.faults.left) == (rows, 0)
    assert [call.status for call in fake.calls if call.method == "PUT"] == [None, 308, 308, 308, 200]
    assert next(iter(client.query_and_wait(f"SELECT COUNT(DISTINCT id) FROM `{TRIPS}`")))[0] == rows


def test_a_job_whose_answer_was_lost_is_found_by_its_id(fake: FakeGoogle, client: bigquery.Client) -> None:
    load(client, [trip(1)])
    fake.faults.on("POST", "/jobs", LoseAnswer())
    with pytest.raises(api.RetryError):
        client.copy_table(TRIPS, STAGED, job_id="copy-1", retry=bigquery.DEFAULT_RETRY.with_timeout(0.01))
    assert client.get_job("copy-1").state == "DONE"
    assert ids_of(client, STAGED) == [1]


def test_an_id_is_used_once_whatever_came_of_it(client: bigquery.Client) -> None:
    with pytest.raises(api.BadRequest):
        load_file(client, io.BytesIO(b"no parquet"))
    load(client, [trip(1)], job_id="load-1")
    with pytest.raises(api.Conflict, match=r"Already Exists: Job my-project:EU\.load-1"):
        client.load_table_from_file(parquet([trip(2)]), TRIPS, job_config=load_config(), job_id="load-1")
    assert ids_of(client) == [1]


def test_jobs_can_be_listed_and_looked_up_only_where_they_ran(client: bigquery.Client) -> None:
    load(client, [trip(1)], job_id="first")
    load(client, [trip(2)], job_id="second")
    assert [job.job_id for job in client.list_jobs()] == ["second", "first"]
    make_dataset(client, "west", "europe-west1")
    west = client_of(client._connection.API_BASE_URL, "europe-west1")
    load(west, [trip(1)], f"{PROJECT}.west.trips", job_id="third")
    with pytest.raises(api.NotFound, match="Job my-project:third"):
        client.get_job("third")
    assert west.get_job("third").state == "DONE"


def test_a_dataset_elsewhere_is_not_found(client: bigquery.Client) -> None:
    west = client_of(client._connection.API_BASE_URL, "europe-west1")
    with pytest.raises(api.NotFound, match="Dataset my-project:taxi was not found in location europe-west1"):
        load(west, [trip(1)])


def test_a_job_takes_as_many_polls_as_a_test_wishes(fake: FakeGoogle, client: bigquery.Client) -> None:
    fake.bigquery.jobs.polls = 2
    job = client.load_table_from_file(parquet([trip(1)]), TRIPS, job_config=load_config())
    states = [job.state]
    while job.state != "DONE":
        job.reload()
        states.append(job.state)
    assert states == ["PENDING", "RUNNING", "RUNNING", "DONE"]


def test_a_held_job_runs_until_it_is_cancelled_and_does_nothing(fake: FakeGoogle, client: bigquery.Client) -> None:
    fake.bigquery.jobs.hold("load")
    job = client.load_table_from_file(parquet([trip(1)]), TRIPS, job_config=load_config(), job_id="held")
    for _ in range(3):
        job.reload()
    assert job.state == "RUNNING"
    job.cancel()
    assert (error_of(client, "held"), fake.bigquery.jobs.cancelled) == ("stopped", ["held"])
    with pytest.raises(api.NotFound):
        client.get_table(TRIPS)


def test_a_held_job_that_is_released_does_its_work(fake: FakeGoogle, client: bigquery.Client) -> None:
    fake.bigquery.jobs.hold("load")
    job = client.load_table_from_file(parquet([trip(1)]), TRIPS, job_config=load_config())
    fake.bigquery.jobs.release()
    assert job.result().output_rows == 1


@pytest.mark.parametrize(
    "reason", ["backendError", "rateLimitExceeded", "quotaExceeded", "jobBackendError", "responseTooLarge"]
)
def test_a_job_fails_for_the_reason_a_test_wishes(fake: FakeGoogle, client: bigquery.Client, reason: str) -> None:
    fake.bigquery.jobs.fail("load", reason, "as wished")
    with pytest.raises(api.GoogleAPICallError, match="as wished"):
        load(client, [trip(1)], job_id="failed")
    assert error_of(client, "failed") == reason
    load(client, [trip(1)])
    assert ids_of(client) == [1]


def test_a_job_can_fail_after_its_work(fake: FakeGoogle, client: bigquery.Client) -> None:
    fake.bigquery.jobs.fail("load", "internalError", performed=True)
    with pytest.raises(api.InternalServerError):
        load(client, [trip(1)])
    assert ids_of(client) == [1]


def test_a_call_can_be_refused_for_any_reason(fake: FakeGoogle, client: bigquery.Client) -> None:
    fake.faults.on("GET", "/tables/trips", Refuse(403, "quotaExceeded"), Refuse(503), Refuse(429, "rateLimitExceeded"))
    for kind in (api.Forbidden, api.ServiceUnavailable, api.TooManyRequests):
        with pytest.raises(kind):
            client.get_table(TRIPS, retry=None)


def arrow(**columns: pa.DataType) -> pa.Schema:
    return pa.schema(
        [pa.field(name, columns.get(name, kind)) for name, kind in zip(ARROW.names, ARROW.types, strict=True)]
    )


@pytest.mark.parametrize(
    ("schema", "row", "message"),
    [
        (arrow(fare=pa.int32()), {"fare": 1}, "Parquet column 'fare' has type INT32 which does not match the target cpp_type DOUBLE"),
        (arrow(fare=pa.null()), {"fare": None}, "Parquet column 'fare' has type INT32 which does not match the target cpp_type DOUBLE"),
        (arrow(id=pa.float64()), {}, "Parquet column 'id' has type DOUBLE which does not match the target cpp_type INT64"),
        (arrow(start=pa.timestamp("us", "UTC")), {}, "Parquet column 'start' has type INT64"),
        (arrow(month=pa.string()), {"month": "2024-01-01"}, "Parquet column 'month' has type BYTE_ARRAY"),
        (arrow(id=pa.int64()), {"id": None}, "Only optional fields can be set to NULL. Field: id; Value: NULL"),
        (arrow().append(pa.field("tip", pa.float64())), {"tip": 1.0}, r"Cannot add fields \(field: tip\)"),
        (arrow().remove(0), {}, "Required field id is missing"),
    ],
)  # fmt: skip
def test_a_file_that_does_not_fit_the_schema_is_refused(
    client: bigquery.Client, schema: pa.Schema, row: dict[str, Any], message: str
) -> None:
    with pytest.raises(api.BadRequest, match=message):
        load_file(client, parquet([trip(1) | row], schema))
    with pytest.raises(api.NotFound):
        client.get_table(TRIPS)


def test_a_column_the_file_lacks_is_null(client: bigquery.Client) -> None:
    load_file(client, parquet([trip(1)], arrow().remove(2)))
    assert rows_of(client)[0][2] is None


def test_without_a_schema_the_files_own_counts(client: bigquery.Client) -> None:
    load(client, [trip(1)], schema=None)
    table = client.get_table(TRIPS)
    assert [field.mode for field in table.schema][:2] == ["REQUIRED", "NULLABLE"]
    assert [field.field_type for field in table.schema] == ["INTEGER", "DATE", "FLOAT", "DATETIME", "STRING"]
    with pytest.raises(api.BadRequest, match="Field id has changed mode from REQUIRED to NULLABLE"):
        load_file(client, parquet([trip(2)], arrow()), schema=None)
    with pytest.raises(api.BadRequest, match="Field fare has changed type from FLOAT to INTEGER"):
        load_file(client, parquet([trip(2) | {"fare": 1}], ARROW.set(2, pa.field("fare", pa.int64()))), schema=None)


def test_what_is_no_parquet_is_refused(client: bigquery.Client) -> None:
    with pytest.raises(api.BadRequest, match="Input file is not in Parquet format"):
        load_file(client, io.BytesIO(b"a,b\n1,2\n"))


def test_a_file_in_cloud_storage_is_loaded_by_its_address(fake: FakeGoogle, client: bigquery.Client) -> None:
    fake.storage.make_bucket("trips", location="EU")
    fake.storage.write("trips", "clean/a.parquet", parquet([trip(1)]).getvalue())
    job = client.load_table_from_uri("gs://trips/clean/a.parquet", TRIPS, job_config=load_config()).result()
    assert (job.output_rows, ids_of(client)) == (1, [1])
    with pytest.raises(api.NotFound, match=r"Not found: URI gs://trips/none\.parquet"):
        client.load_table_from_uri("gs://trips/none.parquet", TRIPS, job_config=load_config()).result(retry=None)
    fake.storage.make_bucket("far", location="US")
    fake.storage.write("far", "a.parquet", parquet([trip(1)]).getvalue())
    with pytest.raises(
        api.BadRequest, match="Cannot read and write in different locations: source: us, destination: eu"
    ):
        client.load_table_from_uri("gs://far/a.parquet", TRIPS, job_config=load_config()).result(retry=None)


def test_a_bad_file_is_named_in_the_error(fake: FakeGoogle, client: bigquery.Client) -> None:
    fake.storage.make_bucket("trips", location="EU")
    fake.storage.write("trips", "bad.parquet", b"bad")
    job = client.load_table_from_uri("gs://trips/bad.parquet", TRIPS, job_config=load_config())
    with pytest.raises(api.BadRequest):
        job.result(retry=None)
    assert job.error_result["location"] == "gs://trips/bad.parquet"
    assert job.errors == [job.error_result]


def test_dispositions_append_replace_or_insist_on_an_empty_table(client: bigquery.Client) -> None:
    load(client, [trip(1)])
    load(client, [trip(2)])
    assert ids_of(client) == [1, 2]
    load(client, [trip(3)], write_disposition="WRITE_TRUNCATE")
    assert ids_of(client) == [3]
    with pytest.raises(api.Conflict, match="Already Exists: Table"):
        load(client, [trip(4)], write_disposition="WRITE_EMPTY")
    with pytest.raises(api.NotFound, match="Not found: Table"):
        load(client, [trip(4)], STAGED, create_disposition="CREATE_NEVER")


def test_a_partition_is_replaced_and_takes_no_other_rows(client: bigquery.Client) -> None:
    load(client, [trip(1), trip(2, FEBRUARY)])
    load(client, [trip(3)], f"{TRIPS}$202401", write_disposition="WRITE_TRUNCATE")
    assert ids_of(client) == [2, 3]
    with pytest.raises(
        api.BadRequest, match="Some rows belong to different partitions rather than destination partition 202401"
    ):
        load(client, [trip(4), trip(5, FEBRUARY)], f"{TRIPS}$202401", write_disposition="WRITE_TRUNCATE")
    assert ids_of(client) == [2, 3]


def test_a_table_cut_otherwise_is_refused(client: bigquery.Client) -> None:
    load(client, [trip(1)])
    expected = r"Expects partitioning specification interval\(type:month,field:month\) clustering\(zone\), but input .* clustering\(id\)"
    with pytest.raises(api.BadRequest, match=f"Incompatible table partitioning specification. {expected}"):
        load(client, [trip(2)], clustering_fields=["id"], write_disposition="WRITE_TRUNCATE")
    assert ids_of(client) == [1]


def test_a_new_column_needs_leave(client: bigquery.Client) -> None:
    load(client, [trip(1)])
    schema, file = (
        [*SCHEMA, Field("tip", "FLOAT64")],
        parquet([trip(2) | {"tip": 1.0}], arrow().append(pa.field("tip", pa.float64()))),
    )
    with pytest.raises(
        api.BadRequest,
        match=r"Provided Schema does not match Table my-project:taxi.trips. Cannot add fields \(field: tip\)",
    ):
        load_file(client, io.BytesIO(file.getvalue()), schema=schema)
    load_file(client, file, schema=schema, schema_update_options=["ALLOW_FIELD_ADDITION"])
    assert [row[-1] for row in rows_of(client)] == [None, 1.0]
    with pytest.raises(api.BadRequest, match="Schema update options should only be specified with WRITE_APPEND"):
        load(client, [trip(3)], schema_update_options=["ALLOW_FIELD_ADDITION"], write_disposition="WRITE_TRUNCATE")


def test_a_tables_own_types_stand_against_a_jobs_schema(client: bigquery.Client) -> None:
    load(client, [trip(1)])
    wrong = [Field("fare", "INT64") if field.name == "fare" else field for field in SCHEMA]
    with pytest.raises(api.BadRequest, match="Field fare has changed type from FLOAT to INTEGER"):
        load_file(client, parquet([trip(2) | {"fare": 1}], arrow(fare=pa.int64())), schema=wrong)


def test_a_partition_is_copied_onto_a_partition(client: bigquery.Client) -> None:
    load(client, [trip(1), trip(2, FEBRUARY)])
    load(client, [trip(3), trip(4)], STAGED)
    job = copy(client, f"{STAGED}$202401", f"{TRIPS}$202401")
    assert job._properties["statistics"]["copy"]["copiedRows"] == "2"
    assert ids_of(client) == [2, 3, 4]
    copy(client, f"{STAGED}$202401", f"{TRIPS}$202401", write="WRITE_APPEND")
    assert ids_of(client) == [2, 3, 3, 4, 4]
    with pytest.raises(api.BadRequest, match="Some rows belong to different partitions"):
        copy(client, f"{STAGED}$202401", f"{TRIPS}$202403")


def test_a_copy_makes_its_table_like_the_source(client: bigquery.Client) -> None:
    load(client, [trip(1), trip(2, FEBRUARY)], STAGED)
    copy(client, f"{STAGED}$202401", f"{TRIPS}$202401", write="WRITE_EMPTY")
    table = client.get_table(TRIPS)
    assert (ids_of(client), table.time_partitioning.field, table.clustering_fields) == ([1], "month", ["zone"])


def test_a_copy_keeps_what_the_target_says_of_itself(client: bigquery.Client) -> None:
    load(client, [trip(1)])
    table = client.get_table(TRIPS)
    table.labels, table.description, table.expires = {"a": "b"}, "d", datetime(2100, 1, 1, tzinfo=UTC)
    client.update_table(table, ["labels", "description", "expires"])
    load(client, [trip(2)], STAGED)
    copy(client, STAGED, TRIPS)
    table = client.get_table(TRIPS)
    assert (ids_of(client), table.labels, table.description, table.expires.year) == ([2], {"a": "b"}, "d", 2100)


@pytest.mark.parametrize(
    ("staged", "message"),
    [
        ({"time_partitioning": None, "clustering_fields": None}, "Failed to copy Non partitioned table to Column partitioned table"),
        ({"clustering_fields": ["id"]}, "incompatible clustering fields"),
        ({"time_partitioning": bigquery.TimePartitioning(type_="DAY", field="month")}, "Incompatible table partitioning"),
        ({"schema": [*SCHEMA, Field("tip", "FLOAT64")]}, r"Cannot add fields \(field: tip\)"),
        ({"schema": [Field("id", "INT64"), *SCHEMA[1:]]}, "Field id has changed mode from REQUIRED to NULLABLE"),
        ({"schema": [field for field in SCHEMA if field.name != "fare"]}, "Field fare is missing in new schema"),
    ],
)  # fmt: skip
def test_a_copy_of_another_shape_is_refused(client: bigquery.Client, staged: dict[str, Any], message: str) -> None:
    load(client, [trip(1)])
    file = parquet([trip(2)], arrow().remove(2)) if "fare" in message else parquet([trip(2)])
    load_file(client, file, STAGED, **staged)
    with pytest.raises(api.BadRequest, match=message):
        copy(client, STAGED, TRIPS, write="WRITE_APPEND")
    assert ids_of(client) == [1]


def test_what_is_copied_must_be_there(client: bigquery.Client) -> None:
    with pytest.raises(api.NotFound, match=r"Not found: Table my-project:taxi\.staged"):
        copy(client, STAGED, TRIPS)
