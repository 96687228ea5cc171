"""DuckDB as an engine over Parquet files: one statement over views, the rare sort, and its errors in our words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pyarrow as pa

from taxi_pipelines.errors import DiskFull, PipelineError, QueryFailed, WarehouseCorrupt
from taxi_pipelines.warehouses import statements
from taxi_pipelines.warehouses.parquet import READ_BATCH, ROW_ADDRESS, read_footer
from taxi_pipelines.warehouses.spill import spill_folder

_SORT_MEMORY = "1GB"


def said(error: Exception) -> str:
    """The engine's message without its drawing of the statement, on one line."""
    return " ".join(str(error).split("\n\n")[0].split())


def translated(error: Exception, place: Path, what: str) -> PipelineError:
    """The error to raise where the engine failed at our own work on files at `place`."""
    if "No space left" in str(error):
        return DiskFull(f"no space left on the disk of {place}", "free some space and run again")
    return WarehouseCorrupt(f"{what}: {said(error)}", "run: taxi doctor")


def distinct_addresses(path: Path) -> int:
    """How many different addresses a file holds. Raises WarehouseCorrupt."""
    try:
        with closing(duckdb.connect()) as connection:
            text = f"SELECT count(DISTINCT {ROW_ADDRESS}) FROM read_parquet(?)"
            ((count,),) = connection.execute(text, [str(path)]).fetchall()
    except duckdb.Error as error:
        raise translated(error, path, f"{path} cannot be read") from error
    return int(count)


def sorted_batches(path: Path, spill_parent: Path) -> Iterator[pa.RecordBatch]:
    """A file's rows in the order of their addresses, in bounded memory. Raises WarehouseCorrupt, DiskFull."""
    schema = read_footer(path).schema
    text = f"SELECT * FROM read_parquet({statements.quoted_text(str(path))}) ORDER BY {ROW_ADDRESS}"
    with spill_folder(spill_parent) as spill:
        limits = {"memory_limit": _SORT_MEMORY, "temp_directory": spill}
        try:
            with closing(duckdb.connect(config=limits)) as connection:
                for batch in connection.sql(text).to_arrow_reader(READ_BATCH):
                    yield batch.cast(schema)
        except (duckdb.Error, OSError) as error:
            raise translated(error, spill_parent, f"{path} cannot be sorted") from error


def run_statement(connection: duckdb.DuckDBPyConnection, sql: str, tables: list[str]) -> pa.RecordBatchReader:
    """The statement's result, streamed; without rows or columns where it has none. Raises QueryFailed.

    `sql()` and not `execute()`: in DuckDB 2 the latter's reader first copies the whole result into memory.
    """
    try:
        relation = connection.sql(sql)
        if relation is None:
            return pa.RecordBatchReader.from_batches(pa.schema([]), [])
        reader = relation.to_arrow_reader(READ_BATCH)
    except duckdb.Error as error:
        raise _query_failed(error, tables) from error
    return pa.RecordBatchReader.from_batches(reader.schema, _translated_batches(reader))


def _translated_batches(reader: pa.RecordBatchReader) -> Iterator[pa.RecordBatch]:
    try:
        yield from reader
    except (OSError, pa.ArrowException) as error:
        raise QueryFailed(said(error), "correct the statement, or run: taxi doctor") from error


def _query_failed(error: duckdb.Error, tables: list[str]) -> QueryFailed:
    if isinstance(error, duckdb.CatalogException) and "Table with name" in str(error):
        return QueryFailed(str(error).splitlines()[0], f"the tables are {', '.join(tables)}")
    return QueryFailed(said(error), "correct the statement")
