"""Taking an execution into memory: one just made, or one that an engine left behind, whatever it was in the middle of."""

from __future__ import annotations

from dataclasses import replace

from taxi_pipelines.domain.execution import Execution, TaskRun
from taxi_pipelines.domain.flow import Kind
from taxi_pipelines.domain.records import Level
from taxi_pipelines.domain.states import State
from taxi_pipelines.engine.active import MOST_ERRORS, Active
from taxi_pipelines.engine.context import Surroundings
from taxi_pipelines.engine.items import end_item
from taxi_pipelines.engine.parts import Parts
from taxi_pipelines.engine.secret_inputs import reveal
from taxi_pipelines.engine.subflow import end_subflow
from taxi_pipelines.engine.work import Work

WORKER_LOST = "worker lost"
ENGINE_LOST = "worker lost with its engine"
MAX_LOST = 3
"""So often a task run is begun again because its worker was lost: then it is likely the task itself that kills them."""


def adopt(parts: Parts, surroundings: Surroundings, execution: Execution) -> Active:
    """The execution with its task runs. Raises NotFound or FlowInvalid where its flow's revision is gone."""
    flow = surroundings.flow(execution.namespace, execution.flow_id, execution.flow_revision)
    active = Active.of(flow, execution, parts.executions.task_runs(execution.id))
    active.inputs, given = reveal(parts, flow, execution)
    if execution.state is not State.CREATED or len(active.tree):  # a replay goes on, too
        given += surroundings.known_secrets(execution.namespace)
        active.errors += parts.logs.lines(execution.id, level=Level.ERROR, limit=MOST_ERRORS)
    for secret in given:
        active.hide(secret)
    return active


def recover(work: Work) -> None:
    """Mends what was under way when the engine before this one died."""
    for run in list(work.active.tree.in_order()):
        if run.state not in (State.RUNNING, State.KILLING) or not _is_open(run):
            continue
        match work.active.task(run).kind:
            case Kind.WORK:
                lose_worker(work, run, ENGINE_LOST)
            case Kind.SUBFLOW:
                _look_at_child(work, run)
            case Kind.FOREACH_ITEM:
                _look_at_children(work, run)


def lose_worker(work: Work, run: TaskRun, reason: str) -> None:
    """An attempt whose worker died under it: begun again where that is harmless, else failed, for its retries to decide.

    That an engine died says nothing about the task; one whose own worker dies again and again is likely what kills it.
    """
    spec = work.parts.catalog.find(work.active.task(run).name)
    lost = work.end_attempt(run, State.KILLED if run.state is State.KILLING else State.FAILED, reason)
    again = spec is not None and spec.repeatable and run.state is State.RUNNING and _times_lost(lost) < MAX_LOST
    if again:
        work.log(Level.WARN, f"{reason}; begun again", run)
        lost = replace(lost, state=State.RETRYING, wake_at=None)
    else:
        work.log(Level.ERROR, reason, run)
    work.put(lost)


def _times_lost(run: TaskRun) -> int:
    reasons = [attempt.error or "" for attempt in run.attempts]
    return sum(reason.startswith(WORKER_LOST) and reason != ENGINE_LOST for reason in reasons)


def _is_open(run: TaskRun) -> bool:
    return bool(run.attempts) and not run.attempts[-1].state.has_ended


def _look_at_child(work: Work, run: TaskRun) -> None:
    child = work.parts.executions.find(run.child_execution_id or "")
    if child is None:
        work.put(work.end_attempt(run, State.FAILED, f"the subflow's execution {run.child_execution_id} is gone"))
    elif child.state.has_ended:
        end_subflow(work, run, child)


def _look_at_children(work: Work, run: TaskRun) -> None:
    for child_id, state in run.resolved["children"].items():
        child = work.parts.executions.find(child_id) if state is None else None
        if child is not None and child.state.has_ended:
            end_item(work, work.active.tree.get(run.id), child)
