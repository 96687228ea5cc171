from __future__ import annotations

import errno
import io
import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taxi_pipelines.errors import DiskFull, HomeUnwritable, WarehouseCorrupt
from taxi_pipelines.warehouses import parquet
from taxi_pipelines.warehouses.parquet import RowOrder, read_batches, read_footer, row_order, write_parquet

SCHEMA = pa.schema({"at": pa.timestamp("us"), "flag": pa.string(), "source_row": pa.int64()})


def rows(start: int, stop: int) -> pa.RecordBatch:
    numbers = pa.array(np.arange(start, stop))
    return pa.record_batch([numbers.cast("timestamp[us]"), pa.repeat("Y", len(numbers)), numbers], schema=SCHEMA)


def test_row_groups_have_exactly_the_size_duckdb_works_with(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    cuts = [0, 1, 65_536, 131_072, 400_000, 400_000, 400_001]
    batches = [rows(start, stop) for start, stop in itertools.pairwise(cuts)]
    assert write_parquet(path, SCHEMA, iter(batches)) == 400_001

    metadata = pq.read_metadata(path)
    groups = [metadata.row_group(place).num_rows for place in range(metadata.num_row_groups)]
    assert groups == [122_880] * 3 + [31_361]
    assert pq.read_table(path).column("source_row").to_numpy().tolist() == list(range(400_001))


def test_columns_are_encoded_by_what_they_hold(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write_parquet(path, SCHEMA, [rows(0, 10)])
    group = pq.read_metadata(path).row_group(0)
    columns = {group.column(place).path_in_schema: group.column(place) for place in range(3)}

    assert {column.compression for column in columns.values()} == {"ZSTD"}
    assert all(column.is_stats_set for column in columns.values())
    assert {name for name, c in columns.items() if "DELTA_BINARY_PACKED" in c.encodings} == {"at", "source_row"}
    assert "RLE_DICTIONARY" in columns["flag"].encodings


@given(sizes=st.lists(st.integers(0, 25), max_size=12))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_cut_into_batches_gives_the_same_groups(sizes: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "ROW_GROUP", 10)
    ends = np.cumsum([0, *sizes]).tolist()
    batches = [rows(start, stop) for start, stop in itertools.pairwise(ends)]
    groups = list(parquet._row_groups(SCHEMA, batches))

    assert [group.num_rows for group in groups[:-1]] == [10] * (len(groups) - 1)
    assert [row for group in groups for row in group.column("source_row").to_pylist()] == list(range(ends[-1]))


def test_a_file_without_rows_keeps_its_schema(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    assert write_parquet(path, SCHEMA, []) == 0
    assert read_footer(path).schema.equals(SCHEMA)
    assert list(read_batches(path)) == []


def test_a_failure_while_writing_leaves_no_file_and_comes_through(tmp_path: Path) -> None:
    def broken() -> Iterator[pa.RecordBatch]:
        yield rows(0, 130_000)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_parquet(tmp_path / "a.parquet", SCHEMA, broken())
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said_to_be_full(tmp_path: Path) -> None:
    def full() -> Iterator[pa.RecordBatch]:
        yield rows(0, 1)
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(DiskFull, match=r"a\.parquet"):
        write_parquet(tmp_path / "a.parquet", SCHEMA, full())
    assert list(tmp_path.iterdir()) == []


def test_a_device_that_is_full_is_said_to_be_full() -> None:
    with pytest.raises(DiskFull):
        write_parquet(_Full(), SCHEMA, [rows(0, 10)])


def test_a_folder_without_rights_is_said_to_be_unwritable() -> None:
    with pytest.raises(HomeUnwritable):
        write_parquet(_Forbidden(), SCHEMA, [])


def test_a_missing_and_a_damaged_file_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(WarehouseCorrupt, match="is missing"):
        read_footer(tmp_path / "none.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(WarehouseCorrupt, match="cannot be read"):
        row_order(tmp_path / "bad.parquet")


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        ([], RowOrder(rows=0, first=None, last=None, rising=True)),
        ([1, 2, 5], RowOrder(rows=3, first=1, last=5, rising=True)),
        ([1, 2, 2], RowOrder(rows=3, first=1, last=2, rising=False)),
        ([3, 1, 2], RowOrder(rows=3, first=1, last=3, rising=False)),
        ([1, None, 3], RowOrder(rows=3, first=1, last=3, rising=False)),
        ([None], RowOrder(rows=1, first=None, last=None, rising=False)),
    ],
)
def test_the_order_of_addresses_is_seen(tmp_path: Path, addresses: list[int | None], expected: RowOrder) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"source_row": pa.array(addresses, pa.int64())}), path)
    assert row_order(path) == expected


def test_a_fall_between_two_batches_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write_parquet(path, SCHEMA, [rows(1, 65_537), rows(65_536, 65_540)])
    assert row_order(path) == RowOrder(rows=65_540, first=1, last=65_539, rising=False)


class _Full(type(Path())):  # type: ignore[misc]
    """A path on a device on which nothing fits."""

    def __new__(cls) -> _Full:
        return super().__new__(cls, "/dev/full")

    def open(self, *_: object, **__: object) -> io.BufferedWriter:  # type: ignore[override]
        return open("/dev/full", "wb")

    def unlink(self, missing_ok: bool = False) -> None:
        assert missing_ok


class _Forbidden(type(Path())):  # type: ignore[misc]
    def open(self, *_: object, **__: object) -> io.BufferedWriter:  # type: ignore[override]
        raise PermissionError(errno.EACCES, "Permission denied")

    def unlink(self, missing_ok: bool = False) -> None:
        assert missing_ok
