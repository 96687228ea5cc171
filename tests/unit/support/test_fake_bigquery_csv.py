"""The fake BigQuery reads CSV as Google does: in external tables at the time of the query, and in load jobs."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from google.api_core import exceptions as api
from google.cloud import bigquery

from tests.support.google.bigquery_samples import PROJECT, client_of, make_dataset
from tests.support.google.server import FakeGoogle, start_fake

COLUMNS = "id INTEGER, at TIMESTAMP, zone STRING OPTIONS (description = 'Where.'), fare NUMERIC"
FILE = "gs://trips/a.csv"
HEADER = "id,at,zone,fare\n"
TABLE = f"`{PROJECT}.taxi.file`"
READING = f"Error while reading table: {PROJECT}.taxi.file, error message: "


@pytest.fixture
def fake() -> Iterator[FakeGoogle]:
    fake = start_fake()
    fake.reset()
    fake.storage.make_bucket("trips", location="EU")
    yield fake
    fake.reset()


@pytest.fixture
def client(fake: FakeGoogle) -> bigquery.Client:
    client = client_of(fake.url)
    make_dataset(client)
    return client


def write(fake: FakeGoogle, text: str, name: str = "a.csv") -> None:
    fake.storage.write("trips", name, text.encode())


def run(client: bigquery.Client, sql: str) -> list[tuple[Any, ...]]:
    return [row.values() for row in client.query(sql, retry=None, job_retry=None).result(retry=None)]


def create(client: bigquery.Client, options: str = "", replace: str = "OR REPLACE ", uri: str = FILE) -> None:
    run(
        client,
        f"CREATE {replace}EXTERNAL TABLE {TABLE} ({COLUMNS}) "
        f"OPTIONS (format = 'CSV', uris = ['{uri}'], skip_leading_rows = 1{options})",
    )


def test_an_external_table_has_the_rows_its_file_has_when_it_is_asked(
    client: bigquery.Client, fake: FakeGoogle
) -> None:
    create(client)
    with pytest.raises(api.NotFound, match=f"Not found: URI {FILE}"):
        run(client, f"SELECT * FROM {TABLE}")
    write(fake, HEADER + '1,2024-01-31 09:30:00,"a, ""b""",1.5\r\n2,,,\n3,2024-01-31T09:30:00.5+02:00,"",-0.0000000005')
    assert run(client, f"SELECT * FROM {TABLE} ORDER BY id") == [
        (1, datetime(2024, 1, 31, 9, 30, tzinfo=UTC), 'a, "b"', Decimal("1.5")),
        (2, None, None, None),
        (3, datetime(2024, 1, 31, 7, 30, 0, 500_000, tzinfo=UTC), "", Decimal("-0.000000001")),
    ]
    write(fake, HEADER + "4,,,\n")
    assert run(client, f"SELECT id FROM {TABLE}") == [(4,)]


@pytest.mark.parametrize(
    ("line", "options", "expected"),
    [
        (
            "1.0,,,",
            "",
            "Could not parse '1.0' as INT64 for field id (position 0) starting at location 16 with message ",
        ),
        ("1,Monday,,", "", "Could not parse 'Monday' as TIMESTAMP for field at (position 1) starting at location 16"),
        ("1,,,x", "", "Could not parse 'x' as NUMERIC for field fare (position 3) starting at location 16"),
        (
            "1,,a",
            "",
            "CSV table references column position 3, but line contains only 3 columns.; line_number: 2 byte_offset_to_start_of_line: 16 ",
        ),
        ("1,,a,2,3", "", "Too many values in row starting at position: 16. Found 5 column(s) while expected 4."),
        ("1,,a,2,3", ", ignore_unknown_values = TRUE", [(1,)]),
        ("1,,a", ", allow_jagged_rows = TRUE", [(1,)]),
        ("x,,,\n1,,,", ", max_bad_records = 1", [(1,)]),
    ],
)
def test_a_row_that_is_none_of_the_table_is_an_error_unless_allowed(
    client: bigquery.Client, fake: FakeGoogle, line: str, options: str, expected: Any
) -> None:
    write(fake, f"{HEADER}{line}\n")
    create(client, options)
    if isinstance(expected, str):
        with pytest.raises(api.BadRequest) as caught:
            run(client, f"SELECT id FROM {TABLE}")
        said = caught.value.message.splitlines()[0]
        assert said.startswith(READING + expected)
        assert said.endswith(f" File: {FILE}")
    else:
        assert run(client, f"SELECT id FROM {TABLE}") == expected


def test_an_external_table_is_known_as_such_and_cannot_be_changed(client: bigquery.Client, fake: FakeGoogle) -> None:
    create(client)
    with pytest.raises(api.Conflict, match=f"Already Exists: Table {PROJECT}:taxi.file"):
        create(client, replace="")
    told = client.get_table(f"{PROJECT}.taxi.file")
    assert (told.table_type, told.external_data_configuration.source_uris) == ("EXTERNAL", [FILE])
    assert told.schema[2].description == "Where."
    for sql in (f"INSERT INTO {TABLE} (id) VALUES (1)", f"TRUNCATE TABLE {TABLE}"):
        with pytest.raises(api.BadRequest, match="not allowed for this operation because it is currently a EXTERNAL"):
            run(client, sql)
    fake.storage.make_bucket("far", location="US-EAST1")
    fake.storage.write("far", "a.csv", b"")
    create(client, uri="gs://far/a.csv")
    with pytest.raises(api.BadRequest, match="Cannot read and write in different locations"):
        run(client, f"SELECT * FROM {TABLE}")


def test_a_table_is_made_of_it_with_hashes_as_bytes(client: bigquery.Client, fake: FakeGoogle) -> None:
    write(fake, HEADER + "1,2024-01-31 09:30:00,,2\n")
    create(client)
    key = 'MD5(CONCAT(COALESCE(CAST(id AS STRING), ""), COALESCE(CAST(at AS STRING), ""), COALESCE(zone, "")))'
    made = f"`{PROJECT}.taxi.made`"
    run(client, f'CREATE OR REPLACE TABLE {made} AS SELECT {key} AS k, "a.csv" AS origin, * FROM {TABLE};')
    same = f"SELECT k = MD5('12024-01-31 09:30:00+00'), origin FROM {made}"
    assert run(client, same) == [(True, "a.csv")]
    assert [field.field_type for field in client.get_table(f"{PROJECT}.taxi.made").schema] == [
        "BYTES", "STRING", "INTEGER", "TIMESTAMP", "STRING", "NUMERIC",
    ]  # fmt: skip
    partitioned = f"`{PROJECT}.taxi.parts`"
    run(client, f"CREATE TABLE IF NOT EXISTS {partitioned} (k BYTES, {COLUMNS}) PARTITION BY DATE(at);")
    told = client.get_table(f"{PROJECT}.taxi.parts").time_partitioning
    assert told and (told.type_, told.field) == ("DAY", "at")


def test_a_load_job_reads_csv_of_an_upload_and_of_a_bucket(client: bigquery.Client, fake: FakeGoogle) -> None:
    schema = [bigquery.SchemaField("id", "INT64", mode="REQUIRED"), bigquery.SchemaField("day", "DATE")]
    config = bigquery.LoadJobConfig(source_format="CSV", schema=schema, skip_leading_rows=1, field_delimiter=";")
    target = f"{PROJECT}.taxi.loaded"
    client.load_table_from_file(io.BytesIO(b"id;day\n1;2024-01-31\n"), target, job_config=config).result()
    write(fake, "id;day\n2;\n")
    client.load_table_from_uri(FILE, target, job_config=config).result()
    assert run(client, f"SELECT * FROM `{target}` ORDER BY id") == [(1, date(2024, 1, 31)), (2, None)]
    write(fake, "id;day\n;2024-01-31\n")
    job = client.load_table_from_uri(FILE, target, job_config=config)
    with pytest.raises(api.BadRequest, match="too many errors, giving up"):
        job.result()
    assert "Only optional fields can be set to NULL. Field: id; Value: NULL" in job.errors[1]["message"]
    without = bigquery.LoadJobConfig(source_format="CSV")
    with pytest.raises(api.BadRequest, match="No schema specified on job or table"):
        client.load_table_from_uri(FILE, f"{PROJECT}.taxi.new", job_config=without).result()
