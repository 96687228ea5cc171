"""The Google part of `taxi doctor`: everything is looked at, and each thing that is wrong has its fix."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from taxi_pipelines.domain.outcome import Finding
from taxi_pipelines.gcp.clients import GoogleClients
from taxi_pipelines.gcp.doctor import GoogleDoctor
from taxi_pipelines.gcp.names import BucketPath
from taxi_pipelines.gcp.setup import set_up
from tests.support.google.faults import Refuse
from tests.support.google.server import FakeGoogle

PLACE = BucketPath("trips", "lake")
EVERYTHING = [
    "credentials", "project", "BigQuery API", "Storage API", "bucket", "dataset taxi", "dataset taxi_staging",
    "rights on bucket", "right to run jobs", "rights on taxi", "rights on taxi_staging", "clock",
]  # fmt: skip


def now() -> datetime:
    return datetime.now(UTC)


def doctor(google: GoogleClients, *, clock: Callable[[], datetime] = now) -> GoogleDoctor:
    return GoogleDoctor(clients=google, bucket=PLACE, dataset="taxi", clock=clock)


@pytest.fixture
def ready(google: GoogleClients, fake: FakeGoogle) -> FakeGoogle:
    """The fake with bucket and datasets in it."""
    list(set_up(google, bucket=PLACE, dataset="taxi"))
    fake.calls.clear()
    return fake


def bad(findings: list[Finding]) -> dict[str, Finding]:
    return {finding.name: finding for finding in findings if not finding.ok}


def test_where_all_is_well_everything_is_said_in_order_and_nothing_is_left_behind(
    google: GoogleClients, ready: FakeGoogle
) -> None:
    findings = doctor(google)()
    assert [finding.name for finding in findings] == EVERYTHING
    assert bad(findings) == {}
    assert {finding.name: finding.detail for finding in findings}["bucket"] == "gs://trips/lake, in US"
    for dataset in ("taxi", "taxi_staging"):
        assert list(google.bigquery.list_tables(dataset)) == []


def test_only_what_is_used_is_looked_at(google: GoogleClients, ready: FakeGoogle) -> None:
    lake = GoogleDoctor(clients=google, bucket=PLACE, dataset=None, clock=now)()
    assert [finding.name for finding in lake] == ["credentials", "Storage API", "bucket", "rights on bucket", "clock"]
    warehouse = GoogleDoctor(clients=google, bucket=None, dataset="taxi", clock=now)()
    assert not {"bucket", "Storage API", "rights on bucket"} & {finding.name for finding in warehouse}


def test_what_is_missing_hides_nothing_else(google: GoogleClients, fake: FakeGoogle) -> None:
    findings = doctor(google)()
    assert [finding.name for finding in findings] == EVERYTHING
    wrong = bad(findings)
    assert wrong["bucket"].detail == "gs://trips does not exist"
    assert wrong["dataset taxi"].detail == "my-project.taxi does not exist"
    for name in ("bucket", "dataset taxi", "dataset taxi_staging"):
        assert wrong[name].fix == "run: taxi gcp setup"
    assert {"credentials", "project", "BigQuery API", "Storage API", "right to run jobs", "clock"}.isdisjoint(wrong)


def test_a_wrong_location_is_named_with_the_right_one(google: GoogleClients, fake: FakeGoogle) -> None:
    fake.storage.make_bucket("trips", location="EUROPE-WEST3")
    wrong = bad(doctor(google)())
    assert wrong["bucket"].detail == "gs://trips is in europe-west3, not in US"
    assert 'location = "europe-west3"' in wrong["bucket"].fix


def test_lacking_rights_are_named_with_the_grant(google: GoogleClients, ready: FakeGoogle) -> None:
    ready.storage.deny("trips", "storage.objects.delete", "storage.buckets.get")
    ready.bigquery.projects.denied.add(("my-project", "bigquery.tables.updateData"))
    wrong = bad(doctor(google)())
    assert wrong["rights on bucket"].detail == "denied to you: storage.buckets.get, storage.objects.delete"
    assert "gcloud storage buckets add-iam-policy-binding gs://trips" in wrong["rights on bucket"].fix
    for dataset in ("taxi", "taxi_staging"):
        assert wrong[f"rights on {dataset}"].detail == "denied to you: bigquery.tables.updateData"
        assert f"ON SCHEMA `my-project.{dataset}`" in wrong[f"rights on {dataset}"].fix


def test_a_dataset_in_which_nothing_may_be_made_is_told_from_one_that_is_not_there(
    google: GoogleClients, ready: FakeGoogle
) -> None:
    said = "Access Denied: Dataset my-project:taxi: Permission bigquery.tables.create denied on dataset my-project:taxi"
    ready.faults.on("POST", "/datasets/taxi/tables", Refuse(403, "accessDenied", said))
    wrong = bad(doctor(google)())
    assert list(wrong) == ["rights on taxi"]
    assert wrong["rights on taxi"].detail == "denied to you: bigquery.tables.create"


def test_who_may_not_run_jobs_is_told_the_role(google: GoogleClients, ready: FakeGoogle) -> None:
    said = (
        "Access Denied: Project my-project: User does not have bigquery.jobs.create permission in project my-project."
    )
    ready.faults.on("POST", "/projects/my-project/jobs", Refuse(403, "accessDenied", said))
    wrong = bad(doctor(google)())
    assert list(wrong) == ["right to run jobs"]
    assert "roles/bigquery.jobUser" in wrong["right to run jobs"].fix


def test_an_api_that_is_not_enabled_is_named_with_the_command(google: GoogleClients, ready: FakeGoogle) -> None:
    ready.bigquery.projects.disabled.add(("my-project", "bigquery.googleapis.com"))
    wrong = bad(doctor(google)())
    assert wrong["BigQuery API"].fix == "run: gcloud services enable bigquery.googleapis.com --project=my-project"
    assert "project" not in wrong


def test_a_project_that_is_not_there_is_named(google: GoogleClients, ready: FakeGoogle) -> None:
    ready.bigquery.projects.missing.add("my-project")
    wrong = bad(doctor(google)())
    assert wrong["project"].detail == "my-project: Not found: Project my-project"
    assert "gcloud projects list" in wrong["project"].fix
    assert "BigQuery API" not in wrong


def test_tables_that_would_vanish_are_a_finding(google: GoogleClients, ready: FakeGoogle) -> None:
    dataset = google.bigquery.get_dataset("taxi")
    dataset.default_table_expiration_ms = 60 * 24 * 60 * 60 * 1000
    google.bigquery.update_dataset(dataset, ["default_table_expiration_ms"])
    wrong = bad(doctor(google)())
    assert list(wrong) == ["dataset taxi"]
    assert "deleted after 60 days" in wrong["dataset taxi"].detail
    assert wrong["dataset taxi"].fix.endswith(" my-project:taxi")


@pytest.mark.parametrize(("off", "ok"), [(-30, True), (30, True), (-120, False), (120, False)])
def test_a_clock_that_is_more_than_a_minute_off_is_a_finding(
    google: GoogleClients, ready: FakeGoogle, off: int, ok: bool
) -> None:
    findings = doctor(google, clock=lambda: now() + timedelta(seconds=off))()
    clock = findings[-1]
    assert (clock.name, clock.ok) == ("clock", ok)
    assert "s off Google's" in clock.detail


def _without_emulators(credentials: str, monkeypatch: pytest.MonkeyPatch) -> list[Finding]:
    monkeypatch.setattr(GoogleClients, "storage_url", "http://127.0.0.1:9")
    clients = GoogleClients(
        project="my-project", location="US", credentials=credentials, impersonate=None, storage_emulator=None,
        bigquery_emulator=None,
    )  # fmt: skip
    return doctor(clients)()


def test_without_credentials_the_rest_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    findings = _without_emulators("nowhere.json", monkeypatch)
    assert [finding.name for finding in findings] == EVERYTHING
    assert findings[0].detail == "the key file nowhere.json is not there"
    assert {finding.detail for finding in findings[1:-1]} == {"cannot be asked without credentials"}
    assert "cannot be reached" in findings[-1].detail


def test_a_key_that_google_refuses_is_found_out(
    key: dict[str, Any], token_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    findings = _without_emulators(json.dumps(key | {"token_uri": token_server}), monkeypatch)
    assert findings[0].detail.startswith("Google refuses the service account's key")
    assert "gcloud iam service-accounts keys create" in findings[0].fix
