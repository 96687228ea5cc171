"""Opens the place of stored files by its address. Each adapter is imported where it is needed."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from taxi_pipelines.files.local import LocalFiles
from taxi_pipelines.flow_interfaces import Files
from taxi_pipelines.gcp.names import is_bucket_url, parse_bucket_url
from taxi_pipelines.work_interfaces import GoogleAccess


@lru_cache(maxsize=8)
def open_files(root: str, google: GoogleAccess) -> Files:
    """A folder, or gs://BUCKET/PREFIX. One client per process: its connections are kept for the next file."""
    if not is_bucket_url(root):
        return LocalFiles(Path(root))
    from taxi_pipelines.files.gcs import BucketFiles  # noqa: PLC0415 - the driver need not be installed, and takes long
    from taxi_pipelines.gcp.bucket import Bucket  # noqa: PLC0415
    from taxi_pipelines.gcp.clients import GoogleClients  # noqa: PLC0415

    place = parse_bucket_url(root)
    clients = GoogleClients(
        project=google.project,
        location=None,
        credentials=google.credentials,
        impersonate=google.impersonate,
        storage_emulator=google.storage_emulator,
        bigquery_emulator=None,
    )
    return BucketFiles(Bucket(lambda: clients.storage, place.bucket), place.prefix)
