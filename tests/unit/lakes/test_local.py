"""What is particular to the lake in a folder: its names, its leftovers, its disk."""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import pytest

from taxi_pipelines.domain.manifest import FileFormat, Manifest, Offer
from taxi_pipelines.domain.month import Month
from taxi_pipelines.errors import DiskFull, HomeUnwritable, LakeCorrupt
from taxi_pipelines.interfaces import LakeObject
from taxi_pipelines.lakes.local import LocalLake
from tests.support.rights import as_nobody

OFFER = Offer(
    type="green",
    month=Month(2021, 1),
    format=FileFormat.CSV_GZ,
    url="https://example.org/green_tripdata_2021-01.csv.gz",
    file_name="green_tripdata_2021-01.csv.gz",
    etag=None,
    bytes=None,
)
NOW = datetime(2024, 5, 1, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path: Path) -> LocalLake:
    return LocalLake(tmp_path / "lake")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "lake" / "raw" / "green" / "2021-01"


def put(lake: LocalLake, content: bytes = b"trips") -> LakeObject:
    def fetch(target: BinaryIO) -> Offer:
        target.write(content)
        return OFFER

    return lake.put(OFFER, fetch, NOW)


def test_a_file_is_named_by_month_and_content_with_its_manifest_beside_it(lake: LocalLake, folder: Path) -> None:
    item = put(lake)
    name = f"green_tripdata_2021-01.{item.manifest.sha256[:12]}.csv.gz"
    assert sorted(os.listdir(folder)) == [name, f"{name}.manifest.json"]
    assert item.location == str(folder / name)
    plain = json.loads((folder / f"{name}.manifest.json").read_text())
    assert Manifest.from_dict(plain) == item.manifest


def test_the_address_and_locations_are_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    lake = LocalLake(Path("here"))
    assert lake.address == str(tmp_path / "here")
    assert Path(put(lake).location).is_absolute()


def test_files_can_be_read_by_whom_the_umask_lets(lake: LocalLake) -> None:
    usual = os.umask(0o022)
    try:
        item = put(lake)
    finally:
        os.umask(usual)
    assert Path(item.location).stat().st_mode & 0o777 == 0o644


def test_a_file_without_a_manifest_is_invisible_and_swept(lake: LocalLake, folder: Path) -> None:
    item = put(lake)
    Path(f"{item.location}.manifest.json").unlink()
    assert lake.versions("green", Month(2021, 1)) == []
    assert lake.partitions() == []
    assert lake.sweep() == 1
    assert not folder.exists()


def test_sweep_leaves_files_alone_that_are_not_the_lakes(lake: LocalLake, folder: Path) -> None:
    put(lake)
    for name in ("README.md", "green_tripdata_2021-01.parquet"):
        (folder / name).touch()
    (folder.parent.parent / "notes.txt").touch()
    assert lake.sweep() == 0
    assert len(os.listdir(folder)) == 4


def test_a_half_written_manifest_is_swept_too(lake: LocalLake, folder: Path) -> None:
    item = put(lake)
    (folder / ".tmp-dead.manifest.json").write_text("{")
    assert lake.versions("green", Month(2021, 1)) == [item]
    assert lake.sweep() == 1
    assert lake.versions("green", Month(2021, 1)) == [item]


def test_a_folder_with_a_version_but_no_months_name_is_named(lake: LocalLake, folder: Path) -> None:
    put(lake)
    folder.rename(folder.with_name("january"))
    with pytest.raises(LakeCorrupt, match=r"january is not named after a month; move it out of the lake"):
        lake.partitions()


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", '{"month": "2021-13"}', "\ud800"])
def test_a_manifest_of_any_other_content_is_unreadable(lake: LocalLake, text: str) -> None:
    item = put(lake)
    Path(f"{item.location}.manifest.json").write_text(text, errors="surrogatepass")
    with pytest.raises(LakeCorrupt, match="is unreadable"):
        lake.versions("green", Month(2021, 1))


def test_check_looks_at_the_size_first(lake: LocalLake) -> None:
    item = put(lake)
    with Path(item.location).open("ab") as file:
        file.write(b"!")
    with pytest.raises(LakeCorrupt, match=r"has 6 bytes, its manifest says 5"):
        lake.check(item)


def test_what_cannot_be_read_as_a_file_is_corrupt(lake: LocalLake, folder: Path) -> None:
    item = replace(put(lake), location=str(folder))
    with pytest.raises(LakeCorrupt, match="cannot be read: Is a directory"):
        lake.open(item)


@pytest.mark.parametrize("move", [lambda target: target.seek(3), lambda target: target.truncate(3)])
def test_the_writer_goes_nowhere_but_to_the_start(lake: LocalLake, folder: Path, move: object) -> None:
    def fetch(target: BinaryIO) -> Offer:
        target.write(b"trips")
        assert callable(move)
        move(target)
        return OFFER

    with pytest.raises(OSError, match="from start to end"):
        lake.put(OFFER, fetch, NOW)
    assert not folder.exists()


def test_an_error_of_the_source_is_not_taken_for_one_of_the_lake(lake: LocalLake) -> None:
    def fetch(target: BinaryIO) -> Offer:
        raise PermissionError(13, "not for you")

    with pytest.raises(PermissionError, match="not for you"):
        lake.put(OFFER, fetch, NOW)


def fill(root: Path) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    lake = LocalLake(root)
    with pytest.raises(DiskFull, match=r"no space left on the disk of .*2021-01; free some space"):
        put(lake, b"x" * 200_000)
    assert [path for path in root.rglob("*") if path.is_file()] == []


def test_a_full_disk_is_said_to_be_full_and_nothing_stays(tmp_path: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(target=fill, args=(tmp_path / "lake",))
    process.start()
    process.join(60)
    assert process.exitcode == 0


@contextmanager
def without_rights(folder: Path) -> Iterator[None]:
    """Nobody but root may write the folder, and we are not root."""
    folder.chmod(0o555)
    try:
        with as_nobody():
            yield
    finally:
        folder.chmod(0o755)


def test_a_folder_that_may_not_be_written_is_named(tmp_path: Path) -> None:
    with without_rights(tmp_path), pytest.raises(HomeUnwritable, match=r"no right to write .*; set TAXI_HOME"):
        put(LocalLake(tmp_path / "lake"))
