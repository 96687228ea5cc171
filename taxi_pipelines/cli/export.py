"""The result of a query as CSV, JSON or Parquet: streamed in constant memory; a file appears whole or not at all."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from taxi_pipelines.errors import QueryFailed, UsageError, from_os_error

Writer = Callable[[pa.RecordBatchReader, BinaryIO], int]


def write(reader: pa.RecordBatchReader, format: str, sink: BinaryIO) -> int:
    """Writes all rows in that format; how many. Raises QueryFailed where the format cannot hold a column."""
    return _WRITERS[format](reader, sink)


def write_file(reader: pa.RecordBatchReader, format: str, path: Path) -> int:
    """As `write`, into a file that is there only when all of it is. Raises UsageError, DiskFull, HomeUnwritable."""
    with _replacing(path) as sink:
        return write(reader, format, sink)


@contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as sink:
            yield sink
        temporary.replace(path)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
        raise UsageError(f"{path} cannot be written", "name a file in a folder that exists") from error
    except OSError as error:
        raise from_os_error(error, path) or error from error
    finally:
        temporary.unlink(missing_ok=True)


def _write_csv(reader: pa.RecordBatchReader, sink: BinaryIO) -> int:
    nested = [field.name for field in reader.schema if pa.types.is_nested(field.type)]
    if nested:
        raise QueryFailed(f"CSV cannot hold the nested column {nested[0]}", "use --format json or parquet")
    with pa_csv.CSVWriter(sink, reader.schema) as writer:
        return sum(_written(writer.write_batch, batch) for batch in reader)


def _write_parquet(reader: pa.RecordBatchReader, sink: BinaryIO) -> int:
    with pq.ParquetWriter(sink, reader.schema, compression="zstd") as writer:
        return sum(_written(writer.write_batch, batch) for batch in reader)


def _written(write_batch: Callable[[pa.RecordBatch], None], batch: pa.RecordBatch) -> int:
    write_batch(batch)
    return int(batch.num_rows)


def _write_json(reader: pa.RecordBatchReader, sink: BinaryIO) -> int:
    rows = 0
    sink.write(b"[")
    for batch in reader:
        for row in batch.to_pylist():
            sink.write(b",\n" if rows else b"\n")
            sink.write(_json_object(row).encode())
            rows += 1
    sink.write(b"\n]\n" if rows else b"]\n")
    return rows


def _json_object(row: dict[str, Any]) -> str:
    try:
        return json.dumps(row, default=_plain, ensure_ascii=False, allow_nan=False)
    except ValueError:
        return json.dumps(_without_nan(row), default=_plain, ensure_ascii=False, allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, date | datetime | time):
        return value.isoformat()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value.hex() if isinstance(value, bytes) else str(value)


def _without_nan(value: Any) -> Any:
    """JSON has no NaN and no infinity: they become null."""
    if isinstance(value, dict):
        return {name: _without_nan(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_without_nan(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


_WRITERS: dict[str, Writer] = {"csv": _write_csv, "json": _write_json, "parquet": _write_parquet}
