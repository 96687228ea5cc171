"""Slots of a schedule as a strip of cells: the months of a year in a row, else the days of a month, or the times of a day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from enum import StrEnum
from itertools import groupby, pairwise
from zoneinfo import ZoneInfo

from taxi_pipelines.domain.month import Month
from taxi_pipelines.web.words import long_date, month_name

MOST_CELLS = 1_000
"""So many are drawn; the rest is only counted."""

_MOMENT = timedelta(microseconds=1)


class Grain(StrEnum):
    """How finely slots must be named so that no two have one name."""

    MONTH = "month"
    DAY = "day"
    TIME = "time"


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """A slot and how it stands: a state's name of web/states.py, the words for it, and the execution it has."""

    slot: datetime
    state: str
    words: str
    execution_id: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """`name` is short, as its group says the rest; `title` is all of it."""

    name: str
    title: str
    state: str
    execution_id: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """Cells in a row. `before`: so many places stay empty before the first, so that January is below January."""

    name: str
    before: int
    cells: Sequence[Cell]


def grain_of(slots: Sequence[datetime], zone: ZoneInfo) -> Grain:
    """MONTH where no two of them, in order, are of one month; DAY where none are of one day."""
    there = [slot.astimezone(zone) for slot in slots]
    if all((one.year, one.month) != (other.year, other.month) for one, other in pairwise(there)):
        return Grain.MONTH
    return Grain.DAY if all(one.date() != other.date() for one, other in pairwise(there)) else Grain.TIME


def slot_name(slot: datetime, zone: ZoneInfo, grain: Grain) -> str:
    """`September 2023`, `28 September 2023`, `28 September 2023 09:00`."""
    there = slot.astimezone(zone)
    if grain is Grain.MONTH:
        return month_name(Month.of(there))
    return f"{long_date(there)} {there:%H:%M}" if grain is Grain.TIME else long_date(there)


def window_words(start: datetime, end: datetime, zone: ZoneInfo) -> str:
    """`January to December 2024` for whole months, else days, else times; both ends are included."""
    first, after = start.astimezone(zone), (end + _MOMENT).astimezone(zone)
    grain = Grain.TIME
    if first.time() == after.time() == time():
        grain = Grain.MONTH if first.day == after.day == 1 else Grain.DAY
    begin, last = slot_name(start, zone, grain), slot_name(end, zone, grain)
    if begin == last:
        return begin
    same_year = grain is not Grain.TIME and begin[-4:] == last[-4:]
    return f"{begin[:-5] if same_year else begin} to {last}"


def groups_of(standings: Sequence[Standing], zone: ZoneInfo, grain: Grain) -> list[Group]:
    """The first MOST_CELLS of them, in order."""
    shown = [(one, one.slot.astimezone(zone)) for one in standings[:MOST_CELLS]]
    found: list[Group] = []
    for name, members in groupby(shown, key=lambda pair: _group_name(pair[1], grain)):
        row = list(members)
        before = row[0][1].month - 1 if grain is Grain.MONTH else 0
        found.append(Group(name=name, before=before, cells=[_cell(one, there, grain) for one, there in row]))
    return found


def _group_name(there: datetime, grain: Grain) -> str:
    match grain:
        case Grain.MONTH:
            return str(there.year)
        case Grain.DAY:
            return month_name(Month.of(there))
        case Grain.TIME:
            return long_date(there)


def _cell(one: Standing, there: datetime, grain: Grain) -> Cell:
    month = month_name(Month.of(there))[:3]
    name = {Grain.MONTH: month, Grain.DAY: str(there.day), Grain.TIME: f"{there:%H:%M}"}[grain]
    title = f"{long_date(there)} {there:%H:%M}: {one.words}"
    return Cell(name=name, title=title, state=one.state, execution_id=one.execution_id)
