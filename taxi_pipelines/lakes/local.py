"""The lake in a folder: `raw/{type}/{partition}/{stem}.{first of sha256}.{format}`, each with a manifest beside it.

Visible is what has a manifest: it is renamed into place last, after the file it describes. A partition's folder is
changed only under the folder's lock; a writer also holds a lock on its own temporary file for as long as it lives, by
which `sweep` tells a slow writer from a dead one. Both are `flock`s: the kernel drops them when a process dies.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from taxi_pipelines.disk import sync_folder, writable
from taxi_pipelines.domain.manifest import Manifest, Offer
from taxi_pipelines.domain.month import Partition
from taxi_pipelines.errors import LakeCorrupt
from taxi_pipelines.interfaces import LakeObject
from taxi_pipelines.lakes.layout import (
    DIGEST,
    MANIFEST,
    RAW,
    data_name,
    describe,
    fetch_again,
    gone,
    prove,
    prove_size,
    read_manifest,
    read_partition,
    unreadable_manifest,
)
from taxi_pipelines.lakes.writer import TEMPORARY, HashingWriter, remove_dead

_CHUNK = 1 << 20
_STILL_USED = frozenset({errno.ENOTEMPTY, errno.EEXIST})

_TICK = 0.01
"""Seconds by which the time of a file may lie behind the clock's: the kernel's clock for files ticks every 4 to 10 ms."""

_DATA_FILE = re.compile(r".+\.[0-9a-f]{12}\.(parquet|csv|csv\.gz)")


class LocalLake:
    """A `Lake` on a folder, shared by any number of threads and processes of one machine."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self._raw = self._root / RAW

    @property
    def address(self) -> str:
        """The folder."""
        return str(self._root)

    def put(self, offer: Offer, fetch: Callable[[BinaryIO], Offer], now: datetime) -> LakeObject:
        """See `Lake.put`."""
        folder = self._folder(offer.type, offer.month)
        with writable(folder):
            writer = _begin(folder)
        try:
            with writer:
                served = fetch(writer)
                manifest = describe(served, writer, now)
                with writable(folder):
                    return _commit(writer, folder, manifest)
        except BaseException:
            with writable(folder), _locked(folder):
                writer.path.unlink(missing_ok=True)
                _note_path(writer.path).unlink(missing_ok=True)
            raise

    def versions(self, kind: str, partition: Partition) -> list[LakeObject]:
        """See `Lake.versions`."""
        found = self._read(kind, partition, MANIFEST)
        return sorted(found, key=lambda item: (item.manifest.fetched_at, item.manifest.sha256), reverse=True)

    def find(self, kind: str, partition: Partition, sha256: str) -> LakeObject | None:
        """See `Lake.find`."""
        found = self._read(kind, partition, f".{sha256[:DIGEST]}.")
        return next((item for item in found if item.manifest.sha256 == sha256), None)

    def open(self, item: LakeObject) -> BinaryIO:
        """See `Lake.open`."""
        try:
            return Path(item.location).open("rb")
        except FileNotFoundError as error:
            raise gone(item.location, item.manifest) from error
        except OSError as error:
            raise _unreadable(item, error) from error

    def check(self, item: LakeObject) -> None:
        """See `Lake.check`."""
        with self.open(item) as file:
            prove_size(item.location, item.manifest, os.fstat(file.fileno()).st_size)
            try:
                digest = _digest(file)
            except OSError as error:
                raise _unreadable(item, error) from error
        prove(item.location, item.manifest, digest)

    def partitions(self) -> list[tuple[str, Partition]]:
        """See `Lake.partitions`."""
        found = [folder for folder in self._partition_folders() if _names(folder, MANIFEST)]
        return [(folder.parent.name, read_partition(folder.name, folder)) for folder in sorted(found)]

    def list_changed(self, since: datetime) -> list[LakeObject]:
        """See `Lake.list_changed`. A manifest's commit is when its file was written, by the disk's own clock."""
        start = since.timestamp() - _TICK
        notes = [folder / name for folder in self._partition_folders() for name in _names(folder, MANIFEST)]
        changed = sorted((time, note) for note in notes if (time := _written_at(note)) >= start)
        return [item for _, note in changed if (item := _object(note))]

    def remove(self, item: LakeObject) -> None:
        """See `Lake.remove`."""
        path = Path(item.location)
        with writable(path), _locked(path.parent):
            _note_path(path).unlink(missing_ok=True)
            path.unlink(missing_ok=True)

    def sweep(self) -> int:
        """See `Lake.sweep`."""
        return sum(_sweep_folder(folder) for folder in self._partition_folders() if _leftovers(folder))

    def _folder(self, kind: str, partition: Partition) -> Path:
        return self._raw / kind / str(partition)

    def _partition_folders(self) -> list[Path]:
        with writable(self._raw):
            return [folder for kind in _folders(self._raw) for folder in _folders(kind)]

    def _read(self, kind: str, partition: Partition, part: str) -> list[LakeObject]:
        """The visible objects of a partition whose manifest's name contains `part`."""
        folder = self._folder(kind, partition)
        found = [_object(folder / name) for name in _names(folder, MANIFEST) if part in name]
        return [item for item in found if item]


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Holds what is in the folder against everybody else; an empty folder does not outlive the lock."""
    handle = _lock(folder)
    try:
        yield
        _remove_if_empty(folder)
    finally:
        # A child forked meanwhile shares the lock: closing alone would leave it held.
        fcntl.flock(handle, fcntl.LOCK_UN)
        os.close(handle)


def _lock(folder: Path) -> int:
    while True:
        _make(folder)
        with suppress(FileNotFoundError):  # removed since by whoever held the lock: make it again
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            fcntl.flock(handle, fcntl.LOCK_EX)
            if _is_at(handle, folder):
                return handle
            os.close(handle)


def _make(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        folder.mkdir()


def _remove_if_empty(folder: Path) -> None:
    try:
        folder.rmdir()
    except OSError as error:
        if error.errno not in _STILL_USED:
            raise


def _is_at(handle: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except FileNotFoundError:
        return False


def _begin(folder: Path) -> HashingWriter:
    with _locked(folder):
        return HashingWriter(folder)


def _commit(writer: HashingWriter, folder: Path, manifest: Manifest) -> LakeObject:
    os.fsync(writer.fileno())
    path = folder / data_name(manifest)
    note_path = _note_path(writer.path)
    with _locked(folder):
        _write_durably(note_path, json.dumps(manifest.to_dict(), indent=2) + "\n")
        writer.path.replace(path)
        note_path.replace(_note_path(path))
        for changed in (folder, *folder.parents[:3]):  # up to the lake's root: any of them may be new
            sync_folder(changed)
    return LakeObject(manifest=manifest, location=str(path))


def _write_durably(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _digest(file: BinaryIO) -> str:
    digest = hashlib.sha256()
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _note_path(path: Path) -> Path:
    return path.with_name(path.name + MANIFEST)


def _object(note: Path) -> LakeObject | None:
    """What the manifest describes; None if it was removed since its folder was listed."""
    kind, month = note.parts[-3:-1]
    try:
        manifest = read_manifest(note.read_bytes(), note, kind, month)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise unreadable_manifest(note, kind, month) from error
    return LakeObject(manifest=manifest, location=str(note).removesuffix(MANIFEST))


def _written_at(note: Path) -> float:
    """Seconds since the epoch; 0 for a manifest removed since its folder was listed."""
    try:
        return note.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _folders(parent: Path) -> list[Path]:
    try:
        with os.scandir(parent) as entries:
            return [Path(entry.path) for entry in entries if entry.is_dir()]
    except FileNotFoundError:
        return []


def _names(folder: Path, ending: str = "") -> list[str]:
    """The files with that ending, in order; none of those half-written."""
    return sorted(name for name in _listing(folder) if name.endswith(ending) and not name.startswith(TEMPORARY))


def _listing(folder: Path) -> list[str]:
    with writable(folder):
        try:
            return os.listdir(folder)
        except FileNotFoundError:
            return []


def _leftovers(folder: Path) -> list[Path]:
    """What may be half-written: temporary files, and data without a manifest."""
    names = set(_listing(folder))
    orphans = (name for name in names if _DATA_FILE.fullmatch(name) and name + MANIFEST not in names)
    temporary = (name for name in names if name.startswith(TEMPORARY))
    return [folder / name for name in (*temporary, *orphans)]


def _sweep_folder(folder: Path) -> int:
    # Whoever commits holds the folder: what is an orphan now is one for good.
    with writable(folder), _locked(folder):
        return sum(remove_dead(path) for path in _leftovers(folder))


def _unreadable(item: LakeObject, error: OSError) -> LakeCorrupt:
    return LakeCorrupt(f"{item.location} cannot be read: {error.strerror}", fetch_again(item.manifest))
