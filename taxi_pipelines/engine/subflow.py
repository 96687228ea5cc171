"""Subflows: an execution of another flow as a task's work; its end is the end of the attempt."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from taxi_pipelines.domain.execution import Caller, Execution, TaskRun
from taxi_pipelines.domain.records import Level
from taxi_pipelines.domain.settle import subflow_state
from taxi_pipelines.domain.states import State
from taxi_pipelines.engine.launch import find_flow, new_execution
from taxi_pipelines.engine.parts import MAX_DEPTH
from taxi_pipelines.engine.work import Work
from taxi_pipelines.errors import UsageError


def begin_subflow(work: Work, run: TaskRun, properties: Any) -> None:
    """Makes the execution; it is stored together with the task run that calls it."""
    child = child_execution(work, run, properties, properties.inputs)
    work.outbox.new_executions[child.id] = child
    work.log(Level.INFO, f"runs {child.namespace}.{child.flow_id} as execution {child.id}", run)
    begun = work.begin(run, child_execution_id=child.id, outputs={"executionId": child.id})
    work.put(begun if properties.wait else work.end_attempt(begun, State.SUCCESS))


def child_execution(work: Work, run: TaskRun, properties: Any, inputs: Mapping[str, object]) -> Execution:
    """An execution that a task run calls. Raises NotFound, InputsInvalid, and UsageError where calls are too deep."""
    caller = work.execution.caller
    depth = (caller.depth if caller else 0) + 1
    if depth > MAX_DEPTH:
        raise UsageError(f"subflows call each other more than {MAX_DEPTH} deep", "does a flow call itself for ever?")
    flow = find_flow(work.parts, properties.namespace, properties.flow_id, properties.revision)
    labels = dict(work.execution.labels) if properties.inherit_labels else {}
    return new_execution(
        work.parts,
        flow,
        inputs,
        now=work.now,
        labels=labels | _labels(properties.labels),
        caller=Caller(execution_id=work.execution.id, task_run_id=run.id, waits=properties.wait, depth=depth),
    )


def end_subflow(work: Work, run: TaskRun, child: Execution) -> None:
    """The child's end ends the attempt of a task run that waits for it; its outputs become the task run's."""
    is_open = not run.state.has_ended and not run.attempts[-1].state.has_ended
    if not is_open or run.child_execution_id != child.id or not child.state.has_ended:
        return
    passes_on = work.active.task(run).properties.get("transmitFailed", True) is not False
    state = subflow_state(child.state, transmit_failed=passes_on)
    outputs = {"executionId": child.id, "state": str(child.state), "outputs": dict(child.outputs)}
    error = None
    if state.has_failed:
        reason = child.error or _reason(work, child)
        error = f"the subflow's execution {child.id} ended {child.state}" + (f": {reason}" if reason else "")
        work.log(Level.ERROR, error, run)
    work.put(work.end_attempt(run, state, error, outputs))


def _reason(work: Work, child: Execution) -> str | None:
    """What the task run that failed first says; of subflows in subflows only the innermost."""
    errors = (run.error for run in work.parts.executions.task_runs(child.id) if run.state is State.FAILED)
    found = next((error for error in errors if error), None)
    return found and found.rpartition(f" ended {State.FAILED}: ")[2]


def replace_child(work: Work, run: TaskRun, old: str, new: str) -> None:
    """An execution that a task run waits for is tried again as another one, which it now waits for."""
    children = run.resolved.get("children", {})
    if old in children:
        kept = {(new if child == old else child): state for child, state in children.items()}
        work.put(replace(run, resolved={**run.resolved, "children": kept}))
    elif run.child_execution_id == old:
        work.put(replace(run, child_execution_id=new, outputs={**run.outputs, "executionId": new}))


def _labels(given: Any) -> dict[str, str]:
    if isinstance(given, list):
        return {str(label["key"]): str(label["value"]) for label in given}
    return {str(key): str(value) for key, value in given.items()}
