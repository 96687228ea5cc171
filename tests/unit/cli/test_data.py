"""The commands on data and on the installation, for real."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq

from taxi_pipelines.domain.month import Month
from taxi_pipelines.synthetic.files import write_month
from tests.unit.cli.conftest import Taxi

COUNT = "select source_month, count(*) as trips from green_tripdata group by all order by all"


def test_a_query_prints_a_table(taxi: Taxi, source: Path) -> None:
    taxi("backfill", "green", "2021-01", "2021-02")
    result = taxi("query", COUNT)
    assert result.out == "source_month  trips\n2021-01-01      300\n2021-02-01      200\n"
    assert (result.code, result.err) == (0, "")


def test_a_long_table_says_how_much_is_missing(taxi: Taxi) -> None:
    result = taxi("query", "select * from range(100)")
    assert result.out.count("\n") == 41
    assert result.err.startswith("… and 60 more rows;")


def test_a_query_prints_csv_and_json(taxi: Taxi, source: Path) -> None:
    taxi("run", "green", "2021-01")
    assert taxi("query", COUNT, "--format", "csv").out == '"source_month","trips"\n2021-01-01,300\n'
    assert taxi("query", COUNT, "--format", "json").json == [{"source_month": "2021-01-01", "trips": 300}]


def test_a_file_is_written_in_the_format_of_its_ending(taxi: Taxi, tmp_path: Path) -> None:
    result = taxi("query", "select * from range(300000)", "-o", "out.parquet")
    assert (result.code, result.out, result.err) == (0, "", "wrote 300,000 rows to out.parquet\n")
    assert pq.read_metadata(tmp_path / "out.parquet").num_rows == 300_000
    taxi("query", "select 1 as one", "-o", "out.data", "--format", "json")
    assert json.loads((tmp_path / "out.data").read_text()) == [{"one": 1}]


def test_the_lake_lists_and_prunes_versions(taxi: Taxi, source: Path) -> None:
    taxi("run", "green", "2021-01")
    write_month(source, "green", Month(2021, 1), 250)
    taxi("run", "green", "2021-01")
    taxi("run", "green", "2021-02")
    assert len(taxi("lake", "ls").out.splitlines()) == 4
    listed = taxi("lake", "ls", "green", "2021-01", "--json").json
    assert [item["month"] for item in listed] == ["2021-01", "2021-01"]
    would = taxi("lake", "prune", "--keep", "1", "--dry-run")
    assert would.err.startswith("would remove ")
    assert taxi("lake", "prune", "--keep", "1").out == would.out
    assert len(taxi("lake", "ls").out.splitlines()) == 3
    assert taxi("verify", "green").code == 0


def test_an_empty_lake_says_so(taxi: Taxi) -> None:
    result = taxi("lake", "ls", "yellow")
    assert (result.code, result.out, result.err) == (0, "", "the lake has no such file\n")


def test_the_doctor_looks_at_everything(taxi: Taxi, source: Path) -> None:
    taxi("run", "green", "2021-01")
    findings = {item["name"]: item for item in taxi("doctor", "--json").json}
    assert {"home", "disk space", "source", "warehouse", "metadata", "versions"} <= set(findings)
    assert findings["warehouse"]["ok"]


def test_the_doctor_mends_a_moved_home(taxi: Taxi, source: Path, tmp_path: Path) -> None:
    taxi("run", "green", "2021-01")
    (tmp_path / "home").rename(tmp_path / "moved")
    (tmp_path / "source").rename(tmp_path / "home")  # so that the old place cannot answer
    fixed = {item["name"]: item for item in taxi("--home", "moved", "doctor", "--fix", "--json").json}
    assert fixed["warehouse"]["ok"]
    assert "300" in taxi("--home", "moved", "query", COUNT).out


def test_the_doctor_fails_where_the_source_does_not_answer(taxi: Taxi) -> None:
    result = taxi("doctor", "--source", "nowhere")
    assert result.code == 1
    assert "✗  source" in result.out
