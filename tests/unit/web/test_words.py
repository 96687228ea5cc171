"""Numbers, sizes, times and durations as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from taxi_pipelines.web import words

NEW_YORK = ZoneInfo("America/New_York")
NOON = datetime(2026, 12, 2, 11, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("bytes", "said"),
    [(0, "0 bytes"), (999, "999 bytes"), (1000, "1.0 KB"), (99_400, "99.4 KB"), (99_600, "100 KB"), (999_499, "999 KB"),
     (999_500, "1.0 MB"), (1_333_519, "1.3 MB"), (5 * 10**9, "5.0 GB"), (7 * 10**15, "7000 TB"), (None, "")],
)  # fmt: skip
def test_sizes(bytes: int | None, said: str) -> None:
    assert words.size(bytes) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "< 1 ms"), (0.0421, "42 ms"), (0.9994, "999 ms"), (1, "1.0 s"), (59.94, "59.9 s"), (59.96, "1 min"), (72, "1 min 12 s"), (3600, "1 h"),
     (3661, "1 h 1 min 1 s"), (90_000, "1 d 1 h"), (None, "")],
)  # fmt: skip
def test_durations(seconds: float | None, said: str) -> None:
    assert words.duration(seconds) == said
    if seconds is not None:
        assert words.duration(timedelta(seconds=seconds)) == said


def test_moments_are_in_the_zone_of_the_service() -> None:
    said = words.moment(NOON, NEW_YORK)
    assert ">2 Dec 2026 06:00:05<" in said
    assert 'title="2026-12-02 06:00:05.000-05:00 America/New_York"' in said
    assert words.day(NOON, NEW_YORK) == "2 December 06:00 New York"
    assert words.moment(None, NEW_YORK) == ""


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "now"),
        (5, "5 s ago"),
        (119, "1 min ago"),
        (7_200, "2 h ago"),
        (200_000, "2 d ago"),
        (-90, "in 1 min"),
        (-90_000, "in 1 d"),
    ],
)
def test_how_long_ago(seconds: float, said: str) -> None:
    assert words.ago(NOON - timedelta(seconds=seconds), NOON) == said


def test_months_and_counts() -> None:
    assert words.month_name("2023-09") == "September 2023"
    assert words.month_name("all") == "all"
    assert words.plural(1, "month") == "1 month"
    assert words.plural(1200, "month") == "1,200 months"
    assert words.plural(2, "entry", "entries") == "2 entries"


def test_dates_ordinals_and_lists() -> None:
    assert words.long_date(NOON) == "2 December 2026"
    assert words.short_date(NOON) == "2 Dec"
    assert [words.ordinal(number) for number in (1, 2, 3, 11, 22, 30)] == ["1st", "2nd", "3rd", "11th", "22nd", "30th"]
    assert [words.listed(some) for some in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a and b",
        "a, b and c",
    ]


def test_a_long_text_is_told_by_its_first_line() -> None:
    assert words.first_line("\n it failed \nTraceback") == "it failed"
    assert words.first_line("") == ""


def test_what_was_searched_for_is_marked_and_everything_escaped() -> None:
    assert words.marked("a <Needle> in 2 needles", "needle") == (
        "a &lt;<mark>Needle</mark>&gt; in 2 <mark>needle</mark>s"
    )
    assert words.marked("1+1", "+") == "1<mark>+</mark>1"
    assert words.marked("<b>", "") == "&lt;b&gt;"


def test_descriptions_are_markdown_and_nothing_else() -> None:
    assert words.markdown("All **boroughs**, `now`") == "<p>All <strong>boroughs</strong>, <code>now</code></p>\n"
    assert words.unmarked("All **boroughs**, `now` & then") == "All boroughs, now & then"
    evil = "<img src=x onerror=alert(1)> [go](javascript:alert(1)) ![see](https://elsewhere.example/x.png)"
    assert "<img" not in words.markdown(evil)
    assert 'href="javascript' not in words.markdown(evil)
