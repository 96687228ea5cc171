"""Cleaned months on their way through the bucket."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from taxi_pipelines.errors import LakeRefused
from taxi_pipelines.gcp.uploads import BucketUploads
from tests.support.google.clients import storage_client
from tests.support.google.server import FakeGoogle

BUCKET = "taxi-lake"
NAME = "clean/green/2021-01/v1.parquet"


@pytest.fixture(autouse=True)
def bucket(fake: FakeGoogle) -> None:
    fake.storage.make_bucket(BUCKET)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    file = tmp_path / "cleaned.parquet"
    file.write_bytes(b"cleaned")
    return file


def uploads(fake: FakeGoogle, *, prefix: str = "lake", keep: bool = False) -> BucketUploads:
    return BucketUploads(lambda: storage_client(fake.url), bucket=BUCKET, prefix=prefix, keep=keep)


def test_an_upload_can_be_loaded_until_the_end_of_the_block(fake: FakeGoogle, path: Path) -> None:
    with uploads(fake).upload(path, NAME) as uri:
        assert uri == f"gs://{BUCKET}/lake/{NAME}"
        assert fake.storage.content(uri) == b"cleaned"
    assert fake.storage.names(BUCKET) == set()
    assert Counter(call.method for call in fake.calls) == {"POST": 1, "DELETE": 1}


def test_without_a_prefix_it_lies_at_the_top(fake: FakeGoogle, path: Path) -> None:
    with uploads(fake, prefix="").upload(path, NAME) as uri:
        assert uri == f"gs://{BUCKET}/{NAME}"


def test_an_upload_goes_also_where_the_load_fails(fake: FakeGoogle, path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), uploads(fake).upload(path, NAME):
        raise KeyboardInterrupt
    assert fake.storage.names(BUCKET) == set()


def test_an_upload_that_is_to_be_kept_stays(fake: FakeGoogle, path: Path) -> None:
    with uploads(fake, keep=True).upload(path, NAME) as uri:
        pass
    assert fake.storage.content(uri) == b"cleaned"


@pytest.mark.parametrize("left", [b"cleaned", b"of another run"])
def test_what_a_killed_run_left_there_is_taken_or_replaced(fake: FakeGoogle, path: Path, left: bytes) -> None:
    old = fake.storage.write(BUCKET, f"lake/{NAME}", left)
    with uploads(fake).upload(path, NAME) as uri:
        assert fake.storage.content(uri) == b"cleaned"
        new = fake.storage.buckets[BUCKET].live[f"lake/{NAME}"]
        assert (new.generation == old.generation) == (left == b"cleaned")
    assert fake.storage.names(BUCKET) == set()


def test_an_upload_that_is_refused_says_why(fake: FakeGoogle, path: Path) -> None:
    fake.storage.deny(BUCKET, "storage.objects.create")
    with pytest.raises(LakeRefused, match=r"lacks storage\.objects\.create on bucket taxi-lake; run: gcloud"):
        with uploads(fake).upload(path, NAME):
            pass
