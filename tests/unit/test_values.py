"""Dates and times beyond Python's are written as DuckDB writes them."""

from __future__ import annotations

from datetime import UTC, date, datetime

import duckdb
import pyarrow as pa
import pytest

from taxi_pipelines.values import python_values, text_for_beyond

BEYOND = [
    "date 'infinity'", "date '-infinity'", "date '99999-12-31'", "date '0044-03-15 (BC)'", "date '0001-01-01' - 1", "date '9999-12-31' + 1",
    "timestamp 'infinity'", "timestamp '-infinity'", "timestamp '99999-01-01 10:00:00.000120'", "timestamp '0044-03-15 (BC) 01:02:03.5'",
    "timestamptz 'infinity'", "timestamptz '99999-01-01 00:00:01'", "timestamptz '0044-03-15 (BC) 01:02:03.5+00'",
    "timestamp_s 'infinity'", "timestamp_s '99999-01-01'", "timestamp_ms '-infinity'", "timestamp_ns 'infinity'", "time '24:00:00'",
]  # fmt: skip


def result(sql: str) -> pa.RecordBatch:
    with duckdb.connect() as connection:
        return next(iter(connection.sql(sql).to_arrow_reader()))


@pytest.mark.parametrize("value", BEYOND)
def test_what_python_cannot_hold_is_the_text_that_duckdb_writes(value: str) -> None:
    batch = result(f"select {value} as v, ({value})::varchar as t from range(2)")
    assert python_values(batch.column("v")) == batch.column("t").to_pylist()
    assert text_for_beyond(batch).column("v").to_pylist() == batch.column("t").to_pylist()


def test_values_beside_it_stay_what_they_are() -> None:
    batch = result("select unnest([date '2021-01-01', null, date 'infinity']) as v")
    assert python_values(batch.column("v")) == [date(2021, 1, 1), None, "infinity"]
    assert text_for_beyond(batch).column("v").to_pylist() == ["2021-01-01", None, "infinity"]


def test_it_is_found_inside_of_lists_and_structs() -> None:
    batch = result("select {'a': [date 'infinity', null], 'b': 1} as v")
    assert python_values(batch.column("v")) == [{"a": ["infinity", None], "b": 1}]


def test_the_first_and_the_last_of_python_are_its_own() -> None:
    batch = result(
        "select unnest([date '0001-01-01', date '9999-12-31']) as d, timestamptz '9999-12-30 23:59:59Z' as t"
    )
    assert python_values(batch.column("d")) == [date.min, date.max]
    assert python_values(batch.column("t"))[0] == datetime(9999, 12, 30, 23, 59, 59, tzinfo=UTC)
    assert text_for_beyond(batch).schema == batch.schema
