"""Objects of a bucket as files: read from afar in ranges, or from the local copy of what just went by."""

from __future__ import annotations

import io
import os
import threading
import weakref
from typing import TYPE_CHECKING, BinaryIO, cast

from google.cloud import storage

from taxi_pipelines.domain.manifest import Manifest
from taxi_pipelines.gcp.bucket import Bucket
from taxi_pipelines.lakes.layout import gone
from taxi_pipelines.lakes.writer import HashingWriter

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

READ_AHEAD = 1 << 20
"""Bytes fetched at least; a larger read fetches what it needs, so that jumping between columns fetches nothing twice."""


def open_remote(bucket: Bucket, blob: storage.Blob, manifest: Manifest) -> BinaryIO:
    """That generation of an object, seekable; it raises LakeCorrupt where it goes away meanwhile."""
    return cast("BinaryIO", io.BufferedReader(_Remote(bucket, blob, manifest), READ_AHEAD))


class _Remote(io.RawIOBase):
    """Each read is one request for a range."""

    def __init__(self, bucket: Bucket, blob: storage.Blob, manifest: Manifest) -> None:
        self._bucket, self._blob, self._manifest = bucket, blob, manifest
        self._position = 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Costs nothing."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._blob.size}[whence]
        self._position = max(start + offset, 0)
        return self._position

    def readinto(self, target: WriteableBuffer, /) -> int:
        """Fetches as much as fits."""
        view = memoryview(target).cast("B")
        length = min(len(view), self._blob.size - self._position)
        if length <= 0:
            return 0
        data = self._bucket.read(self._blob, self._position, length)
        if data is None:
            raise gone(self._bucket.uri(self._blob.name), self._manifest)
        view[: len(data)] = data
        self._position += len(data)
        return len(data)

    def readall(self) -> bytes:
        """In one request; the base class would make one for every 8 KiB."""
        return self.read(max(self._blob.size - self._position, 0)) or b""


class LocalCopy:
    """What a writer wrote, without a name on the disk: gone when this and everything opened from it is."""

    def __init__(self, writer: HashingWriter) -> None:
        self._descriptor = os.dup(writer.fileno())
        weakref.finalize(self, os.close, self._descriptor)
        self.size = writer.tell()

    def open(self) -> BinaryIO:
        """From the start. Only one of those opened may be in use."""
        file = os.fdopen(os.dup(self._descriptor), "rb")
        file.seek(0)
        return file


class LastCopy(threading.local):
    """Each thread's last copy: what a thread has put or checked it is likely to open next, once."""

    _held: tuple[str, int, LocalCopy] | None = None

    def keep(self, name: str, generation: int, copy: LocalCopy) -> None:
        """Holds it instead of the one before."""
        self._held = (name, generation, copy)

    def take(self, name: str, generation: int) -> LocalCopy | None:
        """The copy of that very generation, if it is held; it is held no longer."""
        held = self._held
        if held is None or held[:2] != (name, generation):
            return None
        self._held = None
        return held[2]
