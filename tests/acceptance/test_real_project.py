"""A month from end to end in a real Google Cloud project (`pytest -m gcp`, docs/gcp.md), and proof that these tests would run there.

The suites of tests/conformance run there too, as the targets `bigquery-real` and `bigquery-real-merge` and the lake `gcs-real`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from taxi_pipelines.domain.month import Month
from taxi_pipelines.synthetic.files import republish, write_month, write_zones
from tests.support import bigquery, real_project
from tests.support.data import ROOT
from tests.support.google.server import start_fake
from tests.support.taxi import ROWS, Taxi

TABLE = "green_tripdata"
WAREHOUSE, LAKE = "tests/conformance/test_warehouse.py", "tests/conformance/test_lake.py"
HANDFUL = (
    f"{WAREHOUSE}::test_a_month_is_read_as_it_was_written_with_nulls_and_equal_rows",
    f"{WAREHOUSE}::test_what_a_living_process_stages_is_spared_and_what_a_dead_one_left_is_swept",
    f"{WAREHOUSE}::test_table_and_columns_carry_the_data_dictionary_s_words",
    f"{LAKE}::test_check_finds_a_flipped_byte_and_says_what_to_do",
    f"{LAKE}::test_a_file_that_is_gone_is_said_to_be_gone",
    f"{LAKE}::test_an_unreadable_manifest_is_named",
    f"{LAKE}::test_sweep_removes_what_a_dead_process_left_but_never_a_living_ones",
)


@pytest.fixture(params=[pytest.param(strategy, marks=real_project.MARKS) for strategy in ("replace", "merge")])
def taxi(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Taxi]:
    """In a dataset and under a prefix of its own, which are gone afterwards. The source has green 2021-01, and the zones."""
    taxi, name = Taxi(tmp_path, {}), real_project.random_name()
    write_month(taxi.source, "green", Month(2021, 1), ROWS)
    write_zones(taxi.source)
    taxi.configure(
        target="bigquery",
        project=real_project.PROJECT,
        location=real_project.LOCATION,
        lake=f"gs://{real_project.BUCKET}/{name}",
        dataset=name,
        strategy=request.param,
    )
    yield taxi
    real_project.remove_datasets(name)
    real_project.remove_objects(name)


def test_a_month_is_loaded_checked_and_republished(taxi: Taxi) -> None:
    assert taxi("gcp", "setup").stdout.count("made in") == 2
    assert [finding for finding in taxi.json("doctor") if not finding["ok"]] == []
    assert taxi.json("run", "green", "2021-01")["rows"] == ROWS
    taxi("run", "zones")
    changes = republish(taxi.source / f"{TABLE}_2021-01.parquet", edited=10, deleted=5, added=7)
    again = taxi.json("run", "green", "2021-01")
    assert (again["rows"], again["added"], again["removed"]) == (ROWS + 2, changes.added, changes.removed)
    assert taxi.differing_rows(TABLE, "2021-01") == 0
    assert taxi.json("run", "green", "2021-01")["action"] == "unchanged"
    assert [month["ok"] for month in taxi.json("verify", "green")] == [True]
    assert taxi.json("rollback", "green", "2021-01")["rows"] == ROWS


def run_suites(*selected: str, **env: str) -> str:
    """The last line of `pytest -m gcp` in a process of its own."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("TAXI_", "PYTEST_"))}
    command = [sys.executable, "-m", "pytest", "-m", "gcp", "-p", "no:xdist", "-p", "no:cacheprovider", "-v", *selected]
    done = subprocess.run(command, cwd=ROOT, env=inherited | env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("selected", "passed"),
    [
        pytest.param(HANDFUL, 11, id="a handful"),
        pytest.param((WAREHOUSE, LAKE, __file__), None, id="all", marks=pytest.mark.slow),
    ],
)
def test_the_suites_run_in_the_project_that_the_variables_name_and_leave_nothing_there(
    selected: Sequence[str], passed: int | None
) -> None:
    fake = start_fake()
    fake.reset()
    fake.storage.make_bucket("some-bucket", location="EU", versioning={"enabled": True})
    said = run_suites(
        *selected,
        TAXI_TEST_PROJECT="some-project",
        TAXI_TEST_BUCKET="some-bucket",
        TAXI_TEST_LOCATION="EU",
        STORAGE_EMULATOR_HOST=fake.url,
        BIGQUERY_EMULATOR_HOST=fake.url,
    )
    found = re.search(r"= (\d+) passed, \d+ deselected in ", said)
    assert found and passed in (None, int(found[1])), said
    assert any(call.path.endswith("/some-project/jobs") for call in fake.calls)
    assert list(bigquery.client().list_datasets("some-project")) == []
    kept = fake.storage.buckets["some-bucket"]
    assert (kept.live, kept.noncurrent) == ({}, [])


def test_without_the_variables_they_are_skipped_and_say_which_there_are() -> None:
    said = run_suites("tests/acceptance/test_real_project.py", "-rs")
    assert re.search(r"= 2 skipped, \d+ deselected in ", said)
