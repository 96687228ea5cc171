from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from taxi_pipelines.errors import DiskFull, WarehouseCorrupt
from taxi_pipelines.warehouses.engine import distinct_addresses, said, sorted_batches, translated


def test_a_message_loses_its_drawing_and_its_line_breaks() -> None:
    assert said(ValueError("Binder Error: no\nsuch column\n\nLINE 1: select x\n   ^")) == "Binder Error: no such column"


def test_a_full_disk_is_told_from_damage(tmp_path: Path) -> None:
    full = translated(OSError("IO Error: No space left on device"), tmp_path, "it failed")
    assert isinstance(full, DiskFull)
    other = translated(OSError("IO Error: odd"), tmp_path, "it failed")
    assert isinstance(other, WarehouseCorrupt) and other.what == "it failed: IO Error: odd"


def test_rows_are_sorted_and_keep_their_types(tmp_path: Path) -> None:
    table = pa.table({"source_row": [3, 1, 2], "flag": pa.array(["c", "a", None], pa.large_string())})
    pq.write_table(table, tmp_path / "a.parquet")
    found = pa.Table.from_batches(sorted_batches(tmp_path / "a.parquet", tmp_path / "tmp"))
    assert found.equals(table.sort_by("source_row"))
    assert list((tmp_path / "tmp").iterdir()) == []


def test_a_damaged_file_cannot_be_counted(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"no parquet")
    with pytest.raises(WarehouseCorrupt, match=r"a\.parquet"):
        distinct_addresses(tmp_path / "a.parquet")
