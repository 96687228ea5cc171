from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from taxi_pipelines.errors import DiskFull, QueryFailed, WarehouseCorrupt
from taxi_pipelines.warehouses.engine import distinct_addresses, run_statement, said, sorted_batches, translated

Ask = Callable[[str], pa.Table]


@pytest.fixture
def ask(tmp_path: Path) -> Iterator[Ask]:
    """Runs a statement; its months are those of the test's own folder."""
    with closing(duckdb.connect()) as connection:
        yield lambda sql: run_statement(connection, sql, ["trips"], tmp_path).read_all()


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


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("select 1 a, 2 a", ["a", "a_1"]),
        ("select 1 a, 2 a, 3 a_1, 4 a, 5 A", ["a", "a_2", "a_1", "a_3", "A"]),
        ("select interval 1 day a, 2 a", ["a", "a_1"]),
    ],
)
def test_every_column_of_a_result_has_a_name_of_its_own(ask: Ask, sql: str, names: list[str]) -> None:
    table = ask(sql)
    assert table.schema.names == names
    assert len(table.to_pylist()[0]) == len(names)


@pytest.mark.parametrize(
    "sql",
    [
        "select 1", "select 1;", "-- why\nselect 1", "from range(3)", "values (1)", "with a as (select 1) from a", "explain select 1",
        "explain (analyze, format json) select 1", "EXPLAIN /* x */ ANALYZE select 1", "describe select 1", "show tables",
        "summarize select 1", "pragma database_list", "pivot (select 1 a, 2 b) on a using sum(b)",
    ],
)  # fmt: skip
def test_what_reads_is_answered(ask: Ask, sql: str) -> None:
    assert ask(sql).num_columns


@pytest.mark.parametrize(
    ("sql", "word"),
    [
        ("create table x as select 1", "CREATE"),
        ("/* a */ drop view green_tripdata", "DROP"),
        ("insert into x values (1) returning *", "INSERT"),
        ("copy (select 1) to 'FILE'", "COPY"),
        ("explain analyze copy (select 1) to 'FILE'", "EXPLAIN"),
        ("explain analyze/**/(format json) copy (select 1) to 'FILE'", "EXPLAIN"),
        ("create table x as pivot (select 1 a, 2 b) on a using sum(b)", "CREATE"),
        ("set threads = 1", "SET"),
        ("attach 'FILE'", "ATTACH"),
        ("checkpoint", "CHECKPOINT"),
    ],
)
def test_what_does_not_read_is_refused_and_leaves_no_file(ask: Ask, tmp_path: Path, sql: str, word: str) -> None:
    with pytest.raises(QueryFailed) as caught:
        ask(sql.replace("FILE", str(tmp_path / "out")))
    assert caught.value.what == f"a query only reads, and this is {word}"
    assert "published by `taxi run`" in caught.value.hint and "-o FILE" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("select 1; select 2", "these are 2 statements"),
        ("-- nothing", "there is no statement"),
        ("", "there is no statement"),
    ],
)
def test_a_query_is_exactly_one_statement(ask: Ask, sql: str, what: str) -> None:
    with pytest.raises(QueryFailed, match=what):
        ask(sql)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("interval '1 day 2 hours'", "1 day 02:00:00"),
        ("bitstring '101'", "101"),
        ("340282366920938463463374607431768211455::uhugeint", "340282366920938463463374607431768211455"),
        ("timetz '10:00:00+05'", "10:00:00+05"),
        ("union_value(a := 1)", "1"),
        ("[interval 1 day]", "[1 day]"),
        ("{'a': [interval 1 day]}", "{'a': [1 day]}"),
    ],
)
def test_values_that_arrow_cannot_hold_come_as_text(ask: Ask, value: str, text: str) -> None:
    assert ask(f"select 1 as n, {value} as v").to_pylist() == [{"n": 1, "v": text}]


def test_rows_stay_in_order_where_columns_come_as_text(ask: Ask) -> None:
    table = ask("select range as n, interval 1 day as i from range(200000) order by n desc")
    assert table["n"].to_pylist() == list(range(199_999, -1, -1))


@pytest.mark.parametrize("sql", ["from read_parquet('FILE')", "select count(*) from read_parquet('FILE')"])
@pytest.mark.parametrize("content", [None, b"", b"<html>" * 1000])
def test_a_month_that_is_missing_or_damaged_is_not_the_statements_fault(
    ask: Ask, tmp_path: Path, sql: str, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "month.parquet").write_bytes(content)
    with pytest.raises(WarehouseCorrupt, match=r"month\.parquet.*; run: taxi doctor$"):
        ask(sql.replace("FILE", str(tmp_path / "month.parquet")))


@pytest.mark.parametrize("at", range(4, 2004, 250))
def test_damage_inside_of_a_month_is_not_the_statements_fault(ask: Ask, tmp_path: Path, at: int) -> None:
    path = tmp_path / "month.parquet"
    pq.write_table(pa.table({"n": range(100_000), "t": [str(n % 977) for n in range(100_000)]}), path)
    whole = path.read_bytes()
    path.write_bytes(whole[:at] + bytes(byte ^ 255 for byte in whole[at : at + 250]) + whole[at + 250 :])
    try:
        ask(f"from read_parquet('{path}')")
    except WarehouseCorrupt as error:
        assert error.hint == "run: taxi doctor"


def test_somebody_elses_file_that_is_missing_is_the_statements_fault(ask: Ask) -> None:
    with pytest.raises(QueryFailed, match="correct the statement"):
        ask("from read_parquet('/nowhere/else.parquet')")
