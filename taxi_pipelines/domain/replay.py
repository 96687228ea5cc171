"""Replaying an execution (S18): a new one, from the start or from a task run on, with copies of what came before it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

from taxi_pipelines.domain.changes import begun
from taxi_pipelines.domain.execution import Execution, TaskRun
from taxi_pipelines.domain.flow import ERRORS, FINALLY, MAIN, Flow, Kind
from taxi_pipelines.domain.restart import all_below, goes_on_inside, handlers_below
from taxi_pipelines.domain.states import State
from taxi_pipelines.domain.tree import RunTree
from taxi_pipelines.errors import UsageError


def replay(
    flow: Flow,
    execution: Execution,
    tree: RunTree,
    now: datetime,
    *,
    execution_id: str,
    new_run_id: Callable[[], str],
    from_run_id: str | None = None,
) -> tuple[Execution, list[TaskRun]]:
    """The new execution, CREATED, and the task runs it begins with, parents first.

    The task run it starts from and all that failed or never ended begin afresh; what comes after it is not there; what stands
    beside it (other branches of a Parallel) is kept where it ended well. `advance` goes on from `tree.open_ids()`.
    """
    if not execution.state.has_ended:
        raise UsageError(
            f"execution {execution.id} is {execution.state} and cannot be replayed", "wait for its end, or kill it"
        )
    again = Execution(
        id=execution_id,
        namespace=execution.namespace,
        flow_id=execution.flow_id,
        flow_revision=execution.flow_revision,
        state=State.CREATED,
        inputs=execution.inputs,
        labels=execution.labels,
        variables=flow.variables if from_run_id is None else execution.variables,
        trigger=execution.trigger,
        parent_id=execution.id,
        created_at=now,
    )
    if from_run_id is None:
        return again, []
    kept = _kept(tree, _start(tree, from_run_id), now)
    ids = {run.id: new_run_id() for run in kept}
    runs = [
        replace(run, id=ids[run.id], execution_id=execution_id, parent_id=ids.get(run.parent_id or "")) for run in kept
    ]
    return again, runs


def _start(tree: RunTree, run_id: str) -> TaskRun:
    """The task run to begin afresh: the one named, or the outermost WorkingDirectory around it, whose files are gone."""
    if run_id not in tree:
        raise UsageError(f"no task run {run_id} in this execution", "`taxi execution show` lists them")
    start = tree.get(run_id)
    for run in (start, *_above(tree, start)):
        if run.branch in (ERRORS, FINALLY):
            what = f"task run {run_id} stands in {run.branch!r}"
            raise UsageError(f"{what} and cannot be replayed alone", "replay from the task that failed")
        if tree.task(run).kind is Kind.WORKING_DIRECTORY:
            start = run
    return start


def _above(tree: RunTree, run: TaskRun) -> Iterator[TaskRun]:
    while run.parent_id is not None:
        run = tree.get(run.parent_id)
        yield run


def _kept(tree: RunTree, start: TaskRun, now: datetime) -> list[TaskRun]:
    """The task runs the new execution begins with, still under their old ids, in order of creation."""
    path = [start, *_above(tree, start)]
    ids_on_path = {run.id for run in path}
    dropped = {*all_below(tree, start), *handlers_below(tree, None)}
    for run in path:
        for later in _after(tree, run):
            dropped |= {later.id, *all_below(tree, later)}
    kept = []
    settled: set[str | None] = set()
    for run in tree.in_order():
        if run.id in dropped:
            continue
        if run.parent_id in settled or (_ended_well(run) and run.id not in ids_on_path):
            settled.add(run.id)
            kept.append(run)
        elif run.id != start.id and (run.id in ids_on_path or goes_on_inside(tree, run)):
            dropped |= set(handlers_below(tree, run))
            kept.append(_reopened(tree, run, start, now))
        else:
            dropped |= set(all_below(tree, run))
            kept.append(_afresh(run))
    return kept


def _ended_well(run: TaskRun) -> bool:
    return run.state.has_ended and not run.state.has_failed


def _after(tree: RunTree, run: TaskRun) -> Iterator[TaskRun]:
    """Its siblings that came after it. Where all run at once, only a Dag has such; where there is a limit, those begun later."""
    parent = None if run.parent_id is None else tree.get(run.parent_id)
    kind = Kind.SEQUENTIAL if parent is None else tree.task(parent).kind
    is_limited = parent is None or parent.resolved.get("concurrency", 1) != 0
    siblings = tree.children(run.parent_id, run.branch, run.iteration)
    if kind in (Kind.PARALLEL, Kind.DAG) and not is_limited:
        later = _dependents(tree, run)
        yield from (sibling for sibling in siblings if sibling.task_id in later)
        return
    yield from siblings[siblings.index(run) + 1 :]
    if parent is not None and run.iteration is not None and is_limited:
        for iteration in range(run.iteration + 1, tree.branch(parent.id, MAIN).begun):
            yield from tree.children(parent.id, MAIN, iteration)


def _dependents(tree: RunTree, run: TaskRun) -> set[str]:
    """The tasks of a Dag that wait for this one, directly or not. A Dag's order of creation follows its dependencies."""
    found = {run.task_id}
    for sibling in tree.children(run.parent_id, run.branch):
        if tree.outline.dependencies(sibling.task_id) & found:
            found.add(sibling.task_id)
    return found - {run.task_id}


def _afresh(run: TaskRun) -> TaskRun:
    """The same place, nothing done yet."""
    return TaskRun(
        id=run.id,
        execution_id=run.execution_id,
        task_id=run.task_id,
        parent_id=run.parent_id,
        branch=run.branch,
        value=run.value,
        iteration=run.iteration,
        created_at=run.created_at,
    )


def _reopened(tree: RunTree, run: TaskRun, start: TaskRun, now: datetime) -> TaskRun:
    """A task run that goes on inside; a loop forgets how its condition was after the iterations that go."""
    resolved = dict(run.resolved)
    if tree.task(run).kind is Kind.LOOP_UNTIL:
        iteration = next(
            (below.iteration for below in (start, *_above(tree, start)) if below.parent_id == run.id), None
        )
        done = [held for held in resolved.get("done", ()) if held is not None][:iteration]
        resolved |= {"done": done, "iterations_before": len(done)}
    return begun(replace(run, resolved=resolved, attempts=(), outputs={}, ended_at=None), now)
