"""What a principal must be allowed to do, permission by permission, and the command that allows it. Pure.

The roles are the smallest predefined ones: https://cloud.google.com/iam/docs/roles-permissions
"""

from __future__ import annotations

from collections.abc import Collection

BUCKET = (
    "storage.buckets.get",
    "storage.objects.create",
    "storage.objects.delete",
    "storage.objects.get",
    "storage.objects.list",
    "storage.objects.update",
)
TABLE = (
    "bigquery.tables.get",
    "bigquery.tables.getData",
    "bigquery.tables.update",
    "bigquery.tables.updateData",
    "bigquery.tables.delete",
)

UNKNOWN = "user:YOU"


def grant_on_bucket(bucket: str, member: str | None, lacking: Collection[str]) -> str:
    """The command that gives what is lacking on a bucket."""
    roles = ["roles/storage.objectUser"] if any(name.startswith("storage.objects.") for name in lacking) else []
    if "storage.buckets.get" in lacking:
        roles.append("roles/storage.legacyBucketReader")
    grant = f"gcloud storage buckets add-iam-policy-binding gs://{bucket} --member={member or UNKNOWN} --role="
    return " && ".join(grant + role for role in roles)


def grant_on_project(project: str, member: str | None, role: str) -> str:
    """The command that gives a role on the project."""
    return f"gcloud projects add-iam-policy-binding {project} --member={member or UNKNOWN} --role={role}"


def grant_on_dataset(project: str, dataset: str, member: str | None) -> str:
    """The command that lets somebody make and write a dataset's tables."""
    grant = f'GRANT `roles/bigquery.dataEditor` ON SCHEMA `{project}.{dataset}` TO "{member or UNKNOWN}"'
    return f"bq query --project_id={project} --use_legacy_sql=false '{grant}'"
