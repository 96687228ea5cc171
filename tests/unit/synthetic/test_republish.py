"""A republished file differs from the old one by exactly the rows said, counted here by brute force."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from taxi_pipelines.domain.month import Month
from taxi_pipelines.errors import UsageError
from taxi_pipelines.synthetic.files import RepublishedCounts, republish, write_month

JANUARY = Month(2021, 1)


def rows(path: Path) -> Counter[tuple[object, ...]]:
    """The file's rows as a multiset."""
    table = pq.read_table(path)

    def columns() -> Iterator[list[object]]:
        for column in table.columns:
            yield column.to_pylist()

    return Counter(zip(*columns(), strict=True))


def difference(old: Counter[tuple[object, ...]], new: Counter[tuple[object, ...]]) -> RepublishedCounts:
    return RepublishedCounts(added=(new - old).total(), removed=(old - new).total())


@pytest.mark.parametrize(
    ("kind", "month"),
    [("yellow", Month(2009, 1)), ("yellow", JANUARY), ("green", JANUARY), ("fhv", JANUARY), ("fhvhv", Month(2024, 1))],
)
@pytest.mark.parametrize(("edited", "deleted", "added"), [(0, 0, 0), (40, 0, 0), (0, 40, 0), (0, 0, 40), (200, 90, 70)])
def test_the_counts_are_the_multiset_difference(
    kind: str, month: Month, edited: int, deleted: int, added: int, tmp_path: Path
) -> None:
    path = write_month(tmp_path, kind, month, 2_000, duplicates=400)
    old = rows(path)
    counts = republish(path, edited=edited, deleted=deleted, added=added)
    new = rows(path)
    assert counts == difference(old, new) == RepublishedCounts(added=edited + added, removed=edited + deleted)
    assert new.total() == 2_000 - deleted + added


def test_a_file_can_be_republished_again_and_again(tmp_path: Path) -> None:
    path = write_month(tmp_path, "green", JANUARY, 500)
    for _ in range(3):
        old = rows(path)
        assert republish(path, edited=5, deleted=3, added=4) == difference(old, rows(path))


def test_all_rows_may_be_edited_deleted_or_added_to(tmp_path: Path) -> None:
    path = write_month(tmp_path, "green", JANUARY, 100)
    assert republish(path, edited=60, deleted=40, added=1_000) == RepublishedCounts(added=1_060, removed=100)
    assert pq.read_metadata(path).num_rows == 1_060


def test_batches_in_the_middle_of_a_large_file_are_counted_as_well(tmp_path: Path) -> None:
    path = write_month(tmp_path, "fhv", JANUARY, 150_000)
    old = rows(path)
    counts = republish(path, edited=1_500, deleted=700, added=800, seed=9)
    assert counts == difference(old, rows(path)) == RepublishedCounts(added=2_300, removed=2_200)


def test_schema_and_form_of_the_file_stay_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = write_month(tmp_path, "yellow", JANUARY, 1_000)
    before = pq.read_metadata(path)
    schema = pq.read_schema(path)
    republish(path, edited=1, deleted=1, added=1)
    after = pq.read_metadata(path)
    assert pq.read_schema(path).equals(schema, check_metadata=True)
    assert after.format_version == before.format_version
    assert after.row_group(0).column(0).compression == before.row_group(0).column(0).compression
    assert list(tmp_path.iterdir()) == [path]


def test_files_others_wrote_can_be_republished_too(tmp_path: Path) -> None:
    path = tmp_path / "green_tripdata_2021-01.parquet"
    pq.write_table(pa.table({"VendorID": [1, 2, 2], "total_amount": [1.5, None, 7.0]}), path, compression="snappy")
    old = rows(path)
    assert republish(path, edited=2, deleted=1, added=2) == difference(old, rows(path))


def test_seeds_choose_other_rows(tmp_path: Path) -> None:
    changed = []
    for seed in (1, 1, 2):
        path = write_month(tmp_path, "green", JANUARY, 500)
        republish(path, edited=5, deleted=5, added=5, seed=seed)
        changed.append(rows(path))
    assert changed[0] == changed[1] != changed[2]


def test_more_changes_than_rows_are_refused_and_the_file_stays(tmp_path: Path) -> None:
    path = write_month(tmp_path, "green", JANUARY, 10)
    before = path.read_bytes()
    with pytest.raises(UsageError, match="has only 10 rows"):
        republish(path, edited=6, deleted=5, added=0)
    assert path.read_bytes() == before
    empty = write_month(tmp_path, "green", JANUARY, 0)
    with pytest.raises(UsageError, match="has only 0 rows"):
        republish(empty, edited=0, deleted=0, added=1)
