"""Streaming record batches into a Parquet file, in memory that does not grow with it.

A file has one row group, as published, up to 2 M rows; larger ones have row groups of 500,000 rows, so that writing
20 M rows takes no more memory than writing 2 M.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from taxi_pipelines.synthetic.epochs import ParquetFacts

ROWS_OF_ONE_GROUP = 2_000_000
GROUP_ROWS = 500_000


def write_parquet(
    path: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch], rows: int, facts: ParquetFacts
) -> None:
    """Streams `rows` rows in all into a file with the row groups said above."""
    size = rows if rows <= ROWS_OF_ONE_GROUP else GROUP_ROWS
    how = {"compression": facts.compression, "compression_level": facts.compression_level, "version": facts.version}
    with pq.ParquetWriter(path, schema, **how) as writer:
        for group in _groups(batches, size):
            writer.write_table(pa.Table.from_batches(group, schema), row_group_size=size)


def _groups(batches: Iterable[pa.RecordBatch], size: int) -> Iterator[list[pa.RecordBatch]]:
    group: list[pa.RecordBatch] = []
    missing = size
    for batch in batches:
        while batch.num_rows >= missing > 0:
            yield [*group, batch.slice(0, missing)]
            batch, group, missing = batch.slice(missing), [], size
        if batch.num_rows:
            group.append(batch)
            missing -= batch.num_rows
    if group:
        yield group
