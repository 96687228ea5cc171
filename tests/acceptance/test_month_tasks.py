"""The `taxi.…` tasks one by one: what they say where something is wrong, and that a rollback names its execution."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from taxi_pipelines import Pipeline
from taxi_pipelines.domain.execution import Execution, TaskRun
from taxi_pipelines.domain.month import Month
from taxi_pipelines.domain.states import State
from taxi_pipelines.engine.engine import Engine
from taxi_pipelines.flowspec.yaml_text import read_document
from taxi_pipelines.orchestrator import Orchestrator
from taxi_pipelines.synthetic.files import republish, write_month
from taxi_pipelines.tasks.taxi import TAXI

ROWS = 200
MONTH = {"taxi": "green", "month": "2021-01"}


class Desk:
    """Runs flows, and single tasks."""

    def __init__(self, folder: Path) -> None:
        self.taxi = Orchestrator(home=folder / "home")
        self.engine: Engine = self.taxi.start_engine()[0]
        self.folder = folder

    def flow(self, tasks: list[dict[str, Any]]) -> Execution:
        """A flow of these, to its end."""
        path = self.folder / "flow.yaml"
        path.write_text(json.dumps({"id": "flow", "namespace": "demo", "tasks": tasks}))
        execution = self.taxi.control.make_execution(self.taxi.save_file(path), {})
        self.engine.submit(execution)
        self.engine.run_until(lambda: self.taxi.control.execution(execution.id).state.has_ended)
        return self.taxi.control.execution(execution.id)

    def run(self, type: str, **properties: Any) -> TaskRun:
        (run,) = self.taxi.task_runs(self.flow([{"id": "it", "type": type, **MONTH, **properties}]).id)
        return run


@pytest.fixture
def published(tmp_path: Path) -> Path:
    return write_month(tmp_path / "source", "green", Month(2021, 1), ROWS)


@pytest.fixture
def desk(tmp_path: Path, published: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    monkeypatch.setenv("TAXI_SOURCE", str(published.parent))
    desk = Desk(tmp_path)
    with closing(desk.taxi):
        yield desk


def test_a_month_is_loaded_rolled_back_and_proven(desk: Desk, published: Path) -> None:
    first = desk.run("taxi.month").outputs
    assert (first["action"], first["rows"], first["table"]) == ("loaded", ROWS, "green_tripdata")
    assert [check["name"] for check in first["checks"]] == ["rows", "addresses_gapless", "lake_file"]
    republish(published, edited=0, deleted=0, added=5)
    second = desk.run("taxi.month")
    assert (second.outputs["action"], second.outputs["added"]) == ("reloaded", 5)
    back = desk.run("taxi.rollback")
    assert (back.outputs["action"], back.outputs["rows"], back.outputs["removed"]) == ("rolled_back", ROWS, 5)
    assert back.outputs["receipt"]["execution_id"] == back.execution_id
    proven = desk.run("taxi.verify").outputs
    assert proven == {"rows": ROWS, "differing": 0, "differences": []}


def test_every_example_runs_one_after_the_other(desk: Desk, published: Path) -> None:
    examples = {spec.name.removeprefix("taxi."): read_document(spec.example).value for spec in TAXI}
    back = {"id": "rollback", **examples.pop("rollback")}
    assert desk.flow([{"id": name, **example} for name, example in examples.items()]).state is State.SUCCESS
    republish(published, edited=0, deleted=0, added=5)
    assert desk.flow([{"id": "month", **examples["month"]}, back]).state is State.SUCCESS


def test_what_is_wrong_is_said_by_the_task(desk: Desk, tmp_path: Path) -> None:
    assert "green 2021-02 is not published at" in (desk.run("taxi.extract", month="2021-02").error or "")
    assert "unknown taxi type 'gren'; did you mean 'green'?" in (desk.run("taxi.month", taxi="gren").error or "")
    assert "green 2021-01 is not loaded; run: taxi run green 2021-01" in (desk.run("taxi.check").error or "")
    assert "setting target = 'oracle' is not valid" in (desk.run("taxi.month", target="oracle").error or "")
    desk.run("taxi.month")
    with Pipeline(home=tmp_path / "home") as pipeline:
        Path(pipeline.lake_versions()[0].location).unlink()
    unproven = desk.run("taxi.verify")
    assert "green 2021-01" in (unproven.error or "")
    assert unproven.outputs["rows"] == 0
