"""What a person asks of an execution that lives: kill, pause, resume. Pure: each returns what changes, or refuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from taxi_pipelines.domain.changes import decided, ended
from taxi_pipelines.domain.decisions import Cancel, Resume
from taxi_pipelines.domain.execution import Execution, TaskRun
from taxi_pipelines.domain.flow import Kind
from taxi_pipelines.domain.states import State
from taxi_pipelines.domain.tree import RunTree
from taxi_pipelines.errors import UsageError


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """What a verb does: store it as a whole, `apply_to` the tree, cancel, then `advance` from `changed`."""

    execution: Execution
    runs: Sequence[TaskRun] = ()
    removed: Sequence[str] = ()  #: children before their parents
    cancels: Sequence[Cancel] = ()

    @property
    def changed(self) -> list[str | None]:
        """What `advance` is to look at then."""
        return [*(run.id for run in self.runs), None]

    def apply_to(self, tree: RunTree) -> None:
        """Brings the tree up to it."""
        tree.remove(self.removed)
        for run in self.runs:
            tree.put(run)


def stop(
    execution: Execution, tree: RunTree, now: datetime, *, ends_as: State = State.KILLED, cancel: bool = True
) -> Change:
    """Nothing begins any more, and when what runs has ended, the execution ends as told: KILLING until then.

    With `cancel` the running work is stopped (kill, SLA); without it is awaited (Exit). Asking again may add the cancelling.
    """
    if execution.state.has_ended:
        raise _refusal(execution, "killed", "only one that has not ended can be")
    runs, cancels = [], []
    for run in tree.in_order():
        after = _stopped(tree, run, now, cancel=cancel)
        if after is not run:
            runs.append(after)
        if after.state is State.KILLING and not tree.has_children(after):
            cancels.append(Cancel(after.id))
    execution = replace(execution, state=State.KILLING, ends_as=ends_as)
    return Change(execution=execution, runs=runs, cancels=cancels)


def _stopped(tree: RunTree, run: TaskRun, now: datetime, *, cancel: bool) -> TaskRun:
    if run.state.has_ended or run.state is State.KILLING:
        return run
    if tree.is_parent(run):
        return replace(run, state=State.KILLING, wake_at=None)
    if run.state is not State.RUNNING or tree.task(run).kind is Kind.SLEEP:
        return ended(run, State.KILLED, now)
    if run.attempts[-1].state.has_ended or not cancel:
        return run
    return replace(run, state=State.KILLING)


def pause(execution: Execution) -> Change:
    """What runs goes on to its end, nothing else begins until `resume`."""
    if execution.state is not State.RUNNING:
        raise _refusal(execution, "paused", "only a RUNNING one can be")
    return Change(execution=replace(execution, state=State.PAUSED))


def resume(
    execution: Execution,
    tree: RunTree,
    now: datetime,
    *,
    run_id: str | None = None,
    outputs: Mapping[str, Any] | None = None,
) -> Change:
    """A PAUSED task run (the oldest, if none is named) goes on with these outputs; or the execution, where a person held it."""
    paused = [run for run in tree.in_order() if run.state is State.PAUSED]
    if execution.state is not State.PAUSED:
        raise _refusal(execution, "resumed", "only a PAUSED one can be")
    if not paused and run_id is None:
        return _released(execution, tree)
    run = next((run for run in paused if run_id in (None, run.id)), None)
    if run is None:
        raise UsageError(f"task run {run_id} is not PAUSED", "name one that is, or none for the oldest")
    run = replace(run, outputs=run.outputs if outputs is None else outputs)
    after = decided(run, Resume(run.id), now) if tree.has_children(run) else ended(run, State.SUCCESS, now)
    state = State.PAUSED if len(paused) > 1 else State.RUNNING
    return Change(execution=replace(execution, state=state), runs=[after])


def _released(execution: Execution, tree: RunTree) -> Change:
    waiting = [run for run in tree.in_order() if not run.state.has_ended]
    return Change(execution=replace(execution, state=State.RUNNING), runs=waiting)


def _refusal(execution: Execution, what: str, hint: str) -> UsageError:
    return UsageError(f"execution {execution.id} is {execution.state} and cannot be {what}", hint)
