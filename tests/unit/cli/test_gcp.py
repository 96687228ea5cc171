"""`taxi gcp setup`: a line for each thing, as text or as JSON; and what `--target` offers."""

import json
from typing import get_args

import pytest

from taxi_pipelines.cli import options
from taxi_pipelines.settings import Target
from tests.support.google.server import FakeGoogle, start_fake
from tests.unit.cli.conftest import Taxi


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch) -> FakeGoogle:
    fake = start_fake()
    fake.reset()
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", fake.url)
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", fake.url)
    monkeypatch.setenv("TAXI_PROJECT", "my-project")
    return fake


def test_setup_says_line_by_line_what_it_made(taxi: Taxi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAXI_LAKE", "gs://trips/lake")
    made = taxi("gcp", "setup")
    assert (made.code, made.err) == (0, "")
    assert made.out.splitlines() == [
        "bucket gs://trips  made in US: uniform access, not public, versions kept 30 days",
        "dataset my-project.taxi  made in US",
        "dataset my-project.taxi_staging  made in US, tables go after 1 day",
    ]


def test_setup_in_json_is_a_line_for_each_thing(taxi: Taxi) -> None:
    lines = [json.loads(line) for line in taxi("gcp", "setup", "--json").out.splitlines()]
    assert lines[0] == {"name": "dataset my-project.taxi", "made": True, "detail": "made in US"}


def test_a_lake_in_a_folder_needs_no_bucket(taxi: Taxi, fake: FakeGoogle) -> None:
    assert taxi("gcp", "setup").err.startswith("no bucket: the lake is a folder")
    assert not fake.storage.buckets


def test_what_was_made_before_a_refusal_is_said(taxi: Taxi, fake: FakeGoogle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAXI_LAKE", "gs://trips/lake")
    fake.bigquery.projects.missing.add("my-project")
    refused = taxi("gcp", "setup")
    assert refused.code == 1
    assert refused.out.startswith("bucket gs://trips  made in US")
    assert refused.err.startswith("error[warehouse-refused]: dataset my-project.taxi: ")


def test_completion_offers_every_target() -> None:
    option = get_args(options.Target)[1]
    assert option.autocompletion() == [target.value for target in Target]
    assert all(target.value in option.help for target in Target)
