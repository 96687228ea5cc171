"""Walking file and table side by side finds every kind of difference, wherever the batches are cut."""

from __future__ import annotations

import math
from collections.abc import Iterator

import pyarrow as pa
import pytest

from taxi_pipelines.months.verify import Comparison

ROWS = 50


def table(**changes: object) -> pa.Table:
    values = {"source_row": list(range(1, ROWS + 1)), "fare": [float(i) for i in range(ROWS)], "flag": ["N"] * ROWS}
    return pa.table(values | changes)


def batches(rows: pa.Table, size: int) -> Iterator[pa.RecordBatch]:
    return iter(rows.to_batches(max_chunksize=size))


def compare(actual: pa.Table, expected: pa.Table | None = None, *, sizes: tuple[int, int] = (7, 11)) -> Comparison:
    comparison = Comparison()
    comparison.run(batches(expected if expected is not None else table(), sizes[0]), batches(actual, sizes[1]))
    return comparison


@pytest.mark.parametrize("sizes", [(7, 11), (11, 7), (50, 1), (1, 50), (50, 50)])
def test_equal_rows_do_not_differ_however_they_are_cut(sizes: tuple[int, int]) -> None:
    found = compare(table(), sizes=sizes)
    assert (found.rows_source, found.rows_target, found.differing_rows, found.differences) == (ROWS, ROWS, 0, [])


def test_a_changed_value_names_row_column_and_both_values() -> None:
    found = compare(table(fare=[99.0 if i == 20 else float(i) for i in range(ROWS)]))
    assert found.differing_rows == 1
    assert [str(difference) for difference in found.differences] == [
        "row 21, fare: 20.0 in the file, 99.0 in the table"
    ]


def test_two_wrong_columns_of_one_row_are_one_differing_row() -> None:
    found = compare(
        table(
            fare=[99.0 if i == 3 else float(i) for i in range(ROWS)], flag=["Y" if i == 3 else "N" for i in range(ROWS)]
        )
    )
    assert (found.differing_rows, len(found.differences)) == (1, 2)


def test_null_is_not_a_value_and_nan_equals_nan() -> None:
    nan = table(fare=[math.nan] * ROWS)
    assert compare(nan, nan).differing_rows == 0
    assert compare(table(flag=[None, *["N"] * (ROWS - 1)])).differing_rows == 1


@pytest.mark.parametrize("gone", [0, 24, ROWS - 1])
def test_a_missing_row_is_named_and_its_neighbours_still_match(gone: int) -> None:
    actual = pa.concat_tables([table().slice(0, gone), table().slice(gone + 1)])
    found = compare(actual)
    assert (found.differing_rows, found.rows_target) == (1, ROWS - 1)
    assert str(found.differences[0]) == f"row {gone + 1}: missing in the table"


def test_rows_too_many_and_rows_twice_are_found() -> None:
    extra = table().slice(0, 1).set_column(0, "source_row", pa.array([ROWS + 5]))
    assert [str(d) for d in compare(pa.concat_tables([table(), extra])).differences] == [
        f"row {ROWS + 5}: not in the file"
    ]
    twice = pa.concat_tables([table().slice(0, 10), table().slice(9)])
    found = compare(twice)
    assert (found.differing_rows, str(found.differences[0])) == (1, "1 rows of the table repeat an address")


def test_an_empty_table_misses_every_row_but_lists_only_the_first() -> None:
    found = compare(table().slice(0, 0))
    assert (found.rows_target, found.differing_rows, len(found.differences)) == (0, ROWS, 20)


def test_a_missing_column_is_found() -> None:
    found = compare(table().drop_columns(["fare"]), sizes=(ROWS, ROWS))
    assert [str(difference) for difference in found.differences] == ["the table has no column fare"]
