"""Executions, task runs and what belongs to them, for tests of stores: plain ones, and one with everything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from taxi_pipelines.domain.execution import Attempt, Caller, Execution, TaskRun
from taxi_pipelines.domain.records import Level, LogLine, Metric
from taxi_pipelines.domain.states import State

NOW = datetime(2024, 5, 1, 12, 30, 15, 250_001, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ODD = "ünï \U0001f695 \u2028 ' \" \\ % _ \x1f \x7f"
"""Text that every database must give back as it was."""
JSON: dict[str, Any] = {
    "text": ODD + "\0 \ud83d",
    ODD: [None, True, 0, -1.5, 10**30, {"deep": [[]]}, ""],
    "large": 1e308,
    "infinite": [float("inf"), float("-inf")],
}
"""A value that every database must give back as it was."""


def execution(id: str, state: State = State.RUNNING, **changes: Any) -> Execution:
    given: dict[str, Any] = {"namespace": "company.team", "flow_id": "flow", "flow_revision": 1, "created_at": NOW}
    return Execution(id=id, state=state, **given | changes)


def task_run(id: str, execution_id: str, state: State = State.RUNNING, **changes: Any) -> TaskRun:
    given: dict[str, Any] = {"task_id": "task", "created_at": NOW, "started_at": NOW}
    return TaskRun(id=id, execution_id=execution_id, state=state, **given | changes)


def log_line(execution_id: str, message: str = "hello", level: Level = Level.INFO, **changes: Any) -> LogLine:
    return LogLine(execution_id=execution_id, level=level, message=message, logged_at=NOW, **changes)


def metric(execution_id: str, value: float = 1.5, **changes: Any) -> Metric:
    given: dict[str, Any] = {"task_run_id": "r", "name": "rows", "measured_at": NOW}
    return Metric(execution_id=execution_id, value=value, **given | changes)


def full_execution(id: str) -> Execution:
    """With every field."""
    return execution(
        id,
        State.KILLING,
        inputs=JSON,
        outputs=JSON,
        labels={"team": "taxi", ODD: ODD * 100},
        variables=JSON,
        trigger={"id": "monthly", "date": "2024-05-01T00:00:00Z"},
        parent_id="parent",
        caller=Caller(execution_id="caller", task_run_id="run", waits=True, depth=3),
        error=ODD,
        attempt=4,
        tried_since=NOW - SECOND,
        begin_at=NOW + SECOND,
        ends_as=State.FAILED,
        started_at=NOW + 2 * SECOND,
        ended_at=NOW + 3 * SECOND,
    )


def full_task_run(id: str, execution_id: str) -> TaskRun:
    """With every field."""
    attempts = (
        Attempt(state=State.FAILED, started_at=NOW, ended_at=NOW + SECOND, error=ODD),
        Attempt(state=State.RUNNING, started_at=NOW + 2 * SECOND),
    )
    return task_run(
        id,
        execution_id,
        State.RETRYING,
        task_id="tâche",
        parent_id="above",
        branch="case:" + ODD,
        value=ODD,
        iteration=7,
        attempts=attempts,
        outputs=JSON,
        resolved={"values": [ODD], "done": [True]},
        error=ODD,
        wake_at=NOW + SECOND,
        child_execution_id="child",
        ended_at=NOW + SECOND,
    )
