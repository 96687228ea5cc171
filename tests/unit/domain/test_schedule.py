"""Slots of schedules, daylight saving included."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest

from taxi_pipelines.domain.schedule import Cron
from taxi_pipelines.errors import UsageError

NEW_YORK = ZoneInfo("America/New_York")
ZONES = [ZoneInfo("UTC"), NEW_YORK, ZoneInfo("Australia/Lord_Howe")]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_slot_is_a_wall_clock_time_of_its_zone() -> None:
    monthly = Cron("0 9 1 * *", NEW_YORK)
    assert monthly.next(utc("2021-02-15")) == utc("2021-03-01T14:00")
    assert monthly.next(utc("2021-06-15")) == utc("2021-07-01T13:00")
    assert monthly.previous(utc("2021-03-01T14:00")) == utc("2021-02-01T14:00")


def test_a_start_on_a_slot_includes_it_and_the_end_does_not() -> None:
    slots = list(Cron("0 9 1 * *", ZoneInfo("UTC")).between(utc("2021-01-01T09:00"), utc("2021-07-31")))
    assert len(slots) == 7
    assert slots[0] == utc("2021-01-01T09:00")
    assert list(Cron("0 0 * * *", ZoneInfo("UTC")).between(utc("2021-01-01"), utc("2021-01-01"))) == []


@pytest.mark.parametrize(
    ("day", "slot"),
    [("2021-03-14", "2021-03-14T07:30"), ("2021-11-07", "2021-11-07T05:30")],
    ids=["skipped in spring", "twice in autumn"],
)
def test_a_time_that_daylight_saving_skips_or_repeats_fires_once(day: str, slot: str) -> None:
    cron = Cron("30 2 * * *" if "03" in day[5:7] else "30 1 * * *", NEW_YORK)
    found = list(cron.between(utc(day), utc(day) + timedelta(days=1)))
    assert found == [utc(slot)]


@pytest.mark.parametrize("zone", ZONES, ids=str)
@pytest.mark.parametrize("expression", ["0 9 1 * *", "30 2 * * *", "*/20 * * * *"])
def test_ten_years_of_slots_only_rise_and_read_the_same_in_both_directions(expression: str, zone: ZoneInfo) -> None:
    cron = Cron(expression, zone)
    count = {"0 9 1 * *": 120, "30 2 * * *": 3_650, "*/20 * * * *": 3_000}[expression]
    slots = list(islice(cron.after(utc("2015-10-25T12:34")), count))
    assert all(early < late for early, late in pairwise(slots))
    for early, late in list(pairwise(slots))[:: max(count // 50, 1)]:
        assert cron.previous(late) == early
        assert cron.next(early) == late


def test_six_fields_begin_with_seconds_and_nicknames_are_known() -> None:
    assert Cron("15 0 9 * * *", ZoneInfo("UTC")).next(utc("2021-01-01")) == utc("2021-01-01T09:00:15")
    assert Cron("@monthly", ZoneInfo("UTC")).next(utc("2021-01-02")) == utc("2021-02-01")


def test_what_is_no_cron_is_refused_with_the_way_to_write_it() -> None:
    with pytest.raises(UsageError, match=r"cron 'every day' is not valid.*write it as `0 9 1 \* \*`"):
        Cron("every day", ZoneInfo("UTC"))
