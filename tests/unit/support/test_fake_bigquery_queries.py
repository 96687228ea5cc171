"""The fake BigQuery's query jobs, as the official client meets them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from google.api_core import exceptions as api
from google.cloud import bigquery

from tests.support.google.bigquery_samples import (
    FEBRUARY,
    JANUARY,
    PROJECT,
    STAGED,
    TRIPS,
    client_of,
    ids_of,
    load,
    make_dataset,
    rows_of,
    trip,
)
from tests.support.google.server import FakeGoogle, start_fake

MIB = 1 << 20
MONTH = (bigquery.ScalarQueryParameter("month", "DATE", JANUARY),)
MERGE = """
    MERGE taxi.trips AS t USING (SELECT * FROM taxi.staged WHERE month = @month) AS s
    ON t.month = @month AND t.id = s.id
    WHEN MATCHED AND (t.fare IS DISTINCT FROM s.fare OR t.zone IS DISTINCT FROM s.zone) THEN UPDATE SET fare = s.fare, zone = s.zone
    WHEN NOT MATCHED BY TARGET THEN INSERT (id, month, fare, start, zone) VALUES (s.id, s.month, s.fare, s.start, s.zone)
    WHEN NOT MATCHED BY SOURCE AND t.month = @month THEN DELETE
"""


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
    load(client, [trip(1, fare=10.0), trip(2, zone=None), trip(3, FEBRUARY)])
    return client


def run(client: bigquery.Client, sql: str, parameters: Any = (), **config: Any) -> bigquery.QueryJob:
    job = client.query(
        sql, job_config=bigquery.QueryJobConfig(query_parameters=parameters, **config), retry=None, job_retry=None
    )
    if not config.get("dry_run"):
        job.result(retry=None)
    return job


def answer(client: bigquery.Client, sql: str, parameters: Any = (), **config: Any) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in run(client, sql, parameters, **config).result()]


def test_a_select_answers_rows_figures_and_names(client: bigquery.Client) -> None:
    job = run(client, "SELECT zone, COUNT(*), SUM(fare) AS fares, 1.5 FROM taxi.trips GROUP BY zone ORDER BY zone")
    rows = job.result()
    assert [tuple(row) for row in rows] == [(None, 1, 1.5, 1.5), ("a", 2, 11.5, 1.5)]
    assert [(field.name, field.field_type) for field in rows.schema] == [
        ("zone", "STRING"), ("f0_", "INTEGER"), ("fares", "FLOAT"), ("f1_", "FLOAT"),
    ]  # fmt: skip
    assert (job.statement_type, job.total_bytes_processed, job.total_bytes_billed) == (
        "SELECT",
        2 * 3 + 3 * 8,
        10 * MIB,
    )


def test_values_come_as_parameters(client: bigquery.Client) -> None:
    moment = datetime(2024, 1, 1, tzinfo=UTC)
    parameters = [
        *MONTH,
        bigquery.ScalarQueryParameter("id", "INT64", 1),
        bigquery.ScalarQueryParameter("zone", "STRING", "it's"),
        bigquery.ScalarQueryParameter("at", "TIMESTAMP", moment),
        bigquery.ScalarQueryParameter("none", "FLOAT64", None),
        bigquery.ArrayQueryParameter("ids", "INT64", [1, 3]),
    ]
    sql = "SELECT @month AS m, @id + 1 AS i, @zone AS z, @at AS a, @none AS n"
    assert answer(client, sql, parameters) == [(JANUARY, 2, "it's", moment, None)]
    assert answer(client, "SELECT id FROM taxi.trips WHERE id IN UNNEST(@ids) ORDER BY id", parameters) == [(1,), (3,)]
    with pytest.raises(api.BadRequest, match="Query parameter 'other' not found"):
        run(client, "SELECT @other", parameters)


def test_tables_are_named_in_every_way(client: bigquery.Client) -> None:
    for name in (f"`{TRIPS}`", f"`{PROJECT}`.taxi.trips", "`taxi.trips`", "taxi.trips"):
        assert answer(client, f"SELECT COUNT(*) FROM {name}") == [(3,)]
    default = bigquery.DatasetReference(PROJECT, "taxi")
    assert answer(
        client, "WITH two AS (SELECT * FROM trips) SELECT COUNT(t.id) FROM two AS t", default_dataset=default
    ) == [(3,)]
    with pytest.raises(api.BadRequest, match='Table "trips" must be qualified with a dataset'):
        run(client, "SELECT * FROM trips")


def test_results_come_in_pages(fake: FakeGoogle, client: bigquery.Client) -> None:
    fake.bigquery.page_rows = 2
    assert answer(client, "SELECT id FROM taxi.trips ORDER BY id DESC") == [(3,), (2,), (1,)]
    assert [tuple(row) for row in client.query_and_wait("SELECT id FROM taxi.trips ORDER BY id")] == [(1,), (2,), (3,)]


def test_a_query_takes_as_many_polls_as_a_test_wishes(fake: FakeGoogle, client: bigquery.Client) -> None:
    fake.bigquery.jobs.polls = 2
    assert answer(client, "SELECT 1") == [(1,)]
    assert [tuple(row) for row in client.query_and_wait("SELECT 2")] == [(2,)]


def test_a_dry_run_says_what_a_query_is_and_reads_and_leaves_no_job(client: bigquery.Client) -> None:
    job = run(client, "SELECT id FROM taxi.trips", dry_run=True)
    assert (job.statement_type, job.total_bytes_processed, job.state) == ("SELECT", 24, "DONE")
    assert [field.name for field in job.schema] == ["id"]
    assert run(client, "DELETE FROM taxi.trips WHERE TRUE", dry_run=True).statement_type == "DELETE"
    assert len(rows_of(client)) == 3
    assert {job.job_type for job in client.list_jobs()} == {"load"}
    with pytest.raises(api.BadRequest, match="Unrecognized name: nothing"):
        run(client, "SELECT nothing FROM taxi.trips", dry_run=True)


def test_bytes_are_those_of_the_columns_and_partitions_read(client: bigquery.Client) -> None:
    def read(sql: str) -> int | None:
        return run(client, sql, MONTH, dry_run=True).total_bytes_processed

    assert read("SELECT id, month FROM taxi.trips WHERE month = @month") == 2 * 16
    assert read("SELECT id, month FROM taxi.trips WHERE month >= '2024-01-15'") == 16
    assert read("SELECT id, month FROM taxi.trips WHERE DATE_TRUNC(month, MONTH) = @month") == 3 * 16
    assert read("SELECT id FROM taxi.trips WHERE month = @month OR id = 1") == 3 * 16
    assert read("SELECT COUNT(*) FROM taxi.trips") == 0
    assert read("SELECT 1") == 0


def test_a_query_that_would_be_billed_more_than_allowed_is_refused(client: bigquery.Client) -> None:
    with pytest.raises(
        api.GoogleAPICallError, match=r"Query exceeded limit for bytes billed: 1000000\. 10485760 or higher"
    ) as refused:
        run(client, "SELECT * FROM taxi.trips", maximum_bytes_billed=1_000_000)
    assert refused.value.errors[0]["reason"] == "bytesBilledLimitExceeded"
    assert run(client, "SELECT * FROM taxi.trips", maximum_bytes_billed=10 * MIB).total_bytes_billed == 10 * MIB


def test_a_table_can_insist_on_a_filter(client: bigquery.Client) -> None:
    run(client, "ALTER TABLE taxi.trips SET OPTIONS (require_partition_filter = TRUE)")
    load(client, [trip(1)], STAGED)
    said = r"Cannot query over table 'my-project\.taxi\.trips' without a filter over column\(s\) 'month'"
    for sql in (
        "SELECT id FROM taxi.trips",
        "SELECT id FROM taxi.trips WHERE id = 1 OR month = @month",
        MERGE.replace("t.month = @month AND ", ""),
    ):
        with pytest.raises(api.BadRequest, match=said):
            run(client, sql, MONTH)
    assert answer(client, "SELECT id FROM taxi.trips AS t WHERE (t.month = @month) AND id > 1", MONTH) == [(2,)]
    assert answer(client, "SELECT COUNT(*) FROM taxi.trips WHERE month BETWEEN '2024-01-01' AND '2024-12-01'") == [(3,)]
    run(client, MERGE, MONTH)


@pytest.mark.parametrize(
    ("sql", "reason", "message"),
    [
        ("SELEC 1", "invalidQuery", r'Syntax error: Unexpected "1" at \[1:7\]'),
        ("SELECT nothing FROM taxi.trips", "invalidQuery", "Unrecognized name: nothing"),
        ("SELECT * FROM taxi.other", "notFound", "Not found: Table my-project:taxi.other was not found in location EU"),
        ("SELECT * FROM other.trips", "notFound", "Not found: Dataset my-project:other was not found in location EU"),
        ("SELECT 1 AS a, 2 AS a", "invalidQuery", r"Duplicate column names in the result are not supported. Found duplicate\(s\): a"),
        ("DELETE FROM taxi.trips", "invalidQuery", "DELETE must have a WHERE clause"),
        ("INSERT INTO taxi.trips (id) VALUES (NULL)", "invalid", "Required field id cannot be null"),
        ("SELECT 1; SELECT 2", "notImplemented", "scripts"),
        ("SELECT epoch_us(start) FROM taxi.trips", "notImplemented", "does not model the function"),
        ("SELECT [1, 2]", "notImplemented", "does not model results of type"),
        ("SELECT * FROM taxi.INFORMATION_SCHEMA.TABLES", "notImplemented", "INFORMATION_SCHEMA"),
        ("SELECT ?", "invalidQuery", "Positional parameters are not supported"),
    ],
)  # fmt: skip
def test_a_wrong_query_fails_in_googles_words(client: bigquery.Client, sql: str, reason: str, message: str) -> None:
    with pytest.raises(api.GoogleAPICallError, match=message) as refused:
        run(client, sql)
    assert refused.value.errors[0]["reason"] == reason
    assert len(rows_of(client)) == 3


def test_a_merge_makes_the_target_like_the_source_and_counts(client: bigquery.Client) -> None:
    load(client, [trip(1, fare=10.0), trip(2, zone="new"), trip(4)], STAGED)
    assert run(client, MERGE, MONTH, dry_run=True).statement_type == "MERGE"
    job = run(client, MERGE, MONTH)
    stats = job.dml_stats
    assert (stats.inserted_row_count, stats.updated_row_count, stats.deleted_row_count, job.num_dml_affected_rows) == (
        1,
        1,
        0,
        2,
    )
    assert sorted(rows_of(client)) == sorted([*rows_of(client, STAGED), tuple(trip(3, FEBRUARY).values())])
    run(client, "DELETE FROM taxi.staged WHERE id = 1")
    stats = run(client, MERGE, MONTH).dml_stats
    assert (stats.inserted_row_count, stats.updated_row_count, stats.deleted_row_count) == (0, 0, 1)
    assert ids_of(client) == [2, 3, 4]


def test_a_merge_with_two_source_rows_for_one_is_refused(client: bigquery.Client) -> None:
    load(client, [trip(1, fare=2.0), trip(1, fare=3.0)], STAGED)
    with pytest.raises(api.BadRequest, match="UPDATE/MERGE must match at most one source row for each target row"):
        run(client, MERGE, MONTH)
    assert ids_of(client) == [1, 2, 3]


def test_a_merge_inserts_whole_rows(client: bigquery.Client) -> None:
    load(client, [trip(9)], STAGED)
    run(client, "MERGE taxi.trips t USING taxi.staged s ON t.id = s.id WHEN NOT MATCHED THEN INSERT ROW")
    assert ids_of(client) == [1, 2, 3, 9]


def test_rows_are_inserted_updated_and_deleted(client: bigquery.Client) -> None:
    assert (
        run(client, "INSERT INTO taxi.trips (id, month) VALUES (4, DATE '2024-01-01'), (5, NULL)").num_dml_affected_rows
        == 2
    )
    assert run(client, "UPDATE taxi.trips SET fare = 2 WHERE month IS NULL").dml_stats.updated_row_count == 1
    assert run(client, "DELETE FROM taxi.trips AS t WHERE t.id < 4").dml_stats.deleted_row_count == 3
    assert rows_of(client) == [(4, JANUARY, None, None, None), (5, None, 2.0, None, None)]
    run(client, "TRUNCATE TABLE taxi.trips")
    assert rows_of(client) == []


def test_a_table_is_made_by_sql(client: bigquery.Client) -> None:
    sql = """
        CREATE TABLE {}taxi.made (a INT64 NOT NULL OPTIONS (description = 'd'), m DATE) PARTITION BY DATE_TRUNC(m, MONTH) CLUSTER BY a
        OPTIONS (labels = [('x', 'y')], description = 'made', require_partition_filter = TRUE)
    """
    assert run(client, sql.format("")).ddl_operation_performed == "CREATE"
    table = client.get_table("taxi.made")
    assert [(field.name, field.mode, field.description) for field in table.schema] == [
        ("a", "REQUIRED", "d"),
        ("m", "NULLABLE", None),
    ]
    assert (table.time_partitioning.type_, table.clustering_fields, table.labels) == ("MONTH", ["a"], {"x": "y"})
    assert table.require_partition_filter
    assert run(client, sql.format("IF NOT EXISTS ")).ddl_operation_performed == "SKIP"
    with pytest.raises(api.Conflict):
        run(client, sql.format(""))
    run(client, "CREATE OR REPLACE TABLE taxi.made PARTITION BY month AS SELECT id, month FROM taxi.trips")
    assert client.get_table("taxi.made").time_partitioning.type_ == "DAY"
    assert ids_of(client, f"{PROJECT}.taxi.made") == [1, 2, 3]
    assert run(client, "DROP TABLE taxi.made").ddl_operation_performed == "DROP"


def test_columns_are_added_and_widened_by_sql(client: bigquery.Client) -> None:
    run(client, "ALTER TABLE taxi.trips ADD COLUMN riders INT64 OPTIONS (description = 'how many')")
    run(client, "ALTER TABLE taxi.trips ADD COLUMN IF NOT EXISTS riders INT64")
    run(client, "ALTER TABLE taxi.trips ALTER COLUMN riders SET DATA TYPE FLOAT64")
    field = client.get_table(TRIPS).schema[-1]
    assert (field.name, field.field_type, field.description) == ("riders", "FLOAT", "how many")
    with pytest.raises(
        api.BadRequest, match=r"existing column type \(FLOAT64\) is assignable to the new type \(INT64\)"
    ):
        run(client, "ALTER TABLE taxi.trips ALTER COLUMN riders SET DATA TYPE INT64")


def test_a_result_can_be_kept_in_a_table(client: bigquery.Client) -> None:
    run(client, "SELECT id FROM taxi.trips", destination=f"{PROJECT}.taxi.kept")
    assert ids_of(client, f"{PROJECT}.taxi.kept") == [1, 2, 3]


def test_a_query_can_be_cancelled_and_can_fail_as_wished(fake: FakeGoogle, client: bigquery.Client) -> None:
    fake.bigquery.jobs.fail("query", "rateLimitExceeded")
    with pytest.raises(api.GoogleAPICallError, match="rateLimitExceeded"):
        run(client, "SELECT 1")
    fake.bigquery.jobs.hold("query")
    job = client.query("SELECT 1", job_id="held", job_retry=None)
    job.cancel()
    assert (fake.bigquery.jobs.cancelled, job.error_result["reason"]) == (["held"], "stopped")


def test_dates_of_the_year_one_come_back(client: bigquery.Client) -> None:
    assert answer(client, "SELECT DATE '0001-01-01' AS d, DATETIME '0001-01-01T00:00:00' AS t") == [
        (date(1, 1, 1), datetime(1, 1, 1))
    ]


def test_partitions_and_their_rows_can_be_asked_for(client: bigquery.Client) -> None:
    run(client, "CREATE TABLE taxi.plain (a INT64)")
    view = f"`{PROJECT}.taxi`.INFORMATION_SCHEMA.PARTITIONS"
    sql = f"SELECT table_name, partition_id, total_rows, total_logical_bytes FROM {view} WHERE table_schema = 'taxi' ORDER BY 1, 2"
    assert answer(client, sql) == [("plain", None, 0, 0), ("trips", "202401", 2, 67), ("trips", "202402", 1, 35)]
    assert run(client, sql).total_bytes_billed == 10 * MIB
