"""Slots as cells and in words: named by month where that is enough, in the zone of their schedule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from taxi_pipelines.domain.trigger import BackfillState, SlotState
from taxi_pipelines.web.backfill_words import look_of_backfill, sentence
from taxi_pipelines.web.slot_cells import Grain, Standing, grain_of, groups_of, slot_name, window_words

NEW_YORK = ZoneInfo("America/New_York")
MONTHLY = [datetime(2023 + (month > 12), (month - 1) % 12 + 1, 1, 2, tzinfo=UTC) for month in range(3, 16)]


def test_slots_are_named_as_finely_as_it_takes() -> None:
    start = datetime(2024, 1, 1, 9, tzinfo=UTC)
    assert grain_of(MONTHLY, NEW_YORK) is Grain.MONTH
    assert grain_of([start + timedelta(days=n) for n in range(5)], NEW_YORK) is Grain.DAY
    assert grain_of([start + timedelta(hours=n) for n in range(5)], NEW_YORK) is Grain.TIME
    # 2:00 in UTC on the first is still the month before in New York.
    assert [slot_name(MONTHLY[0], NEW_YORK, grain) for grain in Grain] == [
        "February 2023",
        "28 February 2023",
        "28 February 2023 21:00",
    ]


def test_a_years_months_stand_in_one_row_each_below_its_name() -> None:
    standings = [Standing(slot=slot, state="SUCCESS", words="done") for slot in MONTHLY]
    first, second = groups_of(standings, NEW_YORK, Grain.MONTH)
    assert (first.name, first.before, first.cells[0].name) == ("2023", 1, "Feb")
    assert (second.name, second.before, len(second.cells)) == ("2024", 0, 2)
    assert first.cells[0].title == "28 February 2023 21:00: done"


def test_windows_are_said_by_months_by_days_or_by_times() -> None:
    def words(start: datetime, end: datetime) -> str:
        return window_words(start, end, ZoneInfo("UTC"))

    last = timedelta(microseconds=1)
    year, day = datetime(2024, 1, 1, tzinfo=UTC), datetime(2024, 3, 5, tzinfo=UTC)
    assert words(year, datetime(2025, 1, 1, tzinfo=UTC) - last) == "January to December 2024"
    assert words(year, datetime(2025, 2, 1, tzinfo=UTC) - last) == "January 2024 to January 2025"
    assert words(year, datetime(2024, 2, 1, tzinfo=UTC) - last) == "January 2024"
    assert words(year, day - last) == "1 January to 4 March 2024"
    assert words(year, day.replace(hour=9)) == "1 January 2024 00:00 to 5 March 2024 09:00"


def test_a_backfill_is_told_in_a_sentence_and_never_looks_done_over_a_failure() -> None:
    done, failed, skipped = SlotState.SUCCESS, SlotState.FAILED, SlotState.SKIPPED
    waiting, running, given_up = SlotState.WAITING, SlotState.RUNNING, SlotState.CANCELLED
    assert sentence(BackfillState.DONE, {done: 12}) == "All 12 done."
    assert sentence(BackfillState.DONE, {done: 1}) == "1 of 1 done."
    assert (
        sentence(BackfillState.DONE, {done: 8, skipped: 3, failed: 1})
        == "11 of 12 done, 3 of them before it began, 1 failed."
    )
    assert sentence(BackfillState.RUNNING, {done: 1, running: 2, waiting: 9}) == "1 of 12 done, 2 running, 9 to go."
    assert sentence(BackfillState.PAUSED, {done: 1, waiting: 1}) == "1 of 2 done, 1 waiting to be resumed."
    assert sentence(BackfillState.CANCELLED, {done: 1, given_up: 4}) == "1 of 5 done, 4 given up."
    assert look_of_backfill(BackfillState.DONE, {done: 1, failed: 1}) == "FAILED"
    assert look_of_backfill(BackfillState.RUNNING, {failed: 1}) == "RUNNING"
