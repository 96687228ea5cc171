"""A bucket made, or changed, in a worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from google.cloud import storage

from taxi_pipelines.domain.records import Level
from taxi_pipelines.errors import PermanentError
from taxi_pipelines.gcp.names import check_bucket_name
from taxi_pipelines.tasks.gcs_objects import RETRY, storage_errors
from taxi_pipelines.tasks.gcs_properties import BucketAccess, CreateBucket, LifecycleRule
from taxi_pipelines.tasks.google_access import google_clients
from taxi_pipelines.tasks.worker_context import WorkerContext

_ENTITIES = {"USER": "user", "GROUP": "group", "DOMAIN": "domain"}


def create_bucket(values: Mapping[str, Any], context: WorkerContext) -> Mapping[str, Any]:
    """Makes the bucket, or does with one that is there what is asked for.

    Raises UsageError for a name Google does not accept, PermanentError where it must not be there, LakeRefused.
    """
    it = CreateBucket.model_validate(values)
    check_bucket_name(it.name)
    with google_clients(it, context) as clients, storage_errors(f"gs://{it.name}"):
        bucket = clients.storage.lookup_bucket(it.name, retry=RETRY)
        is_new = bucket is None
        if bucket is not None and it.if_exists == "ERROR":
            raise PermanentError(f"the bucket {it.name} is there already", "ifExists: SKIP allows that")
        if bucket is None:
            bucket = clients.storage.bucket(it.name)
            _set(bucket, it)
            bucket.create(project=clients.project, location=it.location, retry=RETRY)
        elif it.if_exists == "UPDATE":
            _set(bucket, it)
            bucket.patch(retry=RETRY)
        if is_new or it.if_exists == "UPDATE":
            _grant(bucket.acl, it.acl)
            _grant(bucket.default_object_acl, it.default_acl)
    context.log(Level.INFO, f"gs://{it.name} {'made' if is_new else 'is there'}, in {bucket.location}")
    described = {
        "name": bucket.name,
        "uri": f"gs://{bucket.name}",
        "location": bucket.location,
        "indexPage": it.index_page,
        "notFoundPage": it.not_found_page,
    }
    return {"bucket": described, "created": is_new, "updated": not is_new and it.if_exists == "UPDATE"}


def _set(bucket: storage.Bucket, it: CreateBucket) -> None:
    """What the task says; what it does not say stays as it is."""
    given = {
        "storage_class": it.storage_class,
        "labels": it.labels,
        "versioning_enabled": it.versioning_enabled,
        "requester_pays": it.requester_pays,
        "retention_period": it.retention_period,
        "default_event_based_hold": it.default_event_based_hold,
        "default_kms_key_name": it.default_kms_key_name,
        "lifecycle_rules": _rules(it.lifecycle_rules),
        "cors": [_cors(one) for one in it.cors] if it.cors is not None else None,
    }
    for name, value in given.items():
        if value is not None:
            setattr(bucket, name, value)
    if it.index_page or it.not_found_page:
        bucket.configure_website(it.index_page, it.not_found_page)
    if it.iam_configuration and (uniform := it.iam_configuration.uniform_bucket_level_access_enabled) is not None:
        bucket.iam_configuration.uniform_bucket_level_access_enabled = uniform
    if it.iam_configuration and (prevention := it.iam_configuration.public_access_prevention):
        bucket.iam_configuration.public_access_prevention = prevention.lower()
    if it.logging:
        bucket.enable_logging(it.logging.log_bucket, it.logging.log_object_prefix or "")


def _rules(rules: Sequence[LifecycleRule] | None) -> list[dict[str, Any]] | None:
    if rules is None:
        return None
    actions = {"DELETE": "Delete", "SET_STORAGE_CLASS": "SetStorageClass"}
    return [
        {
            "condition": {"age": rule.condition.age},
            "action": {"type": actions[rule.action.type]}
            | ({"storageClass": rule.action.value} if rule.action.value else {}),
        }
        for rule in rules
    ]


def _cors(one: Any) -> dict[str, Any]:
    found = {
        "origin": [origin.value for origin in one.origins],
        "method": one.methods,
        "responseHeader": one.response_headers,
        "maxAgeSeconds": one.max_age_seconds,
    }
    return {name: value for name, value in found.items() if value is not None}


def _grant(acl: Any, controls: Sequence[BucketAccess] | None) -> None:
    if not controls:
        return
    for control in controls:
        acl.entity(_ENTITIES[control.entity.type], control.entity.value).grant(control.role)
    acl.save()
