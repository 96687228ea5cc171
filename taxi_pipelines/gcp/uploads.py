"""Where a cleaned month lies for BigQuery to load it: an object in the lake's bucket, for as long as the load job takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from google.cloud import storage

from taxi_pipelines.gcp.bucket import Bucket


class BucketUploads:
    """Uploads under the lake's prefix; with `keep` they stay. Raises LakeRefused, LakeUnavailable, CredentialsInvalid."""

    def __init__(self, client: Callable[[], storage.Client], *, bucket: str, prefix: str, keep: bool) -> None:
        self._bucket = Bucket(client, bucket)
        self._prefix = f"{prefix}/" if prefix else ""
        self._keep = keep

    @contextmanager
    def upload(self, path: Path, name: str) -> Iterator[str]:
        """The file's `gs://` URI, under which it can be loaded until the end of the block.

        An object left there by a run that was killed is taken where it holds the same bytes, else replaced."""
        with path.open("rb") as file:
            place, size = self._prefix + name, path.stat().st_size
            blob = self._bucket.upload(place, file, size) or self._bucket.replace(place, file, size)
        try:
            yield self._bucket.uri(blob.name)
        finally:
            if not self._keep:
                self._bucket.delete(blob)
