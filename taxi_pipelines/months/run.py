"""Run: one month from the source to the target table, with its receipt.

Decides first: an unchanged month is answered before anything is locked or written. Otherwise, under the partition's
lock: extract, load to staging, check, count the changes, keep the receipt as staged, publish, settle the receipt. Readers see
the month before until `publish`; a crash after it is mended by the next `settle`, because the warehouse says which version
is published and the receipt of that version says the rest.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from functools import partial

import pyarrow as pa

from taxi_pipelines.domain.manifest import Offer
from taxi_pipelines.domain.month import Partition
from taxi_pipelines.domain.plan import PlannedAction, decide
from taxi_pipelines.domain.receipt import CheckResult, Receipt, RunAction
from taxi_pipelines.errors import (
    CheckFailed,
    InternalError,
    PipelineError,
    SchemaMismatch,
    SourceCorrupt,
    WarehouseCorrupt,
    WarehouseUnavailable,
)
from taxi_pipelines.interfaces import Changes, Failure, LakeObject
from taxi_pipelines.months.changes import Content, count_changes
from taxi_pipelines.months.extract import extract, find_offer
from taxi_pipelines.months.load import Staged, check, load
from taxi_pipelines.months.resources import Resources, Stopwatch
from taxi_pipelines.taxi.schemas import ADDRESS
from taxi_pipelines.taxi.types import TaxiType

RETRY_PAUSES = (1.0, 2.0, 4.0)
"""Seconds between attempts at a month whose warehouse went away."""


def run_month(
    res: Resources, kind: TaxiType, partition: Partition, *, force: bool = False, offer: Offer | None = None
) -> Receipt:
    """Brings the published month into the target table; the receipt says what that took. A plan hands on the offer it is of.

    Raises a PipelineError; the month then is as it was before, and why is kept for `status`. A source that cannot be asked, or
    does not have the month, is no failure of the month.
    """
    offer = offer or find_offer(res, kind, partition)
    try:
        receipt = _unchanged(res, kind, partition, offer) if not force else None
        receipt = receipt or _persistently(res, partial(_run_locked, res, kind, partition, offer, force=force))
    except PipelineError as error:
        _remember(res, kind, partition, error)
        raise
    except Exception as error:
        unforeseen = InternalError(
            f"{kind.name} {partition}: {type(error).__name__}: {error}", "run again with --debug"
        )
        _remember(res, kind, partition, unforeseen)
        raise unforeseen from error
    res.receipts.forget(res.warehouse.target, kind.name, partition)
    res.progress.done(kind.name, partition, _in_one_line(receipt))
    return receipt


def _persistently(res: Resources, attempt: Callable[[], Receipt]) -> Receipt:
    """Tries again, from taking the lock on, after the warehouse went away in the middle: a server restart takes seconds."""
    for pause in RETRY_PAUSES:
        try:
            return attempt()
        except WarehouseUnavailable as error:
            res.progress.say(f"{error.what}; trying again in {pause:g} s")
            time.sleep(pause)
    return attempt()


def current_receipt(res: Resources, kind: TaxiType, partition: Partition) -> Receipt | None:
    """The settled receipt of the version that readers see, None where there is none or its data is gone."""
    published = res.warehouse.published(kind.table).get(partition)
    if published is None or published.version not in res.warehouse.versions(kind.table, partition):
        return None
    return res.receipts.of_version(res.warehouse.target, kind.name, partition, published.version)


def settle(res: Resources, kind: TaxiType, partition: Partition) -> None:
    """Mends what a crash between publishing and settling left; to be called under the partition's lock."""
    published = res.warehouse.published(kind.table).get(partition)
    res.receipts.settle(res.warehouse.target, kind.name, partition, published.version if published else None)


def _unchanged(res: Resources, kind: TaxiType, partition: Partition, offer: Offer) -> Receipt | None:
    current = current_receipt(res, kind, partition)
    if current is None or decide(offer, current)[0] is not PlannedAction.SKIP:
        return None
    return _as_unchanged(res, current)


def _as_unchanged(res: Resources, current: Receipt) -> Receipt:
    now = res.clock()
    return replace(
        current,
        action=RunAction.UNCHANGED,
        added=0,
        removed=0,
        columns_added=(),
        started_at=now,
        finished_at=now,
        seconds=Stopwatch().seconds,
    )


def _run_locked(res: Resources, kind: TaxiType, partition: Partition, offer: Offer, *, force: bool) -> Receipt:
    if res.warehouse.locked(kind.table, [partition]):
        res.progress.say(f"{kind.name} {partition}  waiting for the run that is working on it")
    _sweep(res)
    with res.warehouse.lock(kind.table, partition):
        settle(res, kind, partition)
        done = None if force else _unchanged(res, kind, partition, offer)
        receipt = done or _extract_and_publish(res, kind, partition, offer, force=force)
    _sweep(res)  # again: whoever held the lock before may have died holding it
    return receipt


def _sweep(res: Resources) -> None:
    res.lake.sweep()
    res.warehouse.sweep()


def _extract_and_publish(res: Resources, kind: TaxiType, partition: Partition, offer: Offer, *, force: bool) -> Receipt:
    watch = Stopwatch()
    started_at = res.clock()
    with watch.step("extract"):
        item = extract(res, kind, partition, offer, anew=force)
    manifest = item.manifest
    current = current_receipt(res, kind, partition)
    same = current is not None and current.sha256 == manifest.sha256
    if current and same and not force:
        res.receipts.touch(current, manifest.etag, manifest.source_url)
        return _as_unchanged(res, replace(current, etag=manifest.etag, source_url=manifest.source_url))
    try:
        return publish_object(res, kind, item, watch, started_at)
    except (SourceCorrupt, SchemaMismatch, CheckFailed):
        if not same:
            res.lake.remove(item)  # it may have been damaged on the way: the next run fetches it anew
        raise


def publish_object(
    res: Resources,
    kind: TaxiType,
    item: LakeObject,
    watch: Stopwatch,
    started_at: datetime,
    action: RunAction | None = None,
) -> Receipt:
    """Load, check and merge of a file in the lake; to be called under the partition's lock."""
    partition = item.manifest.month
    version = f"{started_at:%Y%m%dT%H%M%S%f}-{item.manifest.sha256[:8]}"
    action = action or (RunAction.RELOADED if partition in res.warehouse.published(kind.table) else RunAction.LOADED)
    with ExitStack() as undo:
        undo.callback(res.warehouse.discard, kind.table, partition, version)
        with watch.step("load"):
            staged = load(res, kind, partition, item, version)
        with watch.step("check"):
            checks = check(res, kind, partition, staged)
        with watch.step("merge"):
            receipt = _receipt(res, kind, item, staged, checks, started_at, action)
            publish(res, kind, replace(receipt, seconds=watch.seconds))
        undo.pop_all()
    return replace(receipt, finished_at=res.clock(), seconds=watch.seconds)


def _receipt(
    res: Resources,
    kind: TaxiType,
    item: LakeObject,
    staged: Staged,
    checks: tuple[CheckResult, ...],
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
        rows=staged.profile.rows if staged.file_rows is None else staged.file_rows,
        rows_staged=staged.profile.rows,
        added=changes.added,
        removed=changes.removed,
        columns_added=_columns_gained(res, kind, staged.schema),
        checks=checks,
        schema_fingerprint=staged.fingerprint,
        target=res.warehouse.target,
        version=staged.version,
        started_at=started_at,
        finished_at=res.clock(),
    )


def publish(res: Resources, kind: TaxiType, receipt: Receipt) -> None:
    """Publishes the receipt's version in step with the receipt: staged, published, settled."""
    res.receipts.stage(receipt)
    res.warehouse.publish(kind, receipt.month, receipt.version)
    res.receipts.settle(receipt.target, kind.name, receipt.month, receipt.version)


def _changes(res: Resources, kind: TaxiType, item: LakeObject, staged: Staged) -> Changes:
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
    return Changes(added=staged.profile.rows, removed=0)


def _columns_gained(res: Resources, kind: TaxiType, schema: pa.Schema) -> tuple[str, ...]:
    always = [column.name for column in kind.schema.columns if not column.legacy]
    known = {
        name.lower() for name in (*res.warehouse.columns(kind.table), *always, *(column.name for column in ADDRESS))
    }
    return tuple(name for name in schema.names if name.lower() not in known)


def _remember(res: Resources, kind: TaxiType, partition: Partition, error: PipelineError) -> None:
    """Keeps why a month failed."""
    failure = Failure(type=kind.name, month=partition, code=error.code, message=str(error), failed_at=res.clock())
    try:
        res.receipts.fail(res.warehouse.target, failure)
    except PipelineError as second:
        error.add_note(f"the failure could not be kept either: {second}")


def _in_one_line(receipt: Receipt) -> str:
    if receipt.action is RunAction.UNCHANGED:
        return f"unchanged, {receipt.rows:,} rows"
    changes = f" (+{receipt.added:,} -{receipt.removed:,})" if receipt.action is not RunAction.LOADED else ""
    return f"{receipt.action} {receipt.rows:,} rows{changes} in {sum(receipt.seconds.values()):.1f} s"
