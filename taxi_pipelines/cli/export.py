"""The result of a query as CSV, JSON or Parquet: streamed in constant memory; a file appears whole or not at all."""

from __future__ import annotations

import errno
import json
import math
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from decimal import Decimal
from itertools import chain, islice
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from taxi_pipelines.errors import NO_RIGHT, QueryFailed, UsageError, from_os_error
from taxi_pipelines.values import python_values, text_for_beyond

Writer = Callable[[pa.Schema, Iterable[pa.RecordBatch], BinaryIO], int]

_NO_PLACE = NO_RIGHT | {errno.ENOENT, errno.ENOTDIR, errno.ENXIO, errno.ENAMETOOLONG}
_DESCRIPTORS = ("/dev/stdout", "/dev/stderr", "/dev/fd/", "/proc/self/fd/")
"""Names of what is open already; what they lead to must not be replaced, also where it is a file."""


def write(reader: pa.RecordBatchReader, format: str, sink: BinaryIO) -> int:
    """Writes all rows in that format; how many. Raises QueryFailed where the format cannot hold a column.

    Nothing is written before there are rows, so that a statement that fails at once prints nothing.
    """
    batches = iter(reader)
    first = list(islice(batches, 1))
    try:
        return _WRITERS[format](reader.schema, chain(first, batches), sink)
    except pa.ArrowException as error:
        said = " ".join(str(error).split())
        raise QueryFailed(f"{format} cannot hold this result: {said}", "cast the column to varchar") from error


def write_file(reader: pa.RecordBatchReader, format: str, path: Path) -> int:
    """As `write`, into a file that is there only when all of it is, or into what is at `path` and is no file: a pipe, a device.

    Raises UsageError, DiskFull, HomeUnwritable."""
    target = Path(os.path.realpath(path))
    if target.is_dir() or target.is_symlink():
        raise UsageError(f"{path} is {'a folder' if target.is_dir() else 'a link to itself'}", "name a file")
    try:
        with path.open("ab") if _is_written_into(path) else _replacing(target) as sink:
            return write(reader, format, sink)
    except OSError as error:
        if error.errno in _NO_PLACE:
            raise UsageError(f"{path} cannot be written", "name a file in a folder that exists and is yours") from error
        raise from_os_error(error, path) or error from error


def _is_written_into(path: Path) -> bool:
    """Whether to write, or append, to what is there: a rename would put a file in the place of a pipe or a device."""
    return str(path).startswith(_DESCRIPTORS) or (path.exists() and not path.is_file())


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as sink:
            yield sink
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _write_csv(schema: pa.Schema, batches: Iterable[pa.RecordBatch], sink: BinaryIO) -> int:
    nested = [field.name for field in schema if pa.types.is_nested(field.type)]
    if nested:
        raise QueryFailed(f"CSV cannot hold the nested column {nested[0]}", "use --format json or parquet")
    pa_csv.write_csv(schema.empty_table(), sink)
    without_header = pa_csv.WriteOptions(include_header=False)
    rows = 0
    for batch in batches:
        pa_csv.write_csv(text_for_beyond(batch), sink, without_header)
        rows += batch.num_rows
    return rows


def _write_parquet(schema: pa.Schema, batches: Iterable[pa.RecordBatch], sink: BinaryIO) -> int:
    rows = 0
    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        for batch in batches:
            writer.write_batch(batch)
            rows += batch.num_rows
    return rows


def _write_json(schema: pa.Schema, batches: Iterable[pa.RecordBatch], sink: BinaryIO) -> int:
    names = [json.dumps(name, ensure_ascii=False) for name in schema.names]
    rows = 0
    for batch in batches:
        for values in zip(*map(python_values, batch.columns), strict=True):
            members = (f"{name}: {_json(value)}" for name, value in zip(names, values, strict=True))
            sink.write(f"{',' if rows else '['}\n{{{', '.join(members)}}}".encode())
            rows += 1
    sink.write(b"\n]\n" if rows else b"[]\n")
    return rows


def _json(value: Any) -> str:
    """The value as JSON, by hand where Python's own would lose something: decimals stay exact, and JSON has no NaN."""
    match value:
        case dict():
            return f"{{{', '.join(f'{json.dumps(str(name))}: {_json(inner)}' for name, inner in value.items())}}}"
        case list() | tuple():
            return f"[{', '.join(map(_json, value))}]"
        case Decimal():
            return f"{value:f}"
        case float() if not math.isfinite(value):
            return "null"
        case date() | datetime() | time():
            return f'"{value.isoformat()}"'
        case bytes():
            return f'"{value.hex()}"'
    return json.dumps(value, default=str, ensure_ascii=False)


_WRITERS: dict[str, Writer] = {"csv": _write_csv, "json": _write_json, "parquet": _write_parquet}
