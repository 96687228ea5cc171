from __future__ import annotations

from datetime import UTC, datetime, timedelta

from taxi_pipelines.domain.changes import attempt_ended, begun, decided, ended
from taxi_pipelines.domain.decisions import End, Resume, RetryAt, WaitUntil
from taxi_pipelines.domain.execution import TaskRun
from taxi_pipelines.domain.states import State

NOW = datetime(2024, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(minutes=1)
NEW = TaskRun(id="r1", execution_id="e", task_id="a")


def test_an_attempt_that_failed_leaves_the_task_run_at_work_until_it_is_decided() -> None:
    failed = attempt_ended(begun(NEW, NOW), State.FAILED, LATER, error="no")
    assert (failed.state, failed.error, failed.ended_at) == (State.RUNNING, "no", None)
    assert (failed.attempts[0].state, failed.attempts[0].ended_at) == (State.FAILED, LATER)
    waiting = decided(failed, RetryAt("r1", LATER), NOW)
    assert (waiting.state, waiting.wake_at) == (State.RETRYING, LATER)
    again = begun(waiting, LATER)
    assert (len(again.attempts), again.started_at, again.wake_at, again.error) == (2, NOW, None, None)


def test_an_end_closes_an_attempt_still_open_and_only_that() -> None:
    flowable = decided(begun(NEW, NOW), End("r1", State.WARNING), LATER)
    assert [(it.state, it.ended_at) for it in flowable.attempts] == [(State.WARNING, LATER)]
    allowed = ended(attempt_ended(begun(NEW, NOW), State.FAILED, NOW, error="no"), State.WARNING, LATER)
    assert (allowed.attempts[0].state, allowed.state, allowed.error) == (State.FAILED, State.WARNING, "no")
    assert ended(NEW, State.KILLED, NOW).attempts == ()


def test_a_pause_that_is_over_goes_on_in_the_same_attempt() -> None:
    paused = begun(NEW, NOW, State.PAUSED)
    assert (paused.state, paused.attempts[0].state) == (State.PAUSED, State.PAUSED)
    resumed = decided(paused, Resume("r1"), LATER)
    assert (resumed.state, [it.state for it in resumed.attempts]) == (State.RUNNING, [State.RUNNING])


def test_a_loop_that_waits_only_learns_when_to_wake() -> None:
    loop = begun(NEW, NOW)
    waiting = decided(loop, WaitUntil("r1", LATER), NOW)
    assert (waiting.state, waiting.wake_at) == (loop.state, LATER)
