"""A bucket of the fake Cloud Storage, and a lake in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from taxi_pipelines.lakes.gcs import GCSLake
from tests.support.google.clients import storage_client
from tests.support.google.server import FakeGoogle, start_fake

BUCKET = "taxi-lake"


@pytest.fixture
def fake() -> FakeGoogle:
    """As `taxi gcp setup` would have made it: versioned."""
    fake = start_fake()
    fake.reset()
    fake.storage.make_bucket(BUCKET, versioning={"enabled": True})
    return fake


@pytest.fixture
def gcs(fake: FakeGoogle, tmp_path: Path) -> GCSLake:
    return GCSLake(lambda: storage_client(fake.url), bucket=BUCKET, prefix="lake", spool=tmp_path / "spool")


@pytest.fixture
def other_gcs(fake: FakeGoogle, tmp_path: Path) -> GCSLake:
    """The same lake from another machine: it has nothing of what the first one has in its spool."""
    return GCSLake(lambda: storage_client(fake.url), bucket=BUCKET, prefix="lake", spool=tmp_path / "other-spool")
