"""What every lake must do. To join with another storage: add its `Place` to `PLACES`; the tests stay as they are."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import BinaryIO, Protocol

import pytest
from google.cloud import storage

from taxi_pipelines.domain.manifest import FileFormat, Offer
from taxi_pipelines.domain.month import WHOLE, Month
from taxi_pipelines.errors import LakeCorrupt
from taxi_pipelines.interfaces import Lake, LakeObject
from taxi_pipelines.lakes.gcs import GCSLake
from taxi_pipelines.lakes.local import LocalLake
from tests.support import real_project
from tests.support.google.clients import storage_client
from tests.support.google.server import start_fake

MONTH = Month(2021, 1)
NOW = datetime(2024, 5, 1, 12, 30, 15, 250_000, tzinfo=UTC)
CONTENT = bytes(range(256)) * 5_000
BUCKET = "taxi-lake"
SPAWN = multiprocessing.get_context("spawn")


class Place(Protocol):
    """Where a lake under test lies; goes to other processes, and looks at what the interface does not show."""

    def open(self) -> Lake: ...

    def names(self) -> set[str]:
        """Everything stored, visible or not."""
        ...

    def damage(self, item: LakeObject) -> None:
        """Flips one byte of an object."""
        ...

    def lose(self, item: LakeObject) -> None:
        """Takes an object's bytes away, but not its manifest."""
        ...

    def spoil_manifest(self, item: LakeObject) -> None:
        """Makes an object's manifest unreadable."""
        ...


@dataclass(frozen=True)
class Folder:
    """A local lake's place."""

    root: Path

    def open(self) -> Lake:
        return LocalLake(self.root)

    def names(self) -> set[str]:
        return {str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file()}

    def damage(self, item: LakeObject) -> None:
        with Path(item.location).open("r+b") as file:
            file.seek(item.manifest.bytes // 2)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 1]))

    def lose(self, item: LakeObject) -> None:
        Path(item.location).unlink()

    def spoil_manifest(self, item: LakeObject) -> None:
        Path(item.location + ".manifest.json").write_text('{"type": "green"')


@dataclass(frozen=True)
class InBucket:
    """A lake's place in a bucket of the fake Cloud Storage, which other processes reach by its URL."""

    url: str
    spool: Path

    def open(self) -> Lake:
        return GCSLake(lambda: storage_client(self.url), bucket=BUCKET, prefix="some/prefix", spool=self.spool)

    def names(self) -> set[str]:
        return start_fake().storage.names(BUCKET) | {path.name for path in self.spool.glob("*")}

    def damage(self, item: LakeObject) -> None:
        content = bytearray(start_fake().storage.content(item.location))
        content[len(content) // 2] ^= 1
        start_fake().storage.write(BUCKET, self._name(item), bytes(content))

    def lose(self, item: LakeObject) -> None:
        start_fake().storage.buckets[BUCKET].retire(self._name(item))

    def spoil_manifest(self, item: LakeObject) -> None:
        start_fake().storage.write(BUCKET, self._name(item) + ".manifest.json", b'{"type": "green"')

    def _name(self, item: LakeObject) -> str:
        return item.location.removeprefix(f"gs://{BUCKET}/")


@dataclass(frozen=True)
class InRealBucket:
    """A lake's place in the bucket of a real project, under a prefix of its own."""

    prefix: str
    spool: Path

    def open(self) -> Lake:
        return GCSLake(
            lambda: real_project.clients().storage, bucket=real_project.BUCKET, prefix=self.prefix, spool=self.spool
        )

    def names(self) -> set[str]:
        stored = real_project.bucket().list_blobs(prefix=f"{self.prefix}/")
        return {blob.name for blob in stored} | {path.name for path in self.spool.glob("*")}

    def damage(self, item: LakeObject) -> None:
        blob = self._blob(item)
        content = bytearray(blob.download_as_bytes())
        content[len(content) // 2] ^= 1
        blob.upload_from_string(bytes(content))

    def lose(self, item: LakeObject) -> None:
        self._blob(item).delete()

    def spoil_manifest(self, item: LakeObject) -> None:
        self._blob(item, ".manifest.json").upload_from_string(b'{"type": "green"')

    def _blob(self, item: LakeObject, beside: str = "") -> storage.Blob:
        return real_project.bucket().blob(item.location.removeprefix(f"gs://{real_project.BUCKET}/") + beside)


@contextmanager
def local_folder(tmp_path: Path) -> Iterator[Place]:
    yield Folder(tmp_path / "lake")


@contextmanager
def gcs_bucket(tmp_path: Path) -> Iterator[Place]:
    fake = start_fake()
    fake.reset()
    fake.storage.make_bucket(BUCKET, versioning={"enabled": True})
    yield InBucket(fake.url, tmp_path / "spool")


@contextmanager
def real_bucket(tmp_path: Path) -> Iterator[Place]:
    place = InRealBucket(real_project.random_name(), tmp_path / "spool")
    try:
        yield place
    finally:
        real_project.remove_objects(place.prefix)


PLACES: dict[str, Callable[[Path], AbstractContextManager[Place]]] = {
    "local": local_folder,
    "gcs": gcs_bucket,
    "gcs-real": real_bucket,
}
MARKS = {"gcs-real": real_project.MARKS}


@pytest.fixture(params=[pytest.param(name, marks=MARKS.get(name, ())) for name in PLACES])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with PLACES[request.param](tmp_path) as place:
        yield place


@pytest.fixture
def lake(place: Place) -> Lake:
    return place.open()


def an_offer(etag: str | None = '"one"', month: Month = MONTH, kind: str = "green") -> Offer:
    name = f"{kind}_tripdata_{month}.parquet"
    return Offer(
        type=kind,
        month=month,
        format=FileFormat.PARQUET,
        url=f"https://example.org/{name}",
        file_name=name,
        etag=etag,
        bytes=len(CONTENT),
        last_modified="Wed, 01 May 2024 10:00:00 GMT",
    )


def writes(content: bytes, served: Offer) -> Callable[[BinaryIO], Offer]:
    def fetch(target: BinaryIO) -> Offer:
        for start in range(0, len(content), 100_000):
            target.write(content[start : start + 100_000])
        return served

    return fetch


def put(lake: Lake, content: bytes = CONTENT, offer: Offer | None = None, now: datetime = NOW) -> LakeObject:
    offer = offer or an_offer()
    return lake.put(offer, writes(content, offer), now)


def content_of(lake: Lake, item: LakeObject) -> bytes:
    with lake.open(item) as file:
        return file.read()


def test_a_lake_that_is_not_there_yet_is_empty_and_looking_does_not_make_it(place: Place, lake: Lake) -> None:
    assert lake.partitions() == []
    assert lake.versions("green", MONTH) == []
    assert lake.find("green", MONTH, "0" * 64) is None
    assert lake.sweep() == 0
    assert place.names() == set()


def test_what_was_put_is_there_with_a_manifest_that_says_where_it_came_from(lake: Lake) -> None:
    item = put(lake)
    manifest = item.manifest
    assert manifest.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert manifest.bytes == len(CONTENT)
    assert (manifest.source_url, manifest.etag, manifest.fetched_at) == (an_offer().url, '"one"', NOW)
    assert manifest.last_modified == an_offer().last_modified
    assert lake.versions("green", MONTH) == [item]
    assert lake.find("green", MONTH, manifest.sha256) == item
    assert content_of(lake, item) == CONTENT
    lake.check(item)


def test_the_manifest_names_the_offer_that_was_really_served(lake: Lake) -> None:
    served = an_offer('"newer"')
    item = lake.put(an_offer('"older"'), writes(CONTENT, served), NOW)
    assert item.manifest.etag == '"newer"'
    assert item.manifest.answers(served)


def test_an_empty_file_is_a_file_too(lake: Lake) -> None:
    item = put(lake, b"")
    lake.check(item)
    assert item.manifest.bytes == 0


def test_every_format_and_the_whole_partition_keep_their_names(lake: Lake) -> None:
    for ending in FileFormat:
        offer = replace(an_offer(), format=ending, file_name=f"green_tripdata_{MONTH}.{ending}")
        item = put(lake, str(ending).encode(), offer)
        assert lake.find("green", MONTH, item.manifest.sha256) == item
    zones = replace(an_offer(), type="zones", month=WHOLE, format=FileFormat.CSV, file_name="taxi_zone_lookup.csv")
    item = put(lake, b"LocationID\n", zones)
    assert lake.versions("zones", WHOLE) == [item]
    assert len(lake.versions("green", MONTH)) == 3


def test_nothing_is_visible_before_all_of_it_is(place: Place, lake: Lake) -> None:
    def fetch(target: BinaryIO) -> Offer:
        target.write(CONTENT)
        assert place.open().versions("green", MONTH) == []
        assert place.open().partitions() == []
        return an_offer()

    lake.put(an_offer(), fetch, NOW)
    assert len(place.open().versions("green", MONTH)) == 1


@pytest.mark.parametrize("error", [RuntimeError("broken"), KeyboardInterrupt()])
def test_a_fetch_that_fails_leaves_nothing_and_says_why(place: Place, lake: Lake, error: BaseException) -> None:
    def fetch(target: BinaryIO) -> Offer:
        target.write(CONTENT)
        raise error

    with pytest.raises(type(error)) as caught:
        lake.put(an_offer(), fetch, NOW)
    assert caught.value is error
    assert place.names() == set()


def test_a_fetch_that_fails_leaves_the_version_before_alone(place: Place, lake: Lake) -> None:
    item = put(lake)
    before = place.names()

    def fetch(target: BinaryIO) -> Offer:
        target.write(b"other")
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError):
        lake.put(an_offer('"two"'), fetch, NOW)
    assert place.names() == before
    assert lake.versions("green", MONTH) == [item]


def test_a_fetch_may_begin_again_and_only_the_last_beginning_counts(lake: Lake) -> None:
    def fetch(target: BinaryIO) -> Offer:
        target.write(CONTENT + b"too much")
        assert target.tell() == len(CONTENT) + 8
        target.seek(0)
        target.truncate(0)
        assert target.tell() == 0
        target.write(CONTENT)
        return an_offer()

    item = lake.put(an_offer(), fetch, NOW)
    assert item.manifest.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert item.manifest.bytes == len(CONTENT)
    assert content_of(lake, item) == CONTENT


def test_the_same_content_again_is_the_same_version_under_the_newer_offer(place: Place, lake: Lake) -> None:
    first = put(lake)
    before = place.names()
    second = put(lake, offer=an_offer('"two"'), now=NOW + timedelta(days=1))
    assert second.location == first.location
    assert place.names() == before
    assert lake.versions("green", MONTH) == [second]
    assert second.manifest.etag == '"two"'


def test_putting_the_content_again_mends_a_damaged_file(place: Place, lake: Lake) -> None:
    item = put(lake)
    place.damage(item)
    lake.check(put(lake))


def test_versions_come_with_the_one_fetched_last_first(lake: Lake) -> None:
    for day, content in [(2, b"two"), (3, b"three"), (1, b"one")]:
        put(lake, content, now=NOW + timedelta(days=day))
    assert [content_of(lake, item) for item in lake.versions("green", MONTH)] == [b"three", b"two", b"one"]


def test_partitions_are_listed_in_order_each_once(lake: Lake) -> None:
    put(lake, b"a", an_offer(kind="yellow"))
    put(lake, b"b", an_offer(month=Month(2021, 10)))
    put(lake, b"c", an_offer(month=Month(2021, 2)))
    put(lake, b"d", an_offer(month=Month(2021, 2)))
    assert lake.partitions() == [("green", Month(2021, 2)), ("green", Month(2021, 10)), ("yellow", MONTH)]


def test_what_changed_since_a_time_comes_in_the_order_of_its_commits(lake: Lake) -> None:
    moments, items = [], []
    for content, month, fetched_at in [(b"a", 3, 9), (b"b", 1, 8), (b"c", 2, 10)]:
        moments.append(datetime.now(UTC))
        items.append(put(lake, content, an_offer(month=Month(2021, month)), NOW + timedelta(days=fetched_at)))
        time.sleep(0.05)  # longer than a tick of the clock that files get their times by
    assert lake.list_changed(NOW) == items
    assert lake.list_changed(moments[1]) == items[1:]
    assert lake.list_changed(datetime.now(UTC)) == []


def test_a_version_put_again_has_changed_and_a_removed_one_has_not(lake: Lake) -> None:
    first, second = put(lake, b"first"), put(lake, b"second")
    time.sleep(0.05)
    moment = datetime.now(UTC)
    again = put(lake, b"first", an_offer('"two"'), NOW + timedelta(days=1))
    assert lake.list_changed(moment) == [again]
    lake.remove(again)
    assert lake.list_changed(moment) == []
    assert lake.list_changed(NOW) == [second]
    assert first.location == again.location


def test_nothing_has_changed_in_a_lake_that_is_not_there_yet(lake: Lake) -> None:
    assert lake.list_changed(NOW) == []


def test_a_removed_version_is_gone_and_the_others_stay(place: Place, lake: Lake) -> None:
    kept, removed = put(lake, b"kept"), put(lake, b"removed")
    lake.remove(removed)
    assert lake.versions("green", MONTH) == [kept]
    lake.check(kept)
    lake.remove(removed)
    lake.remove(kept)
    assert lake.partitions() == []
    assert place.names() == set()


def test_a_file_that_is_open_stays_readable_while_it_is_replaced_or_removed(lake: Lake) -> None:
    item = put(lake)
    with lake.open(item) as file:
        head = file.read(100)
        put(lake)
        lake.remove(item)
        assert head + file.read() == CONTENT


def test_check_finds_a_flipped_byte_and_says_what_to_do(place: Place, lake: Lake) -> None:
    item = put(lake)
    place.damage(item)
    with pytest.raises(LakeCorrupt, match=r"damaged.*taxi run green 2021-01 --force"):
        lake.check(item)


def test_a_file_that_is_gone_is_said_to_be_gone(place: Place, lake: Lake) -> None:
    item = put(lake)
    place.lose(item)
    for verb in (lake.open, lake.check):
        with pytest.raises(LakeCorrupt, match=r"is gone.*taxi run green 2021-01 --force"):
            verb(item)


def test_an_unreadable_manifest_is_named(place: Place, lake: Lake) -> None:
    item = put(lake)
    place.spoil_manifest(item)
    with pytest.raises(
        LakeCorrupt, match=rf"manifest .*{item.manifest.sha256[:12]}.* is unreadable; delete it and run"
    ):
        lake.versions("green", MONTH)


def test_an_unreadable_manifest_does_not_hide_another_version(place: Place, lake: Lake) -> None:
    spoilt, whole = put(lake, b"spoilt"), put(lake, b"whole")
    place.spoil_manifest(spoilt)
    assert lake.find("green", MONTH, whole.manifest.sha256) == whole


def test_threads_that_put_at_once_all_succeed(place: Place, lake: Lake) -> None:
    contents = [bytes([number % 4]) * 50_000 for number in range(16)]
    with ThreadPoolExecutor(8) as pool:
        items = list(pool.map(lambda content: put(lake, content), contents))
    assert {content_of(lake, item) for item in items} == set(contents)
    assert len(lake.versions("green", MONTH)) == 4
    assert len(place.names()) == 8


def put_many(place: Place, start: int) -> None:
    lake = place.open()
    for number in range(start, start + 30):
        put(lake, number.to_bytes(4) * 10_000)
        lake.sweep()


def test_processes_that_put_and_sweep_at_once_all_succeed(place: Place, lake: Lake) -> None:
    other = SPAWN.Process(target=put_many, args=(place, 15), daemon=True)
    other.start()
    put_many(place, 0)
    other.join(60)
    assert other.exitcode == 0
    assert len(lake.versions("green", MONTH)) == 45
    assert len(place.names()) == 90
    for item in lake.versions("green", MONTH):
        lake.check(item)


def test_putting_removing_and_sweeping_the_same_content_at_once_never_ends_half_way(place: Place) -> None:
    def churn(number: int) -> None:
        lake = place.open()
        for _ in range(25):
            item = put(lake, b"same" if number % 2 else b"other")
            lake.versions("green", MONTH)
            lake.remove(item)
            lake.sweep()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(churn, range(4)))
    assert place.names() == set()


def write_half_and_wait(place: Place, ready: Connection) -> None:
    def fetch(target: BinaryIO) -> Offer:
        target.write(CONTENT)
        ready.send("half-way")
        ready.recv()
        return an_offer()

    place.open().put(an_offer(), fetch, NOW)


@pytest.mark.parametrize("end", ["finishes", "is killed"])
def test_sweep_removes_what_a_dead_process_left_but_never_a_living_ones(place: Place, lake: Lake, end: str) -> None:
    ours, theirs = SPAWN.Pipe()
    writer = SPAWN.Process(target=write_half_and_wait, args=(place, theirs), daemon=True)
    writer.start()
    theirs.close()
    assert ours.recv() == "half-way"
    assert lake.sweep() == 0
    assert len(place.names()) == 1
    if end == "finishes":
        ours.send("go on")
        writer.join(60)
        assert content_of(lake, lake.versions("green", MONTH)[0]) == CONTENT
    else:
        assert writer.pid
        os.kill(writer.pid, signal.SIGKILL)
        writer.join(60)
        assert lake.sweep() == 1
        assert place.names() == set()
    assert lake.sweep() == 0
    ours.close()


def test_sweep_spares_a_living_thread_of_the_same_process(lake: Lake) -> None:
    half_way, go_on = threading.Event(), threading.Event()

    def fetch(target: BinaryIO) -> Offer:
        target.write(CONTENT)
        half_way.set()
        assert go_on.wait(30)
        return an_offer()

    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(lake.put, an_offer(), fetch, NOW)
        assert half_way.wait(30)
        assert lake.sweep() == 0
        go_on.set()
        lake.check(writing.result(30))
