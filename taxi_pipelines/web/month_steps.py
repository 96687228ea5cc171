"""The steps of a month: extract, load, merge, check; each with its time and rows, those not reached as well. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from taxi_pipelines.domain.execution import Execution, TaskRun
from taxi_pipelines.domain.receipt import Receipt
from taxi_pipelines.domain.states import State
from taxi_pipelines.web import words

STEPS = ("extract", "load", "merge", "check")


class StepState(StrEnum):
    """How far a step is; its value is its class in the stylesheet."""

    DONE = "done"
    RUNNING = "running"
    FAILED = "failed"
    AGAIN = "again"  #: failed, and is tried again
    NEXT = "next"  #: will run
    UNREACHED = "unreached"  #: will not


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One of them. `said` is what came of it: bytes or rows; `seconds` what it took."""

    name: str
    state: StepState
    seconds: float | None = None
    said: str = ""
    attempts: int = 1
    error: str = ""


def steps_of(execution: Execution, runs: Sequence[TaskRun], now: datetime) -> tuple[Step, ...]:
    """Of an execution; none where its flow has other steps."""
    if not any(run_of(runs, name) for name in STEPS) and execution.state.has_ended:
        return ()
    return tuple(_step(name, run_of(runs, name), execution, now) for name in STEPS)


def steps_of_receipt(receipt: Receipt) -> tuple[Step, ...]:
    """Of a run that no flow did. Its check stood before the merge."""
    said = {"extract": words.size(receipt.bytes), "load": words.plural(receipt.rows_staged, "row")}
    order = ("extract", "load", "check", "merge")
    return tuple(
        Step(name=name, state=StepState.DONE, seconds=receipt.seconds.get(name), said=said.get(name, ""))
        for name in order
    )


def run_of(runs: Sequence[TaskRun], task_id: str) -> TaskRun | None:
    """The last run of a task."""
    return next((run for run in reversed(runs) if run.task_id == task_id), None)


def what_was_kept(failed: str, *, is_in_lake: bool, is_loaded: bool) -> str:
    """What the failed step left, in a sentence: of the file, the table, and the steps after it."""
    if failed == "check":
        return "The file is in the lake, and the table has its rows; that they are right is not proven."
    file = "The file is in the lake" if is_in_lake else "Nothing was kept of the file"
    table = "the table still has the version before" if is_loaded else "the table is unchanged"
    after = STEPS[STEPS.index(failed) + 1 :] if failed in STEPS else ()
    return f"{file}; {table}{f'; {words.listed(after)} did not run' if after else ''}."


def _step(name: str, run: TaskRun | None, execution: Execution, now: datetime) -> Step:
    if run is None or run.state is State.CREATED:
        state = StepState.UNREACHED if execution.state.has_ended else StepState.NEXT
        return Step(name=name, state=state)
    ended = run.ended_at or now
    return Step(
        name=name,
        state=_STATES.get(run.state, StepState.RUNNING),
        seconds=(ended - run.started_at).total_seconds() if run.started_at else None,
        said=_said(name, run.outputs),
        attempts=max(len(run.attempts), 1),
        error=run.error or next((one.error for one in reversed(run.attempts) if one.error), None) or "",
    )


_STATES = {
    State.SUCCESS: StepState.DONE,
    State.WARNING: StepState.DONE,
    State.FAILED: StepState.FAILED,
    State.KILLED: StepState.FAILED,
    State.RETRYING: StepState.AGAIN,
    State.SKIPPED: StepState.UNREACHED,
}


def _said(name: str, outputs: Mapping[str, Any]) -> str:
    if outputs.get("unchanged"):
        return "unchanged"
    if name == "extract":
        return words.size(outputs.get("bytes"))
    rows = outputs.get("rows")
    return words.plural(rows, "row") if isinstance(rows, int) else "nothing to do" if outputs else ""
