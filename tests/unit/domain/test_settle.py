from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from taxi_pipelines.domain.execution import Attempt, TaskRun
from taxi_pipelines.domain.flow import RetryPolicy, RetryType, Task
from taxi_pipelines.domain.settle import retry_at, softened, subflow_state
from taxi_pipelines.domain.states import State

NOW = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("allowed", "state", "after"),
    [
        ("", "FAILED", "FAILED"),
        ("allow_failure", "FAILED", "WARNING"),
        ("allow_failure", "KILLED", "KILLED"),
        ("allow_warning", "FAILED", "FAILED"),
        ("allow_warning", "WARNING", "SUCCESS"),
        ("allow_failure allow_warning", "FAILED", "SUCCESS"),
    ],
)
def test_what_a_task_allows(allowed: str, state: str, after: str) -> None:
    task = Task(id="a", type="t", name="t", **dict.fromkeys(allowed.split(), True))  # type: ignore[arg-type]
    assert softened(task, State(state)) == after


@pytest.mark.parametrize(
    ("child", "transmitted", "kept_quiet"),
    [
        ("SUCCESS", "SUCCESS", "SUCCESS"),
        ("WARNING", "WARNING", "SUCCESS"),
        ("FAILED", "FAILED", "SUCCESS"),
        ("KILLED", "KILLED", "SUCCESS"),
        ("CANCELLED", "FAILED", "SUCCESS"),
    ],
)
def test_a_subflow_passes_its_end_on_where_it_is_asked_to(child: str, transmitted: str, kept_quiet: str) -> None:
    assert subflow_state(State(child), transmit_failed=True) == transmitted
    assert subflow_state(State(child), transmit_failed=False) == kept_quiet


def test_a_random_pause_is_drawn_once_for_an_attempt_however_often_one_asks() -> None:
    policy = RetryPolicy(type=RetryType.RANDOM, interval=timedelta(0), max_interval=timedelta(hours=1))
    failed = Attempt(state=State.FAILED, started_at=NOW, ended_at=NOW)
    runs = [TaskRun(id=id, execution_id="e", task_id="a", attempts=(failed,)) for id in ("r1", "r1", "r2")]
    first, again, other = (retry_at(run, policy, NOW) for run in runs)
    assert first == again != other
