"""Executions, task runs, log lines, metrics and commands as rows, and back. Shared by what reads and what commits."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime
from hashlib import blake2b
from typing import Any

from sqlalchemy import Row, Select, and_, func, or_, select

from taxi_pipelines.domain.execution import Attempt, Caller, Execution, TaskRun
from taxi_pipelines.domain.records import Command, Level, LogLine, Metric
from taxi_pipelines.domain.states import ENDED, State
from taxi_pipelines.store.flow_tables import executions, task_runs

_EXECUTION = [field.name for field in fields(Execution) if field.name in executions.c]
_TASK_RUN = [field.name for field in fields(TaskRun) if field.name in task_runs.c]
_METRIC = [field.name for field in fields(Metric)]
_LEVELS = list(Level)
_BEGUN = [state for state in State if state not in ENDED and state not in (State.CREATED, State.QUEUED)]


def count_live(namespace: str, flow_id: str) -> Select[int]:
    """How many executions of a flow are live: those begun, and those that an engine has just taken from the queue."""
    begun = executions.c.state.in_([*_BEGUN, State.QUEUED])
    taken = or_(executions.c.state != State.QUEUED, executions.c.holder.is_not(None))
    of_flow = and_(executions.c.namespace == namespace, executions.c.flow_id == flow_id)
    return select(func.count()).select_from(executions).where(of_flow, begun, taken)


def fingerprint(key: str, value: str) -> str:
    """What an execution with this label is found by."""
    return blake2b(f"{key}\0{value}".encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def execution_columns(execution: Execution) -> dict[str, Any]:
    """All but the holder."""
    caller = execution.caller
    return {name: getattr(execution, name) for name in _EXECUTION} | {
        "inputs": dict(execution.inputs),
        "outputs": dict(execution.outputs),
        "labels": dict(execution.labels),
        "variables": dict(execution.variables),
        "trigger": None if execution.trigger is None else dict(execution.trigger),
        "caller_execution_id": caller and caller.execution_id,
        "caller_task_run_id": caller and caller.task_run_id,
        "caller_waits": caller and caller.waits,
        "caller_depth": caller and caller.depth,
    }


def to_execution(row: Row[Any]) -> Execution:
    """The inverse."""
    caller = row.caller_execution_id and Caller(
        execution_id=row.caller_execution_id,
        task_run_id=row.caller_task_run_id,
        waits=row.caller_waits,
        depth=row.caller_depth,
    )
    return Execution(**{name: getattr(row, name) for name in _EXECUTION} | {"caller": caller or None})


def slot_of(execution: Execution) -> tuple[str, datetime] | None:
    """Trigger and slot that an execution is of, if it is of one."""
    trigger = execution.trigger or {}
    try:
        slot = datetime.fromisoformat(str(trigger.get("date")))
    except ValueError:
        return None
    return (str(trigger["id"]), slot) if "id" in trigger and slot.tzinfo else None


def task_run_columns(run: TaskRun) -> dict[str, Any]:
    """A task run's row."""
    return {name: getattr(run, name) for name in _TASK_RUN} | {
        "attempts": [_attempt_columns(attempt) for attempt in run.attempts],
        "outputs": dict(run.outputs),
        "resolved": dict(run.resolved),
    }


def to_task_run(row: Row[Any]) -> TaskRun:
    """The inverse."""
    attempts = tuple(_to_attempt(plain) for plain in row.attempts)
    return TaskRun(**{name: getattr(row, name) for name in _TASK_RUN} | {"attempts": attempts})


def _attempt_columns(attempt: Attempt) -> dict[str, Any]:
    return {
        "state": str(attempt.state),
        "started_at": attempt.started_at.isoformat(),
        "ended_at": attempt.ended_at and attempt.ended_at.isoformat(),
        "error": attempt.error,
    }


def _to_attempt(plain: Mapping[str, Any]) -> Attempt:
    return Attempt(
        state=State(plain["state"]),
        started_at=datetime.fromisoformat(plain["started_at"]),
        ended_at=datetime.fromisoformat(plain["ended_at"]) if plain["ended_at"] else None,
        error=plain["error"],
    )


def level_number(level: Level) -> int:
    """Levels in order, so that `level or worse` is a comparison."""
    return _LEVELS.index(level)


def log_columns(line: LogLine) -> dict[str, Any]:
    """A log line's row; the database numbers it."""
    return {
        "execution_id": line.execution_id,
        "task_run_id": line.task_run_id,
        "task_id": line.task_id,
        "attempt": line.attempt,
        "level": level_number(line.level),
        "message": line.message,
        "logged_at": line.logged_at,
    }


def to_log_line(row: Row[Any]) -> LogLine:
    """The inverse."""
    return LogLine(**dict(row._mapping) | {"level": _LEVELS[row.level]})


def metric_columns(metric: Metric) -> dict[str, Any]:
    """A metric's row. SQLite has no NaN: it is kept as none."""
    value = None if math.isnan(metric.value) else float(metric.value)
    return {name: getattr(metric, name) for name in _METRIC} | {"tags": dict(metric.tags), "value": value}


def to_metric(row: Row[Any]) -> Metric:
    """The inverse."""
    value = math.nan if row.value is None else row.value
    return Metric(**{name: getattr(row, name) for name in _METRIC} | {"value": value})


def command_columns(command: Command) -> dict[str, Any]:
    """A command's row; the database numbers it."""
    return {
        "execution_id": command.execution_id,
        "verb": command.verb,
        "arguments": dict(command.arguments),
        "asked_at": command.asked_at,
    }


def to_command(row: Row[Any]) -> Command:
    """The inverse."""
    return Command(**{field.name: getattr(row, field.name) for field in fields(Command)})
