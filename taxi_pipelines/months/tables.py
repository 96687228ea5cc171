"""The target's tables as people look at them: months, rows, bytes, columns; without a look at the rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from taxi_pipelines.domain.month import Partition
from taxi_pipelines.domain.receipt import Receipt
from taxi_pipelines.months.resources import Resources
from taxi_pipelines.taxi.types import ALL, TaxiType


@dataclass(frozen=True, kw_only=True, slots=True)
class TablePart:
    """A published partition. `loaded_at`: None where its receipt is lost."""

    month: Partition
    rows: int
    bytes: int
    loaded_at: datetime | None


@dataclass(frozen=True, kw_only=True, slots=True)
class TableColumn:
    """A column as readers see it. `description` is empty where the TLC has none for it."""

    name: str
    type: str
    description: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A target table; `parts` by month, none where nothing is published."""

    kind: TaxiType
    parts: tuple[TablePart, ...]
    columns: tuple[TableColumn, ...]

    @property
    def rows(self) -> int:
        """In all."""
        return sum(part.rows for part in self.parts)

    @property
    def bytes(self) -> int:
        """In all."""
        return sum(part.bytes for part in self.parts)

    @property
    def loaded_at(self) -> datetime | None:
        """The last time a part was."""
        return max((part.loaded_at for part in self.parts if part.loaded_at), default=None)


def tables(res: Resources) -> list[Table]:
    """All of them, in the order of the types."""
    receipts = res.receipts.current(res.warehouse.target)
    return [_table(res, kind, receipts) for kind in ALL.values()]


def _table(res: Resources, kind: TaxiType, receipts: Mapping[tuple[str, Partition], Receipt]) -> Table:
    descriptions = kind.column_comments()
    published = res.warehouse.published(kind.table)
    return Table(
        kind=kind,
        parts=tuple(
            TablePart(
                month=month,
                rows=it.rows,
                bytes=it.bytes,
                loaded_at=_loaded_at(receipts.get((kind.name, month)), it.version),
            )
            for month, it in sorted(published.items(), key=lambda pair: str(pair[0]))
        ),
        columns=tuple(
            TableColumn(name=name, type=type_, description=descriptions.get(name, ""))
            for name, type_ in (res.warehouse.column_types(kind.table) if published else {}).items()
        ),
    )


def _loaded_at(receipt: Receipt | None, version: str) -> datetime | None:
    return receipt.finished_at if receipt and receipt.version == version else None
