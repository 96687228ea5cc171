"""The shape of every error, and the exit codes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from taxi_pipelines import __version__
from taxi_pipelines.cli import main
from tests.unit.cli.conftest import Taxi

COMMAND = [sys.executable, "-m", "taxi_pipelines"]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["rnu"], "error[usage]: no such command 'rnu', did you mean 'run'?; try 'taxi --help'"),
        (["run"], "error[usage]: missing argument 'TYPE'; try 'taxi run --help'"),
        (
            ["run", "green", "2021-01", "--surce", "x"],
            "error[usage]: no such option: --surce (Possible options: --force, ",
        ),
        (["lake"], "error[usage]: missing command; try 'taxi lake --help'"),
        (
            ["backfill", "green", "2021-01", "2021-02", "--parallel", "0"],
            "error[usage]: invalid value for '--parallel'",
        ),
        (
            ["run", "green", "2021-01", "--format", "xml"],
            "error[usage]: invalid value for '--format': 'xml' is not one of",
        ),
        (["run", "green", "2021-01", "--target", "oracle"], "error[usage]: setting target = 'oracle' is not valid; "),
        (["run", "yelow", "2021-01"], "error[unknown-type]: unknown taxi type 'yelow'; did you mean 'yellow'?"),
        (["run", "green", "2021-13"], "error[invalid-month]: 2021-13 is not a month; write it as YYYY-MM"),
        (["run", "green", "1999-01"], "error[invalid-month]: green 1999-01 was never published; the first month"),
        (["backfill", "green", "2021-05", "2021-01"], "error[invalid-month]: the range 2021-05 to 2021-01 is empty"),
        (["backfill", "zones", "2021-01", "2021-02"], "error[usage]: zones are published as a whole, not by month"),
        (["verify", "green", "2021-1"], "error[invalid-month]: '2021-1' is not a month"),
        (["query", "select 1", "-o", "x.txt"], "error[usage]: a table is for the screen"),
        (
            ["query", "select 1", "-o", "no/x.csv"],
            "error[usage]: no/x.csv cannot be written; name a file in a folder that",
        ),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(taxi: Taxi, arguments: list[str], line: str) -> None:
    result = taxi(*arguments)
    assert (result.code, result.out) == (2, "")
    assert result.err.startswith(line)
    assert result.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments", [["run", "yelow", "2021-01"], ["run", "green", "2021-13"], ["plan", "green", "1", "2"]]
)
def test_wrong_usage_touches_nothing(taxi: Taxi, tmp_path: Path, arguments: list[str]) -> None:
    assert taxi(*arguments).code == 2
    assert list(tmp_path.iterdir()) == []


def test_failed_work_is_one_line_and_exit_code_1(taxi: Taxi, source: Path) -> None:
    result = taxi("run", "green", "2021-03")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("error[source-missing]: green 2021-03 is not published at ")
    assert result.err.count("\n") == 1


def test_an_error_of_several_lines_is_said_in_one(taxi: Taxi) -> None:
    result = taxi("query", "select\n nothing\n from nowhere")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("error[query-failed]: ")
    assert result.err.count("\n") == 1


def test_debug_prints_the_traceback_before_the_line(taxi: Taxi) -> None:
    lines = taxi("--debug", "run", "yelow", "2021-01").err.splitlines()
    assert lines[0].startswith("Traceback")
    assert lines[-1].startswith("error[unknown-type]: ")


def test_a_fault_of_ours_is_said_like_any_other_error(taxi: Taxi, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*arguments: object, **options: object) -> None:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr("taxi_pipelines.pipeline.Pipeline.status", broken)
    result = taxi("status")
    assert (result.code, result.out) == (1, "")
    assert result.err == "error[internal]: ZeroDivisionError: by zero; run again with --debug\n"


def test_no_command_prints_the_help(taxi: Taxi) -> None:
    result = taxi()
    assert (result.code, result.err) == (0, "")
    assert result.out == taxi("--help").out
    assert all(len(line) <= 80 for line in result.out.splitlines())


def test_the_version_is_printed(taxi: Taxi) -> None:
    assert taxi("--version").out == f"taxi {__version__}\n"


def test_the_help_imports_nothing_heavy() -> None:
    code = f"import sys; import {main.__name__}; print(*sys.modules, sep='\\n')"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"pandas", "pyarrow", "duckdb", "sqlalchemy", "requests", "pydantic", "rich.table"}
    assert heavy.isdisjoint(loaded)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_even_work_that_does_not_hear_it(tmp_path: Path, number: signal.Signals, code: int) -> None:
    environment = {**os.environ, "TAXI_HOME": str(tmp_path / "home")}
    endless = "select count(*) from range(1000000000) a, range(1000000000) b where a.range + b.range = 3"
    command = [*COMMAND, "query", endless]
    with subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=-1, stderr=-1, text=True) as process:
        try:
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(2)
            process.send_signal(number)
            out, err = process.communicate(timeout=20)
        finally:
            process.kill()
    assert (process.returncode, out) == (code, "")
    assert err == "error[interrupted]: stopped; nothing half-done is visible, run the same command again\n"


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("arguments", ["status", "run yelow 2021-01", "query 'select 1' --json", "--help"])
def test_closed_streams_are_no_news(tmp_path: Path, closed: str, arguments: str) -> None:
    environment = {**os.environ, "TAXI_HOME": str(tmp_path / "home")}
    line = f"exec '{sys.executable}' -X dev -m taxi_pipelines {arguments} {closed}"
    ended = subprocess.run(
        ["sh", "-c", line], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ended.returncode == (2 if "yelow" in arguments else 0)
    assert "Traceback" not in ended.stderr and "Error" not in ended.stderr
    assert "2>" in closed or not ended.stderr or ended.stderr.startswith("error[unknown-type]: ")


def test_a_reader_that_goes_away_is_no_news(tmp_path: Path) -> None:
    environment = {**os.environ, "TAXI_HOME": str(tmp_path / "home")}
    command = [*COMMAND, "query", "select * from range(3000000)", "--format", "csv"]
    with subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=-1, stderr=-1) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline() == b'"range"\n'
        process.stdout.close()
        assert process.stderr.read() == b""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_behind_stdout_is_one_line(tmp_path: Path) -> None:
    environment = {**os.environ, "TAXI_HOME": str(tmp_path / "home")}
    with Path("/dev/full").open("wb") as full:
        command = [*COMMAND, "query", "select * from range(300000)", "--format", "csv"]
        ended = subprocess.run(command, env=environment, cwd=tmp_path, stdout=full, stderr=-1, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith("error[disk-full]: no space left on the disk of the output; ")
