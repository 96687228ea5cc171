"""What the page of the months says: a line for each table, and each cell in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from taxi_pipelines.domain.month import Month, Partition
from taxi_pipelines.web import words
from taxi_pipelines.web.month_cells import Calendar, Cell, CellState

NAMED_AT_MOST = 2
"""So many months are named in a sentence; more are counted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class NextLoad:
    """When a trigger starts loading the next time, and which month, where that can be known.

    `looks`: it looks whether there is something new, and only then loads.
    """

    at: datetime
    zone: ZoneInfo
    month: Month | None = None
    looks: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Phrase:
    """A sentence of a table's line. `month` is where a click leads; `tone` is fail, warn or run where it wants to be seen, next
    where it is about what comes."""

    text: str
    tone: str = ""
    month: Partition | None = None


def sentences(calendar: Calendar, next_load: NextLoad | None = None) -> tuple[Phrase, ...]:
    """The line of a table, after its name."""
    found = [
        Phrase(text=_how_many(calendar)),
        *_failed(_in(calendar, CellState.FAILED)),
        *_said(_in(calendar, CellState.RUNNING), "being loaded", "run"),
        *_said(_in(calendar, CellState.WAITING), "waiting to be loaded", "run"),
        *_changed(_in(calendar, CellState.CHANGED)),
        *_few([cell for cell in calendar.cells if cell.usual is not None]),
    ]
    return (*found, Phrase(text=_next(next_load, calendar), tone="next")) if next_load else tuple(found)


def cell_words(cell: Cell, zone: ZoneInfo) -> str:
    """A cell in words, for who hovers over it or cannot see it."""
    name = _name(cell) if isinstance(cell.month, Month) else cell.type
    parts = [_state_words(cell)]
    if cell.is_loaded:
        few = (
            f"only {words.plural(cell.rows or 0, 'row')}, its neighbours have about {cell.usual:,}"
            if cell.usual
            else ""
        )
        parts.insert(0, few or words.plural(cell.rows or 0, "row"))
    if cell.loaded_at and cell.state in (CellState.LOADED, CellState.CHANGED):
        parts.append(words.long_date(cell.loaded_at.astimezone(zone)))
    return f"{name}: {', '.join(parts)}"


def source_name(source: str, *, is_default: bool) -> str:
    """The source as sentences name it: "the TLC", a host, a folder."""
    if is_default:
        return "the TLC"
    scheme, separator, rest = source.partition("://")
    if not separator:
        return f"the folder {source}"
    return rest.split("/")[0].rpartition("@")[2] if scheme != "file" else f"the folder {rest}"


def what_of(reason: str) -> str:
    """What happened, without what to do about it: `it is cut off; run again` → `it is cut off`."""
    return reason.partition("; ")[0].strip()


def _in(calendar: Calendar, state: CellState) -> list[Cell]:
    return [cell for cell in calendar.cells if cell.state is state]


def _name(cell: Cell) -> str:
    return words.month_name(cell.month)


def _how_many(calendar: Calendar) -> str:
    loaded = [cell for cell in calendar.cells if cell.is_loaded]
    bare = sum(not cell.is_proven for cell in loaded)
    proof = f"; {bare:,} without a receipt." if bare else " and proven."
    if not calendar.years:
        return f"{words.plural(loaded[0].rows or 0, 'row')}, loaded{proof}" if loaded else "not loaded yet."
    published = [cell for cell in calendar.cells if cell.is_loaded or cell.state not in _NOT_SEEN]
    if not any(cell.state in (CellState.ABSENT, CellState.OFFERED) for cell in calendar.cells):  # nobody was asked
        return f"{words.plural(len(loaded), 'month')} loaded{proof}" if loaded else "nothing loaded yet."
    if not published:
        return "the source has none of it."
    if not loaded:
        return f"none of {words.plural(len(published), 'published month')} loaded yet."
    if len(loaded) == len(published):
        return f"all {words.plural(len(loaded), 'month')} loaded{proof}"
    return f"{len(loaded):,} of {words.plural(len(published), 'month')} loaded{proof}"


_NOT_SEEN = (CellState.ABSENT, CellState.UNKNOWN)


def _failed(cells: Sequence[Cell]) -> list[Phrase]:
    if len(cells) > NAMED_AT_MOST:
        last = cells[-1]
        text = f"{len(cells):,} months failed, the newest {_name(last)}: {what_of(last.reason)}."
        return [Phrase(text=text, tone="fail", month=last.month)]
    return [
        Phrase(text=f"{_name(cell)} failed: {what_of(cell.reason)}.", tone="fail", month=cell.month) for cell in cells
    ]


def _said(cells: Sequence[Cell], what: str, tone: str) -> list[Phrase]:
    if not cells:
        return []
    are = "is" if len(cells) == 1 else "are"
    return [Phrase(text=f"{_names(cells)} {are} {what}.", tone=tone, month=cells[-1].month)]


def _changed(cells: Sequence[Cell]) -> list[Phrase]:
    if not cells:
        return []
    have = "has" if len(cells) == 1 else "have"
    return [Phrase(text=f"{_names(cells)} {have} changed at the source.", tone="warn", month=cells[-1].month)]


def _few(cells: Sequence[Cell]) -> list[Phrase]:
    if len(cells) > NAMED_AT_MOST:
        text = f"{len(cells):,} months have far fewer rows than their neighbours."
        return [Phrase(text=text, tone="warn", month=cells[-1].month)]
    return [
        Phrase(text=f"{_name(cell)} has only {words.plural(cell.rows or 0, 'row')}.", tone="warn", month=cell.month)
        for cell in cells
    ]


def _names(cells: Sequence[Cell]) -> str:
    if len(cells) > NAMED_AT_MOST:
        return f"{len(cells):,} months"
    return words.listed([_name(cell) for cell in cells]) if isinstance(cells[0].month, Month) else "the table"


def _next(load: NextLoad, calendar: Calendar) -> str:
    at = words.day(load.at, load.zone)
    if load.month is None:
        return f"Next: {at}, {'looks for new months' if load.looks else 'loads'}."
    loaded = {cell.month for cell in calendar.cells if cell.is_loaded}
    verb = "looks at" if load.month in loaded else "loads"
    again = " again" if load.month in loaded else ""
    return f"Next: {at}, {verb} {words.MONTHS[load.month.month - 1]}{again}."


def _state_words(cell: Cell) -> str:
    match cell.state:
        case CellState.LOADED:
            return "loaded and proven" if cell.is_proven else "loaded, without a receipt"
        case CellState.CHANGED:
            return "has changed at the source since it was loaded"
        case CellState.RUNNING:
            step = f", {cell.work.step}" if cell.work and cell.work.step else ""
            return f"is being loaded{step}"
        case CellState.WAITING:
            return "waits to be loaded"
        case CellState.FAILED:
            kept = ", the version before stays" if cell.is_loaded else ""
            return f"failed: {what_of(cell.reason)}{kept}"
        case CellState.OFFERED:
            return f"published, not loaded{', ' + words.size(cell.bytes) if cell.bytes else ''}"
        case CellState.ABSENT:
            return "not published"
        case CellState.UNKNOWN:
            return "not loaded, the source has not been asked"
