"""How a task run's value changes, step by step: used by the runner for what it does and what `advance` decides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from taxi_pipelines.domain.decisions import End, Resume, RetryAt, WaitUntil
from taxi_pipelines.domain.execution import Attempt, TaskRun
from taxi_pipelines.domain.states import State


def begun(run: TaskRun, now: datetime, state: State = State.RUNNING) -> TaskRun:
    """It is at work on its next attempt (or, a Pause, PAUSED)."""
    return replace(
        run,
        state=state,
        attempts=(*run.attempts, Attempt(state=state, started_at=now)),
        started_at=run.started_at or now,
        wake_at=None,
        error=None,
    )


def attempt_ended(
    run: TaskRun, state: State, now: datetime, *, error: str | None = None, outputs: Mapping[str, Any] | None = None
) -> TaskRun:
    """Its attempt is over; `advance` decides what that means for the task run."""
    last = replace(run.attempts[-1], state=state, ended_at=now, error=error)
    outputs = run.outputs if outputs is None else outputs
    return replace(run, attempts=(*run.attempts[:-1], last), error=error, outputs=outputs)


def ended(run: TaskRun, state: State, now: datetime) -> TaskRun:
    """It has ended, and with it an attempt still open."""
    if run.attempts and not run.attempts[-1].state.has_ended:
        run = attempt_ended(run, state, now, error=run.error)
    return replace(run, state=state, ended_at=now, wake_at=None)


def decided(run: TaskRun, decision: End | Resume | RetryAt | WaitUntil, now: datetime) -> TaskRun:
    """The task run after a decision that changes nothing but its value."""
    match decision:
        case End(state=state):
            return ended(run, state, now)
        case Resume():
            last = replace(run.attempts[-1], state=State.RUNNING)
            return replace(run, state=State.RUNNING, attempts=(*run.attempts[:-1], last), wake_at=None)
        case RetryAt(at=at):
            return replace(run, state=State.RETRYING, wake_at=at)
        case WaitUntil(at=at):
            return replace(run, wake_at=at)
