"""Counting changed rows between two versions of a month: DuckDB over both streams, apart from any warehouse.

The streams may come from any target, so a receipt's counts mean the same everywhere. DuckDB keeps one hash per different
row; what exceeds the memory limit goes to disk.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pyarrow as pa

from taxi_pipelines.interfaces import Changes
from taxi_pipelines.warehouses import statements
from taxi_pipelines.warehouses.spill import spill_folder

_LIMITS = {"memory_limit": "256MB", "threads": 2, "preserve_insertion_order": False}
"""Enough for 45 M rows a side, twice the largest month; with half of it DuckDB gave up at 40 M. Two threads keep up with
what the streams deliver. The process stays near 500 MB whatever the month's size, as fast as with 512 MB (700 MB)."""


class DuckDBComparer:
    """A `Comparer` that spills into `temp_folder`, and leaves nothing there."""

    def __init__(self, temp_folder: Path) -> None:
        self._temp_folder = temp_folder

    def changes(self, old: pa.RecordBatchReader, new: pa.RecordBatchReader) -> Changes:
        """See `Comparer.changes`. Raises DiskFull, and whatever the streams raise."""
        import duckdb  # noqa: PLC0415 - slow to import, and most loads replace nothing

        from taxi_pipelines.warehouses.engine import translated  # noqa: PLC0415 - imports it, too

        failures: list[Exception] = []
        with (
            spill_folder(self._temp_folder) as spill,
            closing(duckdb.connect(config={**_LIMITS, "temp_directory": spill})) as connection,
        ):
            connection.register("old_rows", _watched(old, failures))
            connection.register("new_rows", _watched(new, failures))
            text = statements.changed_rows(_types(old.schema), _types(new.schema))
            try:
                counted = connection.execute(text).fetchall()
            except duckdb.Error as error:
                if failures:
                    raise failures[0] from error
                raise translated(error, self._temp_folder, "the two versions cannot be compared") from error
        ((added, removed),) = counted
        return Changes(added=added, removed=removed)


def _watched(reader: pa.RecordBatchReader, failures: list[Exception]) -> pa.RecordBatchReader:
    """The same stream; keeps the error it breaks off with, of which DuckDB would pass on the text only."""

    def batches() -> Iterator[pa.RecordBatch]:
        try:
            yield from reader
        except Exception as error:
            failures.append(error)
            raise

    return pa.RecordBatchReader.from_batches(reader.schema, batches())


def _types(schema: pa.Schema) -> dict[str, str]:
    return {field.name: str(field.type) for field in schema}
