"""The lake in a folder: `raw/{type}/{partition}/{stem}.{first of sha256}.{format}`, each with a manifest beside it.

Visible is what has a manifest: it is renamed into place last, after the file it describes. A partition's folder is
changed only under the folder's lock; a writer also holds a lock on its own temporary file for as long as it lives, by
which `sweep` tells a slow writer from a dead one. Both are `flock`s: the kernel drops them when a process dies.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import io
import json
import os
import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from taxi_pipelines.disk import sync_folder, writable
from taxi_pipelines.domain.manifest import Manifest, Offer
from taxi_pipelines.domain.month import Partition, parse_partition
from taxi_pipelines.errors import InvalidMonth, LakeCorrupt
from taxi_pipelines.interfaces import LakeObject

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

MANIFEST = ".manifest.json"
TEMPORARY = ".tmp-"
DIGEST = 12
"""So many hexadecimal digits of the sha256 stand in a file's name."""

_CHUNK = 1 << 20
_STILL_USED = frozenset({errno.ENOTEMPTY, errno.EEXIST})

_DATA_FILE = re.compile(r".+\.[0-9a-f]{12}\.(parquet|csv|csv\.gz)")


class LocalLake:
    """A `Lake` on a folder, shared by any number of threads and processes of one machine."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self._raw = self._root / "raw"

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
                manifest = _manifest(served, writer, now)
                with writable(folder):
                    return _commit(writer, folder, manifest)
        except BaseException:
            with writable(folder), _locked(folder):
                writer.path.unlink(missing_ok=True)
                writer.note_path.unlink(missing_ok=True)
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
            raise LakeCorrupt(f"{item.location} is gone", _fetch_again(item)) from error
        except OSError as error:
            raise _unreadable(item, error) from error

    def check(self, item: LakeObject) -> None:
        """See `Lake.check`."""
        with self.open(item) as file:
            size = os.fstat(file.fileno()).st_size
            if size != item.manifest.bytes:
                what = f"{item.location} has {size} bytes, its manifest says {item.manifest.bytes}"
                raise LakeCorrupt(what, _fetch_again(item))
            try:
                digest = _digest(file)
            except OSError as error:
                raise _unreadable(item, error) from error
        if digest != item.manifest.sha256:
            what = f"{item.location} is damaged: its sha256 is {digest}, its manifest says {item.manifest.sha256}"
            raise LakeCorrupt(what, _fetch_again(item))

    def partitions(self) -> list[tuple[str, Partition]]:
        """See `Lake.partitions`."""
        found = [folder for folder in self._partition_folders() if _names(folder, MANIFEST)]
        return [(folder.parent.name, _partition(folder)) for folder in sorted(found)]

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


class _HashingWriter(io.FileIO):
    """A new temporary file, written from start to end. Going back to 0 starts anew, the hash too."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / f"{TEMPORARY}{uuid.uuid4().hex}"
        self.note_path = _note_path(self.path)
        super().__init__(self.path, "xb")
        fcntl.flock(self.fileno(), fcntl.LOCK_EX)
        self._hash = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """Of all that is written."""
        return self._hash.hexdigest()

    def write(self, data: ReadableBuffer, /) -> int:
        """Writes all of `data`. Raises DiskFull: an OSError could be taken for one of the connection read from."""
        with writable(self.path.parent), memoryview(data).cast("B") as view:
            self._hash.update(view)
            written = 0
            while written < len(view):
                written += super().write(view[written:])
            return written

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Starts anew; there is no other place to go to."""
        if (offset, whence) != (0, os.SEEK_SET):
            raise io.UnsupportedOperation("a file for the lake is written from start to end")
        return self.truncate(0)

    def truncate(self, size: int | None = None, /) -> int:
        """Starts anew; there is no other size to cut to."""
        if (self.tell() if size is None else size) != 0:
            raise io.UnsupportedOperation("a file for the lake is written from start to end")
        self._hash = hashlib.sha256()
        super().seek(0)
        return super().truncate(0)


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


def _begin(folder: Path) -> _HashingWriter:
    with _locked(folder):
        return _HashingWriter(folder)


def _commit(writer: _HashingWriter, folder: Path, manifest: Manifest) -> LakeObject:
    os.fsync(writer.fileno())
    stem = manifest.file_name.removesuffix(f".{manifest.format}")
    path = folder / f"{stem}.{manifest.sha256[:DIGEST]}.{manifest.format}"
    with _locked(folder):
        _write_durably(writer.note_path, json.dumps(manifest.to_dict(), indent=2) + "\n")
        writer.path.replace(path)
        writer.note_path.replace(_note_path(path))
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


def _manifest(served: Offer, writer: _HashingWriter, now: datetime) -> Manifest:
    return Manifest(
        type=served.type,
        month=served.month,
        format=served.format,
        source_url=served.url,
        file_name=served.file_name,
        etag=served.etag,
        last_modified=served.last_modified,
        sha256=writer.sha256,
        bytes=writer.tell(),
        fetched_at=now,
    )


def _note_path(path: Path) -> Path:
    return path.with_name(path.name + MANIFEST)


def _object(note: Path) -> LakeObject | None:
    """What the manifest describes; None if it was removed since its folder was listed."""
    try:
        manifest = Manifest.from_dict(json.loads(note.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, InvalidMonth) as error:
        kind, month = note.parts[-3:-1]
        hint = f"delete it and run: taxi run {kind} {month} --force"
        raise LakeCorrupt(f"the manifest {note} is unreadable", hint) from error
    return LakeObject(manifest=manifest, location=str(note).removesuffix(MANIFEST))


def _partition(folder: Path) -> Partition:
    try:
        return parse_partition(folder.name)
    except InvalidMonth as error:
        raise LakeCorrupt(f"{folder} is not named after a month", "move it out of the lake") from error


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
        return sum(_remove_dead(path) for path in _leftovers(folder))


def _remove_dead(path: Path) -> bool:
    """Removes the file unless a living writer holds it."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        path.unlink()
    return True


def _fetch_again(item: LakeObject) -> str:
    return f"run: taxi run {item.manifest.type} {item.manifest.month} --force, which fetches it again"


def _unreadable(item: LakeObject, error: OSError) -> LakeCorrupt:
    return LakeCorrupt(f"{item.location} cannot be read: {error.strerror}", _fetch_again(item))
