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


def lines(*months: MonthStatus) -> list[str]:
    """The page, in 80 columns without colours."""
    console = Console(width=80, file=StringIO(), highlight=False, markup=False)
    console.print(grid.status(months, HOME))
    page = console.file.getvalue().splitlines()
    assert all(len(line) <= 80 for line in page)
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


def test_a_failed_month_has_a_sign_and_its_reason_below() -> None:
    page = lines(
        a_status(2021, 1, None, state=MonthState.FAILED, error="check-failed: the file is empty"),
        a_status(2021, 2, 64_572, error="source-corrupt: cut off"),
    )
    assert page[0].endswith("1 month, 2 failed")
    assert page[2].split()[1:3] == ["✗", "✗65k"]
    assert "✗ failed   ✗1.2k failed, these older rows are in place" in page
    assert "✗ green 2021-01  check-failed: the file is empty" in page
    assert "  again: taxi run green 2021-01" in page


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
