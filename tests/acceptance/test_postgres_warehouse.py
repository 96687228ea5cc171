"""What PostgreSQL must do beyond the conformance suite: exact values, merging, long readers, other people's tables, refusals."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from urllib.parse import quote

import psycopg
import pyarrow as pa
import pytest

from taxi_pipelines.domain.month import Month
from taxi_pipelines.errors import (
    PipelineError,
    QueryFailed,
    SchemaMismatch,
    UsageError,
    WarehouseUnavailable,
)
from taxi_pipelines.warehouses.postgres import PostgresWarehouse
from tests.support import postgres
from tests.support.postgres import connected, execute
from tests.support.warehouses import FEB, GREEN, JAN, TABLE, ask, fares, held, month_of, put, stage

ODD_TEXTS = ["", '"', "a,b", "two\nlines", "\\N", "\\.", "NULL", " ", "ñ漢🚕", "\r\n", None, '""']
ODD_DOUBLES = [0.1, -0.0, math.inf, -math.inf, 5e-324, 1.7976931348623157e308, 1 / 3, None, 1e15, 1e16, 123456.789, 0.0]


@pytest.fixture
def url(tmp_path: Path) -> str:
    return postgres.database_of(tmp_path)


@pytest.fixture
def warehouse(url: str) -> Iterator[PostgresWarehouse]:
    opened = PostgresWarehouse(url)
    yield opened
    opened.close()


@pytest.fixture
def merging(url: str) -> Iterator[PostgresWarehouse]:
    opened = PostgresWarehouse(url, strategy="merge")
    yield opened
    opened.close()


def test_every_type_and_odd_value_comes_back_as_it_was(warehouse: PostgresWarehouse) -> None:
    size = len(ODD_TEXTS)
    times = [datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999), datetime(2021, 1, 1, 0, 0, 0, 1), None]
    extra = {
        "store_and_fwd_flag": ODD_TEXTS,
        "an_int": pa.array([2**63 - 1, -(2**63), 0, None] * 3, pa.int64()),
        "a_small_int": pa.array([1, -1, None, 127] * 3, pa.int8()),
        "a_huge_int": pa.array([2**64 - 1, 0, None, 1] * 3, pa.uint64()),
        "a_bool": pa.array([True, False, None, True] * 3),
        "a_single": pa.array([0.1, math.inf, None, -2.5] * 3, pa.float32()),
        "a_decimal": pa.array([Decimal("12.34"), None, Decimal("-0.01"), Decimal("99999.99")] * 3, pa.decimal128(7, 2)),
        "a_date": pa.array([date(1, 1, 1), date(9999, 12, 31), None, date(2021, 2, 28)] * 3),
        "a_time": pa.array(times * 3, pa.timestamp("us")),
        "a_zoned_time": pa.array(times * 3, pa.timestamp("us", "America/New_York")),
        "a_time_in_ms": pa.array([datetime(2021, 1, 1, 0, 0, 0, 1000), None] * 6, pa.timestamp("ms")),
        'quoted "name" — ü': pa.array(["x"] * size, pa.large_string()),
    }
    table = month_of(ODD_DOUBLES, extra=extra)
    put(warehouse, "v1", table)

    assert held(warehouse, "v1").equals(table)
    assert [math.copysign(1, value) for value in fares(warehouse)[:2] if value is not None] == [1, -1]
    assert held(warehouse, "v1").column("fare_amount").to_numpy().tobytes() == table["fare_amount"].to_numpy().tobytes()
    with warehouse.query(f"SELECT store_and_fwd_flag, a_time, a_decimal FROM {TABLE} ORDER BY source_row") as reader:
        shown = reader.read_all()
    assert shown.column(0).to_pylist() == ODD_TEXTS
    assert shown.column(1).to_pylist() == times * 3


@pytest.mark.parametrize(
    "values",
    [pa.array([[1]]), pa.array([{"a": 1}]), pa.array([b"x"]), pa.array([1], pa.time64("us"))],
    ids=["list", "struct", "binary", "time"],
)
def test_a_column_no_table_can_hold_is_refused_by_name(warehouse: PostgresWarehouse, values: pa.Array) -> None:
    with pytest.raises(SchemaMismatch, match="odd_one"):
        stage(warehouse, "v1", month_of([1.0], extra={"odd_one": values}))
    assert warehouse.sweep() == 0


def test_a_name_that_would_be_cut_off_and_a_text_with_a_zero_byte_are_refused(warehouse: PostgresWarehouse) -> None:
    with pytest.raises(SchemaMismatch, match="63 bytes"):
        stage(warehouse, "v1", month_of([1.0], extra={"n" * 64: [1]}))
    with pytest.raises(SchemaMismatch, match="column note"):
        stage(warehouse, "v1", month_of([1.0], extra={"note": ["a\0b"]}))


def test_merging_leaves_equal_rows_alone_and_changes_the_others(merging: PostgresWarehouse, url: str) -> None:
    put(merging, "v1", month_of([1.0, 2.0, 0.0, 4.0, 5.0], extra={"note": ["a", None, "c", "d", "e"]}))
    versions = f"SELECT source_row, xmin::text FROM taxi.{TABLE} ORDER BY 1"
    before = dict(execute(url, versions))
    changed = month_of([1.0, 2.0, -0.0, 4.5], extra={"note": ["a", None, "c", "d"]})
    put(merging, "v2", changed)
    after = dict(execute(url, versions))

    assert [row for row in before if after.get(row) == before[row]] == [1, 2]
    assert held(merging, "v2").equals(changed)
    assert str(fares(merging)[2]) == "-0.0"
    put(merging, "v3", month_of([1.0, 2.0, 3.0, 4.0, 5.0, 6.0]))
    assert fares(merging) == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    assert [row for (row,) in execute(url, f"SELECT note FROM taxi.{TABLE}")] == [None] * 6
    assert merging.addresses(TABLE, JAN, "v3").gapless
    assert merging.problems() == []


def test_a_republished_month_does_not_wait_for_whoever_reads_and_blocks_no_other_reader(
    warehouse: PostgresWarehouse, url: str
) -> None:
    put(warehouse, "v1", month_of([1.0] * 5))
    with connected(url) as notebook, connected(url, autocommit=True) as other:
        assert notebook.execute(f"SELECT count(*) FROM taxi.{TABLE}").fetchone() == (5,)  # and leaves it open
        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(put, warehouse, "v2", month_of([2.0] * 6))
            longest = 0.0
            while not running.done():
                started = time.monotonic()
                other.execute(f"SELECT count(*) FROM taxi.{TABLE}").fetchone()
                longest = max(longest, time.monotonic() - started)
                time.sleep(0.01)
            running.result()
        assert longest < 1
        assert warehouse.published(TABLE)[JAN].version == "v2"
        assert notebook.execute(f"SELECT count(*) FROM taxi.{TABLE}").fetchone() == (6,)
    assert fares(warehouse) == [2.0] * 6
    put(warehouse, "v3", month_of([3.0]))
    assert fares(warehouse) == [3.0]
    assert warehouse.problems() == []


def test_a_first_month_and_another_month_are_published_under_a_reader_at_once(
    warehouse: PostgresWarehouse, url: str
) -> None:
    put(warehouse, "v1", month_of([1.0]))
    with connected(url) as notebook:
        notebook.execute(f"SELECT count(*) FROM taxi.{TABLE}").fetchone()
        started = time.monotonic()
        put(warehouse, "v1", month_of([2.0], month=FEB), month=FEB)
        assert time.monotonic() - started < 2
    assert fares(warehouse) == [1.0, 2.0]


def test_a_table_in_use_that_must_gain_a_column_is_said_to_be_in_use(warehouse: PostgresWarehouse, url: str) -> None:
    put(warehouse, "v1", month_of([1.0]))
    with connected(url) as notebook:
        notebook.execute(f"SELECT count(*) FROM taxi.{TABLE}").fetchone()
        with pytest.raises(WarehouseUnavailable, match=r"in use.*end the sessions"):
            put(warehouse, "v2", month_of([2.0], extra={"newer": [1]}))
    assert fares(warehouse) == [1.0]
    put(warehouse, "v2", month_of([2.0], extra={"newer": [1]}))
    assert fares(warehouse) == [2.0]


def test_eight_months_at_once_with_new_columns_and_swaps_do_not_deadlock(warehouse: PostgresWarehouse) -> None:
    months = [Month(2021, number) for number in range(1, 9)]

    def work(month: Month) -> None:
        for version in ("v1", "v2", "v3"):
            extra = {f"column_{month.month}": [version]} if version == "v2" else {}
            put(warehouse, version, month_of([float(month.month)], month=month, extra=extra), month=month)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, months))
    assert fares(warehouse) == [float(month.month) for month in months]
    assert {month.version for month in warehouse.published(TABLE).values()} == {"v3"}
    assert warehouse.problems() == []


def test_the_course_s_own_table_is_left_alone(warehouse: PostgresWarehouse, url: str) -> None:
    execute(url, "CREATE TABLE public.green_tripdata (unique_row_id text, filename text, fare_amount double precision)")
    execute(url, "INSERT INTO public.green_tripdata VALUES ('md5', 'green.csv', 7)")
    put(warehouse, "v1", month_of([1.0]))

    assert execute(url, "SELECT * FROM public.green_tripdata") == [("md5", "green.csv", 7.0)]
    assert ask(warehouse, f"SELECT fare_amount FROM {TABLE}") == [(1.0,)]
    assert ask(warehouse, "SELECT fare_amount FROM public.green_tripdata") == [(7.0,)]


def test_a_schema_of_any_name_is_quoted(url: str) -> None:
    warehouse = PostgresWarehouse(url, schema='My "taxi"; DROP TABLE x')
    put(warehouse, "v1", month_of([1.0]))
    assert fares(warehouse) == [1.0]
    assert warehouse.problems() == []
    warehouse.close()


def test_every_month_is_a_partition_and_a_month_s_query_reads_no_other(warehouse: PostgresWarehouse) -> None:
    for month in (JAN, FEB):
        put(warehouse, "v1", month_of([1.0], month=month), month=month)
    plan = ask(warehouse, f"EXPLAIN SELECT * FROM {TABLE} WHERE source_month = '2021-02-01'")
    text = "\n".join(line for (line,) in plan)
    assert "green_tripdata_2021_02" in text and "green_tripdata_2021_01" not in text


def test_a_partition_somebody_dropped_is_a_problem_that_repair_mends(warehouse: PostgresWarehouse, url: str) -> None:
    put(warehouse, "v1", month_of([1.0]))
    execute(url, f"DROP TABLE taxi.{TABLE}_2021_01")
    assert warehouse.versions(TABLE, JAN) == []
    (problem,) = warehouse.problems()
    assert "2021-01" in problem
    warehouse.repair()
    assert warehouse.problems() == []
    assert warehouse.published(TABLE) == {}


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1; SELECT 2",
        f"DELETE FROM {TABLE}",
        "CREATE TABLE x (a int)",
        f"SELECT 1) TO STDOUT; DROP TABLE {TABLE} --",
    ],
)
def test_two_statements_and_writing_are_refused(warehouse: PostgresWarehouse, sql: str) -> None:
    put(warehouse, "v1", month_of([1.0]))
    with pytest.raises(QueryFailed):
        ask(warehouse, sql)
    assert fares(warehouse) == [1.0]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT 1, 1;", [1, 1]),
        ("SELECT 1 AS a -- a remark", [1]),
        ("SELECT 1 AS a; -- a remark", [1]),
        ("WITH t AS (SELECT 1.5::numeric(5,2) AS a) SELECT * FROM t", [Decimal("1.50")]),
        ("SHOW search_path", ["taxi"]),
        ("VALUES (NULL::text), ('')", [None]),
        ("SELECT ARRAY[1,2], '1 day'::interval, 'x'::bytea", ["{1,2}", "1 day", "\\x78"]),
        ("SELECT avg(a), sum(a) FROM (VALUES (1::bigint), (2)) AS t (a)", [1.5, 3.0]),
    ],
)
def test_a_statement_of_any_form_is_answered(warehouse: PostgresWarehouse, sql: str, expected: list[object]) -> None:
    with warehouse.query(sql) as reader:
        assert [column[0].as_py() for column in reader.read_all().columns] == expected


def test_a_query_that_is_not_read_to_its_end_is_cancelled(warehouse: PostgresWarehouse, url: str) -> None:
    started = time.monotonic()
    with warehouse.query(
        "SELECT a.*, repeat('x', 1000) FROM generate_series(1, 20000) AS a, generate_series(1, 20000) AS b"
    ) as reader:
        assert reader.read_next_batch().num_rows > 0
    assert time.monotonic() - started < 5
    active = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'COPY%' AND datname = current_database()"
    assert execute(url, active) == [(0,)]
    assert ask(warehouse, "SELECT 1 AS one") == [(1,)]


def test_a_name_with_capitals_that_is_not_quoted_is_explained(warehouse: PostgresWarehouse) -> None:
    with pytest.raises(QueryFailed, match='written in quotes: "VendorID"'):
        ask(warehouse, f"SELECT VendorID FROM {TABLE}")


def refusal(url: str) -> PipelineError:
    warehouse = PostgresWarehouse(url)
    try:
        warehouse.published(TABLE)
        put(warehouse, "v1", month_of([1.0]))
    except PipelineError as error:
        assert "\n" not in str(error)
        for secret in (postgres.PASSWORD, postgres.QUOTED_PASSWORD, "sesame"):
            assert secret not in str(error)
        return error
    finally:
        warehouse.close()
    raise AssertionError("it was not refused")


def test_wrong_password_user_and_database_are_named_with_what_to_do() -> None:
    server = postgres.server()
    wrong = refusal(server.url(password="sesame"))
    assert (wrong.code, "password" in str(wrong)) == ("warehouse-refused", True)
    missing = refusal(server.url("no_such_database"))
    assert (missing.code, '"no_such_database" does not exist' in str(missing)) == ("warehouse-refused", True)


def test_unreachable_hosts_and_sockets_are_transient_and_fail_at_once() -> None:
    started = time.monotonic()
    for url in (
        "postgresql://u:sesame@127.0.0.1:1/x",
        "postgresql:///x?host=/no/such/folder",
        "host=no-such-host.invalid",
    ):
        assert isinstance(refusal(url), WarehouseUnavailable)
    assert time.monotonic() - started < 20


@pytest.mark.parametrize(
    "url", ["", "postgresql://u:se%same@h/x", "postgresql://u:ses@me@h/x", "mysql://h/x", "nonsense"]
)
def test_a_url_that_is_none_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        PostgresWarehouse(url)
    assert "same" not in str(caught.value) and "me@" not in str(caught.value)


def test_a_unix_socket_and_ssl_modes_are_taken(tmp_path: Path) -> None:
    server = postgres.server()
    database = postgres.database_of(tmp_path).rpartition("/")[2]
    for url in (
        f"postgresql:///{database}?host={quote(str(server.sockets))}&port={server.port}&user=postgres",
        f"host={server.sockets} port={server.port} user=postgres dbname={database}",
        f"{server.url(database)}?sslmode=prefer",
    ):
        warehouse = PostgresWarehouse(url)
        assert warehouse.published(TABLE) == {}
        warehouse.close()
    assert "SSL" in str(refusal(f"{server.url(database)}?sslmode=require"))


def test_a_user_without_rights_is_told_which_to_ask_for_and_may_still_read(
    warehouse: PostgresWarehouse, url: str
) -> None:
    server, database = postgres.server(), url.rpartition("/")[2]
    role = f"reader_{database}"
    execute(url, f"CREATE ROLE {role} LOGIN PASSWORD 'sesame'")
    theirs = server.url(database, user=role, password="sesame")
    error = refusal(theirs)
    assert (error.code, "permission denied" in str(error), "GRANT" in error.hint) == ("warehouse-refused", True, True)

    put(warehouse, "v1", month_of([1.0]))
    execute(url, f"GRANT USAGE ON SCHEMA taxi TO {role}")
    execute(url, f"GRANT SELECT ON ALL TABLES IN SCHEMA taxi TO {role}")
    reader = PostgresWarehouse(theirs)
    assert fares(reader) == [1.0]
    assert list(reader.published(TABLE)) == [JAN]
    assert reader.problems() == []
    reader.close()


def test_too_many_connections_are_transient(url: str) -> None:
    role = f"crowd_{url.rpartition('/')[2]}"
    execute(url, f"CREATE ROLE {role} LOGIN PASSWORD 'sesame' CONNECTION LIMIT 0")
    error = refusal(postgres.server().url(url.rpartition("/")[2], user=role, password="sesame"))
    assert isinstance(error, WarehouseUnavailable) and "too many connections" in str(error)


def test_a_session_the_server_ends_is_replaced(warehouse: PostgresWarehouse, url: str) -> None:
    put(warehouse, "v1", month_of([1.0]))
    execute(
        url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    assert fares(warehouse) == [1.0]


def test_staging_whose_session_ends_is_transient_and_leaves_nothing(warehouse: PostgresWarehouse, url: str) -> None:
    table = month_of([1.0] * 1000)

    def batches() -> Iterator[pa.RecordBatch]:
        yield from table.to_batches()
        execute(
            url,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'COPY%' AND datname = current_database()",
        )
        for _ in range(200):
            yield from table.to_batches()

    with pytest.raises(WarehouseUnavailable):
        warehouse.stage(GREEN, JAN, "v1", table.schema, batches())
    assert warehouse.sweep() == 0
    put(warehouse, "v1", table)
    assert warehouse.published(TABLE)[JAN].rows == 1000


def test_ctrl_c_while_waiting_for_a_lock_leaves_no_session_waiting(warehouse: PostgresWarehouse, url: str) -> None:
    import _thread

    other = PostgresWarehouse(url)
    with other.lock(TABLE, JAN):
        timer = threading.Timer(0.5, _thread.interrupt_main)
        timer.start()
        with pytest.raises(KeyboardInterrupt), warehouse.lock(TABLE, JAN):
            pass
        waiting = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        postgres.wait_until(lambda: execute(url, waiting) == [(0,)])
    other.close()


def test_no_connection_stays_open_after_close(url: str) -> None:
    warehouse = PostgresWarehouse(url)
    put(warehouse, "v1", month_of([1.0]))
    warehouse.close()
    ours = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'taxi-pipelines' AND datname = current_database()"
    postgres.wait_until(lambda: execute(url, ours) == [(0,)])


def test_the_driver_and_our_errors_do_not_mix(warehouse: PostgresWarehouse) -> None:
    with pytest.raises(PipelineError), warehouse.query("SELECT 1/0") as reader:
        reader.read_all()
    try:
        ask(warehouse, "SELECT 1/0")
    except QueryFailed as error:
        assert isinstance(error.__cause__, psycopg.Error)
