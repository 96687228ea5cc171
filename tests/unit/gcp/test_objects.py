"""Objects of buckets as triggers watch them, on the fake of Google's API."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from taxi_pipelines.errors import LakeRefused, NotFound, UsageError
from taxi_pipelines.gcp.clients import GoogleClients
from taxi_pipelines.gcp.objects import BucketObjects
from taxi_pipelines.scheduler.polling.gcs_objects import look_at_bucket
from tests.support.google.server import FakeGoogle
from tests.support.metadata import sqlite_file
from tests.support.scheduling import Scene, flow, minutes, scene_at

FOLDER = "gs://incoming/new"


@pytest.fixture
def objects(fake: FakeGoogle, google: GoogleClients) -> BucketObjects:
    fake.storage.make_bucket("incoming")
    fake.storage.make_bucket("done")
    for name in ("new/a.csv", "new/b.txt", "new/below/c.csv", "other/d.csv"):
        fake.storage.write("incoming", name, name.encode())
    return BucketObjects(lambda credentials: google)


def test_a_folder_is_listed_as_deep_as_is_wanted(objects: BucketObjects) -> None:
    found = objects.listed(FOLDER, recursive=False, credentials=None)
    assert [(one.uri, one.bytes) for one in found] == [("gs://incoming/new/a.csv", 9), ("gs://incoming/new/b.txt", 9)]
    assert found[0].mark != found[1].mark
    assert len(objects.listed(f"{FOLDER}/", recursive=True, credentials=None)) == 3
    with pytest.raises(LakeRefused, match="there is no bucket nowhere"):
        objects.listed("gs://nowhere/x", recursive=False, credentials=None)
    with pytest.raises(UsageError, match="is not a bucket's URL"):
        objects.listed("/tmp", recursive=False, credentials=None)


def test_objects_are_fetched_moved_and_deleted_and_what_is_gone_is_fine(
    objects: BucketObjects, fake: FakeGoogle
) -> None:
    content = BytesIO()
    objects.fetch(f"{FOLDER}/a.csv", content, None)
    assert content.getvalue() == b"new/a.csv"
    for _ in range(2):
        objects.move(f"{FOLDER}/a.csv", "gs://done/2024/", None)
        objects.delete(f"{FOLDER}/b.txt", None)
    assert fake.storage.names("incoming") == {"new/below/c.csv", "other/d.csv"}
    assert fake.storage.names("done") == {"2024/a.csv"}
    with pytest.raises(NotFound, match=r"new/a\.csv is gone"):
        objects.fetch(f"{FOLDER}/a.csv", content, None)


@pytest.fixture
def scene(tmp_path: Path, objects: BucketObjects) -> Iterator[Scene]:
    watchers = {"io.kestra.plugin.gcp.gcs.Trigger": lambda look: look_at_bucket(look, objects)}
    with scene_at(sqlite_file(tmp_path), watchers=watchers) as scene:
        yield scene


def test_new_objects_start_one_execution_that_has_them_and_are_moved(scene: Scene, fake: FakeGoogle) -> None:
    more = "regExp: '.*[.]csv', listingType: RECURSIVE, action: MOVE, moveDirectory: gs://done/in"
    scene.save(flow(f"  - {{id: t, type: gcs.trigger, from: {FOLDER}, {more}}}"))
    [found] = scene.look()
    blobs = found["blobs"]
    assert [blob["gcsUri"] for blob in blobs] == [f"{FOLDER}/a.csv", f"{FOLDER}/below/c.csv"]
    with scene.parts.files.open(blobs[0]["uri"]) as file:
        assert file.read() == b"new/a.csv"
    assert fake.storage.names("done") == {"in/a.csv", "in/c.csv"}
    assert scene.look(minutes(2)) == []
    fake.storage.write("incoming", "new/a.csv", b"again")
    assert len(scene.look(minutes(2))) == 1
