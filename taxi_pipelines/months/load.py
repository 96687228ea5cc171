"""Load: the lake's file → a staged version in the warehouse, cleaned, measured and checked, in constant memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa

from taxi_pipelines.domain.month import Month, Partition
from taxi_pipelines.domain.receipt import CheckResult, Severity
from taxi_pipelines.errors import CheckFailed
from taxi_pipelines.interfaces import Addresses, Lake, LakeObject
from taxi_pipelines.months.raw import open_raw
from taxi_pipelines.months.resources import Resources
from taxi_pipelines.taxi.checks import Bounds, Facts, Profile, evaluate
from taxi_pipelines.taxi.clean import Cleaner
from taxi_pipelines.taxi.schemas import schema_fingerprint
from taxi_pipelines.taxi.types import TaxiType


@dataclass(frozen=True, kw_only=True, slots=True)
class Cleaned:
    """A lake file being read as canonical rows, address included.

    `rows` and `bounds` (by canonical name) are what the file's own footer claims.
    """

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
    rows: int | None
    bounds: dict[str, Bounds]


@contextmanager
def open_cleaned(lake: Lake, kind: TaxiType, item: LakeObject) -> Iterator[Cleaned]:
    """Opens a lake file for cleaning. Raises SourceCorrupt or SchemaMismatch, also while the batches are read."""
    manifest = item.manifest
    with lake.open(item) as stream:
        raw = open_raw(stream, manifest.format, manifest.file_name)
        cleaner = Cleaner(kind, manifest.month, manifest.file_name, raw.schema)
        published = ((name, cleaner.published_name(name)) for name in cleaner.schema.names)
        bounds = {name: raw.bounds[there] for name, there in published if there is not None and there in raw.bounds}
        yield Cleaned(schema=cleaner.schema, batches=cleaner.clean_all(raw.batches), rows=raw.rows, bounds=bounds)


@dataclass(frozen=True, kw_only=True, slots=True)
class Staged:
    """A version that is written and measured but not yet published."""

    version: str
    schema: pa.Schema
    profile: Profile
    file_rows: int | None
    published_bounds: dict[str, Bounds]

    def checked(self, checks: tuple[CheckResult, ...]) -> StagedMonth:
        """What goes on to the merge."""
        return StagedMonth(
            version=self.version,
            rows=self.profile.rows,
            expected=self.file_rows,
            columns=tuple(self.schema.names),
            fingerprint=schema_fingerprint((field.name, str(field.type)) for field in self.schema),
            checks=checks,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class StagedMonth:
    """A version that has passed its checks: plain data, because another process may go on with it.

    `expected` is how many rows the file itself says it has, None for a CSV; `fingerprint` a mark of the columns' names and types.
    """

    version: str
    rows: int
    expected: int | None
    columns: tuple[str, ...]
    fingerprint: str
    checks: tuple[CheckResult, ...]


def load(res: Resources, kind: TaxiType, partition: Partition, item: LakeObject, version: str) -> Staged:
    """Stages the file's rows as that version. Raises SourceCorrupt, SchemaMismatch, DiskFull; the caller discards."""
    profile = Profile(kind, partition)
    advance = res.progress.step(kind.name, partition, "load", "rows")
    with open_cleaned(res.lake, kind, item) as cleaned:

        def measured() -> Iterator[pa.RecordBatch]:
            for batch in cleaned.batches:
                profile.observe(batch)
                advance(profile.rows, cleaned.rows)
                yield batch

        res.warehouse.stage(kind, partition, version, cleaned.schema, measured())
        return Staged(
            version=version,
            schema=cleaned.schema,
            profile=profile,
            file_rows=cleaned.rows,
            published_bounds=cleaned.bounds,
        )


def check(res: Resources, kind: TaxiType, partition: Partition, staged: Staged) -> tuple[CheckResult, ...]:
    """Every check's result on the staged version. Raises CheckFailed where one of severity `fail` did not pass."""
    addresses: Addresses = res.warehouse.addresses(kind.table, partition, staged.version)
    results = evaluate(
        Facts(
            kind=kind,
            profile=staged.profile,
            staged_rows=addresses.rows,
            gapless=addresses.gapless,
            file_rows=staged.file_rows,
            published=staged.published_bounds,
            neighbour_rows=_neighbour_rows(res, kind, partition),
        )
    )
    if failed := [result for result in results if not result.passed and result.severity is Severity.FAIL]:
        said = ", ".join(f"{result.name} = {result.value}" for result in failed)
        raise CheckFailed(
            f"{kind.name} {partition} failed its checks: {said}", "the month before it stays in place; look at the file"
        )
    return results


def _neighbour_rows(res: Resources, kind: TaxiType, partition: Partition) -> tuple[int, ...]:
    if not isinstance(partition, Month):
        return ()
    published = res.warehouse.published(kind.table)
    neighbours = (published.get(partition.plus(step)) for step in (-1, 1))
    return tuple(month.rows for month in neighbours if month)
