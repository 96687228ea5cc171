"""The process that answers one question to the embedded warehouse: reads it from stdin, writes an Arrow stream to stdout.

What it may do is taken away before the statement is looked at: other files than the published ones, the network, extensions,
settings, writing, memory, time. An error is one line of JSON on stderr.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from taxi_pipelines.errors import PipelineError, QueryFailed, WarehouseCorrupt
from taxi_pipelines.taxi.types import ALL
from taxi_pipelines.warehouses.catalog import Catalog, read_catalog
from taxi_pipelines.warehouses.engine import run_statement
from taxi_pipelines.warehouses.folder import WarehouseFolder
from taxi_pipelines.warehouses.statements import SCHEMA, quoted_text
from taxi_pipelines.warehouses.views import create_views

LONGEST_SECONDS = 330
"""After which it ends whoever has forgotten it; who asks ends it sooner."""

MEMORY = "1GB"
"""What DuckDB keeps to by itself. It does not count what single values take, hence the other one."""

PROCESS_BYTES = 3 << 30

PIECE_BYTES = 16 << 20
"""Of a result at a time, whatever its rows are: who asks holds a whole piece in memory."""

_OOM_SCORE = Path("/proc/self/oom_score_adj")
_CONFIG = {"threads": 2, "memory_limit": MEMORY, "temp_directory": ""}
_TABLES = sorted(kind.table for kind in ALL.values())


def main() -> None:
    """Answers."""
    _limit_process()
    order = json.load(sys.stdin)
    sink, sys.stdout = sys.stdout.buffer, sys.stderr
    folder = WarehouseFolder(Path(order["home"]))
    try:
        with closing(duckdb.connect(config=_CONFIG)) as connection:
            _lock_up(connection, folder, read_catalog(folder.catalog))
            reader = run_statement(connection, order["sql"], _TABLES, folder.root, strict=True)
            with pa.ipc.new_stream(sink, reader.schema) as writer:
                for piece in (piece for batch in reader for piece in _pieces(batch)):
                    writer.write_batch(piece)
                    sink.flush()
        sink.flush()
    except PipelineError as error:
        print(json.dumps(_told(error)), file=sys.stderr)  # noqa: T201
        sys.exit(1)


def _limit_process() -> None:
    if _OOM_SCORE.exists():  # Linux: where the machine's memory runs out, it is this process that goes
        _OOM_SCORE.write_text("1000")
    signal.alarm(LONGEST_SECONDS)
    os.nice(5)  # the service that asks comes first
    resource.setrlimit(resource.RLIMIT_DATA, (PROCESS_BYTES, PROCESS_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _lock_up(connection: duckdb.DuckDBPyConnection, folder: WarehouseFolder, catalog: Catalog) -> None:
    """Views of what is published, and from then on no way to anything else: https://duckdb.org/docs/stable/operations_manual/securing_duckdb"""
    create_views(connection, folder, catalog)
    published = ", ".join(
        quoted_text(str(folder.final(table, partition, entry.version)))
        for table, entries in catalog.tables.items()
        for partition, entry in entries.items()
    )
    for text in (
        f"SET search_path = '{SCHEMA}'",
        f"SET allowed_paths = [{published}]",
        "SET enable_external_access = false",
        "SET autoinstall_known_extensions = false",
        "SET autoload_known_extensions = false",
        "SET allow_community_extensions = false",
        "SET lock_configuration = true",
    ):
        connection.execute(text)


def _pieces(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Raises QueryFailed where a row alone is larger than one."""
    if batch.nbytes <= PIECE_BYTES:
        yield batch
    elif batch.num_rows == 1:
        raise QueryFailed(f"a row of the result takes {batch.nbytes:,} bytes", f"at most {PIECE_BYTES:,} are answered")
    else:
        half = batch.num_rows // 2
        yield from _pieces(batch.slice(0, half))
        yield from _pieces(batch.slice(half))


def _told(error: PipelineError) -> dict[str, Any]:
    if isinstance(error, QueryFailed):
        place = {"line": error.line, "column": error.column}
        return {"kind": "QueryFailed", "what": error.what, "hint": error.hint, **place}
    return {"kind": WarehouseCorrupt.__name__, "what": error.what, "hint": error.hint}


if __name__ == "__main__":
    main()
