"""What `advance` may decide. Plain values: the runner stores their effects in one transaction, then acts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from taxi_pipelines.domain.flow import Task
from taxi_pipelines.domain.states import State


@dataclass(frozen=True, slots=True)
class Create:
    """A task run comes to be, CREATED; the runner gives it an id. `value` and `iteration` are those of the loop right above."""

    task: Task
    parent_id: str | None
    branch: str
    value: str | None = None
    iteration: int | None = None


@dataclass(frozen=True, slots=True)
class Begin:
    """A task run begins, or begins again with its next attempt: `runIf`, properties, then its work or its resolving."""

    run_id: str


@dataclass(frozen=True, slots=True)
class Evaluate:
    """A LoopUntil's condition is due after an iteration: its truth becomes `resolved["done"][iteration]`, None where it broke."""

    run_id: str
    iteration: int


@dataclass(frozen=True, slots=True)
class WaitUntil:
    """A loop waits before its next iteration: `wake_at`, and nothing else changes."""

    run_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RetryAt:
    """The last attempt failed and another follows: RETRYING with `wake_at`."""

    run_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Resume:
    """A pause that has child tasks is over: RUNNING, without `wake_at`."""

    run_id: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """The work of a task run that is KILLING is to stop: its process, or its subflow."""

    run_id: str


@dataclass(frozen=True, slots=True)
class End:
    """A task run ends in this state; an attempt still open ends with it."""

    run_id: str
    state: State


@dataclass(frozen=True, slots=True)
class PauseExecution:
    """A task run is PAUSED, so the execution is."""


@dataclass(frozen=True, slots=True)
class ResumeExecution:
    """No task run is PAUSED any more: the execution is RUNNING again."""


@dataclass(frozen=True, slots=True)
class StopExecution:
    """A pause that nobody ended in time asks for it: `verbs.stop`, ending in this state."""

    ends_as: State


@dataclass(frozen=True, slots=True)
class NewExecution:
    """The flow is tried again as a whole, not before `at`; `attempt` counts the first execution as 1."""

    at: datetime
    attempt: int


@dataclass(frozen=True, slots=True)
class EndExecution:
    """The execution ends in this state."""

    state: State


Decision = (
    Create
    | Begin
    | Evaluate
    | WaitUntil
    | RetryAt
    | Resume
    | Cancel
    | End
    | PauseExecution
    | ResumeExecution
    | StopExecution
    | NewExecution
    | EndExecution
)
