"""FolderSource on real folders, and which source an address opens."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from taxi_pipelines.domain.manifest import FileFormat, Offer
from taxi_pipelines.domain.month import WHOLE, Month
from taxi_pipelines.errors import SourceCorrupt, SourceMissing, SourceUnavailable, UsageError
from taxi_pipelines.sources import open_source
from taxi_pipelines.sources.folder import CHUNK, FolderSource, path_of
from taxi_pipelines.sources.http import HttpSource
from taxi_pipelines.taxi.types import FHV, FHVHV, GREEN, ZONES

MONTH = Month(2021, 1)
NAME = "green_tripdata_2021-01.parquet"
CONTENT = os.urandom(1000) * 2500
PARQUET = FileFormat.PARQUET


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "trip data"
    folder.mkdir()
    return folder


@pytest.fixture
def without_rights() -> Iterator[None]:
    """Root may read everything: the test goes on as nobody."""
    if os.geteuid() == 0:
        os.seteuid(65534)
        yield
        os.seteuid(0)
    else:
        yield


def ignore(done: int, total: int | None) -> None:
    """An `Advance` that nobody watches."""


def find(folder: Path) -> Offer:
    offer = FolderSource(folder).find(GREEN, MONTH, PARQUET)
    assert offer
    return offer


class TestFind:
    def test_says_what_the_folder_has(self, folder: Path) -> None:
        path = folder / NAME
        path.write_bytes(CONTENT)
        os.utime(path, ns=(0, 0xABC))
        assert find(folder) == Offer(
            type="green",
            month=MONTH,
            format=PARQUET,
            url=path.as_uri(),
            file_name=NAME,
            etag=f'"abc-{len(CONTENT):x}"',
            bytes=len(CONTENT),
        )
        assert path_of(path.as_uri()) == path

    def test_takes_the_best_format_there_is(self, folder: Path) -> None:
        assert FolderSource(folder).find(GREEN, MONTH, PARQUET) is None
        (folder / "green_tripdata_2021-01.csv.gz").touch()
        assert find(folder).format is FileFormat.CSV_GZ
        (folder / NAME).touch()
        assert find(folder).format is PARQUET
        offer = FolderSource(folder).find(GREEN, MONTH, FileFormat.CSV)
        assert offer and offer.format is FileFormat.CSV_GZ

    def test_a_folder_of_a_file_s_name_is_not_the_file(self, folder: Path) -> None:
        (folder / NAME).mkdir()
        assert FolderSource(folder).find(GREEN, MONTH, PARQUET) is None

    def test_zones_may_lie_beside_the_trips(self, folder: Path) -> None:
        source = FolderSource(folder)
        assert source.find(ZONES, WHOLE, PARQUET) is None
        for place in ("lookups", "misc", folder.name):
            path = folder.parent / place / "taxi_zone_lookup.csv"
            path.parent.mkdir(exist_ok=True)
            path.touch()
            offer = source.find(ZONES, WHOLE, PARQUET)
            assert offer and offer.url == path.as_uri()

    def test_a_home_folder_may_be_written_with_a_tilde(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("HOME", str(folder.parent))
        assert FolderSource("~/trip data").address == str(folder)

    def test_a_relative_path_is_taken_from_the_working_folder(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (folder / NAME).touch()
        monkeypatch.chdir(folder)
        offer = FolderSource(".").find(GREEN, MONTH, PARQUET)
        assert offer and offer.url == (folder / NAME).as_uri()

    def test_a_missing_folder_is_unavailable(self, folder: Path) -> None:
        source = FolderSource(folder / "none")
        message = f"source folder {folder}/none does not exist; give --source a folder or URL of trip files"
        with pytest.raises(SourceUnavailable) as caught:
            source.find(GREEN, MONTH, PARQUET)
        assert str(caught.value) == message
        with pytest.raises(SourceUnavailable):
            source.latest(GREEN, MONTH, PARQUET)

    def test_a_file_is_not_a_folder(self, folder: Path) -> None:
        (folder / NAME).touch()
        with pytest.raises(SourceUnavailable, match="is not a folder; give --source"):
            FolderSource(folder / NAME).find(GREEN, MONTH, PARQUET)

    def test_a_folder_without_rights_is_unavailable(self, folder: Path, without_rights: None) -> None:
        if os.getuid() != 0:
            folder.chmod(0)
        with pytest.raises(SourceUnavailable, match="permission denied"):
            FolderSource(folder).find(GREEN, MONTH, PARQUET)


class TestFetch:
    def test_copies_the_bytes_and_tells_how_far_it_is(self, folder: Path) -> None:
        (folder / NAME).write_bytes(CONTENT)
        offer = find(folder)
        told: list[tuple[int, int | None]] = []
        target = io.BytesIO()
        assert FolderSource(folder).fetch(offer, target, lambda done, total: told.append((done, total))) == offer
        assert target.getvalue() == CONTENT
        size = len(CONTENT)
        assert told == [(CHUNK, size), (2 * CHUNK, size), (size, size)]

    def test_changed_since_it_was_found_it_is_offered_as_it_is(self, folder: Path) -> None:
        (folder / NAME).write_bytes(CONTENT)
        offer = find(folder)
        (folder / NAME).write_bytes(b"new")
        target = io.BytesIO()
        served = FolderSource(folder).fetch(offer, target, ignore)
        assert target.getvalue() == b"new"
        assert served == find(folder) != offer

    @pytest.mark.parametrize("size", [len(CONTENT) * 2, CHUNK + 5], ids=["grows", "shrinks"])
    def test_a_file_that_changes_while_it_is_read_is_corrupt(self, folder: Path, size: int) -> None:
        (folder / NAME).write_bytes(CONTENT)
        offer = find(folder)
        with pytest.raises(SourceCorrupt, match="changed while it was read; run again"):
            FolderSource(folder).fetch(offer, io.BytesIO(), lambda done, total: os.truncate(folder / NAME, size))

    def test_gone_since_it_was_found_is_missing(self, folder: Path) -> None:
        (folder / NAME).touch()
        offer = find(folder)
        (folder / NAME).unlink()
        with pytest.raises(SourceMissing, match=r"parquet is gone; put it back"):
            FolderSource(folder).fetch(offer, io.BytesIO(), ignore)

    def test_a_file_that_cannot_be_read_is_unavailable(self, folder: Path) -> None:
        (folder / NAME).touch()
        offer = find(folder)
        (folder / NAME).unlink()
        (folder / NAME).mkdir()
        with pytest.raises(SourceUnavailable, match=r"cannot read .*parquet: is a directory; check"):
            FolderSource(folder).fetch(offer, io.BytesIO(), ignore)


class TestLatest:
    def test_is_the_newest_month_in_any_format(self, folder: Path) -> None:
        for name in (
            "green_tripdata_2014-01.parquet",
            "green_tripdata_2021-01.csv.gz",
            "green_tripdata_2021-04.parquet",
            "green_tripdata_2021-02.parquet.part",
            "green_tripdata_2021-99.parquet",
            "my_green_tripdata_2021-02.parquet",
            "fhvhv_tripdata_2021-02.parquet",
        ):
            (folder / name).touch()
        source = FolderSource(folder)
        assert source.latest(GREEN, Month(2021, 3), PARQUET) == MONTH
        assert source.latest(GREEN, Month(2020, 12), PARQUET) == Month(2014, 1)
        assert source.latest(FHVHV, Month(2021, 3), PARQUET) == Month(2021, 2)
        assert source.latest(FHV, Month(2021, 3), PARQUET) is None


class TestOpenSource:
    def test_the_scheme_chooses(self, folder: Path) -> None:
        for address in ("https://host/trip-data/", "HTTP://host/trip-data"):
            assert isinstance(open_source(address), HttpSource)
        assert open_source("https://host/trip-data/").address == "https://host/trip-data"
        for address in (str(folder), folder.as_uri(), folder.as_uri().replace("///", "//localhost/")):
            source = open_source(address)
            assert isinstance(source, FolderSource)
            assert source.address == str(folder)

    @pytest.mark.parametrize("address", ["ftp://host/x", "gs://bucket", "http://", "http://[::1", "file://host/x", " "])
    def test_another_address_is_wrong_usage(self, address: str) -> None:
        with pytest.raises(UsageError, match=r"valid are http://…, https://…, file:///… and a folder's path"):
            open_source(address)
