"""Verify: proves the row contract again, row by row on the row's address, from the lake's file and the target table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from taxi_pipelines.domain.month import Partition
from taxi_pipelines.domain.outcome import Difference, Verification
from taxi_pipelines.errors import LakeCorrupt, NotLoaded, PipelineError
from taxi_pipelines.interfaces import Advance, LakeObject
from taxi_pipelines.months.load import open_cleaned
from taxi_pipelines.months.resources import Resources
from taxi_pipelines.taxi.schemas import SOURCE_ROW
from taxi_pipelines.taxi.types import TaxiType

SHOWN = 20
"""Differences listed at most; all are counted."""


def verify_month(res: Resources, kind: TaxiType, partition: Partition) -> Verification:
    """Compares every published value. Raises NotLoaded; what cannot be read is a difference, not a crash."""
    published = res.warehouse.published(kind.table).get(partition)
    if published is None:
        raise NotLoaded(f"{kind.name} {partition} is not loaded", f"run: taxi run {kind.name} {partition}")
    comparison = Comparison(advance=res.progress.step(kind.name, partition, "verify", "rows"), rows=published.rows)
    unproven = None
    try:
        item = _lake_object(res, kind, partition, published.version)
        res.lake.check(item)
        with open_cleaned(res.lake, kind, item) as cleaned:
            comparison.run(cleaned.batches, res.warehouse.read(kind.table, partition, published.version))
    except PipelineError as error:
        unproven = str(error)
    result = Verification(
        type=kind.name,
        month=partition,
        rows_source=comparison.rows_source,
        rows_target=comparison.rows_target,
        differing_rows=comparison.differing_rows,
        differences=tuple(sorted(comparison.differences, key=lambda difference: difference.source_row or 0)),
        unproven=unproven,
    )
    res.progress.done(kind.name, partition, "proven" if result.ok else "cannot be proven" if unproven else "differs")
    return result


def _lake_object(res: Resources, kind: TaxiType, partition: Partition, version: str) -> LakeObject:
    receipt = res.receipts.of_version(res.warehouse.target, kind.name, partition, version)
    item = res.lake.find(kind.name, partition, receipt.sha256) if receipt else None
    if item is None:
        what = "the published file is not in the lake" if receipt else "there is no receipt of the published version"
        raise LakeCorrupt(f"{what}, so nothing can be proven", f"run: taxi run {kind.name} {partition} --force")
    return item


@dataclass(slots=True)
class Comparison:
    """Walks file and table side by side, both in the order of their addresses, in blocks of the file's batches."""

    advance: Advance = lambda done, total: None
    rows: int | None = None
    rows_source: int = 0
    rows_target: int = 0
    differing_rows: int = 0
    differences: list[Difference] = field(default_factory=list)

    def note(self, difference: Difference) -> None:
        """Keeps a difference, as long as the list is short."""
        if len(self.differences) < SHOWN:
            self.differences.append(difference)

    def run(self, expected: Iterator[pa.RecordBatch], actual: Iterator[pa.RecordBatch]) -> None:
        """Compares two streams of rows."""
        rest = _Rest(actual)
        for batch in expected:
            self.rows_source += batch.num_rows
            found = rest.up_to(self.rows_source)
            self.rows_target += found.num_rows
            self._block(batch, found)
            self.advance(self.rows_source, self.rows)
        for batch in rest.all():
            self.rows_target += batch.num_rows
            self._too_many(batch.column(SOURCE_ROW))

    def _block(self, expected: pa.RecordBatch, found: pa.RecordBatch | pa.Table) -> None:
        expected_table = pa.Table.from_batches([expected])
        wanted, there = expected_table[SOURCE_ROW].combine_chunks(), found[SOURCE_ROW].combine_chunks()
        if not wanted.equals(there):
            places = pc.index_in(wanted, value_set=there)
            for row in wanted.filter(pc.is_null(places)).to_pylist():
                self.differing_rows += 1
                self.note(Difference(what="missing in the table", source_row=row))
            known = pc.is_in(there, value_set=wanted)
            repeated = len(there) - pc.count_distinct(there).as_py()
            if repeated:
                self.differing_rows += repeated
                self.note(Difference(what=f"{repeated} rows of the table repeat an address"))
            self._too_many(there.filter(pc.invert(known)))
            expected_table = expected_table.filter(pc.is_valid(places))
            found = found.take(places.drop_null())
        self._values(expected_table, found)

    def _values(self, expected: pa.Table, found: pa.Table) -> None:
        wrong = pa.array([False] * 0)
        for name in expected.schema.names:
            if name not in found.schema.names:
                self.differing_rows += expected.num_rows
                self.note(Difference(what=f"the table has no column {name}"))
                continue
            left, right = expected[name].combine_chunks(), found[name].combine_chunks()
            if left.equals(right):
                continue
            unequal = _unequal(left, right)
            wrong = unequal if not len(wrong) else pc.or_(wrong, unequal)
            self._note_values(name, expected, left, right, unequal)
        self.differing_rows += wrong.true_count if len(wrong) else 0
        for name in set(found.schema.names) - set(expected.schema.names):
            if found[name].null_count < found.num_rows:
                self.differing_rows += found.num_rows - found[name].null_count
                self.note(Difference(what=f"the table has values in {name}, a column that the file lacks"))

    def _note_values(self, name: str, expected: pa.Table, left: pa.Array, right: pa.Array, unequal: pa.Array) -> None:
        for index in pc.indices_nonzero(unequal)[: SHOWN - len(self.differences)].to_pylist():
            self.note(
                Difference(
                    what="differs",
                    source_row=expected[SOURCE_ROW][index].as_py(),
                    column=name,
                    in_file=_shown(left[index]),
                    in_table=_shown(right[index]),
                )
            )

    def _too_many(self, rows: pa.Array) -> None:
        self.differing_rows += len(rows)
        for row in rows[: max(0, SHOWN - len(self.differences))].to_pylist():
            self.note(Difference(what="not in the file", source_row=row))


def _shown(value: pa.Scalar) -> str:
    try:
        return str(value.as_py())
    except OverflowError:  # a time beyond what a Python datetime can hold
        return str(value.cast(pa.string()))


def _unequal(left: pa.Array, right: pa.Array) -> pa.Array:
    """Where two columns differ; null equals null, and NaN equals NaN."""
    if left.type != right.type:
        right = right.cast(left.type)
    nulls = pc.xor(pc.is_null(left), pc.is_null(right))
    values = pc.fill_null(pc.not_equal(left, right), False)
    if pa.types.is_floating(left.type):
        both_nan = pc.and_(pc.fill_null(pc.is_nan(left), False), pc.fill_null(pc.is_nan(right), False))
        values = pc.and_not(values, both_nan)
    return pc.or_(nulls, values)


class _Rest:
    """The table's stream, taken up to an address at a time. Rows without an address come with whatever is asked next."""

    def __init__(self, batches: Iterator[pa.RecordBatch]) -> None:
        self._batches = batches
        self._held: pa.RecordBatch | None = next(batches, None)
        self._schema = self._held.schema if self._held is not None else pa.schema([(SOURCE_ROW, pa.int64())])

    def up_to(self, address: int) -> pa.Table:
        """The rows whose address is at most that."""
        taken = []
        while self._held is not None:
            inside = pc.fill_null(pc.less_equal(self._held.column(SOURCE_ROW), address), True)
            count = inside.true_count
            taken.append(self._held.slice(0, count))
            if count < self._held.num_rows:
                self._held = self._held.slice(count)
                break
            self._held = next(self._batches, None)
        return pa.Table.from_batches(taken, schema=self._schema)

    def all(self) -> Iterator[pa.RecordBatch]:
        """What is left."""
        while self._held is not None:
            yield self._held
            self._held = next(self._batches, None)
