"""Which slots fire: pure, over years, in zones with daylight saving."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from taxi_pipelines.domain.schedule import Cron, Dates, slots_between
from taxi_pipelines.scheduler.schedules import AT_ONCE, Due, due_slots

HOUR, MINUTE, DAY = timedelta(hours=1), timedelta(minutes=1), timedelta(days=1)
DAILY = Cron("0 9 * * *", ZoneInfo("UTC"))
FIRST = datetime(2021, 1, 1, 9, tzinfo=UTC)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Australia/Lord_Howe"])
@pytest.mark.parametrize(
    ("expression", "recover"), [("30 2 * * *", "ALL"), ("0 9 1 * *", "LAST"), ("*/30 1-3 * 4,10 0", "NONE")]
)
def test_over_ten_years_every_slot_fires_once_and_at_its_time(expression: str, zone: str, recover: str) -> None:
    times = Cron(expression, ZoneInfo(zone))
    now, end = datetime(2015, 10, 25, 12, 34, tzinfo=UTC), datetime(2025, 10, 25, tzinfo=UTC)
    wanted = list(slots_between(times, now, end))
    fired: list[datetime] = []
    next_at: datetime | None = next(times.after(now))
    while next_at is not None and next_at < end:
        now = next_at + timedelta(milliseconds=20)
        due = due_slots(times, next_at, now, recover)
        assert all(now - slot < timedelta(seconds=1) for slot in due.slots)
        fired += due.slots
        next_at = due.next_at
    assert fired == wanted


@pytest.mark.parametrize(
    ("recover", "days_late", "expected"),
    [("ALL", 3, 4), ("LAST", 3, 1), ("NONE", 3, 0), ("NONE", 0, 1), ("ALL", 0, 1)],
)
def test_slots_missed_while_nothing_ran_are_made_up_for_as_the_schedule_says(
    recover: str, days_late: int, expected: int
) -> None:
    now = FIRST + DAY * days_late + (HOUR if days_late else MINUTE / 2)
    due = due_slots(DAILY, FIRST, now, recover)
    assert len(due.slots) == expected
    assert list(due.slots) == sorted(due.slots)
    assert not due.slots or due.slots[-1] == FIRST + DAY * days_late
    assert due.next_at == FIRST + DAY * (days_late + 1)


def test_a_missed_slot_older_than_the_maximum_delay_is_left_out() -> None:
    now = FIRST + 3 * DAY + HOUR
    assert due_slots(DAILY, FIRST, now, "ALL", timedelta(hours=30)).slots == (FIRST + 2 * DAY, FIRST + 3 * DAY)
    assert due_slots(DAILY, FIRST, now, "LAST", timedelta(minutes=30)) == Due(slots=(), next_at=FIRST + 4 * DAY)
    assert due_slots(DAILY, FIRST, now, "ALL", timedelta(minutes=30)) == Due(slots=(), next_at=FIRST + 4 * DAY)


def test_very_many_missed_slots_are_decided_in_parts_and_none_is_lost() -> None:
    times = Cron("* * * * *", ZoneInfo("UTC"))
    now = FIRST + 250 * MINUTE
    first = due_slots(times, FIRST, now, "ALL")
    assert len(first.slots) == AT_ONCE
    assert first.next_at == FIRST + AT_ONCE * MINUTE


def test_given_dates_fire_in_order_and_then_no_more() -> None:
    times = Dates.parse(["2021-03-01T09:00", "2021-01-01T09:00:00Z"], ZoneInfo("America/New_York"))
    assert due_slots(times, FIRST, FIRST, "ALL") == Due(slots=(FIRST,), next_at=datetime(2021, 3, 1, 14, tzinfo=UTC))
    last = due_slots(times, datetime(2021, 3, 1, 14, tzinfo=UTC), datetime(2021, 4, 1, tzinfo=UTC), "ALL")
    assert (len(last.slots), last.next_at) == (1, None)
    assert due_slots(times, datetime(2022, 1, 1, tzinfo=UTC), datetime(2022, 4, 1, tzinfo=UTC), "LAST").slots == ()
