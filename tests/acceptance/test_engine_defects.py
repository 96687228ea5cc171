"""A defect costs the execution it is met in; the engine goes on with all others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from taxi_pipelines.domain.execution import TaskRun
from taxi_pipelines.domain.states import State
from taxi_pipelines.engine import engine as engine_module
from taxi_pipelines.engine import runner
from taxi_pipelines.engine.work import Work
from taxi_pipelines.flow_interfaces import Batch
from taxi_pipelines.task_types import Effects, Facts, Properties, TypeSpec
from taxi_pipelines.tasks.registry import Registry
from tests.flows.heavy import CATALOG
from tests.support.engines import Bench, running


def raising(properties: Properties, facts: Facts) -> Effects:
    raise ZeroDivisionError("not foreseen")


def odd_outputs(properties: Properties, facts: Facts) -> Effects:
    return Effects(outputs={"set": {1}, "nan": float("nan"), "zero": "a\0b", "half": "\ud800", 7: object})


RAISES = TypeSpec(name="test.Raises", title="Raises.", properties=Properties, perform=raising)
ODD = TypeSpec(name="test.Odd", title="Odd.", properties=Properties, perform=odd_outputs)
TYPES = Registry((*CATALOG.specs(), RAISES, ODD))

FLOW = """
id: {id}
namespace: t
tasks:
  - {{id: one, type: log, message: one}}
  - {{id: two, type: {type}}}
errors:
  - {{id: handler, type: log, message: handled}}
"""
NEIGHBOUR = """
id: neighbour
namespace: t
tasks:
  - {id: one, type: log, message: one}
  - {id: nap, type: sleep, duration: PT0.05S}
  - {id: two, type: return, format: fine}
"""


def test_a_light_task_that_raises_fails_alone_and_its_errors_run(tmp_path: Path) -> None:
    with running(tmp_path, catalog=TYPES) as bench:
        ran = bench.run(FLOW.format(id="f", type="test.Raises"))
    assert ran.states == {"one": "SUCCESS", "two": "FAILED", "handler": "SUCCESS"}
    assert ran.runs[1].error == "internal error: ZeroDivisionError: not foreseen; this is a defect; please report it"
    assert any("raising" in line and line.startswith("DEBUG two") for line in ran.lines)


def test_outputs_that_no_database_keeps_are_made_such_that_it_does(tmp_path: Path) -> None:
    with running(tmp_path, catalog=TYPES) as bench:
        ran = bench.run(FLOW.format(id="f", type="test.Odd"))
    assert ran.execution.state is State.SUCCESS
    outputs = ran.runs[1].outputs
    assert (outputs["set"], outputs["nan"], outputs["zero"], outputs["half"]) == (
        [1],
        "nan",
        "a\N{REPLACEMENT CHARACTER}b",
        "?",
    )


def test_a_defect_in_the_runner_fails_the_execution_and_spares_its_neighbours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = runner._end

    def broken(work: Work, run: TaskRun) -> None:
        if work.execution.flow_id == "f" and run.task_id == "two":
            raise KeyError("a defect")
        honest(work, run)

    monkeypatch.setattr(runner, "_end", broken)
    said: list[str] = []
    with running(tmp_path, catalog=TYPES) as bench:
        bench.engine._say = said.append
        neighbour = bench.submit(NEIGHBOUR)
        ran = bench.run(FLOW.format(id="f", type="log, message: two"))
        assert bench.finish(neighbour.id).execution.state is State.SUCCESS
        assert not bench.engine.holds(ran.execution.id)
    assert ran.execution.state is State.FAILED
    assert ran.execution.error is not None and "internal error: KeyError: 'a defect'" in ran.execution.error
    assert all(run.state.has_ended for run in ran.runs)
    assert any("internal error" in line for line in ran.lines)
    assert len(said) == 1 and "KeyError" in said[0]


def test_a_defect_in_a_subflow_is_told_to_its_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(work: Work) -> bool:
        if work.execution.flow_id == "f":
            raise KeyError("a defect")
        return runner.run(work)

    monkeypatch.setattr(engine_module, "run", broken)
    with running(tmp_path, catalog=TYPES) as bench:
        bench.save(FLOW.format(id="f", type="log, message: two"))
        ran = bench.run("id: caller\nnamespace: t\ntasks: [{id: call, type: subflow, namespace: t, flowId: f}]")
    assert ran.states == {"call": "FAILED"}
    assert "internal error" in (ran.runs[0].error or "")


def test_changes_that_no_database_takes_fail_their_execution_only(tmp_path: Path) -> None:
    """A value the store refuses, for whatever reason, must not stop the batches of all others for ever."""
    with running(tmp_path, catalog=TYPES) as bench:
        refuse_outputs_of(bench, "f")
        neighbour = bench.submit(NEIGHBOUR)
        poisoned = bench.submit(FLOW.format(id="f", type="return, format: poison"))
        assert bench.finish(poisoned.id).execution.state is State.FAILED
        assert "TypeError: refused" in (bench.look(poisoned.id).execution.error or "")
        assert bench.finish(neighbour.id).states == {"one": "SUCCESS", "nap": "SUCCESS", "two": "SUCCESS"}


def refuse_outputs_of(bench: Bench, flow_id: str) -> None:
    """The store then refuses batches with outputs of that flow's executions."""
    honest: Any = bench.parts.engines.commit

    def commit(engine_id: str, batch: Batch) -> Any:
        ids = {one.id for one in batch.executions if one.flow_id == flow_id}
        if any(run.execution_id in ids and run.outputs for run in batch.task_runs):
            raise TypeError("refused")
        return honest(engine_id, batch)

    bench.parts.engines.commit = commit  # type: ignore[method-assign]


def test_a_flow_whose_revision_is_gone_ends_and_its_caller_is_told(tmp_path: Path) -> None:
    with running(tmp_path, catalog=TYPES) as bench:
        execution = bench.submit(NEIGHBOUR)
        bench.until(lambda: bool(bench.parts.executions.task_runs(execution.id)))
    with running(tmp_path, catalog=TYPES) as bench:
        bench.parts.flows.find = lambda *args: None  # type: ignore[method-assign, assignment]
        ran = bench.finish(execution.id)
    assert ran.execution.state is State.FAILED
    assert "there is no flow t.neighbour of revision 1" in (ran.execution.error or "")
    assert all(run.state.has_ended for run in ran.runs)


def test_more_task_runs_than_there_may_be_end_the_execution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "MAX_TASK_RUNS", 60)
    source = """
id: forever
namespace: t
tasks:
  - id: loop
    type: loopUntil
    condition: "{{ false }}"
    checkFrequency: {interval: PT0S, maxIterations: null, maxDuration: null}
    tasks: [{id: again, type: log, message: again}]
"""
    with running(tmp_path) as bench:
        ran = bench.run(source)
    assert ran.execution.state is State.FAILED
    assert ran.execution.error == "an execution may have at most 60 task runs: does it loop for ever?"
    assert len(ran.runs) == 60
