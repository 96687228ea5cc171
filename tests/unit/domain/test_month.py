"""Months count, parse and range as a calendar does."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taxi_pipelines.domain.month import WHOLE, Month, month_range, parse_partition
from taxi_pipelines.errors import InvalidMonth

months = st.builds(Month, st.integers(1990, 2100), st.integers(1, 12))


@given(months)
def test_a_month_prints_as_it_parses(month: Month) -> None:
    assert Month.parse(str(month)) == month == parse_partition(str(month))


@given(months, st.integers(-600, 600))
def test_going_forward_and_back_ends_at_the_same_month(month: Month, step: int) -> None:
    assert month.plus(step).plus(-step) == month


@given(months, months)
def test_months_order_as_their_first_days(one: Month, other: Month) -> None:
    assert (one < other) == (one.first_day < other.first_day)


@given(months, st.integers(0, 200))
def test_a_range_holds_every_month_once_and_both_ends(start: Month, length: int) -> None:
    found = list(month_range(start, start.plus(length)))
    assert len(found) == len(set(found)) == length + 1
    assert (found[0], found[-1]) == (start, start.plus(length))


@pytest.mark.parametrize(
    "text", ["2021-13", "2021-00", "2021", "21-01", "2021-1", "january", "", "2021-01-01", "²021-01"]
)
def test_what_is_not_a_month_is_refused_with_the_form_to_use(text: str) -> None:
    with pytest.raises(InvalidMonth, match="YYYY-MM") as raised:
        Month.parse(text)
    assert raised.value.exit_code == 2


def test_a_range_the_wrong_way_round_is_refused() -> None:
    with pytest.raises(InvalidMonth, match="earlier month first"):
        list(month_range(Month(2021, 2), Month(2021, 1)))


def test_the_month_of_a_day_and_the_whole() -> None:
    assert Month.of(date(2021, 2, 28)) == Month(2021, 2)
    assert parse_partition("all") is WHOLE
    assert WHOLE.first_day is None
