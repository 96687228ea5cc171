"""The tree of task runs as lines."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from taxi_pipelines.cli.tree import lines
from taxi_pipelines.cli.watched import Watched, duration
from taxi_pipelines.domain.execution import Attempt, Caller, Execution, TaskRun
from taxi_pipelines.domain.states import State

START = datetime(2024, 1, 1, tzinfo=UTC)
NOW = START + timedelta(seconds=90)
EXECUTION = Execution(
    id="e1", namespace="demo", flow_id="f", flow_revision=1, state=State.RUNNING, created_at=START, started_at=START
)


def run(id: str, state: State = State.SUCCESS, seconds: float = 1.0, **more: object) -> TaskRun:
    ended = START + timedelta(seconds=seconds) if state.has_ended else None
    given = {"id": id, "execution_id": "e1", "task_id": id, "state": state, "started_at": START, "ended_at": ended}
    return TaskRun(**(given | more))  # type: ignore[arg-type]


def tree(*runs: TaskRun, most: int | None = None, width: int | None = None) -> list[str]:
    watched = Watched(EXECUTION)
    watched.take((), runs)
    return [line.plain.rstrip() for line in lines(watched, NOW, most=most, width=width)]


def test_task_runs_stand_below_their_parents_iteration_by_iteration() -> None:
    found = tree(
        run("each", State.RUNNING),
        run("a0", task_id="a", parent_id="each", iteration=0, value="green"),
        run("a1", State.FAILED, task_id="a", parent_id="each", iteration=1, value="yellow", error="no\nluck"),
        run("b0", task_id="b", parent_id="each", iteration=0, value="green"),
    )
    assert [" ".join(line.split()) for line in found] == [
        "● demo.f RUNNING 1:30 min e1",
        "● each RUNNING 1:30 min",
        "✓ a [green] SUCCESS 1.0 s",
        "✓ b [green] SUCCESS 1.0 s",
        "✗ a [yellow] FAILED 1.0 s no luck",
    ]
    assert found[2].startswith("    ✓ a")
    assert len({line.index("SUCCESS") for line in found[2:4]}) == 1


def test_the_time_of_a_task_run_is_that_of_its_last_attempt() -> None:
    again = Attempt(state=State.RUNNING, started_at=NOW - timedelta(seconds=2))
    first = Attempt(state=State.FAILED, started_at=START, ended_at=START)
    [_, line] = tree(run("a", State.RUNNING, attempts=(first, again)))
    assert line.split()[3:] == ["2.0", "s", "attempt", "2"]


def test_a_subflow_stands_below_the_task_that_called_it() -> None:
    watched = Watched(EXECUTION)
    caller = Caller(execution_id="e1", task_run_id="call", waits=True)
    child = replace(EXECUTION, id="e2", flow_id="child", caller=caller)
    stranger = replace(EXECUTION, id="e3", caller=replace(caller, execution_id="other"))
    watched.take([child, stranger], [run("call", State.RUNNING), run("in", execution_id="e2")])
    assert [line.plain.split()[1] for line in lines(watched, NOW)] == ["demo.f", "call", "demo.child", "in"]


def test_what_does_not_fit_loses_first_what_ended_well() -> None:
    runs = [run(f"t{number}") for number in range(50)]
    runs += [run("bad", State.FAILED), run("now", State.RUNNING)]
    found = tree(*runs, most=10)
    assert [line.split()[1] for line in found] == ["demo.f", "47", "t47", "t48", "t49", "bad", "now"]
    assert found[1].strip() == "… 47 SUCCESS"
    assert len(tree(*[run(f"t{number}", State.RUNNING) for number in range(50)], most=10)) == 10


@pytest.mark.parametrize("width", [40, 60, 79])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    found = tree(run("a" * 80, State.FAILED, error="because " * 30), width=width)
    assert all(len(line) <= width for line in found)
    assert "FAILED" in found[1]


def test_an_execution_tried_again_takes_the_place_of_the_first() -> None:
    watched = Watched(EXECUTION)
    watched.take([replace(EXECUTION, state=State.RETRIED), replace(EXECUTION, id="e2", parent_id="e1", attempt=2)], ())
    assert watched.execution.id == "e2"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0.00 s"), (0.081, "0.08 s"), (12.34, "12.3 s"), (125, "2:05 min"), (7325, "2:02 h")]
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text
