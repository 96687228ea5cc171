"""Names Google Cloud accepts, checked before anything is sent. Pure: settings use it, too, and it imports no driver.

Rules: https://cloud.google.com/storage/docs/buckets#naming, https://cloud.google.com/bigquery/docs/datasets#dataset-naming,
https://cloud.google.com/resource-manager/docs/creating-managing-projects
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from taxi_pipelines.errors import UsageError

SCHEME = "gs://"
STAGING_SUFFIX = "_staging"
LONGEST_DATASET = 1024 - len(STAGING_SUFFIX)

_PROJECT = re.compile(r"(?:[a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9]|\d+")


@dataclass(frozen=True, slots=True)
class BucketPath:
    """A place in a bucket; `prefix` has no slash at either end, and is empty for the whole bucket."""

    bucket: str
    prefix: str

    def __str__(self) -> str:
        return f"{SCHEME}{self.bucket}/{self.prefix}".rstrip("/")


def is_bucket_url(text: str) -> bool:
    """Whether it names a bucket rather than a folder."""
    return text.lower().startswith(SCHEME)


def parse_bucket_url(text: str) -> BucketPath:
    """`gs://BUCKET/PREFIX` → its parts. Raises UsageError with the rule that is broken."""
    if not is_bucket_url(text):
        raise UsageError(f"{text!r} is not a bucket's URL", "write it as gs://BUCKET/PREFIX")
    bucket, _, prefix = text[len(SCHEME) :].partition("/")
    check_bucket_name(bucket)
    prefix = prefix.strip("/")
    if rule := _prefix_rule(prefix):
        raise UsageError(f"prefix {prefix!r} is not valid: {rule}", f"try {SCHEME}{bucket}/lake")
    return BucketPath(bucket, prefix)


def check_bucket_name(name: str) -> None:
    """Raises UsageError with Google's rule that is broken, and a name that would do."""
    if rule := _bucket_rule(name):
        raise UsageError(f"bucket name {name!r} is not valid: {rule}", f"try {_valid_bucket(name)}")


def check_dataset_name(name: str) -> None:
    """Raises UsageError with Google's rule that is broken, and a name that would do."""
    if rule := _dataset_rule(name):
        raise UsageError(f"dataset name {name!r} is not valid: {rule}", f"try {_valid_dataset(name)}")


def check_project_id(name: str) -> None:
    """Raises UsageError where it cannot be a project's id: people often give its display name."""
    if not _PROJECT.fullmatch(name):
        rule = "an id has 6 to 30 lower-case letters, digits and dashes, and starts with a letter"
        raise UsageError(f"project {name!r} is not a project's id: {rule}", "see: gcloud projects list")


def location_name(text: str) -> str:
    """`eu` → EU, `EUROPE-WEST3` → europe-west3: BigQuery's way; Cloud Storage answers in capitals."""
    return text.lower() if "-" in text else text.upper()


def staging_dataset(dataset: str) -> str:
    """Where staging tables and month records of a dataset lie."""
    return f"{dataset}{STAGING_SUFFIX}"


def _prefix_rule(prefix: str) -> str | None:
    parts = prefix.split("/") if prefix else []
    if any(part in ("", ".", "..") for part in parts):
        return "its parts are not empty and not dots"
    if not prefix.isprintable() or any(mark in prefix for mark in "#[]*?"):
        return "control characters and # [ ] * ? make objects hard to reach"
    return None


def _bucket_rule(name: str) -> str | None:
    if not 3 <= len(name) <= 222 or any(len(part) > 63 for part in name.split(".")):
        return "it has 3 to 63 characters (with dots up to 222, 63 between two dots)"
    if not re.fullmatch(r"[a-z0-9._-]+", name):
        return "only lower-case letters, digits, dashes, underscores and dots"
    if not (name[0].isalnum() and name[-1].isalnum()) or ".." in name:
        return "it starts and ends with a letter or a digit, and has no two dots in a row"
    if re.fullmatch(r"\d+\.\d+\.\d+\.\d+", name):
        return "it must not look like an IP address"
    if name.startswith("goog") or "google" in name or "g00gle" in name:
        return "it must not start with goog or contain google"
    return None


def _valid_bucket(name: str) -> str:
    plain = re.sub(r"[^a-z0-9-]+", "-", name.lower()).replace("google", "g").replace("g00gle", "g")
    plain = plain.removeprefix("goog").strip("-")[:63].strip("-")
    return plain if _bucket_rule(plain) is None else f"taxi-{plain}".strip("-")[:63].strip("-")


def _dataset_rule(name: str) -> str | None:
    if not name or len(name) > LONGEST_DATASET:
        return f"it has 1 to {LONGEST_DATASET:,} characters"
    if not re.fullmatch(r"[A-Za-z0-9_]+", name):
        return "only letters, digits and underscores" + (", no dash" if "-" in name else "")
    return None


def _valid_dataset(name: str) -> str:
    plain = re.sub(r"[^A-Za-z0-9_]+", "_", name).strip("_")[:LONGEST_DATASET]
    return plain or "taxi"
