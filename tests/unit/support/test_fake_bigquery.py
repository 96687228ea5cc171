"""The fake BigQuery's datasets, tables and rows, as the official client meets them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
import requests
from google.api_core import exceptions as api
from google.cloud import bigquery

from tests.support.google.bigquery_samples import (
    FEBRUARY,
    JANUARY,
    MONTHLY,
    PROJECT,
    SCHEMA,
    TRIPS,
    client_of,
    ids_of,
    load,
    load_config,
    make_dataset,
    parquet,
    trip,
)
from tests.support.google.server import FakeGoogle, start_fake

Field = bigquery.SchemaField


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


def monthly_table(client: bigquery.Client, name: str = TRIPS, **more: Any) -> bigquery.Table:
    table = bigquery.Table(name, schema=SCHEMA)
    table.time_partitioning = MONTHLY
    for key, value in more.items():
        setattr(table, key, value)
    return client.create_table(table)


def test_a_dataset_is_made_once_and_keeps_its_settings(client: bigquery.Client) -> None:
    dataset = bigquery.Dataset(f"{PROJECT}.other")
    dataset.location, dataset.labels, dataset.default_table_expiration_ms = "europe-west1", {"a": "b"}, 86_400_000
    client.create_dataset(dataset)
    found = client.get_dataset("other")
    assert (found.location, found.labels, found.default_table_expiration_ms) == ("europe-west1", {"a": "b"}, 86_400_000)
    assert [entry.role for entry in found.access_entries] == ["WRITER", "OWNER", "READER"]
    with pytest.raises(api.Conflict, match="Already Exists: Dataset my-project:other"):
        client.create_dataset(dataset)
    assert [one.dataset_id for one in client.list_datasets()] == ["other", "taxi"]


def test_a_dataset_with_tables_goes_only_with_its_contents(client: bigquery.Client) -> None:
    monthly_table(client)
    with pytest.raises(api.BadRequest, match="Dataset my-project:taxi is still in use"):
        client.delete_dataset("taxi")
    client.delete_dataset("taxi", delete_contents=True)
    with pytest.raises(api.NotFound, match="Not found: Dataset my-project:taxi"):
        client.get_dataset("taxi")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dataset_id": "taxi-2"}, 'Invalid dataset ID "taxi-2"'),
        ({"location": "mars"}, "Location mars does not support"),
        ({"default_table_expiration_ms": 60_000}, "the smallest is 3600000"),
        ({"labels": {"Upper": "x"}}, 'Label key "Upper" is invalid'),
    ],
)
def test_datasets_google_refuses_are_refused(client: bigquery.Client, change: dict[str, Any], message: str) -> None:
    dataset = bigquery.Dataset(f"{PROJECT}.{change.pop('dataset_id', 'new')}")
    for key, value in change.items():
        setattr(dataset, key, value)
    with pytest.raises(api.BadRequest, match=message):
        client.create_dataset(dataset)


def test_a_table_tells_what_it_was_made_of(client: bigquery.Client) -> None:
    monthly_table(
        client, labels={"type": "yellow"}, description="d", friendly_name="f", clustering_fields=["zone", "start"]
    )
    table = client.get_table(TRIPS)
    assert [(field.name, field.field_type, field.mode) for field in table.schema][:3] == [
        ("id", "INTEGER", "REQUIRED"), ("month", "DATE", "NULLABLE"), ("fare", "FLOAT", "NULLABLE"),
    ]  # fmt: skip
    assert table.schema[0].description == "Number."
    assert (table.labels, table.description, table.friendly_name) == ({"type": "yellow"}, "d", "f")
    assert (table.time_partitioning.type_, table.time_partitioning.field) == ("MONTH", "month")
    assert (table.clustering_fields, table.num_rows, table.location, table.table_type) == (
        ["zone", "start"],
        0,
        "EU",
        "TABLE",
    )
    with pytest.raises(api.Conflict, match=r"Already Exists: Table my-project:taxi\.trips"):
        monthly_table(client)


def test_a_list_of_tables_comes_in_pages_and_without_schemas(client: bigquery.Client) -> None:
    for number in range(5):
        monthly_table(
            client,
            f"{PROJECT}.taxi.t{number}",
            labels={"n": str(number)},
            friendly_name=f"name {number}",
            description="d",
        )
    found = list(client.list_tables("taxi", page_size=2))
    assert [(item.table_id, item.labels, item.friendly_name) for item in found] == [
        (f"t{number}", {"n": str(number)}, f"name {number}") for number in range(5)
    ]
    assert "description" not in found[0]._properties


def test_labels_are_patched_one_by_one_and_none_removes_one(client: bigquery.Client) -> None:
    table = monthly_table(client, labels={"kept": "1", "gone": "1"})
    table.labels = {"new": "1", "gone": None}
    assert client.update_table(table, ["labels"]).labels == {"kept": "1", "new": "1"}


def test_an_update_that_saw_an_older_version_is_refused(client: bigquery.Client) -> None:
    first = monthly_table(client)
    second = client.get_table(TRIPS)
    first.description = "first"
    assert client.update_table(first, ["description"]).etag != first.etag
    second.description = "second"
    with pytest.raises(api.PreconditionFailed) as refused:
        client.update_table(second, ["description"])
    assert refused.value.errors[0]["reason"] == "conditionNotMet"
    assert client.get_table(TRIPS).description == "first"


def test_loading_rows_makes_another_version_of_the_table(client: bigquery.Client) -> None:
    before = monthly_table(client)
    load(client, [trip(1)], clustering_fields=None)
    assert client.get_table(TRIPS).etag != before.etag


def test_columns_can_be_added_and_relaxed_but_not_altered(client: bigquery.Client) -> None:
    load(client, [trip(1)])
    table = client.get_table(TRIPS)
    table.schema = [Field("id", "INTEGER"), *table.schema[1:], Field("tip", "FLOAT64")]
    assert [field.name for field in client.update_table(table, ["schema"]).schema][-1] == "tip"
    assert next(iter(client.list_rows(TRIPS)))["tip"] is None
    for schema, message in (
        (SCHEMA[1:], "Field id is missing in new schema"),
        ((*table.schema[:-1], Field("tip", "INTEGER")), "Field tip has changed type from FLOAT to INTEGER"),
        ((*table.schema, Field("more", "STRING", mode="REQUIRED")), "Cannot add required fields"),
        ((Field("id", "INTEGER", mode="REQUIRED"), *table.schema[1:]), "changed mode from NULLABLE to REQUIRED"),
    ):
        changed = client.get_table(TRIPS)
        changed.schema = schema
        with pytest.raises(api.BadRequest, match=message):
            client.update_table(changed, ["schema"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"time_partitioning": bigquery.TimePartitioning(type_="MONTH", field="zone")}, "must be of type DATE"),
        ({"time_partitioning": bigquery.TimePartitioning(type_="MONTH", field="no")}, "cannot be found in the schema"),
        ({"clustering_fields": ["fare"]}, "clustering cannot be of type FLOAT"),
        ({"clustering_fields": ["id", "month", "start", "zone", "fare"]}, "more than 4 columns"),
        ({"labels": {"a": "Upper"}}, 'Label value "Upper" is invalid'),
        ({"schema": [Field("a b", "STRING")]}, 'Invalid field name "a b"'),
        ({"schema": [Field("a", "STRING"), Field("A", "STRING")]}, "Field A already exists in schema"),
        ({"expires": datetime(2001, 1, 1, tzinfo=UTC)}, "must be in the future"),
        ({"time_partitioning": None, "require_partition_filter": True}, "table that is not partitioned"),
    ],
)  # fmt: skip
def test_tables_google_refuses_are_refused(client: bigquery.Client, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(api.BadRequest, match=message):
        monthly_table(client, **settings)


def test_partitioning_stays_as_it_was_made(client: bigquery.Client) -> None:
    table = monthly_table(client)
    table.time_partitioning = bigquery.TimePartitioning(type_="DAY", field="month")
    with pytest.raises(api.BadRequest, match="Cannot change partitioning"):
        client.update_table(table, ["time_partitioning"])


def test_a_table_expires_by_its_datasets_rule_or_its_own(fake: FakeGoogle, client: bigquery.Client) -> None:
    now = datetime(2030, 1, 1, tzinfo=UTC)
    fake.bigquery.clock = lambda: now.timestamp()
    dataset = client.get_dataset("taxi")
    dataset.default_table_expiration_ms = 24 * 3_600_000
    client.update_dataset(dataset, ["default_table_expiration_ms"])
    assert monthly_table(client, f"{PROJECT}.taxi.day").expires == now + timedelta(days=1)
    monthly_table(client, f"{PROJECT}.taxi.year", expires=now + timedelta(days=365))
    now += timedelta(days=2)
    assert [table.table_id for table in client.list_tables("taxi")] == ["year"]
    with pytest.raises(api.NotFound):
        client.get_table("taxi.day")


def test_a_partition_is_counted_read_and_deleted_by_its_decorator(client: bigquery.Client) -> None:
    load(client, [trip(1), trip(2), trip(3, FEBRUARY), trip(4, None)])
    january = client.get_table(f"{TRIPS}$202401")
    assert (client.get_table(TRIPS).num_rows, january.num_rows, client.get_table(f"{TRIPS}$202403").num_rows) == (
        4,
        2,
        0,
    )
    assert (ids_of(client, f"{TRIPS}$202401"), ids_of(client, f"{TRIPS}$__NULL__")) == ([1, 2], [4])
    client.delete_table(f"{TRIPS}$202401")
    assert ids_of(client) == [3, 4]
    with pytest.raises(api.BadRequest, match="Invalid time partition"):
        client.get_table(f"{TRIPS}$20240101")


def test_bytes_are_logical_ones(client: bigquery.Client) -> None:
    load(client, [trip(1, zone="abc"), trip(2, fare=None, zone="ü")])
    assert client.get_table(TRIPS).num_bytes == 2 * 8 + 2 * 8 + 8 + 2 * 8 + (2 + 3) + (2 + 2)


def test_every_type_comes_back_as_it_went(client: bigquery.Client) -> None:
    row = {
        "i": -(2**63), "f": 0.1, "b": False, "s": "ünï\n\"", "y": b"\x00\xff", "d": date(1, 1, 1), "t": time(1, 2, 3, 4),
        "dt": datetime(2024, 1, 1, 1, 2, 3, 40), "ts": datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC), "n": Decimal("-1.50"),
    }  # fmt: skip
    kinds = dict(
        zip(
            row,
            ("INT64", "FLOAT64", "BOOL", "STRING", "BYTES", "DATE", "TIME", "DATETIME", "TIMESTAMP", "NUMERIC"),
            strict=True,
        )
    )
    schema = pa.schema(
        [("i", pa.int64()), ("f", pa.float64()), ("b", pa.bool_()), ("s", pa.string()), ("y", pa.binary()), ("d", pa.date32()),
         ("t", pa.time64("us")), ("dt", pa.timestamp("us")), ("ts", pa.timestamp("us", "UTC")), ("n", pa.decimal128(38, 9))]
    )  # fmt: skip
    config = load_config(
        schema=[Field(name, kind) for name, kind in kinds.items()], time_partitioning=None, clustering_fields=None
    )
    rows = [row, dict.fromkeys(row), row | {"f": math.inf}, row | {"f": -math.inf}, row | {"f": 1e300}]
    client.load_table_from_file(parquet(rows, schema), TRIPS, job_config=config).result()
    assert [dict(found) for found in client.list_rows(TRIPS)] == rows
    load(client, [trip(1, fare=math.nan)], f"{TRIPS}_nan")
    assert math.isnan(next(iter(client.list_rows(f"{TRIPS}_nan")))["fare"])


def test_rows_are_written_as_googles_json_writes_them(fake: FakeGoogle, client: bigquery.Client) -> None:
    load(client, [trip(1, zone=None)])
    answer = requests.get(
        f"{fake.url}/bigquery/v2/projects/{PROJECT}/datasets/taxi/tables/trips/data", timeout=10
    ).json()
    assert answer["rows"] == [
        {"f": [{"v": "1"}, {"v": "2024-01-01"}, {"v": "1.5"}, {"v": "2024-01-02T10:30:00"}, {"v": None}]}
    ]
    assert answer["totalRows"] == "1"


def test_rows_come_in_pages_and_as_asked_for(fake: FakeGoogle, client: bigquery.Client) -> None:
    load(client, [trip(number) for number in range(10)])
    fake.calls.clear()
    fake.bigquery.page_rows = 4
    assert len(list(client.list_rows(client.get_table(TRIPS)))) == 10
    assert [call.path.rpartition("/")[2] for call in fake.calls] == ["trips", "data", "data", "data"]
    found = client.list_rows(TRIPS, selected_fields=[Field("id", "INTEGER")], start_index=7, max_results=2)
    assert [tuple(row) for row in found] == [(7,), (8,)]


@pytest.mark.parametrize(
    ("permission", "thing"),
    [
        ("bigquery.tables.get", r"Table my-project:taxi\.trips: Permission bigquery\.tables\.get denied on table"),
        ("bigquery.tables.getData", "Permission bigquery.tables.getData denied"),
        ("bigquery.tables.list", "Dataset my-project:taxi: Permission bigquery.tables.list denied on dataset my-project:taxi"),
        ("bigquery.jobs.create", "Project my-project: User does not have bigquery.jobs.create permission in project my-project"),
    ],
)  # fmt: skip
def test_a_permission_that_is_lacking_is_named(
    fake: FakeGoogle, client: bigquery.Client, permission: str, thing: str
) -> None:
    load(client, [trip(1)])
    fake.bigquery.projects.denied.add((PROJECT, permission))
    with pytest.raises(api.Forbidden, match=f"Access Denied: .*{thing}"):
        client.get_table(TRIPS)
        list(client.list_tables("taxi"))
        list(client.list_rows(TRIPS, selected_fields=SCHEMA))
        client.query("SELECT 1")
    assert permission not in client.test_iam_permissions(TRIPS, [permission, "bigquery.tables.delete"])["permissions"]


def test_a_project_without_the_service_is_told_so(fake: FakeGoogle, client: bigquery.Client) -> None:
    fake.bigquery.projects.disabled.add((PROJECT, "bigquery.googleapis.com"))
    with pytest.raises(api.Forbidden, match="has not been used in project my-project before or it is disabled"):
        client.get_dataset("taxi")


def test_what_is_not_modelled_is_not_passed_over(client: bigquery.Client) -> None:
    table = bigquery.Table(TRIPS, schema=[Field("a", "GEOGRAPHY")])
    with pytest.raises(api.MethodNotImplemented, match="does not model columns of type GEOGRAPHY"):
        client.create_table(table)


def test_months_are_dates_of_their_first_day(client: bigquery.Client) -> None:
    load(client, [trip(1, date(2024, 1, 31)), trip(2, JANUARY)])
    assert ids_of(client, f"{TRIPS}$202401") == [1, 2]
