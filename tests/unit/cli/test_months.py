"""The commands on months, for real: generated files, the real lake, warehouse and receipts."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from taxi_pipelines.domain.month import Month
from taxi_pipelines.synthetic.files import write_month, write_zones
from tests.support.rights import as_nobody
from tests.unit.cli.conftest import Taxi


def test_a_run_prints_the_receipt_and_says_so_on_stderr(taxi: Taxi, source: Path) -> None:
    result = taxi("run", "green", "2021-01")
    assert result.code == 0
    assert result.out.startswith("green 2021-01 · loaded\n")
    assert "changed  300 added, 0 removed\n" in result.out
    assert "✓ not empty  300" in result.out
    assert result.err.startswith("green 2021-01  loaded 300 rows in ")
    assert result.err.count("\n") == 1


def test_a_second_run_is_unchanged(taxi: Taxi, source: Path) -> None:
    taxi("run", "green", "2021-01")
    result = taxi("run", "green", "2021-01")
    assert result.out.startswith("green 2021-01 · unchanged, 300 rows\n")
    assert taxi("run", "green", "2021-01", "--force").out.startswith("green 2021-01 · reloaded\n")


def test_json_is_one_receipt_and_nothing_else(taxi: Taxi, source: Path) -> None:
    result = taxi("run", "green", "2021-01", "--json")
    assert (result.code, result.err, result.out.count("\n")) == (0, "", 1)
    names = "type month action source_url etag sha256 bytes rows added removed columns_added checks target"
    assert set(names.split()) <= set(result.json)
    assert (result.json["action"], result.json["rows"]) == ("loaded", 300)
    assert set(result.json["seconds"]) == {"extract", "load", "merge", "check"}


def test_options_win_over_variables(taxi: Taxi, tmp_path: Path) -> None:
    write_month(tmp_path / "elsewhere", "green", Month(2021, 1), 10)
    assert taxi("--home", "other", "run", "green", "2021-01", "--source", "elsewhere", "--json").json["rows"] == 10
    assert (tmp_path / "other" / "warehouse.duckdb").exists()
    assert not (tmp_path / "home").exists()


def test_zones_have_no_month(taxi: Taxi, source: Path) -> None:
    write_zones(source)
    receipt = taxi("run", "zones").out
    assert receipt.startswith("zones all · loaded\n")
    assert "✓ not empty  265" in receipt
    assert "n/a" not in receipt
    assert taxi("status").out.startswith("taxi_zones  265 rows\n")


def test_a_backfill_goes_on_past_a_failed_month(taxi: Taxi, source: Path) -> None:
    (source / "green_tripdata_2021-03.parquet").write_bytes(b"<html>sorry</html>")
    taxi("run", "green", "2021-01")
    result = taxi("backfill", "green", "2021-01", "2021-03", "--parallel", "2")
    assert result.code == 1
    assert "green 2021-02  loaded     200    200        0" in result.out
    assert result.out.endswith("loaded 1, unchanged 1, waiting 0, failed 1\n")
    assert result.err.splitlines()[-1].startswith(
        "green 2021-03  error[source-corrupt]: green_tripdata_2021-03.parquet "
    )
    grid = taxi("status").out
    assert "✗ green 2021-03  " in grid
    assert "taxi run" not in grid


def test_a_backfill_in_json_is_an_object_per_line(taxi: Taxi, source: Path) -> None:
    (source / "green_tripdata_2021-03.parquet").write_bytes(b"")
    result = taxi("backfill", "green", "2021-01", "2021-03", "--json")
    assert (result.code, result.err) == (1, "")
    objects = [json.loads(line) for line in result.out.splitlines()]
    assert [(item["month"], item["action"]) for item in objects] == [
        ("2021-01", "loaded"),
        ("2021-02", "loaded"),
        ("2021-03", "failed"),
    ]
    assert objects[2]["error"]["code"] == "source-corrupt"


def test_a_dry_run_is_the_plan_and_touches_nothing(taxi: Taxi, source: Path) -> None:
    planned = taxi("plan", "green", "2021-01", "2021-02")
    assert planned == taxi("backfill", "green", "2021-01", "2021-02", "--dry-run")
    assert planned.code == 0
    assert "2 months: load 2 · " in planned.out
    assert taxi("status", "--json").json == []


def test_a_plan_in_json_is_a_list(taxi: Taxi, source: Path) -> None:
    taxi("run", "green", "2021-02")
    plan = taxi("plan", "green", "2021-01", "2021-02", "--json").json
    assert [(line["month"], line["action"]) for line in plan] == [("2021-01", "load"), ("2021-02", "skip")]
    assert all(line["bytes"] for line in plan)


def test_the_status_of_an_empty_home_says_what_to_do(taxi: Taxi) -> None:
    result = taxi("status")
    assert result.code == 0
    assert "Try: taxi run green 2021-01" in result.out


def test_status_in_json_is_a_list_of_months(taxi: Taxi, source: Path) -> None:
    taxi("run", "green", "2021-01")
    [month] = taxi("status", "--json").json
    assert set(month) >= {"type", "month", "state", "rows", "sha256", "loaded_at"}
    assert (month["month"], month["state"], month["rows"]) == ("2021-01", "loaded", 300)


def test_verify_proves_all_loaded_months(taxi: Taxi, source: Path) -> None:
    taxi("backfill", "green", "2021-01", "2021-02")
    result = taxi("verify", "green")
    assert result.code == 0
    assert result.out == "✓ green 2021-01  ok, 300 rows as in the file\n✓ green 2021-02  ok, 200 rows as in the file\n"
    assert [item["ok"] for item in taxi("verify", "green", "2021-01", "--json").json] == [True]


def test_rollback_puts_the_month_before_back(taxi: Taxi, source: Path) -> None:
    taxi("run", "green", "2021-01")
    assert taxi("rollback", "green", "2021-01").err.startswith("error[no-earlier-version]: ")
    write_month(source, "green", Month(2021, 1), 250)
    assert taxi("run", "green", "2021-01", "--json").json["rows"] == 250
    result = taxi("rollback", "green", "2021-01")
    assert result.out.startswith("green 2021-01 · rolled back\n")
    assert taxi("status", "--json").json[0]["rows"] == 300


def test_a_home_that_can_only_be_read_answers(
    taxi: Taxi, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taxi("run", "green", "2021-01")
    with TemporaryDirectory() as name:
        folder = Path(name)
        home = Path(shutil.copytree(tmp_path / "home", folder / "home"))
        shutil.copytree(source, folder / "source")
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        monkeypatch.chdir(folder)
        before = {path: path.stat().st_mtime_ns for path in home.rglob("*")}
        with as_nobody():
            assert taxi("--home", str(home), "status", "--json").json[0]["rows"] == 300
            plan = taxi("--home", str(home), "plan", "green", "2021-01", "2021-02", "--source", "source", "--json")
            assert len(plan.json) == 2
            assert taxi("--home", str(home), "verify", "green").code == 0
        assert {path: path.stat().st_mtime_ns for path in home.rglob("*")} == before
        for path in (folder, *folder.rglob("*")):
            os.chmod(path, 0o755)
        monkeypatch.chdir(tmp_path)
