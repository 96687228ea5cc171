"""Executions, task runs, attempts: what happened so far, as values. `advance` decides what happens next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from taxi_pipelines.domain.states import State

PRIVATE = "execution:"
"""How namespaces of secrets begin that are an execution's own; no flow's can, because of the colon."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Attempt:
    """One try at a task run's work; numbered from 1 by its place."""

    state: State
    started_at: datetime
    ended_at: datetime | None = None
    error: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class TaskRun:
    """One run of one task (S19: per task, flowable, iteration and error-handler task).

    `branch` is the branch of the parent (or of the flow) it stands in; `value` and `iteration` (from 0) are those of the loop
    right above it. `resolved` is what was decided once when it began (S4): the branch taken, the values of a loop, the
    rendered properties a restart must not render again. `wake_at`: when a waiting one (RETRYING, PAUSED, a sleeping loop)
    goes on by itself. `child_execution_id`: of a subflow.
    """

    id: str
    execution_id: str
    task_id: str
    parent_id: str | None = None
    branch: str = "tasks"
    value: str | None = None
    iteration: int | None = None
    state: State = State.CREATED
    attempts: tuple[Attempt, ...] = ()
    outputs: Mapping[str, Any] = field(default_factory=dict)
    resolved: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None
    wake_at: datetime | None = None
    child_execution_id: str | None = None
    created_at: datetime | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Execution:
    """One run of a flow, without its task runs.

    `trigger` is what started it where that was no person: `{id, type, date, next, previous, …}`. `variables` are the flow's,
    as SetVariables changed them. `parent_id` names the execution it is a replay or retry of; `caller` the task run of the
    flow that called it as a subflow. `error` is the reason where no task run has it.

    `attempt` counts the executions of a flow tried again as a whole (CREATE_NEW_EXECUTION) from 1, `tried_since` is when the
    first of them was created; `begin_at`: not before. `ends_as` is where a KILLING execution is going, KILLED if None.
    """

    id: str
    namespace: str
    flow_id: str
    flow_revision: int
    state: State
    inputs: Mapping[str, Any] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    trigger: Mapping[str, Any] | None = None
    parent_id: str | None = None
    caller: Caller | None = None
    error: str | None = None
    attempt: int = 1
    tried_since: datetime | None = None
    begin_at: datetime | None = None
    ends_as: State | None = None
    created_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """The task run that called a subflow, whether it waits for its end, and how many calls deep the subflow is."""

    execution_id: str
    task_run_id: str
    waits: bool
    depth: int = 1
