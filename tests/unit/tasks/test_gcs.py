"""Cloud Storage tasks: the official client speaks to the tests' own Cloud Storage over loopback."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest

from taxi_pipelines.work_interfaces import GoogleAccess
from tests.support.engines import Bench, Ran, running
from tests.support.google.faults import CutAnswer, CutRequest, LoseAnswer, Refuse
from tests.support.google.server import FakeGoogle, start_fake
from tests.support.worker_tasks import one_task

TYPE = "io.kestra.plugin.gcp.gcs."
DEFAULTS = [
    {"type": "io.kestra.plugin.gcp", "values": {"projectId": "my-project", "location": "EU", "bucket": "ignored"}}
]


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    access = GoogleAccess(storage_emulator=start_fake().url, bigquery_emulator=start_fake().url)
    with running(tmp_path_factory.mktemp("home"), google=access) as found:
        yield found


@pytest.fixture(autouse=True)
def fake() -> FakeGoogle:
    found = start_fake()
    found.reset()
    found.storage.make_bucket(name="lake-1", location="EU")
    return found


def run(bench: Bench, *tasks: dict[str, Any]) -> Ran:
    return bench.finish(bench.submit(one_task(*tasks, pluginDefaults=DEFAULTS)).id, 60)


def task(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": TYPE + kind, **more}


def made(**files: str) -> dict[str, Any]:
    return {
        "id": "made",
        "type": "storage.localFiles",
        "inputs": {f"{name}.csv": text for name, text in files.items()},
        "outputs": ["*"],
    }


def outputs(ran: Ran) -> Any:
    assert ran.states["t"] == "SUCCESS", ran.lines
    return ran.runs[-1].outputs


def put(bench: Bench, **objects: str) -> None:
    for name, text in objects.items():
        source = {"from": "{{ outputs.made.uris['a.csv'] }}", "to": f"gs://lake-1/{name.replace('__', '/')}.csv"}
        outputs(run(bench, made(a=text), task("Upload", **source)))


def test_a_file_goes_up_with_its_checksums(bench: Bench, fake: FakeGoogle) -> None:
    source = {"from": "{{ outputs.made.uris['trips.csv'] }}", "to": "gs://lake-1/a folder/trips+1%.csv"}
    ran = run(bench, made(trips="id\n1\n"), task("Upload", **source, cacheControl="no-store"))
    found = outputs(ran)
    assert found["uri"] == "gs://lake-1/a folder/trips+1%.csv"
    assert found["md5"] == base64.b64encode(hashlib.md5(b"id\n1\n").digest()).decode()
    assert fake.storage.content(found["uri"]) == b"id\n1\n"
    assert [one.value for one in bench.parts.logs.metrics(ran.execution.id) if one.name == "file.size"] == [5]


def test_several_files_go_into_a_folder(bench: Bench, fake: FakeGoogle) -> None:
    source = {"from": "{{ outputs.made.uris | values }}", "to": "gs://lake-1/new"}
    found = outputs(run(bench, made(a="1", b="2"), task("Upload", **source)))
    assert found["uris"] == ["gs://lake-1/new/a.csv", "gs://lake-1/new/b.csv"]
    assert found["uri"] == "gs://lake-1/new/"
    assert fake.storage.content("gs://lake-1/new/b.csv") == b"2"


def test_a_broken_upload_goes_on(bench: Bench, fake: FakeGoogle) -> None:
    fake.faults.on("PUT", "/upload/", Refuse(503), CutRequest(after=100_000))
    fake.faults.on("POST", "/upload/", LoseAnswer())
    content = b"x" * (9 << 20)
    bench.parts.files.put("kestra:///big.csv", BytesIO(content))
    outputs(run(bench, task("Upload", **{"from": "kestra:///big.csv", "to": "gs://lake-1/big"})))
    assert fake.storage.content("gs://lake-1/big") == content
    assert not fake.faults.left


def test_an_object_comes_down(bench: Bench, fake: FakeGoogle) -> None:
    put(bench, dir__zones="id\n1\n")
    fake.faults.on("GET", "alt=media", CutAnswer(after=2))
    found = outputs(run(bench, task("Download", **{"from": "gs://lake-1/dir/zones.csv"})))
    assert (found["bucket"], found["path"]) == ("lake-1", "dir/zones.csv")
    assert found["uri"].endswith("/zones.csv")
    with bench.parts.files.open(found["uri"]) as file:
        assert file.read() == b"id\n1\n"


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"from": "gs://lake-1/"}, ["dir/", "a.csv", "b.csv"]),
        ({"from": "gs://lake-1", "filter": "FILES", "regExp": ".*/a\\.csv"}, ["a.csv"]),
        ({"from": "gs://lake-1/", "listingType": "RECURSIVE"}, ["a.csv", "b.csv", "dir/c.csv"]),
        ({"from": "gs://lake-1/dir/"}, ["dir/c.csv"]),
        ({"from": "gs://lake-1/", "filter": "DIRECTORY"}, ["dir/"]),
        ({"from": "gs://lake-1/", "filter": "FILES", "maxFiles": 1}, ["a.csv"]),
    ],
)
def test_objects_are_listed(bench: Bench, more: dict[str, Any], expected: list[str]) -> None:
    put(bench, a="1", b="22", dir__c="3")
    blobs = outputs(run(bench, task("List", **more)))["blobs"]
    assert [one["name"] for one in blobs] == expected
    assert all(one["uri"] == f"gs://lake-1/{one['name']}" for one in blobs)


def test_an_object_is_copied_moved_and_deleted(bench: Bench, fake: FakeGoogle) -> None:
    put(bench, a="1")
    ran = run(
        bench,
        task("Copy", id="copied", **{"from": "gs://lake-1/a.csv", "to": "gs://lake-1/b.csv"}),
        task("Copy", id="moved", **{"from": "gs://lake-1/b.csv", "to": "gs://lake-1/c.csv"}, delete=True),
        task("Delete", id="gone", uri="gs://lake-1/a.csv"),
        task("Delete", id="again", uri="gs://lake-1/a.csv"),
        task("Delete", uri="gs://lake-1/a.csv", errorOnMissing=True),
    )
    found = {one.task_id: one.outputs for one in ran.runs}
    assert found["moved"] == {"uri": "gs://lake-1/c.csv"}, ran.lines
    assert (found["gone"]["deleted"], found["again"]["deleted"]) == (True, False)
    assert (ran.runs[-1].error or "").startswith("there is no object for gs://lake-1/a.csv")
    assert fake.storage.content("gs://lake-1/c.csv") == b"1"


def test_a_bucket_is_made_once_as_the_course_does(bench: Bench, fake: FakeGoogle) -> None:
    wanted = {"name": "your-name-kestra", "storageClass": "REGIONAL", "labels": {"team": "data"}}
    more = {
        "lifecycleRules": [{"condition": {"age": 30}, "action": {"type": "DELETE"}}],
        "versioningEnabled": True,
        "iamConfiguration": {"uniformBucketLevelAccessEnabled": True, "publicAccessPrevention": "ENFORCED"},
    }
    first = outputs(run(bench, task("CreateBucket", ifExists="SKIP", **wanted, **more)))
    assert first == {
        "bucket": {"name": "your-name-kestra", "uri": "gs://your-name-kestra", "location": "EU", "indexPage": None, "notFoundPage": None},
        "created": True,
        "updated": False,
    }  # fmt: skip
    resource = fake.storage.buckets["your-name-kestra"].resource
    assert (resource["storageClass"], resource["labels"]) == ("REGIONAL", {"team": "data"})
    assert resource["lifecycle"]["rule"] == [{"condition": {"age": 30}, "action": {"type": "Delete"}}]
    assert resource["iamConfiguration"]["publicAccessPrevention"] == "enforced"
    again = outputs(run(bench, task("CreateBucket", ifExists="SKIP", **wanted)))
    assert (again["created"], again["updated"]) == (False, False)
    changed = outputs(run(bench, task("CreateBucket", ifExists="UPDATE", **(wanted | {"labels": {"team": "ops"}}))))
    assert (changed["created"], changed["updated"]) == (False, True)
    assert fake.storage.buckets["your-name-kestra"].resource["labels"]["team"] == "ops"
    refused = run(bench, task("CreateBucket", **wanted)).runs[0].error
    assert refused == "the bucket your-name-kestra is there already; ifExists: SKIP allows that"


@pytest.mark.parametrize(
    ("kind", "more", "said"),
    [
        ("Upload", {"from": "kestra:///nothing.csv", "to": "gs://lake-1/x"}, "there is no file kestra:///nothing.csv"),
        ("Upload", {"from": "kestra:///nothing.csv", "to": "lake-1/x"}, "'lake-1/x' is not a place in Cloud Storage"),
        ("Upload", {"from": [], "to": "gs://lake-1/x"}, "neither the URI of a stored file nor a list"),
        ("Download", {"from": "gs://lake-1/nothing"}, "there is no object for gs://lake-1/nothing"),
        ("Download", {"from": "gs://nowhere-1/x"}, "there is no bucket for gs://nowhere-1/x"),
        ("Download", {"from": "gs://lake-1"}, "names a bucket, no object"),
        ("List", {"from": "gs://nowhere-1/x"}, "there is no bucket for gs://nowhere-1/x"),
        ("List", {"from": "gs://lake-1/", "regExp": "("}, "regExp '(' cannot be read"),
        ("Copy", {"from": "gs://lake-1/nothing", "to": "gs://lake-1/x"}, "there is no object for gs://lake-1/nothing"),
        ("CreateBucket", {"name": "Not_Valid!"}, "bucket name 'Not_Valid!' is not valid"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(bench: Bench, kind: str, more: dict[str, Any], said: str) -> None:
    error = run(bench, task(kind, **more)).runs[0].error or ""
    assert said in error
    assert "\n" not in error
