"""Google Cloud as a user meets it: real processes, the official clients, our fake of Google on loopback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from google.cloud import bigquery

from taxi_pipelines.domain.month import Month
from taxi_pipelines.gcp.clients import GoogleClients
from taxi_pipelines.gcp.names import BucketPath
from taxi_pipelines.gcp.setup import set_up
from taxi_pipelines.pipeline import Pipeline
from taxi_pipelines.synthetic.files import write_month, write_zones
from tests.support.google.faults import Refuse
from tests.support.google.server import FakeGoogle, start_fake

ROWS = 300
BUCKET, FOLDER = "gs://trips/nyc", "lake"


@pytest.fixture
def fake() -> FakeGoogle:
    fake = start_fake()
    fake.reset()
    return fake


@pytest.fixture
def google(fake: FakeGoogle) -> Iterator[GoogleClients]:
    """Our own look at what the processes did."""
    clients = GoogleClients(
        project="my-project", location="US", credentials=None, impersonate=None, storage_emulator=fake.url,
        bigquery_emulator=fake.url,
    )  # fmt: skip
    yield clients
    clients.close()


@dataclass
class Taxi:
    """Runs `taxi` in a folder with a `taxi.toml`; its source has green 2021-01 and 2021-02, and the zones."""

    folder: Path
    env: dict[str, str]

    def configure(self, **settings: str) -> None:
        lines = [f"{name} = {json.dumps(value)}\n" for name, value in settings.items()]
        (self.folder / "taxi.toml").write_text("".join(lines))

    def __call__(self, *arguments: str, code: int = 0, **env: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "taxi_pipelines", *arguments], capture_output=True, text=True, env=self.env | env,
            cwd=self.folder, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *arguments: str, code: int = 0, **env: str) -> Any:
        return json.loads(self(*arguments, "--json", code=code, **env).stdout)

    def refused(self, *arguments: str, code: int = 1, **env: str) -> str:
        """What the command says where it fails: the one line of its error."""
        said = self(*arguments, code=code, **env).stderr.splitlines()
        errors = [line for line in said if line.startswith("error[")]
        assert len(errors) == 1 and said[-1] == errors[0], said
        return errors[0]

    def republish(self) -> None:
        """Another file of green 2021-01, with one row more."""
        write_month(self.folder / "source", "green", Month(2021, 1), ROWS + 1, seed=1)


@pytest.fixture
def taxi(tmp_path: Path, fake: FakeGoogle) -> Taxi:
    source = tmp_path / "source"
    source.mkdir()
    for month in (1, 2):
        write_month(source, "green", Month(2021, month), ROWS)
    write_zones(source)
    env = {name: value for name, value in os.environ.items() if not name.startswith("TAXI_")}
    google = {"STORAGE_EMULATOR_HOST": fake.url, "BIGQUERY_EMULATOR_HOST": fake.url}
    taxi = Taxi(tmp_path, {**env, **google, "TAXI_HOME": str(tmp_path / "home"), "COLUMNS": "100"})
    taxi.configure(target="bigquery", lake=BUCKET, project="my-project", source="source")
    return taxi


@pytest.fixture
def loaded(taxi: Taxi, fake: FakeGoogle, google: GoogleClients) -> Taxi:
    """Everything is set up, and green 2021-01 is loaded; by this process, which is faster."""
    list(set_up(google, bucket=BucketPath("trips", "nyc"), dataset="taxi"))
    with Pipeline(
        home=taxi.folder / "home", source=taxi.folder / "source", target="bigquery", lake=BUCKET, project="my-project",
        storage_emulator_host=fake.url, bigquery_emulator_host=fake.url,
    ) as pipeline:  # fmt: skip
        pipeline.run("green", "2021-01")
    return taxi


def rows(google: GoogleClients) -> int:
    """Those of green 2021-01, by Google's own client."""
    text = "select count(*) from `my-project.taxi.green_tripdata` where source_month = '2021-01-01'"
    return int(next(iter(google.bigquery.query_and_wait(text)))[0])


@pytest.mark.parametrize(
    ("target", "lake"),
    [
        ("bigquery", BUCKET),
        pytest.param("bigquery", FOLDER, marks=pytest.mark.slow),
        pytest.param("duckdb", BUCKET, marks=pytest.mark.slow),
    ],
    ids=str,
)
def test_every_verb_works_with_lake_and_warehouse_in_any_combination(
    taxi: Taxi, fake: FakeGoogle, target: str, lake: str
) -> None:
    taxi.configure(target=target, lake=lake, project="my-project", source="source")
    assert taxi("gcp", "setup").stdout.count("made in US") == (3 if lake == BUCKET else 2)
    planned = taxi.json("plan", "green", "2021-01", "2021-03")
    assert [line["action"] for line in planned] == ["load", "load", "wait"]
    assert planned[0]["billed_bytes"] == (0 if target == "bigquery" else None)

    assert taxi.json("run", "green", "2021-01")["rows"] == ROWS
    assert taxi("backfill", "green", "2021-01", "2021-02", "--parallel", "2").stdout.endswith(
        "loaded 1, unchanged 1, waiting 0, failed 0\n"
    )
    taxi("run", "zones")
    taxi.republish()
    assert taxi.json("run", "green", "2021-01")["action"] == "reloaded"
    count = "select count(*) as n from green_tripdata where source_month = '2021-01-01'"
    assert taxi.json("query", count) == [{"n": ROWS + 1}]
    assert taxi.json("rollback", "green", "2021-01")["rows"] == ROWS
    assert taxi.json("query", count) == [{"n": ROWS}]

    assert taxi("status").stdout.startswith(f"green_tripdata  {2 * ROWS} rows in 2 months\n")
    assert [month["ok"] for month in taxi.json("verify", "green")] == [True, True]
    assert taxi.json("verify", "zones")[0]["ok"]
    assert {finding["name"] for finding in taxi.json("doctor")} >= {"credentials", "clock", "lake", "warehouse"}
    assert len(taxi.json("lake", "ls", "green")) == 3
    assert fake.storage.names("trips") == {name for name in fake.storage.names("trips") if name.startswith("nyc/raw/")}


def test_loading_costs_nothing_and_few_calls(loaded: Taxi, fake: FakeGoogle) -> None:
    fake.calls.clear()
    loaded("run", "green", "2021-02")
    calls = [call for call in fake.calls if "/bigquery/" in call.path]
    assert "query" not in {call.note for call in calls}
    assert len(calls) <= 12, [call.target for call in calls]
    fake.calls.clear()
    loaded("run", "green", "2021-02")
    assert len(fake.calls) <= 3, [call.target for call in fake.calls]


def test_a_plan_says_what_a_merge_would_cost(loaded: Taxi) -> None:
    loaded.republish()
    arguments = ("plan", "green", "2021-01", "2021-02", "--strategy", "merge")
    lines = loaded.json(*arguments)
    assert lines[0]["billed_bytes"] > 0 and lines[0]["cost_usd"] > 0
    shown = loaded(*arguments).stdout
    assert "< $0.01" in shown and "on demand in the US, $6.25 per TiB" in shown
    assert "BigQuery: $0" in loaded("plan", "green", "2021-01", "2021-02").stdout


def test_a_merge_changes_a_republished_month_in_place(loaded: Taxi) -> None:
    loaded.republish()
    assert loaded.json("run", "green", "2021-01", "--strategy", "merge")["rows"] == ROWS + 1
    assert loaded.json("verify", "green")[0]["ok"]


def test_setup_is_safe_to_repeat_and_the_doctor_is_content_with_it(taxi: Taxi) -> None:
    wrong = [finding for finding in taxi.json("doctor", code=1) if not finding["ok"]]
    assert {finding["name"] for finding in wrong} >= {"bucket", "dataset taxi", "dataset taxi_staging"}
    assert all(finding["fix"] for finding in wrong)
    assert taxi("gcp", "setup").stdout.count(" made in US") == 3
    assert taxi("gcp", "setup").stdout.count(" is there, in US") == 3
    assert all(finding["ok"] for finding in taxi.json("doctor"))


def test_cleaned_files_stay_where_they_are_wanted(taxi: Taxi, fake: FakeGoogle) -> None:
    taxi("gcp", "setup")
    taxi("run", "green", "2021-01", TAXI_KEEP_CLEAN="true")
    (kept,) = [name for name in fake.storage.names("trips") if "/clean/" in name]
    assert kept.startswith("nyc/clean/green/2021-01/") and kept.endswith(".parquet")


def test_a_dataset_with_a_dash_is_refused_before_anything_is_touched(taxi: Taxi, fake: FakeGoogle) -> None:
    line = taxi.refused("run", "green", "2021-01", code=2, TAXI_DATASET="nyc-taxi")
    assert line.startswith("error[usage]: dataset name 'nyc-taxi' is not valid: ") and line.endswith("; try nyc_taxi")
    assert fake.calls == []


def test_a_key_file_that_is_not_there_is_named(taxi: Taxi) -> None:
    no_emulator = {"STORAGE_EMULATOR_HOST": "", "BIGQUERY_EMULATOR_HOST": ""}
    line = taxi.refused("run", "green", "2021-01", TAXI_CREDENTIALS="nowhere.json", **no_emulator)
    assert line.startswith("error[credentials-invalid]: the key file nowhere.json is not there; TAXI_CREDENTIALS is")


Break = Callable[[FakeGoogle, GoogleClients], None]


def _no_bucket(fake: FakeGoogle, google: GoogleClients) -> None:
    del fake.storage.buckets["trips"]


def _no_dataset(fake: FakeGoogle, google: GoogleClients) -> None:
    google.bigquery.delete_dataset("taxi_staging", delete_contents=True)


def _somebody_elses_bucket(fake: FakeGoogle, google: GoogleClients) -> None:
    _no_bucket(fake, google)
    fake.storage.taken.add("trips")


def _no_right_to_write_objects(fake: FakeGoogle, google: GoogleClients) -> None:
    fake.storage.deny("trips", "storage.objects.create")


def _no_right_to_run_jobs(fake: FakeGoogle, google: GoogleClients) -> None:
    said = (
        "Access Denied: Project my-project: User does not have bigquery.jobs.create permission in project my-project."
    )
    fake.faults.on("POST", "/projects/my-project/jobs", Refuse(403, "accessDenied", said))


def _expired_credentials(fake: FakeGoogle, google: GoogleClients) -> None:
    said = "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other."
    fake.faults.on("POST", "/projects/my-project/jobs", Refuse(401, "authError", said))


def _quota_exceeded(fake: FakeGoogle, google: GoogleClients) -> None:
    said = "Quota exceeded: Your table exceeded quota for imports or query appends per table"
    fake.bigquery.jobs.fail("load", "quotaExceeded", said)


def _bad_rows(fake: FakeGoogle, google: GoogleClients) -> None:
    said = (
        "Error while reading data, error message: Parquet column 'fare_amount' has type BYTE_ARRAY which does not match"
    )
    fake.bigquery.jobs.fail("load", "invalid", said)


def _altered_table(fake: FakeGoogle, google: GoogleClients) -> None:
    client = google.bigquery
    old = client.get_table("taxi.green_tripdata")
    fields = [
        bigquery.SchemaField("fare_amount", "STRING") if field.name == "fare_amount" else field for field in old.schema
    ]
    client.delete_table(old)
    altered = bigquery.Table(old.reference, schema=fields)
    altered.time_partitioning = old.time_partitioning
    client.create_table(altered)


@pytest.mark.parametrize(
    ("break_it", "code", "parts", "stays"),
    [
        (_no_bucket, "lake-refused", ("no bucket trips", "taxi gcp setup"), True),
        pytest.param(_somebody_elses_bucket, "lake-refused", ("trips",), True, marks=pytest.mark.slow),
        (_no_right_to_write_objects, "lake-refused", ("storage.objects.create", "tester@example"), True),
        pytest.param(
            _no_right_to_run_jobs, "warehouse-refused", ("bigquery.jobs.create",), True, marks=pytest.mark.slow
        ),
        (_expired_credentials, "credentials-invalid", ("gcloud auth application-default login",), True),
        pytest.param(_quota_exceeded, "warehouse-", ("Quota exceeded",), True, marks=pytest.mark.slow),
        (_bad_rows, "schema-mismatch", ("fare_amount",), True),
        pytest.param(_altered_table, "warehouse-refused", ("fare_amount",), False, marks=pytest.mark.slow),
        pytest.param(
            _no_dataset, "warehouse-refused", ("taxi_staging", "taxi gcp setup"), False, marks=pytest.mark.slow
        ),
    ],
    ids=lambda value: value.__name__.lstrip("_") if callable(value) else "",
)
def test_what_google_refuses_is_one_line_and_the_old_month_stays(
    loaded: Taxi,
    fake: FakeGoogle,
    google: GoogleClients,
    break_it: Break,
    code: str,
    parts: tuple[str, ...],
    stays: bool,
) -> None:
    loaded.republish()
    break_it(fake, google)
    line = loaded.refused("run", "green", "2021-01")
    assert line.startswith(f"error[{code}")
    for part in parts:
        assert part in line
    if stays:
        assert rows(google) == ROWS


def test_another_location_than_the_buckets_is_refused(loaded: Taxi, google: GoogleClients) -> None:
    loaded.republish()
    line = loaded.refused("run", "green", "2021-01", TAXI_LOCATION="EU")
    assert "EU" in line
    wrong = {
        finding["name"]: finding for finding in loaded.json("doctor", code=1, TAXI_LOCATION="EU") if not finding["ok"]
    }
    assert {"bucket", "dataset taxi", "dataset taxi_staging"} <= wrong.keys()
    assert wrong["bucket"]["detail"] == "gs://trips is in US, not in EU"
    assert "error[lake-refused]: bucket gs://trips is in US, not in EU" in loaded.refused(
        "gcp", "setup", TAXI_LOCATION="EU"
    )
    assert rows(google) == ROWS
