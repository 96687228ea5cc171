"""A month in steps, each of which may be a process of its own: extract, load, merge, check. `run` does the first three at once.

What a step hands to the next is plain data. A step holds the partition's lock for itself alone, so that between two of them
anything may happen: another run publishes the month, a sweep takes what was staged, a prune the lake's file. Each step looks
first, does again what is gone, and leaves alone what others have done since. So each may be repeated, wherever it was killed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial

from taxi_pipelines.domain.month import Partition
from taxi_pipelines.domain.receipt import CheckResult, Receipt, Severity
from taxi_pipelines.errors import CheckFailed, NotLoaded, PipelineError, WarehouseCorrupt
from taxi_pipelines.interfaces import Addresses, LakeObject
from taxi_pipelines.months.extract import extract, find_offer
from taxi_pipelines.months.load import StagedMonth
from taxi_pipelines.months.publish import discarding_on_failure, publish_object, publish_staged, stage, version_of
from taxi_pipelines.months.resources import Resources, Stopwatch
from taxi_pipelines.months.run import (
    as_unchanged,
    current_receipt,
    distrusting,
    persistently,
    remembering,
    same_content,
    settle,
    succeeded,
    unchanged,
)
from taxi_pipelines.taxi.types import TaxiType


@dataclass(frozen=True, kw_only=True, slots=True)
class Extracted:
    """The published file. `at`: when the source was asked for it; `unchanged`: the table has it already; `uri`: where it lies in
    the lake, None where an unchanged one is no longer there."""

    taxi: str
    month: str
    uri: str | None
    url: str
    sha256: str
    bytes: int
    at: datetime
    unchanged: bool
    forced: bool
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """A file and the version that was staged of it; None where there is nothing to merge."""

    file: Extracted
    staged: StagedMonth | None
    seconds: dict[str, float] = field(default_factory=dict)


def extract_month(res: Resources, kind: TaxiType, partition: Partition, *, force: bool = False) -> Extracted:
    """Brings the published file into the lake, if it is not what the table holds anyway."""
    at = res.clock()
    offer = find_offer(res, kind, partition)
    with remembering(res, kind, partition):
        if not force and (current := unchanged(res, kind, partition, offer)):
            return _unchanged(res, kind, current, at)
        watch = Stopwatch()
        res.lake.sweep()
        with res.warehouse.lock(kind.table, partition), watch.step("extract"):
            item = extract(res, kind, partition, offer, anew=force)
            same = None if force else same_content(res, kind, item)
    if same:
        return _unchanged(res, kind, same, at)
    manifest = item.manifest
    res.progress.done(kind.name, partition, f"{manifest.bytes:,} bytes in the lake")
    return Extracted(
        taxi=kind.name,
        month=str(partition),
        uri=item.location,
        url=manifest.source_url,
        sha256=manifest.sha256,
        bytes=manifest.bytes,
        at=at,
        unchanged=False,
        forced=force,
        seconds=watch.seconds["extract"],
    )


def _unchanged(res: Resources, kind: TaxiType, current: Receipt, at: datetime) -> Extracted:
    item = res.lake.find(kind.name, current.month, current.sha256)
    res.progress.done(kind.name, current.month, "unchanged")
    return Extracted(
        taxi=kind.name,
        month=str(current.month),
        uri=item.location if item else None,
        url=current.source_url,
        sha256=current.sha256,
        bytes=current.bytes,
        at=at,
        unchanged=True,
        forced=False,
        seconds=0.0,
    )


def load_month(res: Resources, kind: TaxiType, file: Extracted) -> Loaded:
    """Cleans the lake's file into a version that nobody sees yet, and checks that."""
    if file.unchanged:
        return Loaded(file=file, staged=None)
    partition = kind.partition(file.month)
    with remembering(res, kind, partition):
        loaded = persistently(res, partial(_load_locked, res, kind, file))
    if loaded.staged:
        res.progress.done(kind.name, partition, f"{loaded.staged.rows:,} rows staged and checked")
    return loaded


def _load_locked(res: Resources, kind: TaxiType, file: Extracted) -> Loaded:
    partition = kind.partition(file.month)
    watch = Stopwatch()
    res.warehouse.sweep((kind.table, partition))  # of this month only: others may be between two steps
    with res.warehouse.lock(kind.table, partition):
        settle(res, kind, partition)
        item = _lake_object(res, kind, file)
        if not file.forced and same_content(res, kind, item):
            return Loaded(file=file, staged=None)
        version = version_of(item, res.clock())
        with distrusting(res, kind, item), discarding_on_failure(res, kind, item, version):
            return Loaded(file=file, staged=stage(res, kind, item, version, watch), seconds=watch.seconds)


def _lake_object(res: Resources, kind: TaxiType, file: Extracted) -> LakeObject:
    """The file in the lake; where it is gone, what is published now."""
    partition = kind.partition(file.month)
    item = res.lake.find(kind.name, partition, file.sha256)
    return item or extract(res, kind, partition, find_offer(res, kind, partition))


def merge_month(res: Resources, kind: TaxiType, loaded: Loaded) -> Receipt:
    """Publishes what was staged, after proving once more that it is whole; the receipt says what that changed."""
    partition = kind.partition(loaded.file.month)
    with remembering(res, kind, partition):
        receipt = persistently(res, partial(_merge_locked, res, kind, loaded))
    succeeded(res, kind, receipt)
    return receipt


def _merge_locked(res: Resources, kind: TaxiType, loaded: Loaded) -> Receipt:
    partition = kind.partition(loaded.file.month)
    with res.warehouse.lock(kind.table, partition):
        settle(res, kind, partition)
        current = current_receipt(res, kind, partition)
        if current and loaded.staged and current.version == loaded.staged.version:
            return current  # merged before, by an attempt that could not say so any more
        stays = current is not None and _is_settled(res, loaded, current)
        receipt = as_unchanged(res, current) if current and stays else _publish(res, kind, loaded)
    res.warehouse.sweep((kind.table, partition))
    return receipt


def _is_settled(res: Resources, loaded: Loaded, current: Receipt) -> bool:
    """Whether the published version is to stay: it is of the same content, or of a file that was asked for later."""
    file = loaded.file
    if current.sha256 == file.sha256:
        return not file.forced
    later = current.started_at > file.at
    if later:
        res.progress.say(f"{file.taxi} {file.month}  a later run has published the month meanwhile; that stays")
    return later


def _publish(res: Resources, kind: TaxiType, loaded: Loaded) -> Receipt:
    item = _lake_object(res, kind, loaded.file)
    staged, started_at = loaded.staged, loaded.file.at
    watch = Stopwatch()
    watch.seconds |= {"extract": loaded.file.seconds}
    if staged is None or item.manifest.sha256 != loaded.file.sha256 or not _is_whole(res, kind, item, staged):
        with distrusting(res, kind, item):
            return publish_object(res, kind, item, watch, res.clock())
    watch.seconds |= {name: loaded.seconds[name] for name in ("load", "check")}
    with discarding_on_failure(res, kind, item, staged.version):
        return publish_staged(res, kind, item, staged, watch, started_at)


def _is_whole(res: Resources, kind: TaxiType, item: LakeObject, staged: StagedMonth) -> bool:
    """Whether the staged version is still there, with all its rows; a sweep takes what nobody holds a lock for."""
    partition = item.manifest.month
    try:
        there = res.warehouse.addresses(kind.table, partition, staged.version)
    except WarehouseCorrupt:
        there = None
    if there and there.gapless and there.rows == staged.rows:
        return True
    res.progress.say(f"{kind.name} {partition}  what was staged is gone; staging it again")
    res.warehouse.discard(kind.table, partition, staged.version)
    return False


def check_month(res: Resources, kind: TaxiType, partition: Partition) -> tuple[Receipt, tuple[CheckResult, ...]]:
    """Proves the published month against its receipt and the lake, without reading its rows' values: `verify` does that.

    Raises NotLoaded, and CheckFailed naming what does not agree.
    """
    with res.warehouse.lock(kind.table, partition):  # nobody replaces the version while it is looked at
        receipt = current_receipt(res, kind, partition)
        if receipt is None:
            raise NotLoaded(f"{kind.name} {partition} is not loaded", f"run: taxi run {kind.name} {partition}")
        there = res.warehouse.addresses(kind.table, partition, receipt.version)
    results = (*_table_checks(receipt, there), _lake_check(res, kind, receipt))
    if failed := [result for result in results if not result.passed]:
        said = ", ".join(f"{result.name} = {result.value}" for result in failed)
        raise CheckFailed(
            f"{kind.name} {partition} is not what its receipt says: {said}", f"run: taxi verify {kind.name} {partition}"
        )
    res.progress.done(kind.name, partition, f"{there.rows:,} rows, as the receipt and the lake say")
    return receipt, results


def _table_checks(receipt: Receipt, there: Addresses) -> tuple[CheckResult, ...]:
    rows = there.rows == receipt.rows_staged == receipt.rows
    return (
        CheckResult(name="rows", severity=Severity.FAIL, passed=rows, value=there.rows),
        CheckResult(
            name="addresses_gapless",
            severity=Severity.FAIL,
            passed=there.gapless,
            value="yes" if there.gapless else "no",
        ),
    )


def _lake_check(res: Resources, kind: TaxiType, receipt: Receipt) -> CheckResult:
    """Whether the file that the month was made of is in the lake, unharmed."""
    item = res.lake.find(kind.name, receipt.month, receipt.sha256)
    result = CheckResult(name="lake_file", severity=Severity.FAIL, passed=True, value=receipt.sha256[:12])
    if item is None:
        return replace(result, passed=False, value="gone")
    try:
        res.lake.check(item)
    except PipelineError as error:
        return replace(result, passed=False, value=error.what)
    return result
