"""The fake Cloud Storage, through the official client: what it does that the lake does not use."""

from __future__ import annotations

import io
import os

import pytest
import requests
from google.api_core import exceptions as api
from google.cloud import storage
from google.cloud.storage.retry import DEFAULT_RETRY

from tests.support.google.clients import storage_client
from tests.support.google.faults import CutRequest, Refuse
from tests.support.google.server import FakeGoogle, start_fake

STEP = 256 * 1024


@pytest.fixture
def fake() -> FakeGoogle:
    fake = start_fake()
    fake.reset()
    return fake


@pytest.fixture
def client(fake: FakeGoogle) -> storage.Client:
    return storage_client(fake.url)


@pytest.fixture
def bucket(fake: FakeGoogle, client: storage.Client) -> storage.Bucket:
    fake.storage.make_bucket("mine")
    return client.bucket("mine")


def test_a_bucket_is_made_changed_listed_and_taken_away(fake: FakeGoogle, client: storage.Client) -> None:
    bucket = client.bucket("mine")
    bucket.iam_configuration.uniform_bucket_level_access_enabled = True
    bucket.create(location="europe-west1")
    assert (bucket.location, bucket.location_type) == ("EUROPE-WEST1", "region")
    bucket.versioning_enabled = True
    bucket.labels = {"flow": "taxi"}
    bucket.add_lifecycle_delete_rule(age=7, matches_prefix=["clean/"])
    bucket.patch()
    again = client.get_bucket("mine")
    assert (again.versioning_enabled, again.labels, len(list(again.lifecycle_rules))) == (True, {"flow": "taxi"}, 1)
    assert again.iam_configuration.uniform_bucket_level_access_enabled
    assert [each.name for each in client.list_buckets()] == ["mine"]
    again.delete()
    assert fake.storage.buckets == {}


def test_a_name_that_is_taken_is_a_conflict_and_somebody_elses_is_forbidden(
    fake: FakeGoogle, client: storage.Client, bucket: storage.Bucket
) -> None:
    fake.storage.taken.add("theirs")
    with pytest.raises(api.Conflict, match="you already own it"):
        client.create_bucket("mine")
    with pytest.raises(api.Conflict, match="shared by all users"):
        client.create_bucket("theirs")
    with pytest.raises(api.Forbidden, match=r"does not have storage\.buckets\.get access"):
        client.get_bucket("theirs")
    assert client.bucket("theirs").test_iam_permissions(["storage.objects.get"]) == []


def test_permissions_can_be_asked_for(fake: FakeGoogle, bucket: storage.Bucket) -> None:
    fake.storage.deny("mine", "storage.objects.delete")
    assert bucket.test_iam_permissions(["storage.objects.get", "storage.objects.delete"]) == ["storage.objects.get"]


def test_a_listing_comes_in_pages_with_folders_and_only_the_fields_asked_for(
    client: storage.Client, bucket: storage.Bucket, fake: FakeGoogle
) -> None:
    for number in range(25):
        fake.storage.write("mine", f"a/{number:02}", b"x")
    fake.storage.write("mine", "a/b/c", b"x")
    fake.storage.write("mine", "z", b"x")
    listed = client.list_blobs(
        "mine", prefix="a/", delimiter="/", page_size=10, fields="items(name),nextPageToken,prefixes"
    )
    blobs = list(listed)
    assert [blob.name for blob in blobs] == [f"a/{number:02}" for number in range(25)]
    assert (blobs[0].size, listed.prefixes) == (None, {"a/b/"})
    assert len(fake.calls) == 3


def test_old_generations_stay_where_the_bucket_keeps_versions(bucket: storage.Bucket) -> None:
    bucket.versioning_enabled = True
    bucket.patch()
    blob = bucket.blob("name")
    blob.upload_from_string(b"one")
    first = blob.generation
    blob.upload_from_string(b"two")
    bucket.delete_blob("name")
    assert not bucket.blob("name").exists()
    assert bucket.blob("name", generation=first).download_as_bytes() == b"one"
    assert len(list(bucket.list_blobs(versions=True))) == 2
    bucket.delete_blob("name", generation=first)
    assert len(list(bucket.list_blobs(versions=True))) == 1


def test_objects_are_copied_rewritten_and_composed(bucket: storage.Bucket) -> None:
    one = bucket.blob("one")
    one.metadata = {"kept": "yes"}
    one.upload_from_string(b"one ", content_type="text/plain")
    copy = bucket.copy_blob(one, bucket, "copy")
    assert (copy.metadata, copy.content_type) == ({"kept": "yes"}, "text/plain")
    two = bucket.blob("two")
    assert two.rewrite(one) == (None, 4, 4)
    both = bucket.blob("both")
    both.compose([one, two])
    assert both.download_as_bytes() == b"one one "
    with pytest.raises(api.PreconditionFailed):
        bucket.copy_blob(one, bucket, "copy", if_generation_match=0)


def test_a_session_says_how_far_it_got_and_can_be_given_up(fake: FakeGoogle, bucket: storage.Bucket) -> None:
    url = bucket.blob("name").create_resumable_upload_session(size=3 * STEP)
    content = os.urandom(3 * STEP)
    told = {"Content-Range": f"bytes 0-{2 * STEP - 1}/{3 * STEP}"}
    fake.faults.on("PUT", "/upload/", CutRequest(after=STEP + 100))
    with pytest.raises(requests.ConnectionError):
        requests.put(url, data=content[: 2 * STEP], headers=told, timeout=10)
    asked = requests.put(url, headers={"Content-Range": f"bytes */{3 * STEP}"}, timeout=10)
    assert (asked.status_code, asked.headers["Range"]) == (308, f"bytes=0-{STEP - 1}")
    rest = {"Content-Range": f"bytes {STEP}-{3 * STEP - 1}/{3 * STEP}"}
    assert requests.put(url, data=content[STEP:], headers=rest, timeout=10).json()["size"] == str(3 * STEP)
    assert requests.put(url, headers={"Content-Range": "bytes */*"}, timeout=10).status_code == 200
    assert fake.storage.content("gs://mine/name") == content
    assert requests.delete(url, timeout=10).status_code == 499
    assert requests.put(url, headers={"Content-Range": "bytes */*"}, timeout=10).status_code == 404


def test_an_upload_of_unknown_length_ends_with_its_last_chunk(bucket: storage.Bucket, fake: FakeGoogle) -> None:
    content = os.urandom(STEP + 5)
    with bucket.blob("name", chunk_size=STEP).open("wb") as file:
        file.write(content)
    assert fake.storage.content("gs://mine/name") == content


def test_a_precondition_is_looked_at_again_when_the_upload_ends(fake: FakeGoogle, bucket: storage.Bucket) -> None:
    url = bucket.blob("name").create_resumable_upload_session(size=5, if_generation_match=0)
    fake.storage.write("mine", "name", b"other")
    assert requests.put(url, data=b"bytes", timeout=10).status_code == 412
    assert fake.storage.content("gs://mine/name") == b"other"


def test_an_upload_that_is_cut_off_stores_nothing(fake: FakeGoogle, bucket: storage.Bucket) -> None:
    fake.faults.on("POST", "/upload/", CutRequest(after=300))
    with pytest.raises(requests.ConnectionError):
        bucket.blob("name").upload_from_file(io.BytesIO(bytes(10_000)), size=10_000, retry=None)
    assert fake.storage.names("mine") == set()


def test_a_fault_happens_once_and_to_the_calls_it_is_meant_for(fake: FakeGoogle, bucket: storage.Bucket) -> None:
    fake.faults.on("GET", "/o/two", Refuse(403, "forbidden", "not this one"))
    for name in ("one", "two"):
        fake.storage.write("mine", name, b"x")
    bucket.blob("one").reload(retry=DEFAULT_RETRY)
    with pytest.raises(api.Forbidden, match="not this one"):
        bucket.blob("two").reload()
    bucket.blob("two").reload()
    assert [call.status for call in fake.calls] == [200, 403, 200]
