"""Files of executions in a bucket of Cloud Storage: an object per file, below a prefix."""

from __future__ import annotations

from os import SEEK_END
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from taxi_pipelines.files.uris import missing, name_of
from taxi_pipelines.gcp.bucket import Bucket

_IN_MEMORY = 8 << 20


class BucketFiles:
    """`Files` below a prefix of a bucket. Raises LakeRefused, LakeUnavailable, CredentialsInvalid."""

    def __init__(self, bucket: Bucket, prefix: str) -> None:
        self._bucket = bucket
        self._prefix = prefix

    def put(self, uri: str, source: BinaryIO) -> int:
        """See `Files.put`."""
        size = source.seek(0, SEEK_END)
        self._bucket.replace(self._name(uri), source, size)
        return size

    def open(self, uri: str) -> BinaryIO:
        """See `Files.open`: a copy, gone when it is closed. Raises NotFound."""
        blob = self._bucket.stat(self._name(uri))
        copy = cast("BinaryIO", SpooledTemporaryFile(_IN_MEMORY))  # noqa: SIM115 - the caller's to close
        if blob is None or not self._bucket.download(blob, copy):
            copy.close()
            raise missing(uri)
        copy.seek(0)
        return copy

    def size(self, uri: str) -> int | None:
        """See `Files.size`."""
        blob = self._bucket.stat(self._name(uri))
        return blob.size if blob else None

    def delete(self, prefix: str) -> int:
        """See `Files.delete`. A file that is written at the same moment stays."""
        name = self._name(prefix).rstrip("/")
        found = self._bucket.list(name, "name,generation,metageneration")
        return sum(self._bucket.delete(blob) for blob in found if blob.name == name or blob.name.startswith(f"{name}/"))

    def _name(self, uri: str) -> str:
        return f"{self._prefix}/{name_of(uri)}"
