"""Rollback: puts the version before the published one back."""

from __future__ import annotations

from dataclasses import replace

from taxi_pipelines.domain.month import Partition
from taxi_pipelines.domain.receipt import Receipt, RunAction
from taxi_pipelines.errors import NoEarlierVersion, NotLoaded, WarehouseCorrupt
from taxi_pipelines.interfaces import LakeObject
from taxi_pipelines.months.changes import Content, count_changes
from taxi_pipelines.months.publish import publish, publish_object
from taxi_pipelines.months.resources import Resources, Stopwatch
from taxi_pipelines.months.run import current_receipt, settle
from taxi_pipelines.taxi.types import TaxiType


def roll_back(res: Resources, kind: TaxiType, partition: Partition) -> Receipt:
    """Publishes the version before the current one: from the warehouse if it still holds it, else from the lake.

    Raises NotLoaded, NoEarlierVersion. The next run or backfill loads the published file again: the source is the truth.
    """
    with res.warehouse.lock(kind.table, partition):
        settle(res, kind, partition)
        current = current_receipt(res, kind, partition)
        if current is None:
            raise NotLoaded(f"{kind.name} {partition} is not loaded", f"run: taxi run {kind.name} {partition}")
        receipt = _from_warehouse(res, kind, current) or _from_lake(res, kind, current)
        if receipt is None:
            raise NoEarlierVersion(
                f"{kind.name} {partition} has no version before the published one",
                "it was never republished, or was pruned",
            )
    res.progress.done(kind.name, partition, f"rolled back to {receipt.rows:,} rows")
    return receipt


def _from_warehouse(res: Resources, kind: TaxiType, current: Receipt) -> Receipt | None:
    earlier = _earlier_version(res, kind, current)
    if earlier is None:
        return None
    watch = Stopwatch()
    started_at = res.clock()
    with watch.step("merge"):
        old, new = (Content(version=receipt.version, sha256=receipt.sha256) for receipt in (current, earlier))
        changes = count_changes(res, kind, current.month, old, new)
    receipt = replace(
        earlier,
        action=RunAction.ROLLED_BACK,
        added=changes.added,
        removed=changes.removed,
        columns_added=(),
        started_at=started_at,
        finished_at=res.clock(),
        seconds=watch.seconds,
        execution_id=res.execution_id,
    )
    publish(res, kind, receipt)
    return receipt


def _earlier_version(res: Resources, kind: TaxiType, current: Receipt) -> Receipt | None:
    """The receipt of the newest version before the current one that is readable and holds other content."""
    for version in reversed(res.warehouse.versions(kind.table, current.month)):
        receipt = res.receipts.of_version(current.target, kind.name, current.month, version)
        if version < current.version and receipt and receipt.sha256 != current.sha256:
            try:
                res.warehouse.addresses(kind.table, current.month, version)
            except WarehouseCorrupt as error:
                res.progress.say(f"{error.what}; looking further back")
                continue
            return receipt
    return None


def _from_lake(res: Resources, kind: TaxiType, current: Receipt) -> Receipt | None:
    item = _earlier_object(res, kind, current)
    if item is None:
        return None
    return publish_object(res, kind, item, Stopwatch(), res.clock(), RunAction.ROLLED_BACK)


def _earlier_object(res: Resources, kind: TaxiType, current: Receipt) -> LakeObject | None:
    """The lake's version fetched last before the current one."""
    newest_first = res.lake.versions(kind.name, current.month)
    hashes = [item.manifest.sha256 for item in newest_first]
    after = hashes.index(current.sha256) + 1 if current.sha256 in hashes else 0
    return next(iter(newest_first[after:]), None)
