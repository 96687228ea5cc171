"""What happens next in an execution: a pure function of what happened so far.

The runner calls `advance` with the task runs that changed, applies the decisions, and calls it again with what these changed,
until there are none. It looks only at those task runs and their parents, so a change costs the same in a flow of ten tasks and
of fifty thousand. Conventions between the two:

- An attempt that ends is recorded in `attempts[-1]` (its state, `ended_at`, error) while the task run stays RUNNING; what becomes
  of the task run is decided here: `RetryAt`, or `End` after `allowFailure` and the like. A flowable that could not be resolved
  is such an attempt too, FAILED. SKIPPED (`runIf`) the runner sets itself.
- `resolved` holds what `bodies` lists. A subflow's child that ends ends the attempt (`subflow_state`).
- A decision may stop the execution (an Exit task, `StopExecution`); the rest of the list is performed as far as it `still_holds`.
- When a `wake_at` has come, the task run counts as changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from taxi_pipelines.domain.bodies import Progress, body, sequence
from taxi_pipelines.domain.decisions import (
    Begin,
    Create,
    Decision,
    End,
    EndExecution,
    NewExecution,
    PauseExecution,
    Resume,
    ResumeExecution,
    RetryAt,
    StopExecution,
)
from taxi_pipelines.domain.execution import Execution, TaskRun
from taxi_pipelines.domain.flow import ERRORS, FINALLY, MAIN, Flow, Kind
from taxi_pipelines.domain.settle import ended_as, new_execution_at, retry_at, softened
from taxi_pipelines.domain.states import State, roll_up
from taxi_pipelines.domain.tree import RunTree

WAITING = (State.CREATED, State.RESTARTED, State.RETRYING)


def advance(
    flow: Flow, execution: Execution, tree: RunTree, changed: Iterable[str | None], now: datetime
) -> list[Decision]:
    """What follows from these task runs having changed (None: the execution itself, as when it starts).

    `execution` is RUNNING, PAUSED or KILLING; in any other state nothing follows. PAUSED without a PAUSED task run is held by
    a person: what runs goes on to its end, nothing begins.
    """
    if execution.state not in (State.RUNNING, State.PAUSED, State.KILLING):
        return []
    decisions: list[Decision] = []
    paused: list[TaskRun] = []
    parents: dict[str | None, set[int] | None] = {}
    for run_id in dict.fromkeys(changed):
        if run_id is None:
            parents[None] = None
            continue
        run = tree.get(run_id)
        if run.state.has_ended:
            _note_parent(parents, run)
        elif run.state is State.PAUSED:
            paused.append(run)
        elif tree.is_parent(run):
            parents[run.id] = None
        else:
            decisions += _leaf(execution, tree, run, now)
    decisions += _pauses(execution, tree, paused, now)
    for parent_id, iterations in parents.items():
        if parent_id is None:
            decisions += _root(flow, execution, tree)
        else:
            decisions += _flowable(execution, tree, tree.get(parent_id), iterations, now)
    return decisions


def still_holds(decision: Decision, execution: Execution, tree: RunTree) -> bool:
    """Whether a decision may still be performed after those before it in the list: one of them may have stopped the execution."""
    killing = execution.state is State.KILLING
    match decision:
        case Begin(run_id):
            return not killing and tree.get(run_id).state in WAITING
        case Create() | PauseExecution() | ResumeExecution() | NewExecution() | StopExecution():
            return not killing
        case EndExecution():
            return not killing or not tree.tally.live
        case _:
            return not tree.get(decision.run_id).state.has_ended


def _note_parent(parents: dict[str | None, set[int] | None], run: TaskRun) -> None:
    iterations = parents.setdefault(run.parent_id, set())
    if iterations is not None and run.iteration is not None:
        iterations.add(run.iteration)


def _leaf(execution: Execution, tree: RunTree, run: TaskRun, now: datetime) -> list[Decision]:
    """A task run that has not begun, or that has no children."""
    killing = execution.state is State.KILLING
    match run.state:
        case state if state in WAITING:
            if killing:
                return [End(run.id, State.KILLED)]
            is_due = run.wake_at is None or run.wake_at <= now
            return [Begin(run.id)] if is_due and not _is_held(execution, tree) else []
        case State.RUNNING | State.KILLING:
            return _running(tree, run, killing, now)
        case _:
            return []


def _running(tree: RunTree, run: TaskRun, killing: bool, now: datetime) -> list[Decision]:
    """A task run at work: over with its last attempt, or, if it only sleeps, when its time has come."""
    task = tree.task(run)
    if not (run.attempts and run.attempts[-1].state.has_ended):
        awake = task.kind is Kind.SLEEP and run.wake_at is not None and run.wake_at <= now
        return [End(run.id, softened(task, State.SUCCESS))] if awake else []
    if killing or run.attempts[-1].state is State.SKIPPED:
        return [End(run.id, run.attempts[-1].state)]
    policy = tree.outline.policy(run.task_id)
    if run.attempts[-1].state is State.FAILED and (at := retry_at(run, policy, now)):
        return [RetryAt(run.id, at)]
    return [End(run.id, ended_as(run, task, policy))]


def _pauses(execution: Execution, tree: RunTree, paused: Sequence[TaskRun], now: datetime) -> list[Decision]:
    """What becomes of PAUSED task runs that changed, and with them of the execution."""
    due = [run for run in paused if run.wake_at is not None and run.wake_at <= now]
    decisions: list[Decision] = [_wake(tree, run) for run in due]
    if any(isinstance(decision, StopExecution) for decision in decisions):
        return decisions
    if execution.state is State.PAUSED and due and len(due) == tree.tally.count(State.PAUSED):
        decisions.append(ResumeExecution())
    if execution.state is State.RUNNING and len(due) < len(paused):
        decisions.append(PauseExecution())
    return decisions


def _wake(tree: RunTree, run: TaskRun) -> Decision:
    state = State(run.resolved.get("on_wake", State.SUCCESS))
    if state is State.CANCELLED:
        return StopExecution(state)
    if tree.has_children(run) and not state.has_failed:
        return Resume(run.id)
    return End(run.id, softened(tree.task(run), state))


def _is_held(execution: Execution, tree: RunTree) -> bool:
    return execution.state is State.PAUSED and not tree.tally.count(State.PAUSED)


def _flowable(
    execution: Execution, tree: RunTree, run: TaskRun, iterations: set[int] | None, now: datetime
) -> list[Decision]:
    """A task run with children. What an Exit stops ends as the Exit says."""
    if run.state is State.KILLING:
        stopped = State.KILLED if execution.ends_as in (None, State.CANCELLED) else execution.ends_as
        return [] if tree.live_below(run) else [End(run.id, stopped)]
    progress = _with_handlers(tree, run, body(tree, run, iterations, now))
    if isinstance(progress, list):
        return progress
    task = tree.task(run)
    if task.kind is Kind.ALLOW_FAILURE and progress is State.FAILED:
        progress = State.WARNING
    return [End(run.id, softened(task, progress))]


def _root(flow: Flow, execution: Execution, tree: RunTree) -> list[Decision]:
    """The execution itself."""
    if execution.state is State.KILLING:
        return [] if tree.tally.live else [EndExecution(execution.ends_as or State.KILLED)]
    if execution.state is State.PAUSED:
        return []
    main = sequence(tree, None, MAIN)
    at = new_execution_at(flow, execution, tree) if main is State.FAILED else None
    progress = _with_handlers(tree, None, main, and_errors=at is None)
    if isinstance(progress, list):
        return progress
    if at is not None:
        return [NewExecution(at, execution.attempt + 1), EndExecution(State.RETRIED)]
    return [EndExecution(progress)]


def _with_handlers(tree: RunTree, run: TaskRun | None, main: Progress, *, and_errors: bool = True) -> Progress:
    """After the body `errors`, if it failed, then `finally` in any case. What fails in these counts too."""
    if isinstance(main, list):
        return main
    handled = sequence(tree, run, ERRORS) if main.has_failed and and_errors else State.SUCCESS
    if isinstance(handled, list):
        return handled
    cleaned = sequence(tree, run, FINALLY)
    return cleaned if isinstance(cleaned, list) else roll_up([main, cleaned])
