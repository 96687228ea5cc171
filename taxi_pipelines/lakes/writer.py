"""Files being written for a lake: hashed on the way, and held by a lock for as long as their writer lives.

The kernel drops the lock (a `flock`) when the process dies, by which `remove_dead` tells a slow writer from a dead one.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from taxi_pipelines.disk import writable

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

TEMPORARY = ".tmp-"


class HashingWriter(io.FileIO):
    """A new temporary file, written from start to end. Going back to 0 starts anew, the hash too."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / f"{TEMPORARY}{uuid.uuid4().hex}"
        super().__init__(self.path, "x+b")
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


def begin(folder: Path) -> HashingWriter:
    """A writer in a folder that others may be sweeping: one whose file was taken for dead before it held its lock is no use."""
    while True:
        writer = HashingWriter(folder)
        if writer.path.exists():
            return writer
        writer.close()


def remove_dead(path: Path) -> bool:
    """Removes the file unless a living writer holds it, or somebody else removed it."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
    except (BlockingIOError, FileNotFoundError):
        return False
    return True
