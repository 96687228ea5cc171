"""The flows in flows/: each runs to its end on DuckDB and on PostgreSQL, also where it is killed in the middle, and again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from taxi_pipelines import Pipeline
from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.domain.month import Month
from taxi_pipelines.domain.states import State
from taxi_pipelines.engine.engine import Engine
from taxi_pipelines.flow_files import problems_of, read_all
from taxi_pipelines.flow_interfaces import ExecutionFilter, Page
from taxi_pipelines.orchestrator import Orchestrator
from taxi_pipelines.synthetic.files import write_month, write_zones
from taxi_pipelines.tasks.registry import REGISTRY
from tests.support.data import ROOT
from tests.support.postgres import database_of

FLOWS = ROOT / "flows"
SECONDS = 60
ROWS = 200
MONTHS = [Month(2021, 1), Month(2021, 2)]
TAXIS = ("yellow", "green", "fhv", "fhvhv")

GREEN = {"taxi": "green", "month": "2021-01"}
RUNS: dict[str, Mapping[str, object]] = {
    "hello": {"name": "Ada"},
    "taxi_month": GREEN,
    "taxi_published": {"taxi": "yellow", "month": "2021-01"},
    "taxi_monthly": {"month": "2021-02"},
    "taxi_backfill": {"taxi": "green", "start": "2021-01", "end": "2021-02"},
    "zones": {},
    "taxi_verify": {"taxi": "green", "months": ["2021-01", "2021-02"]},
    "report_monthly": GREEN,
    "maintenance": {},
}
"""In an order in which each finds what it needs."""

KILLED_IN = {
    "taxi_month": "load",
    "taxi_published": "month",
    "taxi_monthly": "extract",
    "taxi_backfill": "merge",
    "zones": "load",
    "taxi_verify": "verify",
    "report_monthly": "chart",
    "maintenance": "prune",
}

KILLED_OFTEN = ("taxi_month", "taxi_backfill")
"""Of these in every run of the tests, of the others in the slow ones."""
NEEDS = {"taxi_verify": "taxi_backfill", "report_monthly": "taxi_month"}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    for taxi in TAXIS:
        for month in MONTHS:
            write_month(folder, taxi, month, ROWS, duplicates=2)
    write_zones(folder)
    return folder


@dataclass
class Home:
    """A home with an orchestrator in this process; what runs `taxi` elsewhere finds the same settings in the environment."""

    folder: Path
    target: str
    taxi: Orchestrator
    engine: Engine | None = None

    def run(self, flow: str) -> Execution:
        """Runs a flow to its end."""
        kept = self.taxi.save_file(FLOWS / f"{flow}.yaml")
        execution = self.taxi.control.make_execution(kept, self.inputs(flow))
        self.start().submit(execution)
        return self.finish(execution)

    def inputs(self, flow: str) -> dict[str, object]:
        wanted = "target" in {one.id for one in self.taxi.save_file(FLOWS / f"{flow}.yaml").inputs}
        return {**RUNS[flow], **({"target": self.target} if wanted else {})}

    def start(self) -> Engine:
        if self.engine is None:
            self.engine, _ = self.taxi.start_engine()
        return self.engine

    def finish(self, execution: Execution) -> Execution:
        """Goes on until it has ended, and says in which way."""
        engine = self.start()
        engine.run_until(lambda: self.taxi.control.execution(execution.id).state.has_ended)
        found = self.taxi.control.execution(execution.id)
        assert found.state is State.SUCCESS, [line.message for one in self.all() for line in self.taxi.lines(one.id)]
        return found

    def all(self) -> list[Execution]:
        return self.taxi.control.executions(ExecutionFilter(), Page(limit=100))

    def months(self) -> Pipeline:
        return Pipeline(home=self.folder, target=self.target)

    def count(self, table: str) -> int:
        with self.months() as months:
            return int(months.query(f"select count(*) as n from {table}")["n"][0])

    def is_running(self, task_id: str) -> bool:
        runs = [run for one in self.all() for run in self.taxi.task_runs(one.id)]
        return any(run.task_id == task_id and run.state is State.RUNNING for run in runs)


@pytest.fixture(params=["duckdb", "postgres"])
def home(
    request: pytest.FixtureRequest, tmp_path: Path, published: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Home]:
    folder = tmp_path / "home"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TAXI_HOME", str(folder))
    monkeypatch.setenv("TAXI_SOURCE", str(published))
    if request.param == "postgres":
        monkeypatch.setenv("TAXI_POSTGRES_URL", database_of(folder))
    with closing(Orchestrator(home=folder)) as taxi:
        yield Home(folder, request.param, taxi)


def test_all_flows_are_valid_and_tried() -> None:
    files = read_all([FLOWS], REGISTRY)
    assert problems_of(files) == []
    assert {file.path.stem for file in files} == set(RUNS) == {"hello", *KILLED_IN}
    for file in files:
        assert file.valid.id == file.path.stem
        assert file.valid.namespace == "nyc.taxi"
        assert file.text.startswith("# "), "it says what it is for"
        assert f"#   taxi flow run flows/{file.path.name}" in file.text


def test_every_flow_runs_to_its_end_and_a_second_run_adds_nothing(home: Home) -> None:
    outputs = {flow: home.run(flow).outputs for flow in RUNS}
    assert outputs["hello"] == {"said": "Hello Ada!"}
    assert outputs["taxi_month"]["action"] == "loaded"
    assert outputs["taxi_month"]["receipt"]["target"] == home.target
    assert outputs["taxi_monthly"] == {"month": "2021-02"}
    assert outputs["zones"] == {"rows": 265}
    chart, table = (_content(home, outputs["report_monthly"][name]) for name in ("chart", "csv"))
    assert chart.startswith(b"\x89PNG")
    assert table.startswith(b'"pickup_day","trips","revenue"\n2021-01-01,')
    loading = [flow for flow in RUNS if flow.startswith("taxi_")]
    again = {flow: home.run(flow).outputs for flow in (*loading, "zones")}
    assert (again["taxi_month"]["action"], again["taxi_published"]["action"]) == ("unchanged", "unchanged")
    assert home.count("(select 1 from green_tripdata union all select 1 from yellow_tripdata)") == 4 * ROWS
    _receipts_name_their_executions(home)


def _receipts_name_their_executions(home: Home) -> None:
    ids = {execution.id for execution in home.all()}
    with home.months() as months:
        assert {cell.execution_id for cell in months.status()} <= ids
    measured = [metric for id in ids for metric in home.taxi.parts.logs.metrics(id) if metric.name in ("rows", "bytes")]
    assert {"taxi": "green", "month": "2021-01"} in [metric.tags for metric in measured]


def _content(home: Home, uri: str) -> bytes:
    with home.taxi.parts.files.open(uri) as file:
        return file.read()


@pytest.mark.parametrize("home", ["duckdb"], indirect=True)
@pytest.mark.parametrize(
    "flow", [flow if flow in KILLED_OFTEN else pytest.param(flow, marks=pytest.mark.slow) for flow in KILLED_IN]
)
def test_a_flow_that_is_killed_in_the_middle_is_taken_over(home: Home, flow: str) -> None:
    _kill_and_take_over(home, flow)


@pytest.mark.parametrize("home", ["postgres"], indirect=True)
def test_a_month_for_postgresql_that_is_killed_in_the_middle_is_taken_over(home: Home) -> None:
    _kill_and_take_over(home, "taxi_month")
    assert home.count("green_tripdata") == ROWS


def _kill_and_take_over(home: Home, flow: str) -> None:
    if flow in NEEDS:
        with home.months() as months:
            months.backfill("green", "2021-01", "2021-02")
    begun = _start(flow, home.inputs(flow))
    end = time.monotonic() + SECONDS
    while not home.is_running(KILLED_IN[flow]):
        assert begun.poll() is None, begun.communicate()
        assert time.monotonic() < end
        time.sleep(0.01)
    begun.send_signal(signal.SIGKILL)
    begun.communicate()
    (execution,) = [one for one in home.all() if one.flow_id == flow]
    home.finish(execution)
    assert [path for path in home.folder.rglob("*") if ".staging" in path.name] == []
    if flow in ("taxi_month", "taxi_backfill"):
        with home.months() as months:
            assert all(month.ok for month in months.verify("green"))


def _start(flow: str, inputs: Mapping[str, object]) -> subprocess.Popen[bytes]:
    given = [f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in inputs.items()]
    command = [sys.executable, "-m", "taxi_pipelines", "flow", "run", str(FLOWS / f"{flow}.yaml")]
    return subprocess.Popen(
        [*command, *(part for one in given for part in ("-i", one))],
        env=dict(os.environ),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
