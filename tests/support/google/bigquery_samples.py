"""A small table of trips for tests of the fake BigQuery: its schema, its Parquet, and the official client that loads it."""

from __future__ import annotations

import atexit
import io
from collections.abc import Sequence
from datetime import date, datetime
from functools import cache
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

PROJECT = "my-project"
TRIPS = f"{PROJECT}.taxi.trips"
STAGED = f"{PROJECT}.taxi.staged"
JANUARY, FEBRUARY = date(2024, 1, 1), date(2024, 2, 1)

SCHEMA = (
    bigquery.SchemaField("id", "INT64", mode="REQUIRED", description="Number."),
    bigquery.SchemaField("month", "DATE"),
    bigquery.SchemaField("fare", "FLOAT64"),
    bigquery.SchemaField("start", "DATETIME"),
    bigquery.SchemaField("zone", "STRING"),
)
ARROW = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False),
        ("month", pa.date32()),
        ("fare", pa.float64()),
        ("start", pa.timestamp("us")),
        ("zone", pa.string()),
    ]
)
MONTHLY = bigquery.TimePartitioning(type_="MONTH", field="month")


@cache
def client_of(url: str, location: str = "EU") -> bigquery.Client:
    """One client for all tests of a process."""
    options = {"api_endpoint": url}
    client = bigquery.Client(
        project=PROJECT, location=location, credentials=AnonymousCredentials(), client_options=options
    )
    atexit.register(client.close)
    return client


def make_dataset(client: bigquery.Client, name: str = "taxi", location: str = "EU") -> bigquery.Dataset:
    """An empty dataset."""
    dataset = bigquery.Dataset(f"{PROJECT}.{name}")
    dataset.location = location
    return client.create_dataset(dataset)


def trip(number: int, month: date | None = JANUARY, fare: float | None = 1.5, zone: str | None = "a") -> dict[str, Any]:
    """A row."""
    start = None if month is None else datetime(month.year, month.month, 2, 10, 30)
    return {"id": number, "month": month, "fare": fare, "start": start, "zone": zone}


def parquet(rows: Sequence[dict[str, Any]], schema: pa.Schema = ARROW) -> io.BytesIO:
    """A file of these rows."""
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows), schema=schema), file)
    file.seek(0)
    return file


def load_config(**more: Any) -> bigquery.LoadJobConfig:
    """Parquet with the explicit schema, into months."""
    plain = {"source_format": "PARQUET", "schema": SCHEMA, "time_partitioning": MONTHLY, "clustering_fields": ["zone"]}
    config = bigquery.LoadJobConfig()
    for name, value in (plain | more).items():
        if value is not None:
            setattr(config, name, value)
    return config


def load(
    client: bigquery.Client,
    rows: Sequence[dict[str, Any]],
    table: str = TRIPS,
    *,
    job_id: str | None = None,
    **more: Any,
) -> bigquery.LoadJob:
    """Loads the rows and waits for it."""
    job = client.load_table_from_file(parquet(rows), table, job_config=load_config(**more), job_id=job_id)
    job.result(retry=None)
    return job


def rows_of(client: bigquery.Client, table: str = TRIPS) -> list[tuple[Any, ...]]:
    """Every row, by tabledata.list."""
    return [tuple(row.values()) for row in client.list_rows(table)]


def ids_of(client: bigquery.Client, table: str = TRIPS) -> list[int]:
    """The rows' numbers, in order."""
    return sorted(row[0] for row in rows_of(client, table))
