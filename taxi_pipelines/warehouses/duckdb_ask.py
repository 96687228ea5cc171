"""A question to the embedded warehouse: answered by a process of its own, which can be limited and killed whatever it is doing.

DuckDB can be told not to open other files and how much memory to take, but not to hold to it inside of one long function; and
what goes wrong with memory there must not go wrong in a service. `duckdb_answer` is what runs in that process.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pyarrow as pa

from taxi_pipelines.domain.asking import Asking
from taxi_pipelines.errors import InternalError, PipelineError, QueryFailed, WarehouseCorrupt
from taxi_pipelines.interfaces import Answer

_COMMAND = (sys.executable, "-m", "taxi_pipelines.warehouses.duckdb_answer")
_PACKAGES = Path(__file__).parents[2]
_ERRORS: dict[str, type[PipelineError]] = {kind.__name__: kind for kind in (QueryFailed, WarehouseCorrupt)}
_LESS = "ask for fewer rows or columns, or for an aggregate"


@contextmanager
def answer(home: Path, sql: str, asking: Asking) -> Iterator[Answer]:
    """The result, as it is computed. Raises QueryFailed, WarehouseCorrupt, also while it is read."""
    # The process sees nothing of our environment: no statement finds a secret there.
    process = subprocess.Popen(
        _COMMAND,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PYTHONPATH": str(_PACKAGES)},
        start_new_session=True,
    )
    assert process.stdin and process.stdout and process.stderr
    with process, asking.ended_by(process.kill):
        try:
            _hand_over({"home": str(home), "sql": sql}, process.stdin)
            reader = _opened(process)
            yield Answer(reader=pa.RecordBatchReader.from_batches(reader.schema, _checked(reader, process)))
        finally:
            process.kill()


def _hand_over(order: dict[str, str], pipe: IO[bytes]) -> None:
    try:
        with pipe:
            pipe.write(json.dumps(order).encode())
    except BrokenPipeError:  # it ended at once: what it said is read next
        return


def _opened(process: subprocess.Popen[bytes]) -> pa.RecordBatchReader:
    try:
        return pa.ipc.open_stream(process.stdout)
    except pa.ArrowInvalid as error:
        raise _failure(process) from error


def _checked(reader: pa.RecordBatchReader, process: subprocess.Popen[bytes]) -> Iterator[pa.RecordBatch]:
    """A stream that breaks off looks like one that ends: only the process knows."""
    try:
        yield from reader
    except (pa.ArrowInvalid, OSError) as error:
        raise _failure(process) from error
    if process.wait():
        raise _failure(process)


def _failure(process: subprocess.Popen[bytes]) -> PipelineError:
    assert process.stderr
    said = process.stderr.read().decode(errors="replace")
    code = process.wait()
    if said.startswith("{"):
        told = json.loads(said)
        return _ERRORS[told.pop("kind")](**told)
    if code == -signal.SIGALRM:
        return QueryFailed("the statement took longer than it may", _LESS)
    if code < 0 or "MemoryError" in said or "bad_alloc" in said:
        return QueryFailed("the statement took more memory than it may", _LESS)
    return InternalError(
        f"the statement's process failed: {said.strip().rpartition(chr(10))[2]}", "look at the service's output"
    )
