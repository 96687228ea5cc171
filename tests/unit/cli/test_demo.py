"""The demo: from a named source, and from generated months where the CDN does not answer."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from taxi_pipelines.cli import demo
from taxi_pipelines.domain.month import Month
from taxi_pipelines.settings import CDN
from taxi_pipelines.synthetic.files import write_month
from taxi_pipelines.synthetic.server import serve
from tests.unit.cli.conftest import Taxi


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "MONTHS", dict.fromkeys(demo.MONTHS, 100))


def test_the_demo_loads_from_the_source_that_is_named(taxi: Taxi, tmp_path: Path, small: None) -> None:
    for month in demo.MONTHS:
        write_month(tmp_path / "source", "green", Month.parse(month), 100)
    result = taxi("demo")
    assert result.code == 0
    assert "SYNTHETIC" not in result.out + result.err
    for part in ("green_tripdata  300 rows in 3 months", "green 2025-01 · loaded", "revenue", "2025-01-01"):
        assert part in result.out
    assert result.err.startswith(f"source: {tmp_path}/source\n")
    assert f"TAXI_HOME={tmp_path}/home/demo taxi verify green" in result.err
    assert taxi("--home", f"{tmp_path}/home/demo", "verify", "green").code == 0


def test_without_the_cdn_the_demo_generates_months_and_says_so(
    taxi: Taxi, monkeypatch: pytest.MonkeyPatch, small: None
) -> None:
    monkeypatch.delenv("TAXI_SOURCE")
    monkeypatch.setattr(demo, "_trouble", lambda url: "HTTP 403")
    result = taxi("demo")
    assert result.code == 0
    assert "green_tripdata  300 rows in 3 months" in result.out
    assert result.out.rstrip().endswith(demo.SYNTHETIC)
    assert result.err.startswith(f"{CDN} cannot be reached (HTTP 403), so this is\n{demo.SYNTHETIC}\n")
    assert "green 2021-01  unchanged" in taxi("demo").err


def test_a_host_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "PATIENCE_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert demo._trouble(f"{address}/green_tripdata_2021-01.parquet") in ("no answer within 0.2 s", "timed out")


def test_why_a_host_cannot_be_reached_is_said_in_a_few_words(tmp_path: Path) -> None:
    assert demo._trouble("http://127.0.0.1:9/green_tripdata_2021-01.parquet") == "Connection refused"
    (tmp_path / "trip-data").mkdir()
    with serve(tmp_path) as address:
        assert demo._trouble(f"{address}/trip-data/green_tripdata_2021-01.parquet") in ("HTTP 403", "HTTP 404")
