"""An execution as JSON shows it: the one shape for `taxi … --json` and the API. camelCase, times ISO 8601 in UTC."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from taxi_pipelines.domain.execution import Attempt, Execution, TaskRun
from taxi_pipelines.engine.context import iso


def execution_view(execution: Execution, runs: Iterable[TaskRun]) -> dict[str, Any]:
    """The execution with its task runs, in order of creation. Secrets are hidden already in what is kept."""
    view = summary_view(execution)
    ends = {name: view.pop(name) for name in ("trigger", "startedAt", "endedAt")}
    return view | {"taskRuns": [_task_run(run) for run in runs]} | ends


def summary_view(execution: Execution) -> dict[str, Any]:
    """The execution without its task runs."""
    return {
        "id": execution.id,
        "namespace": execution.namespace,
        "flowId": execution.flow_id,
        "flowRevision": execution.flow_revision,
        "state": str(execution.state),
        "inputs": dict(execution.inputs),
        "outputs": dict(execution.outputs),
        "labels": dict(execution.labels),
        "variables": dict(execution.variables),
        "trigger": None if execution.trigger is None else dict(execution.trigger),
        "startedAt": iso(execution.started_at),
        "endedAt": iso(execution.ended_at),
    }


def _task_run(run: TaskRun) -> dict[str, Any]:
    return {
        "id": run.id,
        "taskId": run.task_id,
        "parentTaskRunId": run.parent_id,
        "value": run.value,
        "iteration": run.iteration,
        "state": str(run.state),
        "attempts": [_attempt(attempt) for attempt in run.attempts],
        "outputs": dict(run.outputs),
        "startedAt": iso(run.started_at),
        "endedAt": iso(run.ended_at),
    }


def _attempt(attempt: Attempt) -> dict[str, Any]:
    return {"state": str(attempt.state), "startedAt": iso(attempt.started_at), "endedAt": iso(attempt.ended_at)}
