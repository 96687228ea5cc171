"""The grid of months: rows in every cell, signs where something is up, reasons below."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from taxi_pipelines.cli import grid
from taxi_pipelines.domain.month import WHOLE, Month
from taxi_pipelines.domain.outcome import MonthState, MonthStatus

HOME = Path("/data/taxi")


def a_status(year: int, number: int, rows: int | None = 76_518, **changes: Any) -> MonthStatus:
    values: dict[str, Any] = {
        "type": "green",
        "month": Month(year, number),
        "state": MonthState.LOADED,
        "rows": rows,
        "sha256": None,
        "loaded_at": None,
    }
    return MonthStatus(**values | changes)


def lines(*months: MonthStatus, width: int = 80) -> list[str]:
    """The page, in so many columns, without colours."""
    console = Console(width=width, file=StringIO(), highlight=False, markup=False)
    console.print(grid.status(months, HOME))
    page = console.file.getvalue().splitlines()
    assert all(len(line) <= width for line in page)
    return [line.rstrip() for line in page]


def test_an_empty_home_says_what_to_do_next() -> None:
    assert lines() == [
        "Nothing is loaded in /data/taxi.",
        "Try: taxi run green 2021-01   or, to look around: taxi demo",
    ]


def test_a_row_per_year_also_for_years_without_months() -> None:
    page = lines(a_status(2021, 1), a_status(2021, 2, 64_572), a_status(2023, 12, 6))
    assert page[0] == "green_tripdata  141,096 rows in 3 months"
    assert page[1].split() == list(grid.NAMES)
    assert page[2].split() == ["2021", "76.5k", "64.6k", *["·"] * 10]
    assert page[3].split() == ["2022", *["·"] * 12]
    assert page[4].split() == ["2023", *["·"] * 11, "6"]


@pytest.mark.parametrize("width", [40, 60, 75])
def test_on_a_narrow_screen_a_year_is_two_lines(width: int) -> None:
    months = [a_status(year, number, 100_000 + number) for year in (2021, 2022) for number in range(1, 13)]
    page = lines(*months, width=width)
    assert [line.split() for line in page[1:] if line.split()[0] in ("Jan", "Jul")] == [
        list(grid.NAMES[:6]), list(grid.NAMES[6:])
    ]  # fmt: skip
    assert [line.split() for line in page[-4:]] == [
        ["2021", *["100k"] * 6], ["100k"] * 6, ["2022", *["100k"] * 6], ["100k"] * 6
    ]  # fmt: skip


@pytest.mark.parametrize("width", [10, 16, 25, 39, 59, 76, 200])
def test_neither_a_year_nor_a_number_is_ever_cut(width: int) -> None:
    words = " ".join(lines(a_status(2021, 1, 1_369_769), a_status(2021, 12, 999_499), width=width)).split()
    assert {"2021", "1.37M", "999k", *grid.NAMES} <= set(words)
    assert not any("…" in word for word in words)


def test_a_failed_month_has_a_sign_and_its_reason_below() -> None:
    page = lines(
        a_status(2021, 1, None, state=MonthState.FAILED, error="check-failed: the file is empty"),
        a_status(2021, 2, 64_572, error="source-corrupt: cut off"),
    )
    assert page[0].endswith("1 month, 2 failed")
    assert page[2].split()[1:3] == ["✗", "✗65k"]
    assert "✗ failed   ✗1.2k failed, these older rows are in place" in page
    assert "✗ green 2021-01  check-failed: the file is empty" in page
    assert not any("taxi run" in line for line in page)


def test_a_month_being_worked_on_has_a_sign() -> None:
    page = lines(a_status(2021, 1, None, state=MonthState.RUNNING))
    assert page[2].split()[1] == "~"
    assert "~ being worked on" in page


def test_the_types_stand_in_their_usual_order_and_zones_are_one_line() -> None:
    page = lines(
        a_status(2021, 1, 265, type="zones", month=WHOLE),
        a_status(2021, 1, type="green"),
        a_status(2021, 1, type="yellow"),
    )
    heads = [line for line in page if "rows" in line]
    assert [head.split()[0] for head in heads] == ["yellow_tripdata", "green_tripdata", "taxi_zones"]
    assert heads[-1] == "taxi_zones  265 rows"


@pytest.mark.parametrize(
    ("number", "width", "text"),
    [
        (0, 5, "0"),
        (999, 4, "999"),
        (1_000, 5, "1.00k"),
        (76_518, 5, "76.5k"),
        (223_496, 5, "223k"),
        (999_499, 5, "999k"),
        (999_501, 5, "1.00M"),
        (1_369_769, 5, "1.37M"),
        (1_369_769, 4, "1.4M"),
        (14_863_778, 4, "15M"),
    ],
)
def test_a_count_is_short_and_right_in_its_first_digits(number: int, width: int, text: str) -> None:
    assert grid.compact(number, width) == text


@given(st.integers(min_value=0, max_value=10**13), st.sampled_from([4, 5]))
def test_a_count_never_breaks_its_cell(number: int, width: int) -> None:
    assert len(grid.compact(number, width)) <= width
