"""The calendar of a type of taxi: one row for each year, twelve cells, by the month of the data. What a cell is, is decided here.

Pure: the months as the warehouse has them, what the source offers, and what is being worked on, are arguments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from taxi_pipelines.domain.month import Month, Partition, Whole
from taxi_pipelines.domain.outcome import MonthState, MonthStatus
from taxi_pipelines.domain.plan import PlannedAction
from taxi_pipelines.outlook import Known, Offered
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
    partitions = _partitions(kind, months.today)
    statuses = [months.statuses.get((kind.name, partition)) for partition in partitions]
    rows = [status.rows if status else None for status in statuses]
    cells = [_cell(kind, partition, months, _bar(rows, place)) for place, partition in enumerate(partitions)]
    return Calendar(kind=kind, cells=tuple(cells), years=tuple(_years(cells)))


def _partitions(kind: TaxiType, today: Month) -> list[Partition]:
    if isinstance(kind.first, Whole):
        return [kind.first]
    count = (today.year - kind.first.year) * 12 + today.month - kind.first.month + 1
    return [kind.first.plus(number) for number in range(count)]


def _cell(kind: TaxiType, partition: Partition, months: Months, bar: tuple[int | None, int | None]) -> Cell:
    key = (kind.name, partition)
    status = months.statuses.get(key)
    offered = months.known.months.get((kind.name, str(partition)))
    state = _state(key, months, offered)
    reason = (status.error if status else None) or months.failures.get(key, "")
    return Cell(
        type=kind.name,
        month=partition,
        state=state,
        rows=status.rows if status else None,
        bar=bar[0],
        usual=bar[1],
        loaded_at=status.loaded_at if status else None,
        is_proven=bool(status and status.sha256),
        reason=_plain(reason) if state is CellState.FAILED else "",
        work=months.works.get(key),
        bytes=offered.bytes if offered else None,
    )


def _state(key: tuple[str, Partition], months: Months, offered: Offered | None) -> CellState:
    status, work = months.statuses.get(key), months.works.get(key)
    if work:
        return CellState.RUNNING if work.has_begun else CellState.WAITING
    if status and status.state is MonthState.RUNNING:
        return CellState.RUNNING
    if (status and status.error) or (key in months.failures and not (status and status.rows is not None)):
        return CellState.FAILED
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


def _bar(rows: Sequence[int | None], place: int) -> tuple[int | None, int | None]:
    """How much a month has of the most of its neighbours, in percent; and what those usually have, where it has far less."""
    own = rows[place]
    if own is None:
        return None, None
    around = rows[max(0, place - NEIGHBOURS) : place + 1 + NEIGHBOURS]
    known = sorted(one for one in around if one is not None)
    bar = round(100 * own / max(known[-1], 1))
    usual = known[len(known) // 2]
    stands_out = len(known) > ENOUGH_NEIGHBOURS and own < usual * FEW_OF_NEIGHBOURS
    return bar, usual if stands_out else None


def _years(cells: Sequence[Cell]) -> list[Year]:
    """The newest first."""
    by_month = {(cell.month.year, cell.month.month): cell for cell in cells if isinstance(cell.month, Month)}
    years = sorted({year for year, _ in by_month}, reverse=True)
    return [Year(year=year, cells=tuple(by_month.get((year, month)) for month in range(1, 13))) for year in years]
