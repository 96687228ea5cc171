"""Windows of time within which several things must have happened."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from taxi_pipelines.errors import UsageError
from taxi_pipelines.scheduler.windows import DAY, HOUR, Rule, Window

NOW = datetime(2024, 5, 1, 10, 47, 30, tzinfo=UTC)
ZONE = ZoneInfo("UTC")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"2024-{text}+00:00")


@pytest.mark.parametrize(
    ("length", "advance", "start"),
    [
        (DAY, timedelta(), "05-01T00:00"),
        (DAY, timedelta(hours=9), "05-01T09:00"),
        (DAY, timedelta(hours=12), "04-30T12:00"),
        (2 * HOUR, timedelta(), "05-01T10:00"),
        (timedelta(minutes=20), timedelta(), "05-01T10:40"),
    ],
)
def test_a_duration_window_begins_with_the_day_hour_or_part_of_it(
    length: timedelta, advance: timedelta, start: str
) -> None:
    window = Rule(type="DURATION_WINDOW", window=length, advance=advance).at(NOW, None, ZONE)
    assert window == Window(start=utc(start), end=utc(start) + length)


def test_a_window_that_still_lasts_stays_and_another_follows_it() -> None:
    rule = Rule(type="DURATION_WINDOW", window=2 * HOUR)
    first = rule.at(NOW, None, ZONE)
    assert rule.at(NOW + HOUR, first, ZONE) == first
    assert rule.at(NOW + 2 * HOUR, first, ZONE) == Window(start=utc("05-01T12:00"), end=utc("05-01T14:00"))


def test_a_sliding_window_ends_now() -> None:
    window = Rule(type="SLIDING_WINDOW", window=HOUR).at(NOW, None, ZONE)
    assert window
    assert window.holds(NOW) and window.holds(NOW - HOUR)
    assert not window.holds(NOW - HOUR - timedelta(seconds=1))


def test_daily_windows_and_deadlines_are_those_of_the_day_and_outside_of_them_there_is_none() -> None:
    deadline = Rule(type="DAILY_TIME_DEADLINE", deadline="11:00")
    assert deadline.at(NOW, None, ZONE) == Window(start=utc("05-01T00:00"), end=utc("05-01T11:00"))
    assert deadline.at(NOW + HOUR, None, ZONE) is None
    daily = Rule(type="DAILY_TIME_WINDOW", start_time="12:00+02:00", end_time="13:00+02:00")
    assert daily.at(NOW, None, ZONE) == Window(start=utc("05-01T10:00"), end=utc("05-01T11:00"))
    with pytest.raises(UsageError, match="no time of day to end at"):
        Rule(type="DAILY_TIME_DEADLINE").at(NOW, None, ZONE)
