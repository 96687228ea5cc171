"""A real Google Cloud project to test against, where three variables name one; docs/gcp.md says how.

A home folder of a test stands for a pair of datasets, or a prefix in the bucket, of random names, noted in the folder so that child
processes find them. What was made is removed at the end of the test. With STORAGE_EMULATOR_HOST and BIGQUERY_EMULATOR_HOST all of
this speaks to those.
"""

from __future__ import annotations

import atexit
import os
import uuid
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import pytest

from taxi_pipelines.gcp.clients import GoogleClients
from taxi_pipelines.gcp.names import staging_dataset
from taxi_pipelines.gcp.setup import set_up
from taxi_pipelines.warehouses.bigquery import BigQueryWarehouse

VARIABLES = ("TAXI_TEST_PROJECT", "TAXI_TEST_BUCKET", "TAXI_TEST_LOCATION")
PROJECT, BUCKET, LOCATION = (os.environ.get(name, "") for name in VARIABLES)
MARKS = (
    pytest.mark.gcp,
    pytest.mark.skipif(
        not (PROJECT and BUCKET and LOCATION), reason=f"no real project: set {', '.join(VARIABLES)} (docs/gcp.md)"
    ),
)
"""Of every test that needs it."""

_LIMIT = 1 << 30
_making = Lock()


@cache
def clients() -> GoogleClients:
    """One for all tests of a process, with Application Default Credentials."""
    made = GoogleClients(
        project=PROJECT,
        location=LOCATION,
        credentials=None,
        impersonate=None,
        storage_emulator=os.environ.get("STORAGE_EMULATOR_HOST"),
        bigquery_emulator=os.environ.get("BIGQUERY_EMULATOR_HOST"),
    )
    atexit.register(made.close)
    return made


def random_name() -> str:
    """For a dataset or a prefix: nobody else has it."""
    return f"taxi_test_{uuid.uuid4().hex[:12]}"


def dataset_of(home: Path) -> str:
    """The dataset that stands for a home folder; it and its staging dataset are made when first asked for."""
    note = home / "dataset"
    with _making:
        if not note.exists():
            home.mkdir(parents=True, exist_ok=True)
            note.write_text(random_name())
            list(set_up(clients(), bucket=None, dataset=note.read_text()))
    return note.read_text()


def warehouse_of(home: Path, **settings: Any) -> BigQueryWarehouse:
    """A warehouse in the home folder's datasets."""
    return BigQueryWarehouse(
        lambda: clients().bigquery,
        project=PROJECT,
        dataset=dataset_of(home),
        location=LOCATION,
        spool=home / "spool",
        clock=lambda: datetime.now(UTC),
        maximum_bytes_billed=_LIMIT,
        **settings,
    )


def table_comments(home: Path, table: str) -> dict[str, str]:
    """Table comment (under "") and column comments, as a client sees them."""
    found = clients().bigquery.get_table(f"{PROJECT}.{dataset_of(home)}.{table}")
    columns = {field.name: field.description for field in found.schema if field.description}
    return {"": found.description or "", **columns}


def remove_datasets(name: str) -> None:
    """Both, with all that is in them."""
    for dataset in (name, staging_dataset(name)):
        clients().bigquery.delete_dataset(f"{PROJECT}.{dataset}", delete_contents=True, not_found_ok=True)


def remove_datasets_of(home: Path) -> None:
    """Those that stand for the home folder, if there are any."""
    if (home / "dataset").exists():
        remove_datasets(dataset_of(home))


def bucket() -> Any:
    """The client's `Bucket`."""
    return clients().storage.bucket(BUCKET)


def remove_objects(prefix: str) -> None:
    """Everything under a prefix, older versions too."""
    for blob in list(clients().storage.list_blobs(BUCKET, prefix=f"{prefix}/", versions=True)):
        bucket().delete_blob(blob.name, generation=blob.generation)
