"""Query results for programs: every row and value, streamed; files appear whole or not at all."""

from __future__ import annotations

import json
import os
import socket
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from taxi_pipelines.cli import export
from taxi_pipelines.errors import DiskFull, QueryFailed, UsageError

TABLE = pa.table(
    {
        "day": [date(2021, 1, 1), None, date(2021, 1, 3)],
        "at": [datetime(2021, 1, 1, 12, 30), None, None],
        "zone": ["Flatbush, é", None, 'say "N/A"'],
        "sum": pa.array([Decimal(10**20), None, Decimal(3)], pa.decimal128(38, 0)),
        "money": pa.array([Decimal("1.25"), None, Decimal("3.00")], pa.decimal128(10, 2)),
        "share": [0.5, float("nan"), None],
    }
)


def reader(table: pa.Table = TABLE) -> pa.RecordBatchReader:
    return pa.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=2))


def written(format: str, table: pa.Table = TABLE) -> bytes:
    sink = BytesIO()
    assert export.write(reader(table), format, sink) == table.num_rows
    return sink.getvalue()


def test_json_is_a_list_of_objects_with_plain_values() -> None:
    assert json.loads(written("json")) == [
        {
            "day": "2021-01-01",
            "at": "2021-01-01T12:30:00",
            "zone": "Flatbush, é",
            "sum": 10**20,
            "money": 1.25,
            "share": 0.5,
        },
        {"day": None, "at": None, "zone": None, "sum": None, "money": None, "share": None},
        {"day": "2021-01-03", "at": None, "zone": 'say "N/A"', "sum": 3, "money": 3, "share": None},
    ]


def test_decimals_in_json_are_exact() -> None:
    exact = "123456789012345678901234567890.12345678"
    table = pa.table({"sum": [Decimal(exact)], "inner": [[Decimal("0.10")]]})
    assert written("json", table).decode() == f'[\n{{"sum": {exact}, "inner": [0.10]}}\n]\n'


def test_json_of_no_rows_is_an_empty_list() -> None:
    assert json.loads(written("json", TABLE.slice(0, 0))) == []


def test_csv_has_a_header_and_nothing_for_null() -> None:
    lines = written("csv").decode().splitlines()
    assert lines[0] == '"day","at","zone","sum","money","share"'
    assert lines[2].startswith(",,,,,")
    assert lines[3].startswith('2021-01-03,,"say ""N/A""",3,3.00')


def test_csv_refuses_nested_columns_by_name() -> None:
    with pytest.raises(QueryFailed, match="nested column stops; use --format json"):
        written("csv", pa.table({"stops": [[1, 2]]}))


def test_parquet_keeps_types_and_values(tmp_path: Path) -> None:
    path = tmp_path / "out.parquet"
    assert export.write_file(reader(), "parquet", path) == 3
    assert pq.read_table(path).schema == TABLE.schema
    assert pq.read_table(path)["sum"].to_pylist() == TABLE["sum"].to_pylist()
    assert list(tmp_path.iterdir()) == [path]


def test_a_result_that_breaks_off_leaves_the_file_before_it(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("before")

    def breaking() -> Iterator[pa.RecordBatch]:
        yield TABLE.to_batches()[0]
        raise QueryFailed("the disk went away")

    with pytest.raises(QueryFailed):
        export.write_file(pa.RecordBatchReader.from_batches(TABLE.schema, breaking()), "json", path)
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written; name a file in a folder that exists"):
        export.write_file(reader(), "csv", tmp_path / "no" / "out.csv")


def test_a_folder_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is a folder; name a file"):
        export.write_file(reader(), "csv", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_pipe_is_written_into_and_stays_a_pipe(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as pool:
        read = pool.submit(pipe.read_bytes)
        export.write_file(reader(), "csv", pipe)
        assert read.result() == written("csv")
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]


def test_a_device_is_written_into_and_stays_a_device(tmp_path: Path) -> None:
    device = tmp_path / "full"
    try:
        os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, 7))
        device.open("ab").close()
    except PermissionError:
        pytest.skip("no right to make a device")
    with pytest.raises(DiskFull):
        export.write_file(reader(), "csv", device)
    assert device.is_char_device()


def test_a_socket_is_wrong_usage(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        with pytest.raises(UsageError, match="cannot be written"):
            export.write_file(reader(), "csv", tmp_path / "s")
    assert (tmp_path / "s").is_socket()


@pytest.mark.parametrize("there_before", [True, False])
def test_a_link_stays_and_what_it_leads_to_is_replaced(tmp_path: Path, there_before: bool) -> None:
    target, link = tmp_path / "far" / "out.csv", tmp_path / "link.csv"
    target.parent.mkdir()
    if there_before:
        target.write_text("before")
    link.symlink_to(target)
    export.write_file(reader(), "csv", link)
    assert link.is_symlink()
    assert target.read_bytes() == written("csv")
    assert list(target.parent.iterdir()) == [target]


def test_a_link_to_itself_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(UsageError, match="is a link to itself"):
        export.write_file(reader(), "csv", tmp_path / "loop")


def test_what_is_open_already_is_not_replaced(tmp_path: Path) -> None:
    with (tmp_path / "log").open("ab") as log:
        log.write(b"before\n")
        log.flush()
        export.write_file(reader(), "csv", Path(f"/proc/self/fd/{log.fileno()}"))
    assert (tmp_path / "log").read_bytes() == b"before\n" + written("csv")


def test_a_value_that_a_format_cannot_hold_is_a_failed_query() -> None:
    far = pa.table({"t": pa.array([2**63 - 1]).cast(pa.timestamp("s"))})
    with pytest.raises(QueryFailed, match=r"parquet cannot hold this result.*; cast the column to varchar"):
        written("parquet", far)
