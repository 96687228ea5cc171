"""Published files are read whole, or refused with the reason."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from taxi_pipelines.domain.manifest import FileFormat
from taxi_pipelines.domain.month import Month
from taxi_pipelines.errors import SourceCorrupt
from taxi_pipelines.months.raw import open_raw
from taxi_pipelines.taxi.clean import Cleaner
from taxi_pipelines.taxi.types import ALL
from tests.support.data import needs_real_data, real


def rows_of(text: str, *, name: str = "x.csv") -> list[dict[str, str | None]]:
    raw = open_raw(io.BytesIO(text.encode()), FileFormat.CSV, name)
    return pa.Table.from_batches(list(raw.batches), schema=raw.schema).to_pylist()


@pytest.mark.parametrize(
    "text",
    [
        "a,b\n1,2\n",
        "a,b\r\n1,2\r\n",
        "a,b\r\n\r\n1,2\r\n",
        "a, b\n\n1,2\n",
        '"a","b"\n"1","2"\n',
        "a,b \r\n\r\n1,2,,\r\n",
        "\ufeffa,b\n1,2",
    ],
    ids=["plain", "crlf", "blank second line", "space after comma", "quoted", "empty fields beyond", "byte order mark"],
)
def test_every_way_a_csv_was_written_gives_the_same_rows(text: str) -> None:
    assert rows_of(text) == [{"a": "1", "b": "2"}]


def test_an_empty_field_is_null_and_a_blank_is_not() -> None:
    assert rows_of('a,b,c\n,"", \n') == [{"a": None, "b": None, "c": " "}]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2,\n1,2,3\n", "beyond the header"),
        ("a,b\n1\n", "1 fields, its header 2"),
        ("a,b\n1,2\n1,2,3\n", "damaged: .*Expected 2 columns, got 3"),
        ("<html>\n", "not a CSV"),
        ("\n\n", "not a CSV"),
    ],
)
def test_a_csv_that_is_not_whole_says_why(text: str, said: str) -> None:
    with pytest.raises(SourceCorrupt, match=said):
        rows_of(text)


def test_a_cut_gzip_is_damaged() -> None:
    packed = gzip.compress(b"a,b\n" + b"".join(b"%d,%d\n" % (i, i * 7919) for i in range(50_000)))
    assert open_raw(io.BytesIO(packed), FileFormat.CSV_GZ, "x.csv.gz").schema.names == ["a", "b"]
    with pytest.raises(SourceCorrupt, match=r"x\.csv\.gz is damaged"):
        list(open_raw(io.BytesIO(packed[: len(packed) // 2]), FileFormat.CSV_GZ, "x.csv.gz").batches)


def parquet_bytes(rows: int = 1000) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"a": range(rows), "t": [1.5] * rows}), sink, compression="gzip")
    return sink.getvalue()


def test_parquet_tells_its_rows_and_bounds() -> None:
    raw = open_raw(io.BytesIO(parquet_bytes()), FileFormat.PARQUET, "x.parquet")
    assert raw.rows == 1000
    assert (raw.bounds["a"].low, raw.bounds["a"].high, raw.bounds["a"].nulls) == (0, 999, 0)
    assert sum(batch.num_rows for batch in raw.batches) == 1000


@pytest.mark.parametrize("place", [0.2, 0.5])
def test_a_flipped_bit_in_parquet_is_found(place: float) -> None:
    data = bytearray(parquet_bytes())
    data[int(len(data) * place)] ^= 0x10
    with pytest.raises(SourceCorrupt, match=r"x\.parquet is damaged"):
        list(open_raw(io.BytesIO(bytes(data)), FileFormat.PARQUET, "x.parquet").batches)


def heads() -> Iterator[Path]:
    yield from sorted(real("csv-heads").glob("*.csv"))


def complete_lines(path: Path) -> bytes:
    return path.read_bytes().rpartition(b"\n")[0] + b"\n"


@needs_real_data
def test_all_real_csv_heads_are_read_with_every_value_in_its_column() -> None:
    paths = list(heads())
    assert len(paths) == 303
    for path in paths:
        data = complete_lines(path)
        name, _, month = path.stem.split("_")
        kind = ALL[name]
        raw = open_raw(io.BytesIO(data), FileFormat.CSV, path.name)
        cleaner = Cleaner(kind, Month.parse(month), path.name, raw.schema)
        cleaned = pa.Table.from_batches(list(cleaner.clean_all(raw.batches)), schema=cleaner.schema)
        lines = [line for line in data.decode().splitlines()[1:] if line.strip()]
        assert cleaned.num_rows == len(lines), path.name
        expected = sum(1 for row in csv.reader(lines) for field in row if field != "")
        kept = sum(len(column) - column.null_count for column in cleaned.columns[:-3])
        assert kept == expected, path.name
        pickup = cleaned[kind.schema.pickup_time]
        assert pickup.null_count == 0, path.name


def test_what_csv_and_gzip_cannot_read_is_damaged_not_a_crash() -> None:
    with pytest.raises(SourceCorrupt, match="damaged: field larger"):
        rows_of("a,b\n" + "x" * 200_000 + ",2\n")
    packed = bytearray(gzip.compress(b"a,b\n1,2\n" * 100))
    packed[12] ^= 0xFF
    with pytest.raises(SourceCorrupt, match="damaged"):
        list(open_raw(io.BytesIO(bytes(packed)), FileFormat.CSV_GZ, "x.csv.gz").batches)
