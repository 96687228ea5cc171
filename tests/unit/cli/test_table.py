"""Query results for people: the first rows, the columns that fit, and a word on the rest."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO

import pyarrow as pa
import pytest
from rich.console import Console

from taxi_pipelines.cli.table import Shown, first_rows


def shown(table: pa.Table, width: int | None = 80) -> Shown:
    return first_rows(pa.RecordBatchReader.from_batches(table.schema, table.to_batches(max_chunksize=7)), width)


def lines(result: Shown) -> list[str]:
    console = Console(width=500, file=StringIO(), highlight=False, markup=False)
    console.print(result.rendered)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


def test_numbers_stand_right_and_null_is_named() -> None:
    result = shown(pa.table({"zone": ["Astoria", None], "trips": [5, 1234], "share": [0.1 + 0.2, None]}))
    assert lines(result) == ["zone     trips  share", "Astoria      5    0.3", "null      1234   null"]
    assert result.note == ""


@pytest.mark.parametrize(
    ("rows", "note"),
    [
        (40, ""),
        (41, "… 1 more row; --format csv shows all"),
        (1000, "… 960 more rows; --format csv shows all"),
        (1042, "… more rows follow; --format csv shows all"),
    ],
)
def test_forty_rows_are_shown_and_the_others_counted_where_they_are_few(rows: int, note: str) -> None:
    result = shown(pa.table({"n": list(range(rows))}))
    assert len(lines(result)) == 41
    assert result.note == note


def test_the_rest_of_a_long_result_is_not_read() -> None:
    table = pa.table({"n": list(range(5000))})

    def batches() -> Iterator[pa.RecordBatch]:
        yield from table.to_batches()
        raise AssertionError("read on")

    assert first_rows(pa.RecordBatchReader.from_batches(table.schema, batches()), None).note


def test_columns_that_do_not_fit_a_terminal_are_counted() -> None:
    wide = pa.table({f"column_{place:02d}": [1] for place in range(20)})
    result = shown(wide, width=80)
    assert lines(result)[0].split() == [f"column_{place:02d}" for place in range(7)]
    assert result.note == "… 13 more columns; --format csv shows all"


def test_a_pipe_gets_all_columns() -> None:
    wide = pa.table({f"column_{place:02d}": [1] for place in range(20)})
    assert len(lines(shown(wide, width=None))[0].split()) == 20


def test_columns_of_one_name_and_texts_of_several_lines_are_shown() -> None:
    doubled = pa.Table.from_arrays([pa.array([1]), pa.array(["two\nlines"])], names=["a", "a"])
    assert lines(shown(doubled)) == ["a  a", "1  two lines"]


def test_no_rows_are_a_header() -> None:
    assert lines(shown(pa.table({"n": pa.array([], pa.int64())}))) == ["n"]
