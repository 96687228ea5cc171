"""Months: the partitions everything is loaded, proven and rolled back by.

A table that is published as a whole (the zones) has one partition, `WHOLE`. Both print as the name used in paths,
receipts and messages: `2021-01`, `all`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from taxi_pipelines.errors import InvalidMonth

_TEXT = re.compile(r"(\d{4})-(\d{2})")


@dataclass(frozen=True, order=True, slots=True)
class Month:
    """One calendar month."""

    year: int
    month: int

    def __post_init__(self) -> None:
        if not (1 <= self.month <= 12 and 1 <= self.year <= 9999):
            raise InvalidMonth(f"{self.year}-{self.month:02d} is not a month", "write it as YYYY-MM")

    @classmethod
    def parse(cls, text: str) -> Month:
        """`2021-01` → Month(2021, 1). Raises InvalidMonth for anything else."""
        found = _TEXT.fullmatch(text.strip())
        if not found:
            raise InvalidMonth(f"{text!r} is not a month", "write it as YYYY-MM, for example 2021-01")
        return cls(int(found[1]), int(found[2]))

    @classmethod
    def of(cls, day: date) -> Month:
        """The month a day lies in."""
        return cls(day.year, day.month)

    @property
    def first_day(self) -> date:
        """The value of `source_month`."""
        return date(self.year, self.month, 1)

    def plus(self, months: int) -> Month:
        """The month so many months later (or earlier, where negative)."""
        index = self.year * 12 + self.month - 1 + months
        return Month(index // 12, index % 12 + 1)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.month:02d}"


@dataclass(frozen=True, slots=True)
class Whole:
    """The one partition of a table that is published as a whole."""

    @property
    def first_day(self) -> None:
        """There is no month: `source_month` is null."""
        return None

    def __str__(self) -> str:
        return "all"


WHOLE = Whole()
Partition = Month | Whole


@lru_cache(maxsize=4096)
def parse_partition(text: str) -> Partition:
    """The partition a path or a receipt names."""
    return WHOLE if text == str(WHOLE) else Month.parse(text)


def month_range(start: Month, end: Month) -> Iterator[Month]:
    """Every month from `start` to `end`, both included. Raises InvalidMonth where they are the wrong way round."""
    if end < start:
        raise InvalidMonth(f"the range {start} to {end} is empty", "give the earlier month first")
    month = start
    while month <= end:
        yield month
        month = month.plus(1)
