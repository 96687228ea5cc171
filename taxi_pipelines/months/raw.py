"""Reading published files: Parquet and CSV as the TLC and the course wrote them, in batches and constant memory."""

from __future__ import annotations

import csv
import gzip
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from taxi_pipelines.domain.manifest import FileFormat
from taxi_pipelines.errors import SourceCorrupt
from taxi_pipelines.taxi.checks import Bounds

BATCH_ROWS = 32_768
"""Rows per batch: smaller ones cost more calls, larger ones memory (PostgreSQL: 323 MB at 122,880, 278 MB at this)."""

READ_BUFFER = 1 << 20
CSV_BLOCK = 4 << 20
BEYOND = "beyond_the_header_"
_MICROSECONDS = {"s": Fraction(1_000_000), "ms": Fraction(1_000), "us": Fraction(1), "ns": Fraction(1, 1_000)}


@dataclass(frozen=True, kw_only=True, slots=True)
class RawFile:
    """A published file, open. `rows` and `bounds` are what its own footer claims; a CSV claims nothing."""

    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]
    rows: int | None = None
    bounds: Mapping[str, Bounds] = field(default_factory=dict)


def open_raw(stream: BinaryIO, kind: FileFormat, name: str) -> RawFile:
    """Opens a published file. Raises SourceCorrupt where it is not whole, also later, while its batches are read."""
    if kind is FileFormat.PARQUET:
        return _open_parquet(stream, name)
    return _open_csv(stream, name, zipped=kind is FileFormat.CSV_GZ)


def _open_parquet(stream: BinaryIO, name: str) -> RawFile:
    try:
        # pre_buffer=True, pyarrow's default, holds a whole row group: all of a TLC file.
        file = pq.ParquetFile(stream, pre_buffer=False, buffer_size=READ_BUFFER, page_checksum_verification=True)
    except (pa.ArrowInvalid, OSError) as error:
        raise damaged(name, error) from error
    return RawFile(
        schema=file.schema_arrow,
        batches=_guard(file.iter_batches(BATCH_ROWS), name),
        rows=file.metadata.num_rows,
        bounds=_published_bounds(file),
    )


def damaged(name: str, error: Exception) -> SourceCorrupt:
    """The error for a file that does not read."""
    reason = " ".join(str(error).split())[:200]
    return SourceCorrupt(
        f"{name} is damaged: {reason}", "run again to fetch it anew; if it stays, the publisher's file is damaged"
    )


def _guard(batches: Iterator[pa.RecordBatch], name: str) -> Iterator[pa.RecordBatch]:
    try:
        yield from batches
    except (pa.ArrowInvalid, OSError, UnicodeDecodeError) as error:
        raise damaged(name, error) from error


def _published_bounds(file: pq.ParquetFile) -> dict[str, Bounds]:
    """What the footer says of each plain number and time column, over all row groups."""
    bounds: dict[str, Bounds] = {}
    metadata = file.metadata
    for index in range(metadata.num_columns):
        name = metadata.schema.column(index).path
        if name not in file.schema_arrow.names or not _comparable(file.schema_arrow.field(name).type):
            continue
        kind = file.schema_arrow.field(name).type
        parts = [
            _chunk_bounds(metadata.row_group(group).column(index), kind) for group in range(metadata.num_row_groups)
        ]
        if parts and None not in parts:
            whole = parts[0]
            for part in parts[1:]:
                whole = whole.joined(part) if whole and part else None
            bounds[name] = whole or Bounds()
    return bounds


def _comparable(kind: pa.DataType) -> bool:
    numeric = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    return numeric or bool(pa.types.is_timestamp(kind) and kind.tz is None)


def _chunk_bounds(chunk: pq.ColumnChunkMetaData, kind: pa.DataType) -> Bounds | None:
    statistics = chunk.statistics
    if statistics is None or not statistics.has_min_max:
        return None
    nulls = statistics.null_count if statistics.has_null_count else None
    if not pa.types.is_timestamp(kind):
        return Bounds(statistics.min, statistics.max, nulls)
    # as numbers: a published time may lie beyond what a Python datetime can hold
    low, high = (int(raw * _MICROSECONDS[kind.unit]) for raw in (statistics.min_raw, statistics.max_raw))
    return Bounds(low, high, nulls)


@dataclass(frozen=True, kw_only=True, slots=True)
class CsvHead:
    """The names to give a CSV's fields; `beyond` of them come after the header's last (TLC files have such)."""

    names: tuple[str, ...]
    beyond: int


def read_head(lines: Iterator[str], name: str) -> CsvHead:
    """Reads the header and as much as is needed to know how many fields a row has. Raises SourceCorrupt."""
    rows = csv.reader(lines)
    header = [field.strip() for field in next(rows, [])]
    if not any(header) or header[0].startswith("<"):
        raise SourceCorrupt(
            f"{name} is not a CSV file of trips", "look at its first line; the source may have sent a web page"
        )
    first = next((row for row in rows if any(row)), header)
    beyond = len(first) - len(header)
    if beyond < 0:
        raise SourceCorrupt(
            f"{name}: its first row has {len(first)} fields, its header {len(header)}", "the file is damaged"
        )
    return CsvHead(names=(*header, *(f"{BEYOND}{index + 1}" for index in range(beyond))), beyond=beyond)


def _open_csv(stream: BinaryIO, name: str, *, zipped: bool) -> RawFile:
    head = _peek(stream, name, zipped=zipped)
    source: Any = pa.CompressedInputStream(pa.PythonFile(stream, "r"), "gzip") if zipped else stream
    try:
        reader = pa_csv.open_csv(
            source,
            read_options=pa_csv.ReadOptions(column_names=list(head.names), skip_rows=1, block_size=CSV_BLOCK),
            convert_options=pa_csv.ConvertOptions(
                column_types={column: pa.string() for column in head.names},
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=True,
            ),
        )
    except (pa.ArrowInvalid, OSError) as error:
        raise damaged(name, error) from error
    batches = _within_header(_guard(iter(reader), name), head, name)
    kept = len(head.names) - head.beyond
    return RawFile(schema=pa.schema(list(reader.schema)[:kept]), batches=batches)


def _peek(stream: BinaryIO, name: str, *, zipped: bool) -> CsvHead:
    opened: Any = gzip.GzipFile(fileobj=stream) if zipped else stream
    try:
        start = b"".join(islice(opened, 16)).decode("utf-8-sig")
        stream.seek(0)
        return read_head(iter(start.splitlines()), name)
    except (OSError, EOFError, UnicodeDecodeError, zlib.error, csv.Error) as error:
        raise damaged(name, error) from error


def _within_header(batches: Iterator[pa.RecordBatch], head: CsvHead, name: str) -> Iterator[pa.RecordBatch]:
    """Drops the fields beyond the header, which are empty in the TLC's files. Raises SourceCorrupt where one is not."""
    kept = len(head.names) - head.beyond
    row = 0
    for batch in batches:
        for extra in batch.columns[kept:]:
            if extra.null_count != batch.num_rows:
                raise SourceCorrupt(
                    f"{name}: a row after row {row} has values beyond the header's last column", "the file is damaged"
                )
        row += batch.num_rows
        yield batch.select(range(kept))
