from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from taxi_pipelines.domain.flow import RetryPolicy, RetryType
from taxi_pipelines.domain.retry import LONGEST_PAUSE, next_attempt, pause

NOW = datetime(2024, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def policy(type: str = "constant", **fields: object) -> RetryPolicy:
    return RetryPolicy(type=RetryType(type), interval=MINUTE, **fields)  # type: ignore[arg-type]


def minutes(policy: RetryPolicy) -> list[float]:
    return [pause(policy, attempts, Random(1)) / MINUTE for attempts in (1, 2, 3, 4)]


@pytest.mark.parametrize(
    ("policy", "pauses"),
    [
        (policy(), [1, 1, 1, 1]),
        (policy("exponential"), [1, 2, 4, 8]),
        (policy("exponential", delay_factor=3, max_interval=10 * MINUTE), [1, 3, 9, 10]),
    ],
)
def test_pauses_grow_as_the_type_says(policy: RetryPolicy, pauses: list[float]) -> None:
    assert minutes(policy) == pauses


def test_a_random_pause_lies_between_its_intervals() -> None:
    drawn = [pause(policy("random", max_interval=5 * MINUTE), 1, Random(seed)) for seed in range(200)]
    assert MINUTE <= min(drawn) < 1.2 * MINUTE
    assert 4.8 * MINUTE < max(drawn) <= 5 * MINUTE


def test_exponential_growth_never_overflows() -> None:
    assert pause(policy("exponential"), 10_000, Random(1)) == LONGEST_PAUSE


@pytest.mark.parametrize(
    ("limits", "attempts", "again"),
    [
        ({}, 1000, True),
        ({"max_attempts": 3}, 2, True),
        ({"max_attempts": 3}, 3, False),
        ({"max_attempts": 1}, 1, False),
        ({"max_duration": 5 * MINUTE}, 7, True),
        ({"max_duration": 4.9 * MINUTE}, 7, False),
    ],
)
def test_limits_count_the_first_attempt_and_the_time_since_it(
    limits: dict[str, object], attempts: int, again: bool
) -> None:
    at = next_attempt(policy(**limits), attempts, NOW - 4 * MINUTE, NOW, Random(1))
    assert at == (NOW + MINUTE if again else None)
