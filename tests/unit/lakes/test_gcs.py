"""What is particular to the lake in a bucket: its names, its calls, its races, what breaks on the way."""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import pytest

from taxi_pipelines.domain.manifest import FileFormat, Manifest, Offer
from taxi_pipelines.domain.month import Month
from taxi_pipelines.errors import DiskFull, LakeCorrupt, LakeUnavailable
from taxi_pipelines.gcp import bucket as calls
from taxi_pipelines.interfaces import LakeObject
from taxi_pipelines.lakes.gcs import GCSLake
from taxi_pipelines.lakes.local import LocalLake
from tests.support.google.clients import storage_client
from tests.support.google.faults import CutAnswer, CutRequest, Hold, LoseAnswer, Refuse
from tests.support.google.server import FakeGoogle

BUCKET = "taxi-lake"
FOLDER = "lake/raw/green/2021-01/"
MONTH = Month(2021, 1)
NOW = datetime(2024, 5, 1, tzinfo=UTC)
SPAWN = multiprocessing.get_context("spawn")
OFFER = Offer(
    type="green",
    month=MONTH,
    format=FileFormat.CSV_GZ,
    url="https://example.org/green_tripdata_2021-01.csv.gz",
    file_name="green_tripdata_2021-01.csv.gz",
    etag='"one"',
    bytes=None,
)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries wait for milliseconds."""
    monkeypatch.setattr(calls, "RETRY", calls.RETRY.with_delay(initial=0.01, maximum=0.02))


def put(
    lake: GCSLake | LocalLake, content: bytes = b"trips", *, now: datetime = NOW, etag: str = '"one"'
) -> LakeObject:
    def fetch(target: BinaryIO) -> Offer:
        target.write(content)
        return replace(OFFER, etag=etag)

    return lake.put(OFFER, fetch, now)


def content_of(lake: GCSLake, item: LakeObject) -> bytes:
    with lake.open(item) as file:
        return file.read()


def asked(fake: FakeGoogle) -> Counter[str]:
    """How often each kind of call was made; the chunks of uploads apart."""
    return Counter("chunk" if call.method == "PUT" else call.method for call in fake.calls)


def test_objects_are_named_as_files_are_in_a_folder_and_carry_their_manifest(fake: FakeGoogle, gcs: GCSLake) -> None:
    item = put(gcs)
    name = f"{FOLDER}green_tripdata_2021-01.{item.manifest.sha256[:12]}.csv.gz"
    assert fake.storage.names(BUCKET) == {name, f"{name}.manifest.json"}
    assert (item.location, gcs.address) == (f"gs://{BUCKET}/{name}", f"gs://{BUCKET}/lake")
    note = fake.storage.buckets[BUCKET].live[f"{name}.manifest.json"]
    assert note.metadata
    for text in (note.content, note.metadata["manifest"]):
        assert Manifest.from_dict(json.loads(text)) == item.manifest


def test_a_lake_may_be_the_whole_bucket(fake: FakeGoogle, tmp_path: Path) -> None:
    lake = GCSLake(lambda: storage_client(fake.url), bucket=BUCKET, prefix="", spool=tmp_path)
    item = put(lake)
    assert lake.address == f"gs://{BUCKET}"
    assert item.location.startswith(f"gs://{BUCKET}/raw/green/2021-01/")
    assert lake.partitions() == [("green", MONTH)]
    assert lake.versions("green", MONTH) == [item]


def test_a_folder_copied_into_the_bucket_is_the_same_lake(fake: FakeGoogle, gcs: GCSLake, tmp_path: Path) -> None:
    folder = LocalLake(tmp_path / "lake")
    item = put(folder)
    for path in (tmp_path / "lake").rglob("*.*"):
        fake.storage.write(BUCKET, str(path.relative_to(tmp_path)), path.read_bytes())
    copied = gcs.versions("green", MONTH)[0]
    assert copied.manifest == item.manifest
    assert content_of(gcs, copied) == b"trips"
    gcs.check(copied)


def test_a_new_month_of_a_small_file_takes_two_calls_and_looking_takes_one(fake: FakeGoogle, gcs: GCSLake) -> None:
    item = put(gcs)
    assert asked(fake) == {"POST": 2}
    fake.calls.clear()
    assert gcs.versions("green", MONTH) == [item]
    assert gcs.find("green", MONTH, item.manifest.sha256) == item
    assert asked(fake) == {"GET": 2}
    fake.calls.clear()
    assert gcs.sweep() == 0
    assert fake.calls == []


def test_a_big_file_goes_in_chunks(fake: FakeGoogle, gcs: GCSLake) -> None:
    content = os.urandom(20 << 20)
    item = put(gcs, content)
    assert asked(fake) == {"POST": 2, "chunk": 3}
    assert fake.storage.content(item.location) == content


def test_what_was_put_or_checked_is_opened_without_another_download(
    fake: FakeGoogle, gcs: GCSLake, other_gcs: GCSLake
) -> None:
    item = put(gcs)
    other_gcs.check(item)
    fake.calls.clear()
    assert content_of(gcs, item) == content_of(other_gcs, item) == b"trips"
    assert [call for call in fake.calls if "alt=media" in call.target] == []
    assert content_of(gcs, item) == content_of(other_gcs, item) == b"trips"
    assert len([call for call in fake.calls if "alt=media" in call.target]) == 2


def test_a_local_copy_is_not_taken_for_what_somebody_else_has_put_there(fake: FakeGoogle, gcs: GCSLake) -> None:
    item = put(gcs)
    fake.storage.write(BUCKET, item.location.removeprefix(f"gs://{BUCKET}/"), b"other")
    assert content_of(gcs, item) == b"other"


def test_an_upload_cut_in_the_middle_goes_on_in_its_session(fake: FakeGoogle, gcs: GCSLake) -> None:
    content = os.urandom(20 << 20)
    fake.faults.on("PUT", "/upload/", CutRequest(after=5_000_000), Refuse(503), LoseAnswer())
    item = put(gcs, content)
    gcs.check(item)
    assert fake.storage.content(item.location) == content
    assert asked(fake)["POST"] == 2
    assert fake.faults.left == 0


@pytest.mark.parametrize("code", [404, 410])
def test_an_upload_whose_session_is_forgotten_starts_over(fake: FakeGoogle, gcs: GCSLake, code: int) -> None:
    content = os.urandom(9 << 20)
    fake.faults.on("PUT", "/upload/", Refuse(code, "notFound"))
    item = put(gcs, content)
    assert fake.storage.content(item.location) == content
    assert asked(fake)["POST"] == 3


def test_an_upload_that_is_forgotten_every_time_is_given_up(fake: FakeGoogle, gcs: GCSLake) -> None:
    fake.faults.on("PUT", "/upload/", *[Refuse(410)] * 3)
    with pytest.raises(LakeUnavailable, match=r"upload of gs://taxi-lake/.* broke off every time; run again later"):
        put(gcs, os.urandom(9 << 20))
    assert gcs.versions("green", MONTH) == []


@pytest.mark.parametrize("code", [429, 500, 503])
def test_what_may_go_away_by_itself_is_tried_again(fake: FakeGoogle, gcs: GCSLake, code: int) -> None:
    for method, part in [("POST", "/upload/"), ("GET", "prefix="), ("GET", "/o/"), ("DELETE", "/o/")]:
        fake.faults.on(method, part, Refuse(code))
    item = put(gcs)
    assert gcs.versions("green", MONTH) == [item]
    gcs.check(item)
    gcs.remove(item)
    assert fake.faults.left == 0
    assert fake.storage.names(BUCKET) == set()


def test_what_stays_away_is_unavailable(fake: FakeGoogle, gcs: GCSLake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calls, "RETRY", calls.RETRY.with_timeout(0.1))
    fake.faults.on("GET", "prefix=", *[Refuse(503, message="come back later")] * 99)
    with pytest.raises(
        LakeUnavailable, match=r"^Cloud Storage does not answer for gs://\S+: 503 come back later; run again later$"
    ):
        gcs.versions("green", MONTH)


def test_an_answer_that_is_lost_is_found_again(fake: FakeGoogle, gcs: GCSLake) -> None:
    fake.faults.on("POST", "/upload/", LoseAnswer())  # of the file
    item = put(gcs)
    fake.faults.on("DELETE", "/o/", LoseAnswer(), LoseAnswer())
    gcs.remove(item)
    assert fake.storage.names(BUCKET) == set()
    hold = Hold()
    hold.go_on.set()
    fake.faults.on("POST", "/upload/", hold, LoseAnswer())  # of the manifest
    assert put(gcs) == item
    assert gcs.versions("green", MONTH) == [item]
    fake.faults.on("PATCH", "/o/", LoseAnswer())
    put(gcs)
    assert fake.faults.left == 0


def test_a_download_cut_in_the_middle_goes_on_from_there(fake: FakeGoogle, gcs: GCSLake) -> None:
    item = put(gcs, os.urandom(3 << 20))
    fake.faults.on("GET", "alt=media", CutAnswer(after=1_000_000))
    gcs.check(item)
    ranges = [call.headers.get("range") for call in fake.calls if "alt=media" in call.target]
    assert ranges == [None, f"bytes={1_000_000 // 8192 * 8192}-"], "the client counts in steps of 8 KiB"


@pytest.mark.parametrize("later", [True, False])
def test_of_two_writers_the_newer_fetch_wins_and_the_other_sees_it(
    gcs: GCSLake, other_gcs: GCSLake, later: bool
) -> None:
    theirs: list[LakeObject] = []

    def fetch(target: BinaryIO) -> Offer:
        theirs.append(put(other_gcs, now=NOW + timedelta(hours=1 if later else -1), etag='"theirs"'))
        target.write(b"trips")
        return OFFER

    ours = gcs.put(OFFER, fetch, NOW)
    assert ours.manifest.etag == ('"theirs"' if later else '"one"')
    assert gcs.versions("green", MONTH) == other_gcs.versions("green", MONTH) == [ours]
    assert content_of(gcs, ours) == content_of(other_gcs, theirs[0]) == b"trips"


def put_big(url: str, spool: Path) -> None:
    put(GCSLake(lambda: storage_client(url), bucket=BUCKET, prefix="lake", spool=spool), b"trips" * 2_000_000)


def test_a_writer_killed_between_file_and_manifest_leaves_nothing_visible_and_the_next_one_makes_it_whole(
    fake: FakeGoogle, gcs: GCSLake, tmp_path: Path
) -> None:
    fake.faults.on("POST", "uploadType=multipart", hold := Hold())  # the manifest: the file is too big to go at once
    writer = SPAWN.Process(target=put_big, args=(fake.url, tmp_path / "spool"), daemon=True)
    writer.start()
    assert hold.reached.wait(30)
    assert writer.pid
    os.kill(writer.pid, signal.SIGKILL)
    writer.join(30)
    assert hold.forgotten.wait(30)
    assert len(fake.storage.names(BUCKET)) == 1
    assert list((tmp_path / "spool").iterdir()) == []
    assert (gcs.versions("green", MONTH), gcs.partitions()) == ([], [])
    fake.calls.clear()
    item = put(gcs, b"trips" * 2_000_000)
    assert gcs.versions("green", MONTH) == [item]
    gcs.check(item)
    assert asked(fake)["chunk"] == 0, "the bytes were sent again"


@pytest.mark.parametrize("held", [".manifest.json", ".csv.gz"])
def test_a_file_put_again_while_it_is_removed_stays(
    fake: FakeGoogle, gcs: GCSLake, other_gcs: GCSLake, held: str
) -> None:
    item = put(gcs)
    hold, past = Hold(), Hold()
    past.go_on.set()
    fake.faults.on("DELETE", held, *([hold] if held == ".manifest.json" else [past, hold]))
    with ThreadPoolExecutor(1) as pool:
        removing = pool.submit(gcs.remove, item)
        assert hold.reached.wait(30)
        again = put(other_gcs, now=NOW + timedelta(days=1))
        hold.go_on.set()
        removing.result(30)
    assert gcs.versions("green", MONTH) == [again]
    other_gcs.check(again)


def test_a_removed_file_can_be_had_back_while_the_bucket_keeps_its_versions(fake: FakeGoogle, gcs: GCSLake) -> None:
    gcs.remove(put(gcs))
    assert fake.storage.names(BUCKET) == set()
    assert len(fake.storage.buckets[BUCKET].noncurrent) == 2


def test_a_folder_that_is_not_a_month_is_named(fake: FakeGoogle, gcs: GCSLake) -> None:
    fake.storage.write(BUCKET, "lake/raw/green/january/x.manifest.json", b"{}")
    with pytest.raises(
        LakeCorrupt, match=r"^gs://taxi-lake/lake/raw/green/january is not named after a month; move it"
    ):
        gcs.partitions()


def test_check_looks_at_the_size_first(fake: FakeGoogle, gcs: GCSLake) -> None:
    item = put(gcs)
    fake.storage.write(BUCKET, item.location.removeprefix(f"gs://{BUCKET}/"), b"trips!")
    fake.calls.clear()
    with pytest.raises(LakeCorrupt, match=r"has 6 bytes, its manifest says 5"):
        gcs.check(item)
    assert asked(fake) == {"GET": 1}


def fill(url: str, spool: Path) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    with pytest.raises(DiskFull, match=r"no space left on the disk of .*spool; free some space"):
        put(GCSLake(lambda: storage_client(url), bucket=BUCKET, prefix="lake", spool=spool), b"x" * 200_000)
    assert list(spool.iterdir()) == []


def test_a_full_disk_is_said_to_be_full_and_nothing_is_sent(fake: FakeGoogle, tmp_path: Path) -> None:
    process = SPAWN.Process(target=fill, args=(fake.url, tmp_path / "spool"))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert fake.calls == []
