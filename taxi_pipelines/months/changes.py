"""What a republication changed: the rows added and removed between two versions of a month, whatever their places in the file.

Both versions are read from the lake's files, cleaned alike, so that it costs and means the same for every target; a version
whose file the lake has lost is read from the warehouse.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa

from taxi_pipelines.domain.month import Partition
from taxi_pipelines.errors import LakeCorrupt
from taxi_pipelines.interfaces import Changes
from taxi_pipelines.months.load import open_cleaned
from taxi_pipelines.months.resources import Resources
from taxi_pipelines.taxi.schemas import ADDRESS
from taxi_pipelines.taxi.types import TaxiType

_ADDRESS = [column.name for column in ADDRESS]


@dataclass(frozen=True, kw_only=True, slots=True)
class Content:
    """A version in the warehouse, and the hash of the published file it was made of; None where no receipt says."""

    version: str
    sha256: str | None


def count_changes(res: Resources, kind: TaxiType, partition: Partition, old: Content, new: Content) -> Changes:
    """Rows added and removed. Raises WarehouseCorrupt where a version can be read nowhere."""
    with _rows(res, kind, partition, old) as before, _rows(res, kind, partition, new) as after:
        return res.comparer.changes(before, after)


@contextmanager
def _rows(res: Resources, kind: TaxiType, partition: Partition, content: Content) -> Iterator[pa.RecordBatchReader]:
    item = res.lake.find(kind.name, partition, content.sha256) if content.sha256 else None
    try:
        if item:
            res.lake.check(item)
    except LakeCorrupt as error:
        res.progress.say(f"{error.what}; reading the table instead")
        item = None
    if item is None:
        yield _from_warehouse(res, kind, partition, content.version)
        return
    with open_cleaned(res.lake, kind, item) as cleaned:
        yield _without_address(cleaned.schema, cleaned.batches)


def _from_warehouse(res: Resources, kind: TaxiType, partition: Partition, version: str) -> pa.RecordBatchReader:
    batches = res.warehouse.read(kind.table, partition, version)
    first = next(batches)

    def all_of_them() -> Iterator[pa.RecordBatch]:
        yield first
        yield from batches

    return _without_address(first.schema, all_of_them())


def _without_address(schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> pa.RecordBatchReader:
    kept = pa.schema([field for field in schema if field.name not in _ADDRESS])
    return pa.RecordBatchReader.from_batches(kept, (batch.select(kept.names) for batch in batches))
