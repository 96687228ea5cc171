"""What is stored, as bodies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from taxi_pipelines.api.bodies import Label
from taxi_pipelines.api.execution_bodies import (
    AttemptBody,
    ExecutionBody,
    LogBody,
    StartedBy,
    StateBody,
    StateChange,
    TaskRunBody,
)
from taxi_pipelines.api.flow_bodies import FlowBody
from taxi_pipelines.domain.execution import Attempt, Execution, TaskRun
from taxi_pipelines.domain.records import LogLine, StoredFlow
from taxi_pipelines.domain.states import State
from taxi_pipelines.domain.text import label_map
from taxi_pipelines.flowspec.yaml_text import read_document

_DURATION = TypeAdapter(timedelta)


def execution_body(execution: Execution, runs: Iterable[TaskRun] | None, *, url: str, now: datetime) -> ExecutionBody:
    """An execution; its task runs where they are given. `url` is where the service is."""
    return ExecutionBody(
        id=execution.id,
        namespace=execution.namespace,
        flow_id=execution.flow_id,
        flow_revision=execution.flow_revision,
        state=_state(execution, now),
        inputs=dict(execution.inputs),
        outputs=dict(execution.outputs),
        labels=labels(execution.labels),
        variables=dict(execution.variables),
        trigger=started_by(execution),
        parent_id=execution.parent_id,
        original_id=execution.parent_id or execution.id,
        task_run_list=None if runs is None else [_task_run(execution, run, now) for run in runs],
        error=execution.error,
        schedule_date=execution.begin_at,
        url=f"{url}/api/v1/executions/{execution.id}",
    )


def labels(given: Mapping[str, str]) -> list[Label]:
    """As Kestra lists them."""
    return [Label(key=key, value=value) for key, value in given.items()]


def flow_body(flow: StoredFlow, *, source: bool = False) -> FlowBody:
    """A flow as it was written; with its text, if so. Labels are listed, however they were written."""
    written: dict[str, Any] = read_document(flow.source, "flow").value
    known = {"id": flow.id, "namespace": flow.namespace, "revision": flow.revision, "updated": flow.created_at}
    shown = written | known | {"disabled": bool(written.get("disabled")), "deleted": flow.deleted}
    if written.get("labels"):
        shown["labels"] = [one.model_dump() for one in labels(label_map(written["labels"]))]
    return FlowBody(**shown, **({"source": flow.source} if source else {}))


def log_body(line: LogLine, namespace: str, flow_id: str) -> LogBody:
    """A line of the log of an execution of that flow. Kestra counts attempts from 0."""
    return LogBody(
        namespace=namespace,
        flow_id=flow_id,
        execution_id=line.execution_id,
        task_id=line.task_id,
        task_run_id=line.task_run_id,
        attempt_number=None if line.attempt is None else line.attempt - 1,
        timestamp=line.logged_at,
        level=line.level,
        message=line.message,
    )


def _task_run(execution: Execution, run: TaskRun, now: datetime) -> TaskRunBody:
    return TaskRunBody(
        id=run.id,
        execution_id=run.execution_id,
        namespace=execution.namespace,
        flow_id=execution.flow_id,
        task_id=run.task_id,
        parent_task_run_id=run.parent_id,
        value=run.value,
        iteration=run.iteration,
        attempts=[AttemptBody(state=_attempt_state(attempt, now)) for attempt in run.attempts],
        outputs=dict(run.outputs),
        state=_state(run, now),
        error=run.error,
    )


def _state(it: Execution | TaskRun, now: datetime) -> StateBody:
    changes = [(State.CREATED, it.created_at), (State.RUNNING, it.started_at)]
    if it.state not in (State.CREATED, State.RUNNING):  # since when is not kept of what has not ended
        changes.append((it.state, it.ended_at or it.started_at or it.created_at))
    histories = [StateChange(state=state, date=at) for state, at in changes if at]
    return _state_body(it.state, histories, it.created_at, it.ended_at, now)


def _attempt_state(attempt: Attempt, now: datetime) -> StateBody:
    histories = [StateChange(state=State.RUNNING, date=attempt.started_at)]
    if attempt.ended_at:
        histories.append(StateChange(state=attempt.state, date=attempt.ended_at))
    return _state_body(attempt.state, histories, attempt.started_at, attempt.ended_at, now)


def _state_body(
    state: State, histories: list[StateChange], start: datetime | None, end: datetime | None, now: datetime
) -> StateBody:
    took = None if start is None else max((end or now) - start, timedelta())
    return StateBody(
        current=state,
        histories=histories,
        start_date=start,
        end_date=end,
        duration=None if took is None else _DURATION.dump_python(took, mode="json"),
    )


def started_by(execution: Execution) -> StartedBy | None:
    """What started it, where that was no person."""
    if execution.trigger is not None:
        variables = dict(execution.trigger)
        return StartedBy(id=str(variables.pop("id", "")), type=str(variables.pop("type", "")), variables=variables)
    if execution.caller is not None:
        called_by = {"executionId": execution.caller.execution_id, "taskRunId": execution.caller.task_run_id}
        return StartedBy(
            id=execution.caller.task_run_id, type="io.kestra.plugin.core.flow.Subflow", variables=called_by
        )
    return None
