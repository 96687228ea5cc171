"""Objects of any bucket by gs:// URI, as triggers watch them."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from taxi_pipelines.errors import NotFound
from taxi_pipelines.gcp.bucket import Bucket
from taxi_pipelines.gcp.clients import GoogleClients
from taxi_pipelines.gcp.names import parse_bucket_url
from taxi_pipelines.trigger_interfaces import FoundObject

_FIELDS = "name,size,generation,updated"


class BucketObjects:
    """`Objects` in Cloud Storage. `clients`: those for a key's JSON, or for None; nothing is connected before it is used."""

    def __init__(self, clients: Callable[[str | None], GoogleClients]) -> None:
        self._clients = clients

    def listed(self, folder: str, *, recursive: bool, credentials: str | None) -> list[FoundObject]:
        """See `Objects.listed`."""
        bucket, prefix = self._place(folder, credentials)
        prefix = f"{prefix}/" if prefix else ""
        return [
            FoundObject(
                uri=bucket.uri(blob.name),
                name=blob.name,
                bytes=blob.size or 0,
                mark=str(blob.generation),
                updated_at=blob.updated,
            )
            for blob in bucket.list(prefix, _FIELDS)
            if not blob.name.endswith("/") and (recursive or "/" not in blob.name.removeprefix(prefix))
        ]

    def fetch(self, uri: str, target: BinaryIO, credentials: str | None) -> None:
        """See `Objects.fetch`."""
        bucket, name = self._place(uri, credentials)
        blob = bucket.stat(name)
        if blob is None or not bucket.download(blob, target):
            raise NotFound(f"{uri} is gone", "it is looked for again")

    def move(self, uri: str, to: str, credentials: str | None) -> None:
        """See `Objects.move`."""
        bucket, name = self._place(uri, credentials)
        target, prefix = self._place(to, credentials)
        end = name.rpartition("/")[2]
        if (blob := bucket.stat(name)) and bucket.copy(blob, target, f"{prefix}/{end}" if prefix else end):
            bucket.delete(blob)

    def delete(self, uri: str, credentials: str | None) -> None:
        """See `Objects.delete`."""
        bucket, name = self._place(uri, credentials)
        if blob := bucket.stat(name):
            bucket.delete(blob)

    def _place(self, uri: str, credentials: str | None) -> tuple[Bucket, str]:
        """The bucket, and the name in it, without slashes around it. Raises UsageError for what is no gs:// URI."""
        bucket, _, name = uri.removeprefix("gs://").partition("/")
        parse_bucket_url(f"gs://{bucket}" if uri.startswith("gs://") else uri)
        return Bucket(lambda: self._clients(credentials).storage, bucket), name.strip("/")
