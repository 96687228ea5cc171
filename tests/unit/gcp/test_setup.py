"""`taxi gcp setup` makes what is missing, leaves alone what is there, and says what stands in the way."""

import pytest

from taxi_pipelines.errors import LakeRefused, LakeUnavailable, PipelineError, WarehouseRefused
from taxi_pipelines.gcp.clients import GoogleClients
from taxi_pipelines.gcp.names import BucketPath
from taxi_pipelines.gcp.setup import Step, set_up
from tests.support.google.faults import LoseAnswer, Refuse
from tests.support.google.server import FakeGoogle

PLACE = BucketPath("trips", "nyc/lake")


def _set_up(google: GoogleClients, *, keep_clean: bool = False) -> list[Step]:
    return list(set_up(google, bucket=PLACE, dataset="taxi", keep_clean=keep_clean))


def test_bucket_and_datasets_are_made(google: GoogleClients) -> None:
    steps = _set_up(google)
    assert [(step.name, step.made) for step in steps] == [
        ("bucket gs://trips", True),
        ("dataset my-project.taxi", True),
        ("dataset my-project.taxi_staging", True),
    ]
    bucket = google.storage.get_bucket("trips")
    assert (bucket.location, bucket.versioning_enabled) == ("US", True)
    assert bucket.iam_configuration.uniform_bucket_level_access_enabled
    assert bucket.iam_configuration.public_access_prevention == "enforced"
    assert [dict(rule)["condition"] for rule in bucket.lifecycle_rules] == [
        {"age": 7, "matchesPrefix": ["nyc/lake/clean/"]},
        {"daysSinceNoncurrentTime": 30},
    ]
    target, staging = (google.bigquery.get_dataset(name) for name in ("taxi", "taxi_staging"))
    assert (target.location, staging.location) == ("US", "US")
    assert (target.default_table_expiration_ms, staging.default_table_expiration_ms) == (None, 24 * 60 * 60 * 1000)
    assert target.labels == {"app": "taxi-pipelines"}


def test_a_second_time_changes_nothing(google: GoogleClients, fake: FakeGoogle) -> None:
    _set_up(google)
    fake.calls.clear()
    assert [(step.made, step.detail) for step in _set_up(google)] == [(False, "is there, in US")] * 3
    assert {call.method for call in fake.calls} == {"GET"}


def test_without_a_bucket_only_the_datasets_are_made(google: GoogleClients, fake: FakeGoogle) -> None:
    assert len(list(set_up(google, bucket=None, dataset="taxi"))) == 2
    assert not fake.storage.buckets


def test_cleaned_files_that_are_to_be_kept_have_no_date_of_expiry(google: GoogleClients) -> None:
    _set_up(google, keep_clean=True)
    rules = google.storage.get_bucket("trips").lifecycle_rules
    assert [dict(rule)["condition"] for rule in rules] == [{"daysSinceNoncurrentTime": 30}]


def test_a_name_that_somebody_else_has_is_refused_with_another(google: GoogleClients, fake: FakeGoogle) -> None:
    fake.storage.taken.add("trips")
    with pytest.raises(LakeRefused, match=r"bucket gs://trips is somebody else's.*gs://trips-my-project/lake"):
        _set_up(google)


def test_a_name_that_is_taken_while_we_make_it_is_refused_too(google: GoogleClients, fake: FakeGoogle) -> None:
    fake.faults.on("POST", "/storage/v1/b", Refuse(409, "conflict", "The requested bucket name is not available."))
    with pytest.raises(LakeRefused, match="is somebody else's"):
        _set_up(google)


def test_a_bucket_elsewhere_is_refused_before_anything_is_made(google: GoogleClients, fake: FakeGoogle) -> None:
    fake.storage.make_bucket("trips", location="EUROPE-WEST3")
    with pytest.raises(LakeRefused, match=r"bucket gs://trips is in europe-west3, not in US; .*a location cannot be"):
        _set_up(google)
    assert all(call.method == "GET" for call in fake.calls)


def test_a_dataset_elsewhere_is_refused(google: GoogleClients) -> None:
    other = GoogleClients(
        project="my-project",
        location="EU",
        credentials=None,
        impersonate=None,
        storage_emulator=google.storage_url,
        bigquery_emulator=google.storage_url,
    )
    list(set_up(other, bucket=None, dataset="taxi"))
    other.close()
    with pytest.raises(WarehouseRefused, match=r"dataset my-project\.taxi is in EU, not in US"):
        _set_up(google)


@pytest.mark.parametrize(
    ("method", "path", "refusal", "said"),
    [
        (
            "POST",
            "/datasets",
            Refuse(
                403, "accessDenied", "Access Denied: Project my-project: User does not have bigquery.datasets.create"
            ),
            "bigquery.datasets.create",
        ),
        (
            "GET",
            "/datasets/taxi",
            Refuse(403, "accessNotConfigured", "BigQuery API has not been used in project 1 before or it is disabled."),
            "gcloud services enable bigquery.googleapis.com",
        ),
        (
            "POST",
            "/storage/v1/b",
            Refuse(403, "forbidden", "a@b.c does not have storage.buckets.create access to the Google Cloud project."),
            "storage.buckets.create",
        ),
    ],
)
def test_a_refusal_is_one_line_that_names_the_right(
    google: GoogleClients, fake: FakeGoogle, method: str, path: str, refusal: Refuse, said: str
) -> None:
    fake.faults.on(method, path, refusal)
    with pytest.raises(PipelineError) as refused:
        _set_up(google)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_bucket_that_was_made_though_the_answer_was_lost_is_ours(google: GoogleClients, fake: FakeGoogle) -> None:
    fake.faults.on("POST", "/storage/v1/b", LoseAnswer())
    assert all(step.made for step in _set_up(google))
    assert not any(step.made for step in _set_up(google))


def test_a_service_that_is_busy_for_a_moment_is_asked_again(google: GoogleClients, fake: FakeGoogle) -> None:
    fake.faults.on("GET", "/datasets/taxi", Refuse(503))
    assert all(step.made for step in _set_up(google))


def test_what_cannot_be_reached_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = GoogleClients(
        project="my-project",
        location="US",
        credentials=None,
        impersonate=None,
        storage_emulator="127.0.0.1:9",
        bigquery_emulator="127.0.0.1:9",
    )
    monkeypatch.setattr("taxi_pipelines.gcp.setup.STORAGE_BRIEFLY", None)
    with pytest.raises(LakeUnavailable, match="cannot be reached"):
        _set_up(nowhere)
    nowhere.close()
