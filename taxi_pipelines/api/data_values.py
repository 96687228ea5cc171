"""Results as JSON and as files. Apart, because it brings pyarrow with it, which only those pay for who ask for a result."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Iterator
from datetime import date, time
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from taxi_pipelines.api.data_bodies import ColumnKind
from taxi_pipelines.errors import QueryFailed
from taxi_pipelines.months.ask import Asked
from taxi_pipelines.values import python_values, text_for_beyond

LONGEST_TEXT = 1_000
_EXACT = 2**53
"""Whole numbers up to here are exact in JavaScript."""

_FORMULA = r"^[=+\-@\t\r]"
"""What a spreadsheet would take for a formula: https://owasp.org/www-community/attacks/CSV_Injection"""


def kind_of(type: pa.DataType) -> ColumnKind:
    """How its values are shown."""
    is_ = pa.types
    if is_.is_integer(type) or is_.is_floating(type) or is_.is_decimal(type):
        return "number"
    if is_.is_temporal(type):
        return "time"
    if is_.is_boolean(type):
        return "boolean"
    return "text" if is_.is_string(type) or is_.is_large_string(type) else "other"


def rows_of(batch: pa.RecordBatch) -> Iterator[list[Any]]:
    """Its rows, cells as JSON."""
    columns = [[json_value(value) for value in python_values(column)] for column in batch.columns]
    return map(list, zip(*columns, strict=True))


def json_value(value: Any) -> Any:
    """As JSON has it, or as text."""
    match value:
        case None | bool():
            return value
        case int():
            return value if abs(value) <= _EXACT else str(value)
        case float():
            return value if math.isfinite(value) else "NaN" if math.isnan(value) else f"{'-' * (value < 0)}Infinity"
        case Decimal():
            return f"{value:f}"
        case str():
            return value if len(value) <= LONGEST_TEXT else f"{value[:LONGEST_TEXT]}…"
        case bytes():
            return json_value(value.hex())
        case dict():
            return {str(name): json_value(inner) for name, inner in value.items()}
        case list() | tuple():
            return [json_value(inner) for inner in value]
        case date() | time():
            return str(value)
    return json_value(str(value))


def csv_chunks(asked: Asked) -> Iterator[bytes]:
    """A line of names, and the rows; nothing in it is a formula."""
    names = [f"'{name}" if name[:1] in ("=", "+", "-", "@", "\t", "\r") else name for name in asked.schema.names]
    yield _csv(pa.table({name: pa.array([], pa.string()) for name in names}), header=True)
    for batch in asked.batches():
        yield _csv(_harmless(batch), header=False)


def parquet_chunks(asked: Asked) -> Iterator[bytes]:
    """A Parquet file. Raises QueryFailed where it has no place for a type."""
    pipe = _Pipe()
    try:
        with pq.ParquetWriter(pipe, asked.schema, compression="zstd") as writer:
            for batch in asked.batches():
                writer.write_batch(batch)
                yield pipe.taken()
    except pa.ArrowException as error:
        raise QueryFailed(
            f"Parquet cannot hold this result: {' '.join(str(error).split())}", "cast the column to text"
        ) from error
    yield pipe.taken()


WRITERS: dict[str, Callable[[Asked], Iterator[bytes]]] = {"csv": csv_chunks, "parquet": parquet_chunks}


def _csv(rows: pa.Table | pa.RecordBatch, *, header: bool) -> bytes:
    sink = pa.BufferOutputStream()
    pa_csv.write_csv(rows, sink, pa_csv.WriteOptions(include_header=header))
    return bytes(sink.getvalue())


def _harmless(batch: pa.RecordBatch) -> pa.RecordBatch:
    plain = text_for_beyond(pa.RecordBatch.from_arrays([_written(c) for c in batch.columns], names=batch.schema.names))
    guarded = [_guarded(column) if pa.types.is_string(column.type) else column for column in plain.columns]
    return pa.RecordBatch.from_arrays(guarded, names=batch.schema.names)


def _written(column: pa.Array) -> pa.Array:
    """Text where CSV has no other place for it: lists and structs as JSON, bytes as hex digits."""
    if kind_of(column.type) != "other" and not pa.types.is_duration(column.type):
        return column.cast(pa.string()) if pa.types.is_large_string(column.type) else column
    texts = (
        None if value is None else value.hex() if isinstance(value, bytes) else _text(value)
        for value in python_values(column)
    )
    return pa.array(texts, pa.string())


def _text(value: Any) -> str:
    found = json_value(value)
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)


def _guarded(column: pa.Array) -> pa.Array:
    return pc.if_else(pc.match_substring_regex(column, _FORMULA), pc.binary_join_element_wise("'", column, ""), column)


class _Pipe(io.RawIOBase):
    """A file that is given away while it is written."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def writable(self) -> bool:
        """It is."""
        return True

    def write(self, data: Any) -> int:
        """Keeps it until it is taken."""
        part = bytes(data)
        self._parts.append(part)
        self._size += len(part)
        return len(part)

    def tell(self) -> int:
        """How much was written."""
        return self._size

    def taken(self) -> bytes:
        """What was written since."""
        parts, self._parts = self._parts, []
        return b"".join(parts)
