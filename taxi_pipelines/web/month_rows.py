"""The cells of the calendars as HTML: six hundred of them, so that each is made once for each of its states, by no template."""

from __future__ import annotations

from functools import lru_cache
from zoneinfo import ZoneInfo

from markupsafe import Markup, escape

from taxi_pipelines.web.month_cells import Calendar, Cell, CellState, Year
from taxi_pipelines.web.month_sentences import cell_words

_EMPTY = "<td></td>"
LOWEST_BAR = 5
"""In percent: what is there is to be seen."""


def rows_of(calendar: Calendar, zone: ZoneInfo, *, with_numbers: bool) -> dict[str, Markup]:
    """The insides of the rows of its table, by the ids of these. With numbers: where there is room for them."""
    if not calendar.years:
        return {row_id(calendar, None): Markup(_cell(calendar.cells[0], zone, True, with_numbers))}
    newest = calendar.cells[-1]
    return {
        row_id(calendar, year): Markup(f'<th scope="row">{year.year}</th>')
        + Markup("".join(_cell(cell, zone, cell is newest, with_numbers) if cell else _EMPTY for cell in year.cells))
        for year in calendar.years
    }


def row_id(calendar: Calendar, year: Year | None) -> str:
    """The id of a row's element."""
    return f"m-{calendar.kind.name}-{year.year if year else 'all'}"


def short_number(value: int) -> str:
    """`65432` → `65 k`."""
    for unit, many in ((" M", 1_000_000), (" k", 1_000)):
        if value >= many:
            return f"{value / many:.1f}{unit}" if value < 10 * many else f"{value // many}{unit}"
    return str(value)


@lru_cache(maxsize=4096)
def _cell(cell: Cell, zone: ZoneInfo, is_first: bool, with_number: bool) -> str:
    """A link; one of each calendar is reached by the Tab key, the others from there by arrows."""
    attributes = [f'href="/months/{cell.type}/{cell.month}"', f'class="{_classes(cell)}"']
    if style := _style(cell):
        attributes.append(f'style="{style}"')
    if not is_first:
        attributes.append("tabindex=-1")
    if cell.bytes and cell.state is not CellState.LOADED:
        attributes.append(f"data-b={cell.bytes}")
    number = short_number(cell.rows) if with_number and cell.state is CellState.LOADED and cell.rows is not None else ""
    return f'<td><a {" ".join(attributes)} aria-label="{escape(cell_words(cell, zone))}">{number}</a></td>'


def _classes(cell: Cell) -> str:
    """The state; `few` where it has far fewer rows than its neighbours, `old` where readers see a version before."""
    is_old = cell.is_loaded and cell.state not in (CellState.LOADED, CellState.CHANGED)
    return f"{cell.state}{' few' if cell.usual is not None else ''}{' old' if is_old else ''}"


def _style(cell: Cell) -> str:
    """How high its bar is, and how much of it is done, in percent."""
    bar = f"--h:{max(cell.bar, LOWEST_BAR)}%;" if cell.bar is not None else ""
    return bar + (f"--p:{cell.work.share}%" if cell.work and cell.work.share is not None else "")
