"""`taxi gcp setup`: bucket and datasets, made where they are missing; what is there already is only looked at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from google.api_core import exceptions as api
from google.cloud import bigquery, storage

from taxi_pipelines.errors import LakeRefused, PipelineError, WarehouseRefused
from taxi_pipelines.gcp.clients import BIGQUERY_BRIEFLY, STORAGE_BRIEFLY, GoogleClients
from taxi_pipelines.gcp.errors import google_errors
from taxi_pipelines.gcp.names import BucketPath, location_name, staging_dataset

CLEAN_DAYS = 7
"""A cleaned file is deleted once it is loaded; this is for those whose run was killed."""
OLD_DAYS = 30
"""Until what was overwritten or deleted is gone for good."""
STAGING_DAYS = 1
DAY_MS = 24 * 60 * 60 * 1000
LABELS = {"app": "taxi-pipelines"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """What was done to one thing."""

    name: str
    made: bool
    detail: str

    def to_dict(self) -> dict[str, Any]:
        """The line `taxi gcp setup --json` prints."""
        return {"name": self.name, "made": self.made, "detail": self.detail}


def set_up(
    clients: GoogleClients, *, bucket: BucketPath | None, dataset: str, keep_clean: bool = False
) -> Iterator[Step]:
    """Makes what is missing, one after the other; each step is yielded once it is done.

    Raises LakeRefused, WarehouseRefused, CredentialsInvalid; what was made by then stays, and is found by the next call.
    """
    if bucket:
        yield set_up_bucket(clients, bucket, keep_clean=keep_clean)
    yield set_up_dataset(
        clients, dataset, description="NYC taxi trips, one table per type, partitioned by source_month"
    )
    staging = staging_dataset(dataset)
    yield set_up_dataset(clients, staging, description="Months being loaded, and which are loaded", days=STAGING_DAYS)


def set_up_bucket(clients: GoogleClients, place: BucketPath, *, keep_clean: bool) -> Step:
    """The bucket, with uniform access, no public access, versioning and a lifecycle."""
    name = f"bucket gs://{place.bucket}"
    with google_errors(LakeRefused, name):
        found = find_bucket(clients.storage, place.bucket)
        if found is not None:
            refuse_other_location(LakeRefused, name, found.location, clients.location)
            return Step(name=name, made=False, detail=f"is there, in {location_name(found.location)}")
        bucket = _described(clients.storage, place, keep_clean=keep_clean)
        try:
            bucket.create(project=clients.project, location=clients.location, retry=STORAGE_BRIEFLY)
        except api.Conflict as error:  # somebody was faster: we, in a try whose answer was lost, or anybody
            if find_bucket(clients.storage, place.bucket) is None:
                raise taken(place.bucket, clients.project) from error
    detail = f"made in {clients.location}: uniform access, not public, versions kept {OLD_DAYS} days"
    return Step(name=name, made=True, detail=detail)


def find_bucket(client: storage.Client, name: str) -> storage.Bucket | None:
    """The bucket, None where there is none of that name in the world. Raises LakeRefused where it is somebody else's."""
    try:
        return client.lookup_bucket(name, retry=STORAGE_BRIEFLY)
    except api.Forbidden as error:
        if "storage.buckets.get" in str(error) or "does not exist" in str(error):
            raise taken(name, client.project) from error
        raise


def taken(bucket: str, project: str | None) -> LakeRefused:
    """The error where the name is in use: bucket names are shared by the whole world."""
    other = f"{bucket}-{project or 'mine'}"[:63].rstrip("-")
    return LakeRefused(
        f"bucket gs://{bucket} is somebody else's, or you have no right to see it (storage.buckets.get)",
        f'choose another name, for example lake = "gs://{other}/lake", or ask its owner for roles/storage.admin on it',
    )


def set_up_dataset(clients: GoogleClients, dataset: str, *, description: str, days: int | None = None) -> Step:
    """A dataset in the one location; `days` after which its tables go."""
    name = f"dataset {clients.project}.{dataset}"
    with google_errors(WarehouseRefused, name):
        found = find_dataset(clients.bigquery, dataset)
        if found is not None:
            refuse_other_location(WarehouseRefused, name, found.location, clients.location)
            return Step(name=name, made=False, detail=f"is there, in {found.location}")
        wanted = bigquery.Dataset(f"{clients.project}.{dataset}")
        wanted.location = clients.location
        wanted.description = description
        wanted.labels = LABELS
        wanted.default_table_expiration_ms = days * DAY_MS if days else None
        clients.bigquery.create_dataset(wanted, exists_ok=True, retry=BIGQUERY_BRIEFLY)
    return Step(
        name=name, made=True, detail=f"made in {clients.location}" + (f", tables go after {days} day" if days else "")
    )


def find_dataset(client: bigquery.Client, name: str) -> bigquery.Dataset | None:
    """The dataset, None where there is none."""
    try:
        return client.get_dataset(name, retry=BIGQUERY_BRIEFLY)
    except api.NotFound:
        return None


def refuse_other_location(kind: type[PipelineError], name: str, there: str, wanted: str) -> None:
    """Raises where a thing lies elsewhere: BigQuery loads only from, and copies only within, one location."""
    there = location_name(there)
    if there != wanted:
        raise kind(
            f"{name} is in {there}, not in {wanted}",
            f'set location = "{there}" for all of them, or choose another name: a location cannot be changed',
        )


def _described(client: storage.Client, place: BucketPath, *, keep_clean: bool) -> storage.Bucket:
    bucket = client.bucket(place.bucket)
    bucket.storage_class = "STANDARD"
    bucket.labels = LABELS
    bucket.versioning_enabled = True
    bucket.iam_configuration.uniform_bucket_level_access_enabled = True
    bucket.iam_configuration.public_access_prevention = "enforced"
    bucket.lifecycle_rules = _lifecycle(place, keep_clean=keep_clean)
    return bucket


def _lifecycle(place: BucketPath, *, keep_clean: bool) -> Sequence[dict[str, Any]]:
    """https://cloud.google.com/storage/docs/lifecycle"""
    old = {"action": {"type": "Delete"}, "condition": {"daysSinceNoncurrentTime": OLD_DAYS}}
    if keep_clean:
        return [old]
    clean = f"{place.prefix}/clean/".lstrip("/")
    return [{"action": {"type": "Delete"}, "condition": {"age": CLEAN_DAYS, "matchesPrefix": [clean]}}, old]
