"""Restarting an execution (S18): the same one goes on, what failed gets its next attempt, what ended well is kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from taxi_pipelines.domain.changes import begun
from taxi_pipelines.domain.execution import Execution, TaskRun
from taxi_pipelines.domain.flow import ERRORS, FINALLY, Kind
from taxi_pipelines.domain.states import State
from taxi_pipelines.domain.tree import RunTree
from taxi_pipelines.domain.verbs import Change
from taxi_pipelines.errors import UsageError

RESTARTABLE = (State.FAILED, State.KILLED, State.CANCELLED)


def restart(execution: Execution, tree: RunTree, now: datetime) -> Change:
    """Reopens what failed, from the execution down; RESTARTED until the runner starts it.

    A failure that something above it took for a warning stays as it is. `errors` and `finally` of what is reopened are
    removed, so that they can run again; so are the children of a WorkingDirectory, whose files are gone.
    """
    if execution.state not in RESTARTABLE:
        states = ", ".join(RESTARTABLE)
        raise UsageError(
            f"execution {execution.id} is {execution.state} and cannot be restarted",
            f"only one that is {states} can be; `replay` runs any again",
        )
    runs, removed = _reopened_below(tree, None, now)
    execution = replace(execution, state=State.RESTARTED, ended_at=None, error=None, outputs={}, ends_as=None)
    return Change(execution=execution, runs=runs, removed=removed)


def _reopened_below(tree: RunTree, parent: TaskRun | None, now: datetime) -> tuple[list[TaskRun], list[str]]:
    runs: list[TaskRun] = []
    removed = list(handlers_below(tree, parent))
    for run in tree.body_of(parent):
        if run.state.has_failed:
            more_runs, more_removed = _reopened(tree, run, now)
            runs += more_runs
            removed += more_removed
    return runs, removed


def _reopened(tree: RunTree, run: TaskRun, now: datetime) -> tuple[list[TaskRun], list[str]]:
    if not goes_on_inside(tree, run):
        resolved = {**run.resolved, "attempts_before": len(run.attempts)}
        again = replace(
            run, state=State.RESTARTED, resolved=resolved, outputs={}, error=None, ended_at=None, wake_at=None
        )
        return [again], list(all_below(tree, run))
    again = begun(replace(run, resolved=_resolved_again(tree, run), ended_at=None), now)
    runs, removed = _reopened_below(tree, run, now)
    return [again, *runs], removed


def _resolved_again(tree: RunTree, run: TaskRun) -> dict[str, Any]:
    """A loop counts its iterations anew, and a condition that broke is tried again."""
    if tree.task(run).kind is not Kind.LOOP_UNTIL:
        return dict(run.resolved)
    done = [held for held in run.resolved.get("done", ()) if held is not None]
    return {**run.resolved, "done": done, "iterations_before": len(done)}


def goes_on_inside(tree: RunTree, run: TaskRun) -> bool:
    """Whether it can go on where its children are; else it begins as a whole."""
    if not tree.has_children(run) or tree.task(run).kind is Kind.WORKING_DIRECTORY:
        return False
    return next(tree.body_of(run), None) is not None


def handlers_below(tree: RunTree, parent: TaskRun | None) -> Iterator[str]:
    """The ids of a task run's `errors` and `finally` (None: the execution's), children before parents."""
    parent_id = None if parent is None else parent.id
    for branch in (ERRORS, FINALLY):
        for run in tree.children(parent_id, branch):
            yield from all_below(tree, run)
            yield run.id


def all_below(tree: RunTree, run: TaskRun) -> Iterator[str]:
    """The ids of everything below a task run, children before parents."""
    for child in tree.body_of(run):
        yield from all_below(tree, child)
        yield child.id
    yield from handlers_below(tree, run)
