"""Plan: what a backfill would do, month by month; the backfill performs this very list."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from taxi_pipelines.domain.manifest import Offer
from taxi_pipelines.domain.month import Month
from taxi_pipelines.domain.plan import PlannedAction, PlannedMonth, decide
from taxi_pipelines.errors import PipelineError
from taxi_pipelines.months.resources import Resources
from taxi_pipelines.months.run import current_receipt
from taxi_pipelines.taxi.types import TaxiType, is_overdue

ASK_AT_ONCE = 8


def plan(res: Resources, kind: TaxiType, months: Iterable[Month], *, force: bool = False) -> list[PlannedMonth]:
    """One line per month, in order. A source that cannot be asked about a month makes that line FAIL, not the plan."""
    with ThreadPoolExecutor(ASK_AT_ONCE) as pool:
        return list(pool.map(lambda month: _plan_month(res, kind, month, force=force), months))


def _plan_month(res: Resources, kind: TaxiType, month: Month, *, force: bool) -> PlannedMonth:
    try:
        offer = res.source.find(kind, month, res.prefer)
        if offer is None:
            return PlannedMonth(type=kind.name, month=month, action=PlannedAction.WAIT, reason=_why_missing(res, month))
        action, reason = decide(offer, current_receipt(res, kind, month), force=force)
        billed = _billed(res, kind, month, offer, action)
    except PipelineError as error:
        return PlannedMonth(type=kind.name, month=month, action=PlannedAction.FAIL, reason=str(error), error=error)
    return PlannedMonth(
        type=kind.name, month=month, action=action, reason=reason, bytes=offer.bytes, offer=offer, billed_bytes=billed
    )


def _billed(res: Resources, kind: TaxiType, month: Month, offer: Offer, action: PlannedAction) -> int | None:
    if not res.bills:
        return None
    return 0 if action is PlannedAction.SKIP else res.warehouse.estimate(kind, month, offer.bytes)


def _why_missing(res: Resources, month: Month) -> str:
    if is_overdue(month, Month.of(res.clock().date())):
        return "not at the source, though it is old enough"
    return "not published yet"
