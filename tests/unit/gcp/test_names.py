"""Names that Google would refuse are refused before, with the rule that is broken and one that would do."""

import pytest

from taxi_pipelines.errors import UsageError
from taxi_pipelines.gcp.names import (
    BucketPath,
    check_bucket_name,
    check_dataset_name,
    check_project_id,
    is_bucket_url,
    parse_bucket_url,
    staging_dataset,
)


@pytest.mark.parametrize(
    ("url", "bucket", "prefix"),
    [
        ("gs://trips", "trips", ""),
        ("gs://trips/", "trips", ""),
        ("gs://trips/lake", "trips", "lake"),
        ("GS://trips/nyc/taxi lake/", "trips", "nyc/taxi lake"),
        ("gs://data.example.com/lake", "data.example.com", "lake"),
    ],
)
def test_a_buckets_url_has_a_bucket_and_a_prefix_without_slashes_around_it(url: str, bucket: str, prefix: str) -> None:
    assert is_bucket_url(url)
    assert parse_bucket_url(url) == BucketPath(bucket, prefix)


def test_a_path_prints_as_its_url() -> None:
    assert str(BucketPath("trips", "a/b")) == "gs://trips/a/b"
    assert str(BucketPath("trips", "")) == "gs://trips"


@pytest.mark.parametrize(
    ("name", "rule", "suggestion"),
    [
        ("ab", "3 to 63 characters", "taxi-ab"),
        ("a" * 64, "3 to 63 characters", "a" * 63),
        ("My_Trips", "only lower-case letters", "my-trips"),
        ("trips nyc", "only lower-case letters", "trips-nyc"),
        ("-trips-", "starts and ends with", "trips"),
        ("trips..nyc", "no two dots", "trips-nyc"),
        ("10.20.30.40", "IP address", "10-20-30-40"),
        ("google-trips", "goog", "g-trips"),
        ("my-g00gle", "google", "my-g"),
        ("", "3 to 63 characters", "taxi"),
    ],
)
def test_a_bucket_name_that_breaks_a_rule_is_refused_with_one_that_does_not(
    name: str, rule: str, suggestion: str
) -> None:
    with pytest.raises(UsageError) as refused:
        check_bucket_name(name)
    assert rule in refused.value.what
    assert refused.value.hint == f"try {suggestion}"
    if suggestion != "taxi":
        check_bucket_name(suggestion)


@pytest.mark.parametrize("prefix", ["a//b", "../x", "a/./b", "lake#1", "what?", "lake\n", "*"])
def test_a_prefix_that_tools_stumble_over_is_refused(prefix: str) -> None:
    with pytest.raises(UsageError, match=r"prefix .* is not valid"):
        parse_bucket_url(f"gs://trips/{prefix}")


def test_other_places_are_no_buckets() -> None:
    assert not is_bucket_url("/data/lake")
    with pytest.raises(UsageError, match="write it as gs://BUCKET/PREFIX"):
        parse_bucket_url("s3://trips")


@pytest.mark.parametrize(
    ("name", "suggestion"), [("nyc-taxi", "nyc_taxi"), ("nyc taxi!", "nyc_taxi"), ("", "taxi"), ("é", "taxi")]
)
def test_a_dataset_with_a_dash_gets_an_underscore(name: str, suggestion: str) -> None:
    with pytest.raises(UsageError, match=r"only letters, digits and underscores|1 to") as refused:
        check_dataset_name(name)
    assert refused.value.hint == f"try {suggestion}"
    check_dataset_name(suggestion)


def test_the_staging_dataset_of_the_longest_name_still_fits() -> None:
    check_dataset_name("a" * 1016)
    assert len(staging_dataset("a" * 1016)) == 1024
    with pytest.raises(UsageError):
        check_dataset_name("a" * 1017)


@pytest.mark.parametrize("name", ["my-project-1", "example.com:my-project", "123456789012"])
def test_ids_and_numbers_of_projects_pass(name: str) -> None:
    check_project_id(name)


@pytest.mark.parametrize("name", ["My Project", "ab", "-project", "project-", "p`; drop", "Trips"])
def test_a_projects_display_name_is_not_its_id(name: str) -> None:
    with pytest.raises(UsageError, match="gcloud projects list"):
        check_project_id(name)
