"""Run: one month from the source to the target table, with its receipt.

Decides first: an unchanged month is answered before anything is locked or written. Otherwise, under the partition's
lock: extract, load to staging, check, count the changes, keep the receipt as staged, publish, settle the receipt. Readers see
the month before until `publish`; a crash after it is mended by the next `settle`, because the warehouse says which version
is published and the receipt of that version says the rest.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TypeVar

from taxi_pipelines.domain.manifest import Offer
from taxi_pipelines.domain.month import Partition
from taxi_pipelines.domain.plan import PlannedAction, decide
from taxi_pipelines.domain.receipt import Receipt, RunAction
from taxi_pipelines.errors import (
    CheckFailed,
    InternalError,
    PipelineError,
    SchemaMismatch,
    SourceCorrupt,
    WarehouseUnavailable,
)
from taxi_pipelines.interfaces import Failure, LakeObject
from taxi_pipelines.months.extract import extract, find_offer
from taxi_pipelines.months.publish import publish_object
from taxi_pipelines.months.resources import Resources, Stopwatch
from taxi_pipelines.taxi.types import TaxiType

T = TypeVar("T")

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
    with remembering(res, kind, partition):
        receipt = unchanged(res, kind, partition, offer) if not force else None
        receipt = receipt or persistently(res, partial(_run_locked, res, kind, partition, offer, force=force))
    succeeded(res, kind, receipt)
    return receipt


@contextmanager
def remembering(res: Resources, kind: TaxiType, partition: Partition) -> Iterator[None]:
    """Keeps why a month failed, for `status`; an error nobody foresaw becomes an InternalError."""
    try:
        yield
    except PipelineError as error:
        _remember(res, kind, partition, error)
        raise
    except Exception as error:
        unforeseen = InternalError(
            f"{kind.name} {partition}: {type(error).__name__}: {error}", "run again with --debug"
        )
        _remember(res, kind, partition, unforeseen)
        raise unforeseen from error


def succeeded(res: Resources, kind: TaxiType, receipt: Receipt) -> None:
    """Forgets why the month failed before, and says what was done."""
    res.receipts.forget(res.warehouse.target, kind.name, receipt.month)
    res.progress.done(kind.name, receipt.month, _in_one_line(receipt))


def persistently(res: Resources, attempt: Callable[[], T]) -> T:
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


def unchanged(res: Resources, kind: TaxiType, partition: Partition, offer: Offer) -> Receipt | None:
    """The receipt of what is published, where that is the very file on offer."""
    current = current_receipt(res, kind, partition)
    if current is None or decide(offer, current)[0] is not PlannedAction.SKIP:
        return None
    return as_unchanged(res, current)


def as_unchanged(res: Resources, current: Receipt) -> Receipt:
    """The receipt of a run that found nothing to do."""
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
        done = None if force else unchanged(res, kind, partition, offer)
        receipt = done or _extract_and_publish(res, kind, partition, offer, force=force)
    _sweep(res)  # again: whoever held the lock before may have died holding it
    return receipt


def _sweep(res: Resources) -> None:
    """Removes what dead processes left in lake and warehouse."""
    res.lake.sweep()
    res.warehouse.sweep()


def _extract_and_publish(res: Resources, kind: TaxiType, partition: Partition, offer: Offer, *, force: bool) -> Receipt:
    watch = Stopwatch()
    started_at = res.clock()
    with watch.step("extract"):
        item = extract(res, kind, partition, offer, anew=force)
    if not force and (same := same_content(res, kind, item)):
        return same
    with distrusting(res, kind, item):
        return publish_object(res, kind, item, watch, started_at)


def same_content(res: Resources, kind: TaxiType, item: LakeObject) -> Receipt | None:
    """The receipt of what is published, where that is the content of the lake's file: it is noted where this is offered now."""
    manifest = item.manifest
    current = current_receipt(res, kind, manifest.month)
    if current is None or current.sha256 != manifest.sha256:
        return None
    res.receipts.touch(current, manifest.etag, manifest.source_url)
    return as_unchanged(res, replace(current, etag=manifest.etag, source_url=manifest.source_url))


@contextmanager
def distrusting(res: Resources, kind: TaxiType, item: LakeObject) -> Iterator[None]:
    """Removes the lake's file where it does not load: it may have been damaged on the way, the next run fetches it anew."""
    try:
        yield
    except (SourceCorrupt, SchemaMismatch, CheckFailed):
        current = current_receipt(res, kind, item.manifest.month)
        if current is None or current.sha256 != item.manifest.sha256:
            res.lake.remove(item)
        raise


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
