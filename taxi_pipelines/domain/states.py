"""States of executions, task runs and attempts: Kestra's names, and which may follow which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum

from taxi_pipelines.errors import InternalError


class State(StrEnum):
    """What an execution, a task run or an attempt is doing, or how it ended."""

    CREATED = "CREATED"
    QUEUED = "QUEUED"  #: waits for a slot of its flow's concurrency limit
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"
    RESTARTED = "RESTARTED"  #: ended before, and is to go on
    RETRYING = "RETRYING"  #: failed, and waits for its next attempt
    RETRIED = "RETRIED"  #: failed, and another execution took its place
    KILLING = "KILLING"
    KILLED = "KILLED"
    CANCELLED = "CANCELLED"  #: never began: its flow's concurrency limit refused it
    SKIPPED = "SKIPPED"
    WARNING = "WARNING"
    FAILED = "FAILED"
    SUCCESS = "SUCCESS"

    @property
    def has_ended(self) -> bool:
        """Whether nothing follows by itself."""
        return self in ENDED

    @property
    def has_failed(self) -> bool:
        """Whether it ended, and not well."""
        return self in (State.FAILED, State.KILLED, State.CANCELLED)


ENDED = frozenset(
    {
        State.SUCCESS,
        State.WARNING,
        State.FAILED,
        State.KILLED,
        State.CANCELLED,
        State.SKIPPED,
        State.RETRIED,
    }
)

S = State
TASK_RUN_TRANSITIONS: Mapping[State, frozenset[State]] = {
    S.CREATED: frozenset({S.RUNNING, S.PAUSED, S.SKIPPED, S.SUCCESS, S.WARNING, S.FAILED, S.KILLED}),
    S.RUNNING: frozenset({S.RETRYING, S.KILLING, S.SKIPPED, S.SUCCESS, S.WARNING, S.FAILED, S.KILLED}),
    S.PAUSED: frozenset({S.RUNNING, S.SUCCESS, S.WARNING, S.FAILED, S.KILLED}),
    S.RETRYING: frozenset({S.RUNNING, S.SKIPPED, S.SUCCESS, S.WARNING, S.FAILED, S.KILLED}),
    S.RESTARTED: frozenset({S.RUNNING, S.PAUSED, S.SKIPPED, S.SUCCESS, S.WARNING, S.FAILED, S.KILLED}),
    S.KILLING: frozenset({S.SUCCESS, S.WARNING, S.FAILED, S.KILLED}),
    S.FAILED: frozenset({S.RESTARTED, S.RUNNING}),
    S.KILLED: frozenset({S.RESTARTED, S.RUNNING}),
}
"""Which state of a task run may follow which; where there is none, it is never left."""

EXECUTION_TRANSITIONS: Mapping[State, frozenset[State]] = {
    S.CREATED: frozenset({S.QUEUED, S.RUNNING, S.KILLING, S.CANCELLED, S.FAILED}),
    S.QUEUED: frozenset({S.RUNNING, S.KILLING, S.FAILED}),
    S.RUNNING: frozenset({S.PAUSED, S.KILLING, S.SUCCESS, S.WARNING, S.FAILED, S.KILLED, S.RETRIED}),
    S.PAUSED: frozenset({S.RUNNING, S.KILLING}),
    S.RESTARTED: frozenset({S.QUEUED, S.RUNNING, S.KILLING, S.FAILED}),
    S.KILLING: frozenset({S.SUCCESS, S.WARNING, S.FAILED, S.KILLED, S.CANCELLED}),
    S.FAILED: frozenset({S.RESTARTED}),
    S.KILLED: frozenset({S.RESTARTED}),
    S.CANCELLED: frozenset({S.RESTARTED}),
}
"""Which state of an execution may follow which."""


def check_transition(transitions: Mapping[State, frozenset[State]], what: str, old: State, new: State) -> None:
    """Raises InternalError where the table has no such arrow: a defect of ours. Staying in a state is no transition."""
    if old is not new and new not in transitions.get(old, frozenset()):
        raise InternalError(f"{what} cannot go from {old} to {new}", "this is a defect; please report it")


_SEVERITY = (State.KILLED, State.FAILED, State.WARNING)


def roll_up(states: Iterable[State]) -> State:
    """The state of a flowable whose children ended in these: the worst of them; SUCCESS where there were none."""
    found = set(states)
    return next((state for state in _SEVERITY if state in found), State.SUCCESS)
