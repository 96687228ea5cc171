"""Many months at once into PostgreSQL: through the facade and through the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from taxi_pipelines import Pipeline
from taxi_pipelines.domain.month import Month
from taxi_pipelines.synthetic.files import write_month
from tests.support import postgres
from tests.support.postgres import execute

ROWS = 2_000
MONTHS = [Month(2021, number) for number in range(1, 9)]
PER_MONTH = (
    "SELECT source_month::text, count(*), count(DISTINCT source_row) FROM taxi.green_tripdata GROUP BY 1 ORDER BY 1"
)
EXPECTED = [(f"{month}-01", ROWS, ROWS) for month in MONTHS]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    for month in MONTHS:
        write_month(folder, "green", month, ROWS)
    return folder


def test_eight_months_in_parallel_are_all_there_and_proven(tmp_path: Path, source: Path) -> None:
    url = postgres.database_of(tmp_path)
    with Pipeline(home=tmp_path / "home", source=source, target="postgres", postgres_url=url) as taxi:
        outcomes = taxi.backfill("green", "2021-01", "2021-08", parallel=8)
        assert [str(outcome.planned.month) for outcome in outcomes if outcome.error] == []
        assert execute(url, PER_MONTH) == EXPECTED
        assert all(found.ok for found in taxi.verify("green"))
        again = taxi.backfill("green", "2021-01", "2021-08", parallel=8, force=True)
    assert {outcome.receipt.action for outcome in again if outcome.receipt} == {"reloaded"}
    assert execute(url, PER_MONTH) == EXPECTED


def test_the_command_line_loads_four_at_a_time(tmp_path: Path, source: Path) -> None:
    url = postgres.database_of(tmp_path)
    options = ["--target", "postgres", "--postgres-url", url, "--source", str(source), "--parallel", "4", "--json"]
    command = [sys.executable, "-m", "taxi_pipelines", "--home", str(tmp_path / "home"), "backfill"]
    done = subprocess.run(
        [*command, "green", "2021-01", "2021-08", *options], capture_output=True, text=True, check=True
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert {(line["action"], line["rows"]) for line in lines} == {("loaded", ROWS)}
    assert sorted(line["month"] for line in lines) == [str(month) for month in MONTHS]
    assert execute(url, PER_MONTH) == EXPECTED


def test_a_first_load_imports_neither_duckdb_nor_pandas(tmp_path: Path, source: Path) -> None:
    code = (
        "import sys\nfrom taxi_pipelines import Pipeline\n"
        "with Pipeline(home=sys.argv[1], source=sys.argv[2], target='postgres', postgres_url=sys.argv[3]) as taxi:\n"
        "    taxi.run('green', '2021-01')\n"
        "print(sorted({'duckdb', 'pandas'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "home"), str(source), postgres.database_of(tmp_path)]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "[]\n"
