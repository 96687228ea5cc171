"""Publish: a file in the lake → the version that readers see, with its receipt. All of it under the partition's lock.

Apart from `run`, because a step of a flow and a rollback publish, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime

from taxi_pipelines.domain.receipt import Receipt, RunAction
from taxi_pipelines.errors import WarehouseCorrupt
from taxi_pipelines.interfaces import Changes, LakeObject
from taxi_pipelines.months.changes import Content, count_changes
from taxi_pipelines.months.load import StagedMonth, check, load
from taxi_pipelines.months.resources import Resources, Stopwatch
from taxi_pipelines.taxi.schemas import ADDRESS
from taxi_pipelines.taxi.types import TaxiType


def publish_object(
    res: Resources,
    kind: TaxiType,
    item: LakeObject,
    watch: Stopwatch,
    started_at: datetime,
    action: RunAction | None = None,
) -> Receipt:
    """Load, check and merge of a file in the lake; to be called under the partition's lock."""
    version = version_of(item, started_at)
    with discarding_on_failure(res, kind, item, version):
        staged = stage(res, kind, item, version, watch)
        return publish_staged(res, kind, item, staged, watch, started_at, action)


def version_of(item: LakeObject, at: datetime) -> str:
    """The name of a version that is made of the file from then on; names sort by time."""
    return f"{at:%Y%m%dT%H%M%S%f}-{item.manifest.sha256[:8]}"


@contextmanager
def discarding_on_failure(res: Resources, kind: TaxiType, item: LakeObject, version: str) -> Iterator[None]:
    """Nothing staged is left behind by what goes wrong inside."""
    with ExitStack() as undo:
        undo.callback(res.warehouse.discard, kind.table, item.manifest.month, version)
        yield
        undo.pop_all()


def stage(res: Resources, kind: TaxiType, item: LakeObject, version: str, watch: Stopwatch) -> StagedMonth:
    """Loads the lake's file into a version of its own, and checks that."""
    partition = item.manifest.month
    with watch.step("load"):
        staged = load(res, kind, partition, item, version)
    with watch.step("check"):
        return staged.checked(check(res, kind, partition, staged))


def publish_staged(
    res: Resources,
    kind: TaxiType,
    item: LakeObject,
    staged: StagedMonth,
    watch: Stopwatch,
    started_at: datetime,
    action: RunAction | None = None,
) -> Receipt:
    """Merges a version that has passed its checks; `seconds` of the steps before are the watch's."""
    there = item.manifest.month in res.warehouse.published(kind.table)
    action = action or (RunAction.RELOADED if there else RunAction.LOADED)
    with watch.step("merge"):
        receipt = _receipt(res, kind, item, staged, started_at, action)
        publish(res, kind, replace(receipt, seconds=watch.seconds))
    return replace(receipt, finished_at=res.clock(), seconds=watch.seconds)


def _receipt(
    res: Resources,
    kind: TaxiType,
    item: LakeObject,
    staged: StagedMonth,
    started_at: datetime,
    action: RunAction,
) -> Receipt:
    """The receipt of a staged version that is about to be published."""
    manifest = item.manifest
    changes = _changes(res, kind, item, staged)
    return Receipt(
        type=kind.name,
        month=manifest.month,
        action=action,
        source_url=manifest.source_url,
        etag=manifest.etag,
        sha256=manifest.sha256,
        bytes=manifest.bytes,
        rows=staged.rows if staged.expected is None else staged.expected,
        rows_staged=staged.rows,
        added=changes.added,
        removed=changes.removed,
        columns_added=_columns_gained(res, kind, staged.columns),
        checks=staged.checks,
        schema_fingerprint=staged.fingerprint,
        target=res.warehouse.target,
        version=staged.version,
        started_at=started_at,
        finished_at=res.clock(),
        execution_id=res.execution_id,
    )


def publish(res: Resources, kind: TaxiType, receipt: Receipt) -> None:
    """Publishes the receipt's version in step with the receipt: staged, published, settled."""
    res.receipts.stage(receipt)
    res.warehouse.publish(kind, receipt.month, receipt.version)
    res.receipts.settle(receipt.target, kind.name, receipt.month, receipt.version)


def _changes(res: Resources, kind: TaxiType, item: LakeObject, staged: StagedMonth) -> Changes:
    """Against the version before; where that is gone or cannot be read, all rows count as added."""
    partition = item.manifest.month
    before = res.warehouse.published(kind.table).get(partition)
    if before is not None and before.version in res.warehouse.versions(kind.table, partition):
        receipt = res.receipts.of_version(res.warehouse.target, kind.name, partition, before.version)
        old = Content(version=before.version, sha256=receipt.sha256 if receipt else None)
        new = Content(version=staged.version, sha256=item.manifest.sha256)
        try:
            return count_changes(res, kind, partition, old, new)
        except WarehouseCorrupt as error:
            res.progress.say(f"{error.what}; it is replaced, its rows cannot be compared")
    return Changes(added=staged.rows, removed=0)


def _columns_gained(res: Resources, kind: TaxiType, columns: Sequence[str]) -> tuple[str, ...]:
    always = [column.name for column in kind.schema.columns if not column.legacy]
    known = {
        name.lower() for name in (*res.warehouse.columns(kind.table), *always, *(column.name for column in ADDRESS))
    }
    return tuple(name for name in columns if name.lower() not in known)
