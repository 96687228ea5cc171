"""Objects of a bucket read as files: in ranges, of one generation, and never as a whole in memory."""

from __future__ import annotations

import io
import multiprocessing
import os
import random
from collections.abc import Callable
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from taxi_pipelines.domain.manifest import FileFormat, Offer
from taxi_pipelines.domain.month import Month
from taxi_pipelines.errors import LakeCorrupt
from taxi_pipelines.interfaces import LakeObject
from taxi_pipelines.lakes.gcs import GCSLake
from taxi_pipelines.lakes.gcs_files import READ_AHEAD
from tests.support.google.clients import storage_client
from tests.support.google.faults import CutAnswer
from tests.support.google.server import FakeGoogle

BUCKET = "taxi-lake"
MONTH = Month(2021, 1)
NOW = datetime(2024, 5, 1, tzinfo=UTC)
MIB = 1 << 20
SPAWN = multiprocessing.get_context("spawn")
OFFER = Offer(
    type="green",
    month=MONTH,
    format=FileFormat.PARQUET,
    url="https://example.org/green_tripdata_2021-01.parquet",
    file_name="green_tripdata_2021-01.parquet",
    etag='"one"',
    bytes=None,
)


def put(lake: GCSLake, write: Callable[[BinaryIO], object]) -> LakeObject:
    def fetch(target: BinaryIO) -> Offer:
        write(target)
        return OFFER

    return lake.put(OFFER, fetch, NOW)


def fetched(fake: FakeGoogle) -> list[int]:
    """How many bytes each request for a range asked for."""
    asked = (call.headers.get("range", "") for call in fake.calls if "alt=media" in call.target)
    ends = (each.removeprefix("bytes=").split("-") for each in asked)
    return [int(last) - int(first) + 1 for first, last in ends]


def test_reading_jumping_and_telling_are_those_of_a_file(gcs: GCSLake, other_gcs: GCSLake) -> None:
    content = os.urandom(3 * MIB + 17)
    item = put(gcs, lambda target: target.write(content))
    choose = random.Random(7)
    with other_gcs.open(item) as file, io.BytesIO(content) as same:
        for _ in range(60):
            offset, length = choose.randrange(len(content) + 50), choose.choice([0, 1, 700, MIB + 5])
            assert file.seek(offset) == same.seek(offset) == file.tell()
            assert file.read(length) == same.read(length)
            assert file.tell() == same.tell()
        assert file.seek(-9, os.SEEK_END) == len(content) - 9
        assert file.read() == content[-9:]
        assert file.read(1) == b""
        assert (file.seekable(), file.readable(), file.writable()) == (True, True, False)


def test_small_reads_are_answered_from_what_was_read_ahead(fake: FakeGoogle, gcs: GCSLake, other_gcs: GCSLake) -> None:
    item = put(gcs, lambda target: target.write(bytes(2 * MIB)))
    with other_gcs.open(item) as file:
        while file.read(10_000):
            pass
    assert fetched(fake) == [READ_AHEAD, READ_AHEAD]


def test_all_the_rest_comes_in_one_request(fake: FakeGoogle, gcs: GCSLake, other_gcs: GCSLake) -> None:
    item = put(gcs, lambda target: target.write(bytes(3 * MIB)))
    with other_gcs.open(item) as file:
        file.read(100)
        assert len(file.read()) == 3 * MIB - 100
        assert file.read() == b""
    assert fetched(fake) == [READ_AHEAD, 2 * MIB]


def test_a_parquet_file_is_fetched_once_and_not_much_more(fake: FakeGoogle, gcs: GCSLake, other_gcs: GCSLake) -> None:
    choose = random.Random(7)
    columns = {f"c{number}": [choose.random() for _ in range(200_000)] for number in range(6)}
    item = put(gcs, lambda target: pq.write_table(pa.table(columns), target, compression="none"))
    with other_gcs.open(item) as stream:
        file = pq.ParquetFile(stream, pre_buffer=False, buffer_size=MIB)
        rows = sum(batch.num_rows for batch in file.iter_batches(32_768))
    assert rows == 200_000
    assert sum(fetched(fake)) < 1.4 * item.manifest.bytes


def test_a_read_that_breaks_off_goes_on(fake: FakeGoogle, gcs: GCSLake, other_gcs: GCSLake) -> None:
    content = os.urandom(MIB)
    item = put(gcs, lambda target: target.write(content))
    fake.faults.on("GET", "alt=media", CutAnswer(after=300_000))
    with other_gcs.open(item) as file:
        assert file.read() == content
    assert fake.faults.left == 0


def test_an_open_file_stays_what_it_was_when_another_is_put_in_its_place(
    fake: FakeGoogle, gcs: GCSLake, other_gcs: GCSLake
) -> None:
    content = os.urandom(3 * MIB)
    item = put(gcs, lambda target: target.write(content))
    with other_gcs.open(item) as file:
        head = file.read(10)
        fake.storage.write(BUCKET, item.location.removeprefix(f"gs://{BUCKET}/"), b"other")
        assert head + file.read() == content


def test_an_open_file_that_goes_away_from_a_bucket_without_versions_is_said_to_be_gone(
    fake: FakeGoogle, gcs: GCSLake, other_gcs: GCSLake
) -> None:
    fake.storage.buckets[BUCKET].resource["versioning"] = {"enabled": False}
    item = put(gcs, lambda target: target.write(bytes(3 * MIB)))
    with other_gcs.open(item) as file:
        file.read(10)
        gcs.remove(item)
        with pytest.raises(LakeCorrupt, match=r"is gone; run: taxi run green 2021-01 --force"):
            file.read()


def peak() -> int:
    """KiB; of this program, where `ru_maxrss` counts what its parent held when it started it."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


def peak_of_a_trip(url: str, spool: Path, size: int, answer: Connection) -> None:
    """Sends by how many MiB the peak of this process's memory grew while a file went up, was checked and was read."""
    lake = GCSLake(lambda: storage_client(url), bucket=BUCKET, prefix="lake", spool=spool)
    block = os.urandom(MIB)
    lake.check(put(lake, lambda target: target.write(block)))
    before = peak()
    item = put(lake, lambda target: [target.write(block) for _ in range(size)])
    lake.check(item)
    for _ in range(2):  # the local copy, then from afar
        with lake.open(item) as file:
            while file.read(MIB):
                pass
    answer.send((peak() - before) / 1024)


@pytest.mark.parametrize("size", [48, pytest.param(200, marks=pytest.mark.slow)])
def test_a_file_is_never_in_memory_as_a_whole(fake: FakeGoogle, tmp_path: Path, size: int) -> None:
    ours, theirs = SPAWN.Pipe()
    process = SPAWN.Process(target=peak_of_a_trip, args=(fake.url, tmp_path / "spool", size, theirs))
    process.start()
    theirs.close()
    grown = ours.recv()
    process.join(60)
    ours.close()
    assert grown < 32
