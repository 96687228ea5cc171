"""SIGKILL at random moments of a run: the next run succeeds, the row contract holds, nothing is left behind."""

from __future__ import annotations

import random
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from taxi_pipelines import Pipeline
from taxi_pipelines.domain.month import Month
from taxi_pipelines.domain.receipt import RunAction
from taxi_pipelines.synthetic.files import republish, write_month
from tests.support.waiting import go, waiting_process

ROWS = 150_000

RUN_WHEN_TOLD = """
import sys
from taxi_pipelines import Pipeline
import taxi_pipelines.warehouses.duckdb, taxi_pipelines.store.receipts, taxi_pipelines.lakes.local, taxi_pipelines.sources
print("ready", flush=True)
sys.stdin.readline()
with Pipeline(home=sys.argv[1], source=sys.argv[2]) as taxi:
    taxi.run("green", "2021-01")
print("done", flush=True)
"""


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    write_month(folder, "green", Month(2021, 1), ROWS)
    return folder


def waiting_run(home: Path, source: Path) -> subprocess.Popen[str]:
    """A run that starts when told."""
    return waiting_process(RUN_WHEN_TOLD, str(home), str(source))


def litter(home: Path) -> Iterator[str]:
    """Staging and temporary files, and whatever is left in the folder for spilled data."""
    names = (path.relative_to(home) for path in home.rglob("*"))
    return (str(name) for name in names if ".staging" in name.name or ".tmp" in name.name or name.parent.name == "tmp")


@pytest.mark.parametrize("kills", [6, pytest.param(30, marks=pytest.mark.slow)])
def test_a_run_killed_at_any_moment_is_made_good_by_the_next(tmp_path: Path, source: Path, kills: int) -> None:
    home = tmp_path / "home"
    path = source / "green_tripdata_2021-01.parquet"
    with waiting_run(tmp_path / "measured", source) as process:
        started = time.monotonic()
        go(process)
        assert process.wait(timeout=60) == 0
        duration = time.monotonic() - started
    moments = random.Random(2021 + kills)
    for number in range(kills):
        with waiting_run(home, source) as process:
            go(process)
            time.sleep(moments.uniform(0, duration * 1.1))
            process.send_signal(signal.SIGKILL)
        with Pipeline(home=home, source=source) as taxi:
            receipt = taxi.run("green", "2021-01")
            assert receipt.rows == pq.read_metadata(path).num_rows
            assert [result.ok for result in taxi.verify("green")] == [True], f"kill {number}"
            assert taxi.run("green", "2021-01").action is RunAction.UNCHANGED
            assert all(finding.ok for finding in taxi.doctor() if finding.name in ("warehouse", "metadata"))
        assert list(litter(home)) == [], f"kill {number}"
        if number % 3 == 2:
            republish(path, edited=5, deleted=5, added=5, seed=number)
