"""How far a flowable's body is, kind by kind: the next decisions, or the state it ended in.

One rule holds for all kinds: once a child has failed, nothing new begins in that body, and it is over when those that still
run have ended (Kestra 1.x; no sibling is cancelled).

What the runner puts into a task run's `resolved` when it begins:

    If, Switch   {"branch": the branch taken, or None}
    Parallel, Dag {"concurrency": how many children at a time, 0 for all}
    ForEach      {"values": [text, …], "concurrency": how many iterations at a time, 0 for all}
    LoopUntil    {"interval": seconds, "max_iterations": n or None, "max_duration": seconds or None, "fail_on_max": bool},
                 and after each iteration {"done": [truth of the condition by iteration; None where it broke]}
    Pause        {"on_wake": the state it ends in when nobody resumed it until `wake_at`}
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from taxi_pipelines.domain.decisions import Create, Decision, Evaluate, WaitUntil
from taxi_pipelines.domain.execution import TaskRun
from taxi_pipelines.domain.flow import MAIN, Kind
from taxi_pipelines.domain.states import State
from taxi_pipelines.domain.tree import RunTree

Progress = list[Decision] | State
"""What to do next (nothing: something runs that must end first), or how it ended."""


def body(tree: RunTree, run: TaskRun, touched: Iterable[int] | None, now: datetime) -> Progress:
    """How far the body of a RUNNING flowable is. `touched`: the iterations of a ForEach that changed; None: any."""
    if run.attempts and run.attempts[-1].state.has_failed:
        return State.FAILED  # it could not be resolved
    match tree.task(run).kind:
        case Kind.IF | Kind.SWITCH:
            branch = run.resolved["branch"]
            return State.SUCCESS if branch is None else sequence(tree, run, branch)
        case Kind.PARALLEL:
            return parallel(tree, run)
        case Kind.DAG:
            return dag(tree, run)
        case Kind.FOREACH:
            return for_each(tree, run, touched)
        case Kind.LOOP_UNTIL:
            return loop_until(tree, run, now)
        case _:
            return sequence(tree, run, MAIN)


def sequence(tree: RunTree, run: TaskRun | None, branch: str, iteration: int | None = None) -> Progress:
    """One after the other; None is the flow itself."""
    parent_id, parent_task = (run.id, run.task_id) if run else (None, None)
    tally = tree.group(parent_id, branch, iteration).tally
    tasks = tree.outline.children(parent_task, branch)
    if tally.live:
        return []
    if tally.failed or tally.total == len(tasks):
        return tally.worst()
    value = run.resolved["values"][iteration] if run and iteration is not None and "values" in run.resolved else None
    return [Create(tasks[tally.total], parent_id, branch, value, iteration)]


def parallel(tree: RunTree, run: TaskRun) -> Progress:
    """All at once, or so many at a time."""
    tally = tree.branch(run.id, MAIN).tally
    tasks = tree.outline.children(run.task_id, MAIN)
    last = tally.total + _room(run, tally.live, len(tasks))
    return _begin_or_end(tree, run, [Create(task, run.id, MAIN) for task in tasks[tally.total : last]])


def dag(tree: RunTree, run: TaskRun) -> Progress:
    """Each as soon as those it depends on have ended well."""
    room = _room(run, tree.branch(run.id, MAIN).tally.live, len(tree.outline.children(run.task_id, MAIN)))
    return _begin_or_end(tree, run, [Create(task, run.id, MAIN) for task in tree.ready(run).first(room)])


def for_each(tree: RunTree, run: TaskRun, touched: Iterable[int] | None) -> Progress:
    """The tasks in sequence for every value, so many values at a time."""
    values = run.resolved["values"]
    if not tree.outline.children(run.task_id, MAIN):
        return State.SUCCESS
    branch = tree.branch(run.id, MAIN)
    fresh = range(branch.begun, min(branch.begun + _room(run, branch.open, len(values)), len(values)))
    begun = range(branch.begun) if touched is None else sorted(touched)
    creates: list[Decision] = []
    if not branch.tally.failed:
        for iteration in (*begun, *fresh):
            step = sequence(tree, run, MAIN, iteration)
            if isinstance(step, list):
                creates += step
    return _begin_or_end(tree, run, creates)


def loop_until(tree: RunTree, run: TaskRun, now: datetime) -> Progress:
    """The tasks in sequence, again and again until the condition holds or a limit is reached."""
    begun = tree.branch(run.id, MAIN).begun
    if not begun:
        return sequence(tree, run, MAIN, 0) if tree.outline.children(run.task_id, MAIN) else State.SUCCESS
    step = sequence(tree, run, MAIN, begun - 1)
    if isinstance(step, list) or step.has_failed:
        return step
    done = run.resolved.get("done", ())
    if len(done) < begun:
        return [Evaluate(run.id, begun - 1)]
    if done[-1] is None:
        return State.FAILED
    worst = tree.branch(run.id, MAIN).tally.worst()
    if done[-1]:
        return worst
    if _is_exhausted(run, begun, now):
        return State.FAILED if run.resolved["fail_on_max"] else worst
    return _next_iteration(tree, run, begun, now)


def _next_iteration(tree: RunTree, run: TaskRun, iteration: int, now: datetime) -> Progress:
    before = tree.children(run.id, MAIN, iteration - 1)[-1]
    due = (before.ended_at or now) + timedelta(seconds=run.resolved["interval"])
    if now >= due:
        return sequence(tree, run, MAIN, iteration)
    return [] if run.wake_at == due else [WaitUntil(run.id, due)]


def _is_exhausted(run: TaskRun, iterations: int, now: datetime) -> bool:
    """Whether a limit is reached; a restart begins to count anew."""
    most, longest = run.resolved["max_iterations"], run.resolved["max_duration"]
    if most is not None and iterations - run.resolved.get("iterations_before", 0) >= most:
        return True
    return longest is not None and now >= run.attempts[-1].started_at + timedelta(seconds=longest)


def _room(run: TaskRun, taken: int, most: int) -> int:
    limit = run.resolved.get("concurrency")
    return max(limit - taken, 0) if limit else most


def _begin_or_end(tree: RunTree, run: TaskRun, creates: list[Decision]) -> Progress:
    tally = tree.branch(run.id, MAIN).tally
    if creates and not tally.failed:
        return creates
    return [] if tally.live else tally.worst()
