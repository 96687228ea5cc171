"""The grid of `taxi status`: months as a calendar, per type a row per year and twelve cells; on a narrow screen several. Pure.

A cell is the month's rows in five characters, so that a month of 6 rows stands out among months of 65,000; what is not
simply loaded carries a sign, so that the grid reads the same without colours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from taxi_pipelines.cli.render import BAD, STYLES
from taxi_pipelines.domain.month import Month
from taxi_pipelines.domain.outcome import MonthState, MonthStatus
from taxi_pipelines.taxi.types import ALL, find_type

RUNNING, ABSENT = "~", "·"
NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
CELL, YEAR = 5, 4


def status(months: Sequence[MonthStatus], home: Path) -> RenderableType:
    """The whole page: a block per type, then the signs that occur, then what failed and why."""
    if not months:
        return Text(f"Nothing is loaded in {home}.\nTry: taxi run green 2021-01   or, to look around: taxi demo")
    order = {name: place for place, name in enumerate(ALL)}
    ordered = sorted(months, key=lambda item: order[item.type])
    blocks = [_block(name, list(items)) for name, items in groupby(ordered, key=lambda item: item.type)]
    parts = [*blocks, *_legend(months), *_failures(months)]
    return Group(parts[0], *(line for part in parts[1:] for line in (Text(""), part)))


def _block(name: str, items: Sequence[MonthStatus]) -> RenderableType:
    head = Text.assemble((find_type(name).table, "bold"), f"  {_sentence(items)}")
    cells = {item.month: item for item in items if isinstance(item.month, Month)}
    return Group(head, _Calendar(cells=cells)) if cells else head


def _sentence(items: Sequence[MonthStatus]) -> str:
    loaded = [item for item in items if item.state is MonthState.LOADED]
    failed = sum(item.error is not None for item in items)
    rows = f"{sum(item.rows or 0 for item in loaded):,} rows"
    monthly = any(isinstance(item.month, Month) for item in items)
    said = f"{rows} in {len(loaded)} {'month' if len(loaded) == 1 else 'months'}" if monthly else rows
    return f"{said}, {failed} failed" if failed else said


@dataclass(frozen=True, kw_only=True, slots=True)
class _Calendar:
    """The years of a type. Where twelve cells do not fit, a year is two lines of six, or more; no cell is ever cut."""

    cells: Mapping[Month, MonthStatus]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yields the calendar as wide as there is room."""
        fitting = (options.max_width - YEAR) // (CELL + 1)
        per_line = next((number for number in (12, 6, 3, 2) if number <= fitting), 1)
        table = Table(box=None, show_header=False, padding=(0, 1, 0, 0), pad_edge=False)
        table.add_column(width=YEAR)
        for _ in range(per_line):
            table.add_column(width=CELL, justify="right", no_wrap=True)
        _add_lines(table, "", [Text(name, "dim") for name in NAMES], per_line)
        years = [month.year for month in self.cells]
        for year in range(min(years), max(years) + 1):
            months = [_cell(self.cells.get(Month(year, number))) for number in range(1, 13)]
            _add_lines(table, str(year), months, per_line)
        yield table


def _add_lines(table: Table, head: str, cells: Sequence[Text], per_line: int) -> None:
    for start in range(0, len(cells), per_line):
        table.add_row(Text(head if start == 0 else "", "dim"), *cells[start : start + per_line])


def _cell(item: MonthStatus | None) -> Text:
    if item is None:
        return Text(ABSENT, "dim")
    if item.state is MonthState.RUNNING:
        return Text(RUNNING + ("" if item.rows is None else compact(item.rows, CELL - 1)), "cyan")
    if item.error is not None or item.state is MonthState.FAILED:
        return Text(BAD + ("" if item.rows is None else compact(item.rows, CELL - 1)), STYLES[BAD])
    return Text(compact(item.rows or 0, CELL), "green")


def _legend(months: Sequence[MonthStatus]) -> list[Text]:
    signs = []
    if any(item.state is MonthState.RUNNING for item in months):
        signs.append(f"{RUNNING} being worked on")
    if any(item.error is not None and item.rows is None for item in months):
        signs.append(f"{BAD} failed")
    if any(item.error is not None and item.rows is not None for item in months):
        signs.append(f"{BAD}1.2k failed, these older rows are in place")
    return [Text("   ".join(signs), "dim")] if signs else []


def _failures(months: Sequence[MonthStatus]) -> list[RenderableType]:
    lines = [
        Text.assemble((f"{BAD} {item.type} {item.month}", STYLES[BAD]), f"  {item.error}")
        for item in months
        if item.error is not None
    ]
    return [Group(*lines)] if lines else []


def compact(number: int, width: int) -> str:
    """A count in at most so many characters (4 or 5): 124, 76.5k, 1.37M."""
    if number < 1000:
        return str(number)
    scaled = ((number / 1000**power, unit) for power, unit in enumerate("kMGT", start=1))
    value, unit = next(pair for pair in scaled if pair[0] < 999.5)
    decimals = max(0, width - 2 - len(str(round(value))))
    return f"{value:.{decimals}f}{unit}"
