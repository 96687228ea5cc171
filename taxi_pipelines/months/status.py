"""Status: the grid of taxi × month, from the warehouse, the receipts and the failures."""

from __future__ import annotations

from taxi_pipelines.domain.month import Month, Partition, month_range
from taxi_pipelines.domain.outcome import MonthState, MonthStatus
from taxi_pipelines.domain.receipt import Receipt
from taxi_pipelines.interfaces import Failure, PublishedMonth
from taxi_pipelines.months.resources import Resources
from taxi_pipelines.taxi.types import ALL, TaxiType


def status(res: Resources) -> list[MonthStatus]:
    """Every month that is loaded, failed or being worked on; by type, then month."""
    receipts = res.receipts.current(res.warehouse.target)
    failures = res.receipts.failures(res.warehouse.target)
    return [
        cell
        for kind in ALL.values()
        for cell in _of_type(
            res,
            kind,
            {partition: receipt for (name, partition), receipt in receipts.items() if name == kind.name},
            {partition: failure for (name, partition), failure in failures.items() if name == kind.name},
        )
    ]


def _of_type(
    res: Resources,
    kind: TaxiType,
    receipts: dict[Partition, Receipt],
    failures: dict[Partition, Failure],
) -> list[MonthStatus]:
    published = res.warehouse.published(kind.table)
    running = res.warehouse.locked(kind.table, {*published, *failures, *_possible(kind, Month.of(res.clock().date()))})
    return [
        _cell(
            kind,
            partition,
            published.get(partition),
            receipts.get(partition),
            failures.get(partition),
            running=partition in running,
        )
        for partition in sorted({*published, *failures, *running}, key=str)
    ]


def _possible(kind: TaxiType, today: Month) -> list[Partition]:
    """Every partition somebody may be working on for the first time."""
    return list(month_range(kind.first, today)) if isinstance(kind.first, Month) else [kind.first]


def _cell(
    kind: TaxiType,
    partition: Partition,
    loaded: PublishedMonth | None,
    receipt: Receipt | None,
    failure: Failure | None,
    *,
    running: bool,
) -> MonthStatus:
    state = MonthState.RUNNING if running else MonthState.LOADED if loaded else MonthState.FAILED
    matching = receipt if receipt and loaded and receipt.version == loaded.version else None
    return MonthStatus(
        type=kind.name,
        month=partition,
        state=state,
        rows=loaded.rows if loaded else None,
        sha256=matching.sha256 if matching else None,
        loaded_at=matching.finished_at if matching else None,
        execution_id=matching.execution_id if matching else None,
        error=f"error[{failure.code}]: {failure.message}" if failure else None,
    )
