"""A published Parquet file as the TLC might publish it again: rows edited, deleted and added, exactly so many.

Exact by construction: every new or edited row gets, in one column, a value that stands nowhere in the old file. It can
therefore equal no old row, and the difference of the two files as multisets of rows is known without comparing them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from taxi_pipelines.errors import UsageError
from taxi_pipelines.synthetic.epochs import ParquetFacts
from taxi_pipelines.synthetic.parquet import write_parquet
from taxi_pipelines.synthetic.tables import BATCH_ROWS

MARKED = ("total_amount", "Total_Amt", "driver_pay", "pickup_datetime")
"""Columns that can take a fresh value, best first: some money by a fraction of a cent, a time by microseconds."""

Values = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class RepublishedCounts:
    """The multiset difference of the new file's rows and the old one's, and back."""

    added: int
    removed: int


@dataclass(frozen=True, kw_only=True, slots=True)
class _Changes:
    """By place in the old file: whether the row stays, whether it is edited, how many altered copies follow it."""

    kept: npt.NDArray[np.bool_]
    edited: npt.NDArray[np.bool_]
    copies: npt.NDArray[np.int64]


def republish(path: Path, *, edited: int, deleted: int, added: int, seed: int = 0) -> RepublishedCounts:
    """Rewrites the file in place, in its own Parquet format, with so many of its rows changed. New rows stand anywhere.

    Raises UsageError where the file has fewer rows than are to be edited and deleted, or none to take new rows from.
    """
    with pq.ParquetFile(path) as file:
        rows, schema, facts = file.metadata.num_rows, file.schema_arrow, _facts(file)
        if edited + deleted > rows or (added and not rows):
            raise UsageError(
                f"{path.name} has only {rows} rows",
                f"edit and delete fewer than {edited + deleted}, add to a file that has rows",
            )
        column = next(name for name in MARKED if name in schema.names)
        old = np.unique(_plain(file.read(columns=[column]).column(0).combine_chunks()))
        changes = _choose(rows, edited, deleted, added, np.random.default_rng(seed))
        target = path.with_suffix(".republished")
        write_parquet(target, schema, _revised(file, changes, column, old), rows - deleted + added, facts)
    target.replace(path)
    return RepublishedCounts(added=edited + added, removed=edited + deleted)


def _facts(file: pq.ParquetFile) -> ParquetFacts:
    metadata = file.metadata
    compression = metadata.row_group(0).column(0).compression if metadata.num_row_groups else "ZSTD"
    return ParquetFacts(compression=compression.lower(), version=metadata.format_version)


def _choose(rows: int, edited: int, deleted: int, added: int, rng: np.random.Generator) -> _Changes:
    changes = _Changes(kept=np.ones(rows, np.bool_), edited=np.zeros(rows, np.bool_), copies=np.zeros(rows, np.int64))
    chosen = rng.choice(rows, edited + deleted, replace=False) if rows else np.zeros(0, np.int64)
    changes.edited[chosen[:edited]] = True
    changes.kept[chosen[edited:]] = False
    if added:
        np.add.at(changes.copies, rng.integers(0, rows, added), 1)
    return changes


def _revised(file: pq.ParquetFile, changes: _Changes, column: str, old: Values) -> Iterator[pa.RecordBatch]:
    first = 0
    for batch in file.iter_batches(batch_size=BATCH_ROWS):
        here = slice(first, first + batch.num_rows)
        kept, edited = changes.kept[here], changes.edited[here]
        times = kept + changes.copies[here]
        origin = np.repeat(np.arange(batch.num_rows), times)
        place = np.arange(len(origin)) - np.repeat(np.cumsum(times) - times, times)
        fresh = np.where(place == 0, ~kept[origin] | edited[origin], True)
        yield _freshen(batch.take(pa.array(origin)), fresh, column, old)
        first += batch.num_rows


def _freshen(batch: pa.RecordBatch, fresh: npt.NDArray[np.bool_], column: str, old: Values) -> pa.RecordBatch:
    """The batch with values no old row has where `fresh` says so."""
    index = batch.schema.get_field_index(column)
    before = batch.column(index)
    values = _plain(before)
    step = 1 if values.dtype == np.int64 else 0.001
    taken = fresh.copy()
    while taken.any():
        values = np.where(taken, values + step, values)
        taken &= _among(values, old)
    after = pa.array(values).cast(before.type)
    mixed = pc.if_else(pa.array(fresh), after, before)
    return batch.set_column(index, batch.schema.field(index), mixed)


def _plain(column: pa.Array) -> Values:
    """Money as it is, times in microseconds; null as 0."""
    plain = column.cast(pa.int64()) if pa.types.is_timestamp(column.type) else column
    values: Values = pc.fill_null(plain, 0).to_numpy(zero_copy_only=False)
    return values


def _among(values: Values, known: Values) -> npt.NDArray[np.bool_]:
    """Whether each value is one of the sorted `known`."""
    place = np.minimum(np.searchsorted(known, values), len(known) - 1)
    found: npt.NDArray[np.bool_] = known[place] == values
    return found
