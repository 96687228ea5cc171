"""BigQuery for tests: the fake of tests.support.google through the official client, a pair of datasets per home folder.

The address of the fake is noted in the home folder, so that child processes find the one of their parent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from taxi_pipelines.warehouses import bigquery_jobs
from taxi_pipelines.warehouses.bigquery import BigQueryWarehouse
from tests.support.google.server import FakeGoogle, start_fake

PROJECT = "taxi-tests"
LOCATION = "EU"
LIMIT = 10 << 30
_URL_FILE = "fake-google.url"
_making = Lock()

bigquery_jobs.FIRST_POLL = 0.02  # the fake's jobs take no time


def now() -> datetime:
    """The time."""
    return datetime.now(UTC)


@cache
def client_of(url: str) -> bigquery.Client:
    """One client for all tests of a process."""
    return bigquery.Client(
        project=PROJECT,
        location=LOCATION,
        credentials=AnonymousCredentials(),
        client_options={"api_endpoint": url},
    )


def client() -> bigquery.Client:
    """That of the fake of this process."""
    return client_of(start_fake().url)


def fake() -> FakeGoogle:
    """The fake of this process."""
    return start_fake()


def dataset_of(home: Path) -> str:
    """The dataset that stands for a home folder; it and its staging dataset are made when first asked for."""
    name = "home_" + hashlib.sha256(str(home).encode()).hexdigest()[:12]
    note = home / _URL_FILE
    with _making:
        if not note.exists():
            home.mkdir(parents=True, exist_ok=True)
            for dataset in (name, f"{name}_staging"):
                made = bigquery.Dataset(f"{PROJECT}.{dataset}")
                made.location = LOCATION
                client().create_dataset(made, exists_ok=True)
            note.write_text(start_fake().url)
    return name


def warehouse_of(
    home: Path, *, spool: Path | None = None, clock: Callable[[], datetime] = now, **settings: Any
) -> BigQueryWarehouse:
    """A warehouse in the home folder's datasets; another `spool` makes it one of another machine."""
    dataset = dataset_of(home)
    url = (home / _URL_FILE).read_text()
    return BigQueryWarehouse(
        lambda: client_of(url),
        project=PROJECT,
        dataset=dataset,
        location=LOCATION,
        spool=spool or home / "spool",
        clock=clock,
        **{"maximum_bytes_billed": LIMIT} | settings,
    )


def table_comments(home: Path, table: str) -> dict[str, str]:
    """Table comment (under "") and column comments, as a client sees them."""
    found = client().get_table(f"{PROJECT}.{dataset_of(home)}.{table}")
    columns = {field.name: field.description for field in found.schema if field.description}
    return {"": found.description or "", **columns}


def staging_tables(home: Path) -> list[str]:
    """The staging tables there are, without the month records."""
    tables = client().list_tables(f"{PROJECT}.{dataset_of(home)}_staging")
    return [table.table_id for table in tables if not table.table_id.startswith("month_")]


def records(home: Path) -> dict[str, str]:
    """Month records: table id → what is in them."""
    tables = client().list_tables(f"{PROJECT}.{dataset_of(home)}_staging")
    return {table.table_id: table.friendly_name for table in tables if table.table_id.startswith("month_")}


def target(home: Path, table: str) -> bigquery.Table:
    """A target table as it is now."""
    return client().get_table(f"{PROJECT}.{dataset_of(home)}.{table}")


def jobs_of(home: Path) -> list[Any]:
    """All jobs about a home's datasets, the newest first."""
    return [job for job in client().list_jobs() if dataset_of(home) in str(job.to_api_repr())]


def nothing_is_left(home: Path) -> None:
    """No staging table, no name in a record, no file: asserts that all who worked there have cleaned up."""
    assert staging_tables(home) == []
    assert [text for text in records(home).values() if "holder" in text] == []
    assert [path for path in (home / "spool").iterdir() if path.name != "locks"] == []
