"""A folder of trip files, laid out like the TLC's CDN."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from stat import S_ISDIR, S_ISREG
from typing import BinaryIO
from urllib.parse import urlsplit
from urllib.request import url2pathname

from taxi_pipelines.domain.manifest import FileFormat, Offer
from taxi_pipelines.domain.month import Month, Partition, Whole
from taxi_pipelines.errors import InvalidMonth, SourceCorrupt, SourceMissing, SourceUnavailable
from taxi_pipelines.interfaces import Advance
from taxi_pipelines.taxi.types import TaxiType

CHUNK = 1 << 20
BESIDE = ("misc", "lookups")
"""Folders beside that of the trips in which the zones may lie."""


class FolderSource:
    """A `Source` on a folder. A file's version mark is made of its size and the time of its last change."""

    def __init__(self, path: str | Path) -> None:
        # Not resolved: a link may be pointed elsewhere, the address a user gave stays.
        self._folder = Path(os.path.abspath(os.path.expanduser(path)))

    @property
    def address(self) -> str:
        """The folder."""
        return str(self._folder)

    def find(self, kind: TaxiType, partition: Partition, prefer: FileFormat) -> Offer | None:
        """See `Source.find`."""
        self._require_folder()
        for file_format, name in kind.file_names(partition, prefer):
            for folder in self._folders(partition):
                status = _status(folder / name)
                if status and S_ISREG(status.st_mode):
                    return Offer(
                        type=kind.name,
                        month=partition,
                        format=file_format,
                        url=(folder / name).as_uri(),
                        file_name=name,
                        etag=_etag(status),
                        bytes=status.st_size,
                    )
        return None

    def fetch(self, offer: Offer, target: BinaryIO, advance: Advance) -> Offer:
        """See `Source.fetch`. Raises SourceCorrupt where the file changes meanwhile; `target` is only ever written to."""
        path = path_of(offer.url)
        with _reading(path):
            file = path.open("rb")
        with file:
            before = _status_of(file, path)
            done = 0
            while done <= before.st_size and (chunk := _read(file, path)):
                target.write(chunk)
                done += len(chunk)
                advance(done, before.st_size)
            after = _status_of(file, path)
        if done != before.st_size or _etag(after) != _etag(before):
            raise SourceCorrupt(f"{path} changed while it was read", "run again when it is complete")
        return replace(offer, etag=_etag(after), bytes=done)

    def latest(self, kind: TaxiType, not_after: Month, prefer: FileFormat) -> Month | None:
        """See `Source.latest`; a folder is quickly listed, so that there is no limit to how far it looks back."""
        self._require_folder()
        with _reading(self._folder):
            names = os.listdir(self._folder)
        months = {month for name in names if (month := _month_of(kind, name, prefer))}
        return max((month for month in months if month <= not_after), default=None)

    def _folders(self, partition: Partition) -> list[Path]:
        beside = BESIDE if isinstance(partition, Whole) else ()
        return [self._folder, *(self._folder.parent / name for name in beside)]

    def _require_folder(self) -> None:
        hint = "give --source a folder or URL of trip files"
        status = _status(self._folder)
        if status is None:
            raise SourceUnavailable(f"source folder {self._folder} does not exist", hint)
        if not S_ISDIR(status.st_mode):
            raise SourceUnavailable(f"source {self._folder} is not a folder", hint)


def path_of(uri: str) -> Path:
    """The path a file URI names: the inverse of `Path.as_uri`."""
    return Path(url2pathname(urlsplit(uri).path))


def _month_of(kind: TaxiType, name: str, prefer: FileFormat) -> Month | None:
    """The month a file of that name holds; None if it is not one of the type's."""
    head, _, rest = name.partition(f"{kind.name}_tripdata_")
    if head or not rest:
        return None
    try:
        month = Month.parse(rest.partition(".")[0])
    except InvalidMonth:
        return None
    return month if name in (known for _, known in kind.file_names(month, prefer)) else None


def _etag(status: os.stat_result) -> str:
    return f'"{status.st_mtime_ns:x}-{status.st_size:x}"'


def _status(path: Path) -> os.stat_result | None:
    with _reading(path):
        try:
            return path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return None


def _status_of(file: BinaryIO, path: Path) -> os.stat_result:
    with _reading(path):
        return os.fstat(file.fileno())


def _read(file: BinaryIO, path: Path) -> bytes:
    with _reading(path):
        return file.read(CHUNK)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Translates the errors of reading; those of writing are the target's own."""
    try:
        yield
    except FileNotFoundError as error:
        raise SourceMissing(f"{path} is gone", "put it back and run again") from error
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SourceUnavailable(f"cannot read {path}: {reason}", "check its rights and the disk it lies on") from error
