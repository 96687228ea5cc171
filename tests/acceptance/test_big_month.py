"""Memory does not grow with the file: a month four times as large takes no more of it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from taxi_pipelines.domain.month import Month
from taxi_pipelines.synthetic.files import write_month
from tests.bench.measure import run, taxi

pytestmark = pytest.mark.slow

LIMIT_MB = 400


def peak_mb(home: Path, source: Path, month: Month, rows: int) -> float:
    path = write_month(source, "fhvhv", month, rows)
    cost = run(taxi("--home", str(home), "run", "fhvhv", str(month), "--source", str(source)))
    shutil.rmtree(home)
    path.unlink()
    return cost.peak_mb


def test_twenty_million_rows_take_no_more_memory_than_five(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    small = peak_mb(tmp_path / "home", source, Month(2024, 1), 5_000_000)

    big = peak_mb(tmp_path / "home", source, Month(2024, 2), 20_000_000)
    assert big <= LIMIT_MB, f"{small:.0f} MB, then {big:.0f} MB"
    assert big <= small * 1.2
