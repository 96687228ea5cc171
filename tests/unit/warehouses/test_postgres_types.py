from __future__ import annotations

import pyarrow as pa
import pytest

from taxi_pipelines.errors import SchemaMismatch
from taxi_pipelines.warehouses.postgres_types import shown_type, stored_column, widened


@pytest.mark.parametrize(
    ("kind", "sql_type", "sent"),
    [
        (pa.int8(), "bigint", pa.int64()),
        (pa.uint64(), "numeric", pa.decimal128(20, 0)),
        (pa.float32(), "double precision", pa.float64()),
        (pa.decimal128(7, 2), "numeric", pa.decimal128(7, 2)),
        (pa.timestamp("ms"), "timestamp without time zone", pa.timestamp("us")),
        (pa.timestamp("us", "UTC"), "timestamp with time zone", pa.timestamp("us", "UTC")),
        (pa.large_string(), "text", pa.string()),
        (pa.dictionary(pa.int32(), pa.string()), "text", pa.string()),
        (pa.null(), "text", pa.string()),
        (pa.bool_(), "boolean", pa.bool_()),
        (pa.date64(), "date", pa.date32()),
    ],
)
def test_arrow_types_have_a_place(kind: pa.DataType, sql_type: str, sent: pa.DataType) -> None:
    column = stored_column(pa.field("x", kind), {})
    assert (column.sql_type, column.arrow_type) == (sql_type, sent)


def test_a_column_takes_the_table_s_spelling_and_a_type_that_holds_both() -> None:
    column = stored_column(pa.field("Level", pa.float64()), {"level": "bigint"})
    assert (column.name, column.sql_type) == ("level", "double precision")
    assert stored_column(pa.field("level", pa.null()), {"level": "bigint"}).sql_type == "bigint"
    assert stored_column(pa.field("level", pa.int64()), {"level": "text"}).arrow_type == pa.string()


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("bigint", "bigint", "bigint"),
        ("double precision", "bigint", "double precision"),
        ("numeric", "bigint", "numeric"),
        ("date", "bigint", "text"),
        ("text", "bigint", "text"),
    ],
)
def test_types_are_widened_alike_in_either_order(one: str, other: str, both: str) -> None:
    assert widened(one, other) == widened(other, one) == both


def test_nested_types_and_names_too_long_are_refused() -> None:
    with pytest.raises(SchemaMismatch, match=r"column x of type list"):
        stored_column(pa.field("x", pa.list_(pa.int64())), {})
    with pytest.raises(SchemaMismatch, match="63 bytes"):
        stored_column(pa.field("ü" * 32, pa.int64()), {})


def test_results_are_shown_in_their_types_and_what_arrow_lacks_as_text() -> None:
    assert shown_type(20, -1) == pa.int64()
    assert shown_type(1700, -1) == pa.float64()
    assert shown_type(1700, (7 << 16 | 2) + 4) == pa.decimal128(7, 2)
    assert shown_type(1186, -1) == pa.string()
