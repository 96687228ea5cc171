"""The command `taxi` as a user types it: whole processes, exit codes, one line per error, output that scripts can read."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from taxi_pipelines.domain.month import Month
from taxi_pipelines.synthetic.files import republish, write_month, write_zones

ROWS = 1_000
RECEIPT_KEYS = {
    "type", "month", "action", "source_url", "etag", "sha256", "bytes", "rows", "added", "removed", "columns_added", "checks", "target",
    "started_at", "finished_at", "seconds",
}  # fmt: skip


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    for month in (1, 2, 3):
        write_month(folder, "green", Month(2021, month), ROWS)
    write_zones(folder)
    return folder


class Taxi:
    """Runs `taxi` in a folder of its own."""

    def __init__(self, folder: Path, source: Path) -> None:
        self.folder = folder
        self.env = {**os.environ, "TAXI_HOME": str(folder / "home"), "TAXI_SOURCE": str(source), "COLUMNS": "100"}

    def __call__(self, *arguments: str, code: int = 0, **env: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "taxi_pipelines", *arguments]
        done = subprocess.run(
            command, capture_output=True, text=True, env=self.env | env, cwd=self.folder, timeout=120, check=False
        )
        assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def json(self, *arguments: str, code: int = 0) -> Any:
        return json.loads(self(*arguments, "--json", code=code).stdout)

    def json_lines(self, *arguments: str, code: int = 0) -> list[Any]:
        return [json.loads(line) for line in self(*arguments, "--json", code=code).stdout.splitlines()]


@pytest.fixture
def taxi(tmp_path: Path, source: Path) -> Taxi:
    return Taxi(tmp_path, source)


def test_a_month_from_run_to_rollback(taxi: Taxi, source: Path) -> None:
    receipt = taxi.json("run", "green", "2021-01")
    assert receipt.keys() >= RECEIPT_KEYS
    assert (receipt["action"], receipt["rows"], receipt["added"], receipt["removed"]) == ("loaded", ROWS, ROWS, 0)
    assert receipt["seconds"].keys() == {"extract", "load", "merge", "check"}
    assert all(check.keys() == {"name", "severity", "passed", "value"} for check in receipt["checks"])
    assert taxi.json("run", "green", "2021-01")["action"] == "unchanged"
    expected = republish(source / "green_tripdata_2021-01.parquet", edited=10, deleted=5, added=7)
    again = taxi.json("run", "green", "2021-01")
    assert (again["action"], again["added"], again["removed"]) == ("reloaded", expected.added, expected.removed)
    assert taxi.json("verify", "green", "2021-01") == [
        {"type": "green", "month": "2021-01", "ok": True, "rows_source": ROWS + 2, "rows_target": ROWS + 2, "differing_rows": 0, "differences": [], "unproven": None}
    ]  # fmt: skip
    assert taxi.json("rollback", "green", "2021-01")["rows"] == ROWS
    assert [(cell["month"], cell["state"], cell["rows"]) for cell in taxi.json("status")] == [
        ("2021-01", "loaded", ROWS)
    ]
    assert len(taxi.json("lake", "ls")) == 2
    taxi("lake", "prune", "--keep", "1")
    assert len(taxi.json("lake", "ls")) == 1


def test_a_backfill_prints_one_receipt_per_line_and_fails_with_the_failed(taxi: Taxi, source: Path) -> None:
    (source / "green_tripdata_2021-02.parquet").write_bytes(b"<html>")
    plan = taxi.json("plan", "green", "2021-01", "2021-04")
    assert [(line["month"], line["action"]) for line in plan] == [
        ("2021-01", "load"), ("2021-02", "load"), ("2021-03", "load"), ("2021-04", "wait"),
    ]  # fmt: skip
    assert taxi.json("backfill", "green", "2021-01", "2021-04", "--dry-run") == plan
    lines = {
        line["month"]: line
        for line in taxi.json_lines("backfill", "green", "2021-01", "2021-03", "--parallel", "2", code=1)
    }
    assert (lines["2021-01"]["action"], lines["2021-03"]["action"]) == ("loaded", "loaded")
    failed = lines["2021-02"]
    assert (failed["action"], failed["error"]["code"]) == ("failed", "source-corrupt")
    text = taxi("backfill", "green", "2021-01", "2021-03", code=1)
    assert "green 2021-02  error[source-corrupt]: " in text.stderr
    assert "2021-02" in taxi("status").stdout


def test_queries_come_as_table_csv_json_and_parquet(taxi: Taxi, tmp_path: Path) -> None:
    taxi("backfill", "green", "2021-01", "2021-02")
    taxi("run", "zones")
    sql = "select source_month, count(*) n from green_tripdata group by 1 order by 1"
    expected = [{"source_month": "2021-01-01", "n": ROWS}, {"source_month": "2021-02-01", "n": ROWS}]
    assert "2021-02-01" in taxi("query", sql).stdout
    assert json.loads(taxi("query", sql, "--format", "json").stdout) == expected
    rows = list(csv.DictReader(io.StringIO(taxi("query", sql, "--format", "csv").stdout)))
    assert [(row["source_month"], int(row["n"])) for row in rows] == [("2021-01-01", ROWS), ("2021-02-01", ROWS)]
    taxi("query", "select * from taxi.taxi_zones", "--format", "parquet", "-o", "zones.parquet")
    assert pq.read_metadata(tmp_path / "zones.parquet").num_rows == 265


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("run", "yelow", "2021-01"), "unknown-type", "did you mean 'yellow'"),
        (("run", "green", "2021-13"), "invalid-month", "YYYY-MM"),
        (("run", "green", "1999-01"), "invalid-month", "the first month of green is 2013-08"),
        (("run", "green"), "usage", "by month"),
        (("run", "zones", "2021-01"), "usage", "not by month"),
        (("backfill", "green", "2021-05", "2021-01"), "invalid-month", "earlier month first"),
        (("backfill", "zones", "2021-01", "2021-02"), "usage", "not by month"),
        (("plan", "greeen", "2021-01", "2021-02"), "unknown-type", "'green'"),
        (("run", "green", "2021-01", "--target", "oracle"), "usage", "duckdb"),
        (("run", "green", "2021-01", "--sorce", "x"), "usage", "--source"),
        (("rnu",), "usage", "run"),
        (("lake", "prune", "--keep", "0"), "usage", "keep"),
    ],
)
def test_wrong_usage_exits_2_with_one_line_and_touches_nothing(
    arguments: tuple[str, ...], code: str, said: str, taxi: Taxi
) -> None:
    done = taxi(*arguments, code=2)
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"error[{code}]: ")
    assert said in done.stderr
    assert not (taxi.folder / "home").exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("run", "green", "2020-01"), "source-missing"),
        (("run", "green", "2021-01", "--source", "nowhere"), "source-unavailable"),
        (("verify", "green"), "not-loaded"),
        (("rollback", "green", "2021-01"), "not-loaded"),
        (("query", "select 1 from nothing"), "query-failed"),
    ],
)
def test_failed_work_exits_1_with_one_line(arguments: tuple[str, ...], code: str, taxi: Taxi) -> None:
    done = taxi(*arguments, code=1)
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"error[{code}]: ")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_backfill_says_so_leaves_nothing_half_done_and_goes_on_later(
    number: signal.Signals, taxi: Taxi, source: Path
) -> None:
    for month in (1, 2, 3):
        write_month(source, "green", Month(2021, month), 400_000)
    command = [sys.executable, "-m", "taxi_pipelines", "backfill", "green", "2021-01", "2021-03", "--parallel", "2"]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=taxi.env, cwd=taxi.folder
    ) as process:
        deadline = time.monotonic() + 30
        while not list(taxi.folder.glob("home/warehouse/green_tripdata/.staging*")) and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(number)
        assert process.stderr is not None
        said = process.stderr.read()
    assert process.returncode == 128 + number
    assert "error[interrupted]: stopped; nothing half-done is visible" in said
    taxi("backfill", "green", "2021-01", "2021-03")
    assert [result["ok"] for result in taxi.json("verify", "green")] == [True] * 3
    assert not list(taxi.folder.glob("home/**/.*"))


def test_doctor_mends_a_moved_home(taxi: Taxi) -> None:
    taxi("run", "green", "2021-01")
    taxi("doctor")
    (taxi.folder / "home").rename(taxi.folder / "moved")
    taxi.env["TAXI_HOME"] = str(taxi.folder / "moved")
    assert "doctor --fix" in taxi("doctor", code=1).stdout
    taxi("doctor", "--fix")
    taxi("doctor")


def test_two_processes_on_one_month_do_the_work_once(taxi: Taxi, source: Path) -> None:
    write_month(source, "green", Month(2021, 1), 300_000)
    command = [sys.executable, "-m", "taxi_pipelines", "run", "green", "2021-01", "--json"]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=taxi.env, cwd=taxi.folder) for _ in range(3)
    ]
    actions = sorted(json.loads(process.communicate(timeout=60)[0])["action"] for process in processes)
    assert actions == ["loaded", "unchanged", "unchanged"]
