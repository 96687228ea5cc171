"""Deciding what a run or a backfill would do to a month: a plan is the very list that is performed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from taxi_pipelines.domain.manifest import Offer
from taxi_pipelines.domain.month import Partition
from taxi_pipelines.domain.receipt import Receipt
from taxi_pipelines.errors import PipelineError


class PlannedAction(StrEnum):
    """What would be done to a month."""

    LOAD = "load"
    RELOAD = "reload"
    SKIP = "skip"
    WAIT = "wait"
    FAIL = "fail"  #: the source could not even be asked


USD_PER_TIB = 6.25
"""What BigQuery asks on demand for a TiB of a query, in the US; the first of each month is free.

https://cloud.google.com/bigquery/pricing#on_demand_pricing
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedMonth:
    """One line of a plan. `bytes` is the published file's size, None where the source does not say.

    `billed_bytes` is what queries would be billed for, None where the target bills nobody.
    """

    type: str
    month: Partition
    action: PlannedAction
    reason: str
    bytes: int | None = None
    offer: Offer | None = None
    error: PipelineError | None = None
    billed_bytes: int | None = None

    @property
    def cost_usd(self) -> float | None:
        """The expected cost, None where the target bills nobody."""
        return None if self.billed_bytes is None else self.billed_bytes / 2**40 * USD_PER_TIB

    def to_dict(self) -> dict[str, Any]:
        """The line as `taxi plan --json` prints it."""
        return {
            "type": self.type,
            "month": str(self.month),
            "action": str(self.action),
            "reason": self.reason,
            "bytes": self.bytes,
            "source_url": self.offer.url if self.offer else None,
            "billed_bytes": self.billed_bytes,
            "cost_usd": self.cost_usd,
        }


def decide(offer: Offer, current: Receipt | None, *, force: bool = False) -> tuple[PlannedAction, str]:
    """What to do with a month on offer whose published version has the receipt `current`, and why."""
    if current is None:
        return PlannedAction.LOAD, "not loaded yet"
    if force:
        return PlannedAction.RELOAD, "asked to load again"
    if current.source_url != offer.url:
        return PlannedAction.RELOAD, f"loaded from another source, {current.source_url}"
    if offer.etag is None:
        return PlannedAction.RELOAD, "the source gives no ETag: its content must be compared"
    if current.etag != offer.etag:
        return PlannedAction.RELOAD, "republished"
    return PlannedAction.SKIP, "unchanged"
