"""Prune: old versions of republished months out of lake and warehouse; never the version that readers see."""

from __future__ import annotations

from taxi_pipelines.domain.month import Partition
from taxi_pipelines.interfaces import LakeObject
from taxi_pipelines.months.resources import Resources
from taxi_pipelines.months.run import current_receipt
from taxi_pipelines.taxi.types import ALL, TaxiType


def prune(res: Resources, *, keep: int, dry_run: bool = False) -> list[str]:
    """Keeps the newest `keep` versions of every month, the published one among them; what was (or would be) removed."""
    removed = []
    for name, partition in res.lake.partitions():
        kind = ALL.get(name)
        if kind is not None:
            with res.warehouse.lock(kind.table, partition):
                removed += _prune_month(res, kind, partition, keep=keep, dry_run=dry_run)
    return removed


def _prune_month(res: Resources, kind: TaxiType, partition: Partition, *, keep: int, dry_run: bool) -> list[str]:
    objects = _surplus_objects(res, kind, partition, keep)
    versions = _surplus_versions(res, kind, partition, keep)
    if not dry_run:
        for item in objects:
            res.lake.remove(item)
        for version in versions:
            res.warehouse.discard(kind.table, partition, version)
    return [
        *(item.location for item in objects),
        *(f"{kind.table} {partition} version {version}" for version in versions),
    ]


def _surplus_objects(res: Resources, kind: TaxiType, partition: Partition, keep: int) -> list[LakeObject]:
    current = current_receipt(res, kind, partition)
    published_first = sorted(
        res.lake.versions(kind.name, partition),
        key=lambda item: current is None or item.manifest.sha256 != current.sha256,
    )
    return published_first[keep:]


def _surplus_versions(res: Resources, kind: TaxiType, partition: Partition, keep: int) -> list[str]:
    """Versions beyond the newest `keep` different contents; one that was loaded again by force is no other content."""
    published = res.warehouse.published(kind.table).get(partition)
    newest_first = list(reversed(res.warehouse.versions(kind.table, partition)))
    kept: set[str] = set()
    surplus = []
    for version in sorted(newest_first, key=lambda version: published is None or version != published.version):
        receipt = res.receipts.of_version(res.warehouse.target, kind.name, partition, version)
        content = receipt.sha256 if receipt else version
        if content in kept or len(kept) == keep:
            surplus.append(version)
        else:
            kept.add(content)
    return surplus
