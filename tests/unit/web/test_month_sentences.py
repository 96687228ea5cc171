"""The lines of the page of the months: what they say in each case."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from taxi_pipelines.domain.month import WHOLE, Month, Partition
from taxi_pipelines.domain.outcome import MonthState, MonthStatus
from taxi_pipelines.domain.plan import PlannedAction
from taxi_pipelines.outlook import Known, Offered
from taxi_pipelines.taxi.types import FHVHV, ZONES
from taxi_pipelines.web.month_cells import Months, Work, calendar
from taxi_pipelines.web.month_sentences import NextLoad, cell_words, sentences, source_name

NEW_YORK = ZoneInfo("America/New_York")
TODAY = Month(2019, 9)
ASKED = datetime(2019, 9, 10, tzinfo=UTC)
LOADED = datetime(2019, 9, 1, 12, tzinfo=UTC)
FIRST_FIVE = [Month(2019, month) for month in range(2, 7)]
"""What is published of fhvhv, which begins in February 2019."""


def status(month: Partition, *, rows: int | None = 1_000, error: str | None = None, type: str = "fhvhv") -> MonthStatus:
    state = MonthState.FAILED if rows is None else MonthState.LOADED
    sha256 = None if rows is None else "9f2c"
    loaded_at = None if rows is None else LOADED
    return MonthStatus(type=type, month=month, state=state, rows=rows, sha256=sha256, loaded_at=loaded_at, error=error)


def known(changed: Month | None = None) -> Known:
    offered = {("fhvhv", str(month)): Offered(action=PlannedAction.LOAD, bytes=1_200_000) for month in FIRST_FIVE}
    if changed:
        offered["fhvhv", str(changed)] = Offered(action=PlannedAction.RELOAD)
    absent = {("fhvhv", f"2019-0{month}"): Offered(action=PlannedAction.WAIT) for month in (7, 8, 9)}
    return Known(asked_at=ASKED, months=offered | absent)


def line(*statuses: MonthStatus, seen: Known | None = None, works: int = 0, next_load: NextLoad | None = None) -> str:
    months = Months(
        today=TODAY,
        statuses={(one.type, one.month): one for one in statuses},
        works={("fhvhv", month): Work(execution_id="x", has_begun=True) for month in FIRST_FIVE[:works]},
        known=seen or Known(),
    )
    return " ".join(phrase.text for phrase in sentences(calendar(FHVHV, months), next_load))


ALL = [status(month) for month in FIRST_FIVE]
CUT_OFF = "error[source-corrupt]: the file is cut off; run again"


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (line(), "nothing loaded yet."),
        (line(seen=known()), "none of 5 published months loaded yet."),
        (line(*ALL), "5 months loaded and proven."),
        (line(*ALL, seen=known()), "all 5 months loaded and proven."),
        (line(*ALL[:3], seen=known()), "3 of 5 months loaded and proven."),
        (
            line(*ALL[:4], status(FIRST_FIVE[4], rows=None, error=CUT_OFF), seen=known()),
            "4 of 5 months loaded and proven. June 2019 failed: the file is cut off.",
        ),
        (
            line(*(status(month, error=CUT_OFF) for month in FIRST_FIVE), seen=known()),
            "all 5 months loaded and proven. 5 months failed, the newest June 2019: the file is cut off.",
        ),
        (
            line(*ALL[1:], seen=known(), works=1),
            "4 of 5 months loaded and proven. February 2019 is being loaded.",
        ),
        (
            line(*ALL[2:], seen=known(), works=2),
            "3 of 5 months loaded and proven. February 2019 and March 2019 are being loaded.",
        ),
        (
            line(*ALL, seen=known(Month(2019, 4))),
            "all 5 months loaded and proven. April 2019 has changed at the source.",
        ),
        (
            line(*ALL[:4], status(FIRST_FIVE[4], rows=6), seen=known()),
            "all 5 months loaded and proven. June 2019 has only 6 rows.",
        ),
    ],
)
def test_a_line_says_how_a_table_stands(said: str, expected: str) -> None:
    assert said == expected


def test_a_month_loaded_after_the_source_was_asked_has_not_changed_since() -> None:
    seen = Known(asked_at=datetime(2019, 8, 1, tzinfo=UTC), months=known(Month(2019, 4)).months)
    assert line(*ALL, seen=seen) == "all 5 months loaded and proven."


@pytest.mark.parametrize(
    ("month", "looks", "expected"),
    [
        (Month(2019, 7), False, "Next: 2 December 06:00 New York, loads July."),
        (Month(2019, 6), False, "Next: 2 December 06:00 New York, looks at June again."),
        (None, False, "Next: 2 December 06:00 New York, loads."),
        (None, True, "Next: 2 December 06:00 New York, looks for new months."),
    ],
)
def test_a_line_ends_with_what_comes_next(month: Month | None, looks: bool, expected: str) -> None:
    at = datetime(2019, 12, 2, 11, tzinfo=UTC)
    said = line(*ALL, next_load=NextLoad(at=at, zone=NEW_YORK, month=month, looks=looks))
    assert said == f"5 months loaded and proven. {expected}"


def test_a_table_published_as_a_whole_has_no_months() -> None:
    assert [phrase.text for phrase in sentences(calendar(ZONES, Months(today=TODAY)))] == ["not loaded yet."]
    loaded = Months(today=TODAY, statuses={("zones", WHOLE): status(WHOLE, rows=265, type="zones")})
    assert [phrase.text for phrase in sentences(calendar(ZONES, loaded))] == ["265 rows, loaded and proven."]


def test_a_cell_says_everything_in_words() -> None:
    statuses = {("fhvhv", one.month): one for one in (*ALL[:3], status(FIRST_FIVE[3], rows=6))}
    found = calendar(FHVHV, Months(today=TODAY, statuses=statuses, known=known()))
    said = [cell_words(cell, NEW_YORK) for cell in found.cells]
    assert said[0] == "February 2019: 1,000 rows, loaded and proven, 1 September 2019"
    assert said[3] == "May 2019: only 6 rows, its neighbours have about 1,000, loaded and proven, 1 September 2019"
    assert said[4] == "June 2019: published, not loaded, 1.2 MB"
    assert said[5] == "July 2019: not published"


@pytest.mark.parametrize(
    ("source", "is_default", "expected"),
    [
        ("https://cdn.example/trip-data", True, "the TLC"),
        ("https://user:secret@mirror.example:8443/trips", False, "mirror.example:8443"),
        ("/srv/trips", False, "the folder /srv/trips"),
        ("file:///srv/trips", False, "the folder /srv/trips"),
    ],
)
def test_the_source_has_a_name_without_its_login(source: str, is_default: bool, expected: str) -> None:
    assert source_name(source, is_default=is_default) == expected
