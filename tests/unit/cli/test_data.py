"""The commands on data and on the installation, for real."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

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
    assert result.err == "… 60 more rows; --format csv shows all\n"


def test_a_table_does_not_wait_for_the_rows_it_does_not_show(taxi: Taxi) -> None:
    result = taxi("query", "select * from range(100000000000)")
    assert result.out.splitlines()[-1].strip() == "39"
    assert result.err == "… more rows follow; --format csv shows all\n"


def test_a_query_prints_csv_and_json(taxi: Taxi, source: Path) -> None:
    taxi("run", "green", "2021-01")
    assert taxi("query", COUNT, "--format", "csv").out == '"source_month","trips"\n2021-01-01,300\n'
    assert taxi("query", COUNT, "--format", "json").json == [{"source_month": "2021-01-01", "trips": 300}]
    assert taxi("query", COUNT, "--json") == taxi("query", COUNT, "--format", "json")
    assert taxi("query", COUNT, "--json", "--format", "csv").err.startswith("error[usage]: --json and --format csv ")


def test_columns_of_one_name_lose_no_value(taxi: Taxi, source: Path, tmp_path: Path) -> None:
    taxi("run", "green", "2021-01")
    join = "select * from green_tripdata g join green_tripdata h using (source_row) limit 1"
    [row] = taxi("query", join, "--json").json
    assert {"source_month", "source_month_1", "source_row", "VendorID_1"} <= set(row)
    taxi("query", join, "-o", "twice.parquet")
    assert pq.read_table(tmp_path / "twice.parquet").schema.names == list(row)


def test_a_query_only_reads(taxi: Taxi, source: Path) -> None:
    taxi("run", "green", "2021-01")
    for sql in ("create table x as select 1", "drop view green_tripdata", "select 1; select 2"):
        result = taxi("query", sql)
        assert (result.code, result.out) == (1, "")
        assert result.err.startswith("error[query-failed]: ")


def test_a_month_that_is_gone_is_the_warehouses_fault(taxi: Taxi, source: Path, tmp_path: Path) -> None:
    taxi("run", "green", "2021-01")
    next(tmp_path.glob("home/warehouse/green_tripdata/*.parquet")).unlink()
    result = taxi("query", COUNT)
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("error[warehouse-corrupt]: ") and result.err.endswith("; run: taxi doctor\n")


@pytest.mark.parametrize("format", ["table", "csv", "json"])
def test_values_that_python_cannot_hold_are_printed(taxi: Taxi, format: str) -> None:
    sql = "select timestamp '99999-01-01' as t, date 'infinity' as d, interval 1 month as i"
    result = taxi("query", sql, "--format", format)
    assert (result.code, result.err) == (0, "")
    for text in ("99999-01-01 00:00:00", "infinity", "1 month"):
        assert text in result.out


@pytest.mark.parametrize("format", ["csv", "json", "parquet"])
def test_a_statement_that_fails_at_once_prints_nothing(taxi: Taxi, format: str) -> None:
    result = taxi("query", "select error('no') as a", "--format", format)
    assert (result.code, result.out) == (1, "")


def test_a_dash_is_stdout(taxi: Taxi, tmp_path: Path) -> None:
    for name in ("-", "/dev/stdout"):
        result = taxi("query", "select 1 as a", "-o", name, "--format", "csv")
        assert (result.code, result.out, result.err) == (0, '"a"\n1\n', "")
    assert list(tmp_path.iterdir()) == []


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
    assert would.err == "would remove 2 versions\n"
    assert taxi("lake", "prune", "--keep", "1", "--dry-run", "--json").json == would.out.splitlines()
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
