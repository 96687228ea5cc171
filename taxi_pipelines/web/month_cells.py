"""The calendar of a type of taxi: one row for each year, twelve cells, by the month of the data. What a cell is, is decided here.

Pure: the months as the warehouse has them, what the source offers, and what is being worked on, are arguments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from statistics import median

from taxi_pipelines.domain.month import Month, Partition, Whole
from taxi_pipelines.domain.outcome import MonthState, MonthStatus
from taxi_pipelines.domain.plan import PlannedAction
from taxi_pipelines.outlook import Known
from taxi_pipelines.taxi.types import TaxiType

NEIGHBOURS = 6
"""So many months before and after one are what its rows are compared with."""

FEW_OF_NEIGHBOURS = 0.05
"""A month with fewer rows than this share of what its neighbours have (half of them less, half more) stands out."""

ENOUGH_NEIGHBOURS = 3


class CellState(StrEnum):
    """What a cell says; its value is the cell's class in the stylesheet."""

    LOADED = "l"
    CHANGED = "c"  #: loaded, and another file is at the source now
    RUNNING = "r"
    WAITING = "w"  #: to be loaded, and nothing of it has begun
    FAILED = "f"
    OFFERED = "o"  #: at the source, not loaded
    ABSENT = "a"  #: not at the source
    UNKNOWN = "u"  #: not loaded, and the source was not asked


@dataclass(frozen=True, kw_only=True, slots=True)
class Work:
    """An execution that loads a month. `share`: how much of it is done, in percent; None where its steps are not known."""

    execution_id: str
    has_begun: bool
    share: int | None = None
    step: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Months:
    """All that is known, by (type, partition). `failures` are reasons of attempts at months that were never loaded."""

    today: Month
    statuses: Mapping[tuple[str, Partition], MonthStatus] = field(default_factory=dict)
    works: Mapping[tuple[str, Partition], Work] = field(default_factory=dict)
    failures: Mapping[tuple[str, Partition], str] = field(default_factory=dict)
    known: Known = field(default_factory=Known)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One month. `bar` is its rows in percent of the most of its neighbours; `usual` what those have, where it has far fewer.

    `reason` is why the last attempt failed, which may be so of a month that is loaded; `bytes` those of the file at the source.
    """

    type: str
    month: Partition
    state: CellState
    rows: int | None = None
    bar: int | None = None
    usual: int | None = None
    loaded_at: datetime | None = None
    is_proven: bool = False
    reason: str = ""
    work: Work | None = None
    bytes: int | None = None

    @property
    def is_loaded(self) -> bool:
        """Whether readers see rows of it, whatever else is the matter."""
        return self.rows is not None


@dataclass(frozen=True, kw_only=True, slots=True)
class Year:
    """A row; None where there is no such month, or not yet."""

    year: int
    cells: tuple[Cell | None, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Calendar:
    """All of a type, the newest year first. `cells` in order of months; those of a table published as a whole have no years."""

    kind: TaxiType
    cells: tuple[Cell, ...]
    years: tuple[Year, ...]


def calendar(kind: TaxiType, months: Months) -> Calendar:
    """What is known of a type, as a calendar, from its first month to the one we are in."""
    cells = _with_bars([_cell(kind, partition, months) for partition in _partitions(kind, months.today)])
    return Calendar(kind=kind, cells=tuple(cells), years=tuple(_years(cells)))


def _partitions(kind: TaxiType, today: Month) -> list[Partition]:
    if isinstance(kind.first, Whole):
        return [kind.first]
    count = (today.year - kind.first.year) * 12 + today.month - kind.first.month + 1
    return [kind.first.plus(number) for number in range(count)]


def _cell(kind: TaxiType, partition: Partition, months: Months) -> Cell:
    key = (kind.name, partition)
    status, work = months.statuses.get(key), months.works.get(key)
    offered = months.known.months.get((kind.name, str(partition)))
    reason = (status.error if status and status.error else None) or months.failures.get(key, "")
    state = _state(key, months)
    return Cell(
        type=kind.name,
        month=partition,
        state=state,
        rows=status.rows if status else None,
        loaded_at=status.loaded_at if status else None,
        is_proven=bool(status and status.sha256),
        reason=_plain(reason) if state is CellState.FAILED else "",
        work=work,
        bytes=offered.bytes if offered else None,
    )


def _state(key: tuple[str, Partition], months: Months) -> CellState:
    status, work = months.statuses.get(key), months.works.get(key)
    if work:
        return CellState.RUNNING if work.has_begun else CellState.WAITING
    if status and status.state is MonthState.RUNNING:
        return CellState.RUNNING
    if (status and status.error) or (key in months.failures and not (status and status.rows is not None)):
        return CellState.FAILED
    offered = months.known.months.get((key[0], str(key[1])))
    action = offered.action if offered else None
    if status:
        asked_at = months.known.asked_at or months.known.tried_at
        is_newer = status.loaded_at is not None and asked_at is not None and status.loaded_at > asked_at
        return CellState.CHANGED if action is PlannedAction.RELOAD and not is_newer else CellState.LOADED
    if action is None:
        return CellState.UNKNOWN
    return CellState.ABSENT if action is PlannedAction.WAIT else CellState.OFFERED


def _plain(error: str) -> str:
    """`error[source-corrupt]: it is cut off; run again` → `it is cut off; run again`."""
    return error.partition("]: ")[2] if error.startswith("error[") else error


def _with_bars(cells: Sequence[Cell]) -> list[Cell]:
    return [_with_bar(cells, place) if cell.rows is not None else cell for place, cell in enumerate(cells)]


def _with_bar(cells: Sequence[Cell], place: int) -> Cell:
    cell = cells[place]
    assert cell.rows is not None
    around = [*cells[max(0, place - NEIGHBOURS) : place], *cells[place + 1 : place + 1 + NEIGHBOURS]]
    rows = [other.rows for other in around if other.rows is not None]
    most = max([*rows, cell.rows, 1])
    usual = round(median(rows)) if len(rows) >= ENOUGH_NEIGHBOURS else 0
    stands_out = cell.rows < usual * FEW_OF_NEIGHBOURS
    return replace(cell, bar=round(100 * cell.rows / most), usual=usual if stands_out else None)


def _years(cells: Sequence[Cell]) -> list[Year]:
    """The newest first."""
    by_month = {(cell.month.year, cell.month.month): cell for cell in cells if isinstance(cell.month, Month)}
    years = sorted({year for year, _ in by_month}, reverse=True)
    return [Year(year=year, cells=tuple(by_month.get((year, month)) for month in range(1, 13))) for year in years]
