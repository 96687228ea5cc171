"""What is lacking is granted by the smallest role, in a command that can be pasted."""

import shlex

from taxi_pipelines.gcp.permissions import BUCKET, grant_on_bucket, grant_on_dataset, grant_on_project

MEMBER = "serviceAccount:taxi@p.iam.gserviceaccount.com"


def test_objects_and_the_bucket_itself_are_two_roles() -> None:
    start = f"gcloud storage buckets add-iam-policy-binding gs://trips --member={MEMBER} --role="
    assert grant_on_bucket("trips", MEMBER, ["storage.objects.get"]) == f"{start}roles/storage.objectUser"
    assert grant_on_bucket("trips", MEMBER, ["storage.buckets.get"]) == f"{start}roles/storage.legacyBucketReader"
    assert grant_on_bucket("trips", MEMBER, BUCKET).split(" && ") == [
        f"{start}roles/storage.objectUser",
        f"{start}roles/storage.legacyBucketReader",
    ]


def test_who_is_not_known_is_to_be_filled_in() -> None:
    assert "--member=user:YOU" in grant_on_project("my-project", None, "roles/bigquery.jobUser")


def test_a_shell_reads_the_grant_on_a_dataset_as_one_statement() -> None:
    words = shlex.split(grant_on_dataset("my-project", "taxi", MEMBER))
    assert words[-1] == f'GRANT `roles/bigquery.dataEditor` ON SCHEMA `my-project.taxi` TO "{MEMBER}"'
