"""What the calls on a bucket say when they fail: one line each, with what to do."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from io import BytesIO

import pytest

from taxi_pipelines.errors import CredentialsInvalid, LakeRefused, LakeUnavailable, PipelineError
from taxi_pipelines.gcp import bucket as calls
from taxi_pipelines.gcp.bucket import Bucket
from taxi_pipelines.gcp.clients import GoogleClients
from tests.support.google.clients import storage_client
from tests.support.google.faults import Refuse
from tests.support.google.server import FakeGoogle
from tests.support.google.storage_state import PRINCIPAL

NAME = "taxi-lake"
GRANT = (
    f"run: gcloud storage buckets add-iam-policy-binding gs://{NAME}"
    f" --member=serviceAccount:{PRINCIPAL} --role=roles/storage.objectUser"
)


@pytest.fixture
def bucket(fake: FakeGoogle) -> Bucket:
    fake.storage.make_bucket(NAME)
    return Bucket(lambda: storage_client(fake.url), NAME)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries wait for milliseconds, and not for long."""
    monkeypatch.setattr(calls, "RETRY", calls.RETRY.with_delay(initial=0.01, maximum=0.02).with_timeout(0.3))


def upload(bucket: Bucket) -> object:
    return bucket.upload("name", BytesIO(b"bytes"), 5)


def upload_in_chunks(bucket: Bucket) -> object:
    return bucket.upload("name", BytesIO(bytes(9 << 20)), 9 << 20)


def there(bucket: Bucket) -> calls.storage.Blob:
    """An object, seen before the rights changed."""
    blob = bucket._bucket.blob("name")
    blob._properties |= {"generation": "1", "metageneration": "1", "size": "5"}
    return blob


CALLS: dict[str, Callable[[Bucket], object]] = {
    "storage.objects.create": upload,
    "storage.objects.create ": upload_in_chunks,
    "storage.objects.get": lambda bucket: bucket.stat("name"),
    "storage.objects.get ": lambda bucket: bucket.download(there(bucket), BytesIO()),
    "storage.objects.get  ": lambda bucket: bucket.read(there(bucket), 0, 5),
    "storage.objects.list": lambda bucket: bucket.list("", "name"),
    "storage.objects.update": lambda bucket: bucket.touch(there(bucket), {"a": "b"}),
    "storage.objects.delete": lambda bucket: bucket.delete(there(bucket)),
}


def refusal(call: Callable[[], object], kind: type[PipelineError]) -> str:
    with pytest.raises(kind) as caught:
        call()
    assert type(caught.value) is kind
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("permission", CALLS)
def test_a_lacking_right_is_named_with_who_lacks_it_and_the_command_that_grants_it(
    fake: FakeGoogle, bucket: Bucket, permission: str
) -> None:
    fake.storage.deny(NAME, permission.strip())
    said = refusal(lambda: CALLS[permission](bucket), LakeRefused)
    assert said == f"{PRINCIPAL} lacks {permission.strip()} on bucket {NAME}; {GRANT}"
    assert len(fake.calls) == 1, "it was tried again"


@pytest.mark.parametrize("permission", CALLS)
def test_a_missing_bucket_is_named(fake: FakeGoogle, bucket: Bucket, permission: str) -> None:
    del fake.storage.buckets[NAME]
    said = refusal(lambda: CALLS[permission](bucket), LakeRefused)
    assert said == f"there is no bucket {NAME}; run: taxi gcp setup, or name another as `lake`"
    assert len(fake.calls) == 1, "it was tried again"


def test_credentials_that_are_no_longer_valid_are_said_to_be_so(fake: FakeGoogle, bucket: Bucket) -> None:
    fake.faults.on("GET", "/b/", Refuse(401, "authError", "Invalid Credentials"))
    said = refusal(lambda: bucket.list("", "name"), CredentialsInvalid)
    assert re.fullmatch(r"Google does not accept the credentials: .*; run: gcloud auth application-default login", said)


@pytest.mark.parametrize("call", [upload, lambda bucket: bucket.stat("name")])
def test_any_other_refusal_is_told_in_googles_words(
    fake: FakeGoogle, bucket: Bucket, call: Callable[[Bucket], object]
) -> None:
    words = "The billing account for the owning project is disabled in state closed"
    for method in ("POST", "GET"):
        fake.faults.on(method, "taxi-lake", Refuse(403, "accountDisabled", words))
    said = refusal(lambda: call(bucket), LakeRefused)
    assert said == f"Cloud Storage refuses gs://{NAME}/name: {words}; run: taxi doctor"


@pytest.mark.parametrize("call", [upload, lambda bucket: bucket.stat("name")])
def test_a_quota_that_is_used_up_is_waited_for_and_then_told(
    fake: FakeGoogle, bucket: Bucket, call: Callable[[Bucket], object]
) -> None:
    for method in ("POST", "GET"):
        fake.faults.on(method, "taxi-lake", *[Refuse(429, "rateLimitExceeded", "The rate is too high")] * 99)
    said = refusal(lambda: call(bucket), LakeUnavailable)
    assert said == f"Cloud Storage does not answer for gs://{NAME}/name: 429 The rate is too high; run again later"
    assert len(fake.calls) > 3


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
        nobody = GoogleClients(
            project="p", location="US", credentials=None, impersonate=None, storage_emulator=url, bigquery_emulator=None
        )
        said = refusal(lambda: Bucket(lambda: nobody.storage, NAME).stat("name"), LakeUnavailable)
        nobody.close()
    assert re.fullmatch(
        r"Cloud Storage does not answer for gs://taxi-lake/name: Connection refused; run again later", said
    )


def test_bytes_damaged_on_the_way_up_are_refused_by_the_server(fake: FakeGoogle, bucket: Bucket) -> None:
    """The client sends the crc32c of what it read; what arrives must have it."""
    blob = bucket._bucket.blob("name")
    blob.crc32c = "AAAAAA=="
    with pytest.raises(Exception, match="doesn't match calculated CRC32C"):
        blob.upload_from_file(BytesIO(b"bytes"), size=5, checksum=None)
    assert fake.storage.names(NAME) == set()


def test_only_the_generation_that_was_named_is_replaced_or_taken_away(fake: FakeGoogle, bucket: Bucket) -> None:
    first = bucket.upload("name", BytesIO(b"one"), 3)
    assert first
    assert bucket.upload("name", BytesIO(b"two"), 3) is None
    second = bucket.upload("name", BytesIO(b"two"), 3, over=first.generation)
    assert second
    assert bucket.upload("name", BytesIO(b"three"), 5, over=first.generation) is None
    assert not bucket.delete(first)
    assert not bucket.touch(first, {"a": "b"})
    assert fake.storage.content(bucket.uri("name")) == b"two"
    seen = bucket.stat("name")
    assert seen
    assert bucket.touch(second, {"a": "b"})
    assert not bucket.delete(seen), "it was touched since it was seen"
    now = bucket.stat("name")
    assert now
    assert bucket.delete(now)
    assert bucket.delete(now), "one that is gone is fine"
