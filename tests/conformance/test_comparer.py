"""What every `Comparer` does: the multiset difference of two versions, counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taxi_pipelines.errors import WarehouseCorrupt
from taxi_pipelines.interfaces import Changes, Comparer
from taxi_pipelines.warehouses.compare import DuckDBComparer

BUILDERS: dict[str, Callable[[Path], Comparer]] = {"duckdb": DuckDBComparer}
NAN = float("nan")


@pytest.fixture(params=sorted(BUILDERS))
def comparer(request: pytest.FixtureRequest, tmp_path: Path) -> Comparer:
    return BUILDERS[request.param](tmp_path)


def count(comparer: Comparer, old: dict[str, Any], new: dict[str, Any]) -> tuple[int, int]:
    changes = comparer.changes(pa.table(old).to_reader(max_chunksize=2), pa.table(new).to_reader(max_chunksize=3))
    return changes.added, changes.removed


def test_the_order_of_rows_does_not_matter(comparer: Comparer) -> None:
    assert count(comparer, {"a": [1, 2, 3], "b": ["x", "y", None]}, {"a": [3, 1, 2], "b": [None, "x", "y"]}) == (0, 0)


def test_the_order_and_the_case_of_columns_do_not_matter(comparer: Comparer) -> None:
    assert count(comparer, {"a": [1], "B": ["x"]}, {"b": ["x"], "A": [1]}) == (0, 0)


def test_an_edited_row_is_one_removed_and_one_added(comparer: Comparer) -> None:
    assert count(comparer, {"a": [1, 2], "b": [1.0, 2.0]}, {"a": [1, 2], "b": [1.0, 2.5]}) == (1, 1)


def test_values_that_change_places_are_changes(comparer: Comparer) -> None:
    assert count(comparer, {"a": [1, None], "b": [None, 1]}, {"a": [None, 1], "b": [1, None]}) == (0, 0)
    assert count(comparer, {"a": [1], "b": [None]}, {"a": [None], "b": [1]}) == (1, 1)


def test_equal_rows_are_counted_one_by_one(comparer: Comparer) -> None:
    assert count(comparer, {"a": [7, 7, 7, 1]}, {"a": [7, 1, 1, 2]}) == (2, 2)


def test_nulls_and_nans_equal_themselves_and_not_each_other(comparer: Comparer) -> None:
    assert count(comparer, {"a": [None, NAN, 0.0]}, {"a": [NAN, None, 0.0]}) == (0, 0)
    assert count(comparer, {"a": [None, 0.5]}, {"a": [NAN, 0.5]}) == (1, 1)


def test_a_column_one_side_lacks_counts_as_null(comparer: Comparer) -> None:
    assert count(comparer, {"a": [1, 2]}, {"a": [1, 2], "fee": [None, 0.75]}) == (1, 1)
    assert count(comparer, {"a": [1, 2], "fee": pa.nulls(2)}, {"a": [1, 2]}) == (0, 0)


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        (pa.array([1, 2]), pa.array([1.0, 2.5]), 1),
        (pa.array([1, 2], pa.int32()), pa.array([1, 2], pa.int64()), 0),
        (pa.array(["a", "b"]), pa.array(["a", "b"], pa.large_string()), 0),
        (pa.array([1, 2]), pa.array(["1", "two"]), 1),
        (pa.array([0, 1], pa.timestamp("us")), pa.array([0, 1]), 2),
        (pa.array([True, False]), pa.array(["true", "no"]), 1),
    ],
)
def test_a_column_that_changed_its_type_is_compared_by_value(
    comparer: Comparer, old: pa.Array, new: pa.Array, changed: int
) -> None:
    assert count(comparer, {"a": old}, {"a": new}) == (changed, changed)


def test_published_columns_may_have_any_name(comparer: Comparer) -> None:
    names = ["sign", "c0", "surplus", "h1", 'quo"te', "select", "old_rows"]
    old = {name: [number] for number, name in enumerate(names)}
    assert count(comparer, old, old) == (0, 0)
    assert count(comparer, old, old | {"h1": [99]}) == (1, 1)


def test_a_side_without_rows_is_all_added_or_all_removed(comparer: Comparer) -> None:
    empty = {"a": pa.array([], pa.int64())}
    assert count(comparer, empty, {"a": [1, 1]}) == (2, 0)
    assert count(comparer, {"a": [1, 1]}, empty) == (0, 2)
    assert count(comparer, empty, empty) == (0, 0)


_ROWS = st.lists(
    st.tuples(
        st.none() | st.integers(-1, 2), st.none() | st.sampled_from([0.5, -1.0]), st.none() | st.sampled_from("ab")
    ),
    max_size=12,
)


@given(old=_ROWS, new=_ROWS)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_counts_are_those_of_a_multiset_difference(comparer: Comparer, old: list[Any], new: list[Any]) -> None:
    expected = ((Counter(new) - Counter(old)).total(), (Counter(old) - Counter(new)).total())
    assert count(comparer, _columns(old), _columns(new)) == expected


def test_an_error_of_a_stream_comes_through_as_it_was(comparer: Comparer) -> None:
    def broken() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"a": [1]})
        raise WarehouseCorrupt("the file is damaged", "load it again")

    schema = pa.schema({"a": pa.int64()})
    with pytest.raises(WarehouseCorrupt, match="the file is damaged"):
        comparer.changes(pa.RecordBatchReader.from_batches(schema, broken()), pa.table({"a": [1]}).to_reader())


def test_many_rows_are_compared_and_the_disk_is_left_clean(comparer: Comparer, tmp_path: Path) -> None:
    rows, batch = 600_000, 50_000

    def numbers(start: int) -> pa.RecordBatchReader:
        schema = pa.schema({"a": pa.int64(), "b": pa.float64()})
        batches = (
            pa.record_batch([pa.array(np.arange(at, at + batch)), pa.repeat(pa.scalar(0.5), batch)], schema=schema)
            for at in range(start, start + rows, batch)
        )
        return pa.RecordBatchReader.from_batches(schema, batches)

    assert comparer.changes(numbers(0), numbers(1_000)) == Changes(added=1_000, removed=1_000)
    assert list(tmp_path.iterdir()) == []


def _columns(rows: list[Any]) -> dict[str, pa.Array]:
    types = {"a": pa.int64(), "b": pa.float64(), "c": pa.string()}
    return {name: pa.array([row[place] for row in rows], kind) for place, (name, kind) in enumerate(types.items())}
