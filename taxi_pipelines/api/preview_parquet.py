"""The first rows of a Parquet file: read by a process of its own, which can be limited and killed whatever it is doing.

A few kilobytes of Parquet can stand for gigabytes, and a footer that lies can end a process; it must not be the service's.
Run as a module this is that process: the file is its stdin, a line of JSON what it answers.
"""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

from taxi_pipelines.api.preview_tables import HINT, MOST_COLUMNS, Preview, table_of
from taxi_pipelines.errors import UsageError

LONGEST_SECONDS = 15
PROCESS_BYTES = 1 << 30

_BUFFER = 1 << 16
_COMMAND = (sys.executable, "-m", "taxi_pipelines.api.preview_parquet")
_PACKAGES = Path(__file__).parents[2]


def first_rows(file: BinaryIO, name: str, max_rows: int) -> Preview:
    """Those of a file that has a descriptor. Raises UsageError."""
    done = subprocess.run(
        (*_COMMAND, str(max_rows)), stdin=file, capture_output=True, env={"PYTHONPATH": str(_PACKAGES)}, check=False
    )
    if done.returncode:
        why = "takes more memory or time than a look into it may"
        raise UsageError(f"{name} {why}", HINT)
    answer = json.loads(done.stdout)
    if "error" in answer:
        raise UsageError(f"{name} cannot be read as Parquet, it is damaged or no such file: {answer['error']}", HINT)
    return Preview(**answer)


def main() -> None:
    """Answers."""
    signal.alarm(LONGEST_SECONDS)
    resource.setrlimit(resource.RLIMIT_DATA, (PROCESS_BYTES, PROCESS_BYTES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    import pyarrow as pa  # noqa: PLC0415 - the service that starts this process does without it

    try:
        columns, rows, is_whole = _read(int(sys.argv[1]))
    except MemoryError:
        sys.exit(1)
    except (pa.ArrowException, OSError, ValueError) as error:
        answer: dict[str, Any] = {"error": str(error).partition("\n")[0]}
    else:
        found = table_of(columns, rows, int(sys.argv[1]), is_whole=is_whole)
        answer = {"columns": found.columns, "rows": found.rows, "truncated": found.truncated}
    sys.stdout.write(json.dumps(answer))


def _read(max_rows: int) -> tuple[Sequence[str], list[list[Any]], bool]:
    """Columns, the first rows, and whether these are all."""
    import pyarrow.parquet as pq  # noqa: PLC0415

    with open(0, "rb", closefd=False) as file, pq.ParquetFile(file, buffer_size=_BUFFER) as parquet:
        columns = parquet.schema_arrow.names[:MOST_COLUMNS]
        batch = next(parquet.iter_batches(batch_size=max_rows, columns=columns, use_threads=False), None)
        total = parquet.metadata.num_rows
    rows = [] if batch is None else [list(row.values()) for row in batch.to_pylist()]
    return columns, rows, total <= max_rows


if __name__ == "__main__":
    main()
