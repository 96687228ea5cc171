"""What `Warehouse.ask` promises on every target: it reads the published tables and nothing else, and ends when it is told to."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from taxi_pipelines.domain.asking import Asking, Limits
from taxi_pipelines.errors import QueryFailed, WarehouseRefused
from taxi_pipelines.interfaces import Warehouse
from taxi_pipelines.months.ask import Questions
from taxi_pipelines.warehouses.postgres import PostgresWarehouse
from tests.support import postgres
from tests.support.warehouses import TABLE, TARGETS, month_of, put

NAMES = ("bigquery", "duckdb", "postgres")
LIMITS = Limits(rows=1_000, bytes=8 << 20, seconds=20)


@dataclass(frozen=True, slots=True)
class Place:
    """A warehouse with a month of three rows."""

    name: str
    home: Path
    warehouse: Warehouse

    def ask(self, sql: str, asking: Asking | None = None, limits: Limits = LIMITS) -> list[tuple[object, ...]]:
        with Questions().ask(self.warehouse, sql, limits, asking or Asking()) as asked:
            return [tuple(row.values()) for batch in asked.batches() for row in batch.to_pylist()]

    def refusal(self, sql: str) -> QueryFailed:
        with pytest.raises(QueryFailed) as caught:
            self.ask(sql)
        assert "\n" not in str(caught.value)
        return caught.value


def place_of(name: str, home: Path, closing: ExitStack) -> Place:
    warehouse = TARGETS[name].open(home)
    if isinstance(warehouse, PostgresWarehouse):
        closing.callback(warehouse.close)
    put(warehouse, "v1", month_of([1.0, 2.0, None]))
    return Place(name, home, warehouse)


@pytest.fixture(scope="module", params=NAMES)
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with ExitStack() as closing:
        yield place_of(request.param, tmp_path_factory.mktemp("asked"), closing)


@pytest.fixture(scope="module", params=["duckdb"])
def embedded(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with ExitStack() as closing:
        yield place_of(request.param, tmp_path_factory.mktemp("embedded"), closing)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with ExitStack() as closing:
        yield place_of("postgres", tmp_path_factory.mktemp("server"), closing)


def test_the_tables_are_read_as_by_a_query(place: Place) -> None:
    assert place.ask(f"SELECT count(*) AS n, sum(fare_amount) AS total FROM {TABLE}") == [(3, 3.0)]
    assert place.ask("SELECT count(*) AS n FROM yellow_tripdata") == [(0,)]
    assert place.ask(f"WITH t AS (SELECT * FROM {TABLE}) SELECT max(source_row) AS n FROM t") == [(3,)]


def test_columns_have_types_and_the_target_a_place_without_a_password(place: Place) -> None:
    types = place.warehouse.column_types(TABLE)
    assert list(types) == place.warehouse.columns(TABLE)
    assert types["trip_distance"].upper() in ("DOUBLE", "DOUBLE PRECISION", "FLOAT64")
    assert place.warehouse.column_types("fhv_tripdata") == {}
    assert postgres.PASSWORD not in place.warehouse.place
    assert place.warehouse.price(f"SELECT fare_amount FROM {TABLE}") == {"bigquery": 16}.get(place.name)


@pytest.mark.parametrize(
    "sql",
    [
        f"INSERT INTO {TABLE} (fare_amount) VALUES (1)",
        f"DELETE FROM {TABLE} WHERE true",
        f"UPDATE {TABLE} SET fare_amount = 1 WHERE true",
        f"DROP TABLE {TABLE}",
        "CREATE TABLE other AS SELECT 1 AS a",
        f"TRUNCATE TABLE {TABLE}",
    ],
)
def test_nothing_can_be_written(place: Place, sql: str) -> None:
    assert "only reads" in place.refusal(sql).what
    assert place.ask(f"SELECT count(*) AS n FROM {TABLE}") == [(3,)]


@pytest.mark.parametrize("sql", ["", "SELEC 1", "SELECT nope FROM green_tripdata", "SELECT * FROM nowhere"])
def test_a_wrong_statement_is_told_in_a_line(place: Place, sql: str) -> None:
    error = place.refusal(sql) if sql or place.name != "bigquery" else None
    if error and place.name != "bigquery" and sql:
        assert error.line == 1
        assert error.column == {"SELEC 1": 1, "SELECT nope FROM green_tripdata": 8}.get(sql, 15)


def test_a_result_is_cut_at_its_limits(place: Place) -> None:
    with Questions().ask(
        place.warehouse, f"SELECT source_row FROM {TABLE}", Limits(rows=2, bytes=99, seconds=9), Asking()
    ) as asked:
        assert sum(batch.num_rows for batch in asked.batches()) == 2
        assert asked.was_cut
    with Questions().ask(
        place.warehouse, f"SELECT source_row FROM {TABLE}", Limits(rows=3, bytes=99, seconds=9), Asking()
    ) as asked:
        assert sum(batch.num_rows for batch in asked.batches()) == 3
        assert not asked.was_cut
    with Questions().ask(
        place.warehouse, f"SELECT source_row FROM {TABLE}", Limits(rows=9, bytes=16, seconds=9), Asking()
    ) as asked:
        assert sum(batch.num_rows for batch in asked.batches()) == 1
        assert asked.was_cut


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_blob('/etc/passwd')",
        "SELECT * FROM read_json('/etc/passwd')",
        "SELECT * FROM sniff_csv('/etc/passwd')",
        "SELECT * FROM parquet_metadata('/etc/passwd')",
        "SELECT * FROM glob('/etc/*')",
        "FROM '/etc/passwd'",
        "FROM '{home}/secret.key'",
        "FROM read_text('{home}/metadata.db')",
        "FROM read_text('{home}/warehouse/catalog.json')",
        "FROM '{home}/warehouse/other.parquet'",
        "FROM read_parquet('{home}/warehouse/*/*.parquet')",
        "FROM 'http://127.0.0.1:9/x.csv'",
        "FROM 's3://bucket/x.parquet'",
        "FROM duckdb_secrets()",
        "COPY green_tripdata TO '{home}/out.csv'",
        "COPY (SELECT 1) TO '{home}/warehouse.duckdb' (FORMAT parquet)",
        "EXPORT DATABASE '{home}/out'",
        "ATTACH '{home}/out.db'",
        "ATTACH '{home}/metadata.db' (TYPE sqlite)",
        "INSTALL httpfs",
        "LOAD httpfs",
        "PRAGMA database_list",
        "CALL pragma_version()",
        "SET memory_limit = '99GB'",
        "RESET lock_configuration",
        "SELECT getenv('HOME')",
        "SELECT 1; SELECT 2",
        "SELECT 1; COPY (SELECT 1) TO '{home}/out.csv'",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '{home}/out.csv'",
        "FROM query('COPY (SELECT 1) TO ''{home}/out.csv''')",
        "PREPARE p AS SELECT 1",
        "CREATE VIEW v AS SELECT 1",
        "CREATE MACRO m() AS 1",
        "COMMENT ON VIEW green_tripdata IS 'x'",
        "SELECT list(range(1000000000))",
        "SELECT repeat('x', 4000000000)",
    ],
)
def test_no_file_but_the_published_ones_can_be_reached(embedded: Place, sql: str) -> None:
    for name in ("secret.key", "metadata.db", "warehouse/other.parquet"):
        (embedded.home / name).write_text("never to be read")
    before = sorted(embedded.home.rglob("*"))
    said = str(embedded.refusal(sql.format(home=embedded.home)))
    assert "never to be read" not in said
    assert sorted(embedded.home.rglob("*")) == before


@pytest.mark.parametrize(
    "sql", ["DESCRIBE green_tripdata", "SUMMARIZE green_tripdata", "SHOW TABLES", "EXPLAIN SELECT 1"]
)
def test_looking_around_is_reading(embedded: Place, sql: str) -> None:
    assert embedded.ask(sql)


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT * FROM pg_authid", "reads pg_authid"),
        ("SELECT passwd FROM pg_catalog.pg_shadow", "reads pg_shadow"),
        ("SELECT * FROM pg_settings", "reads pg_settings"),
        ("SELECT * FROM pg_stat_activity", "reads pg_stat_activity"),
        ("SELECT * FROM information_schema.tables", "reads information_schema.tables"),
        ("SELECT * FROM loaded_months", "reads loaded_months"),
        ("SELECT * FROM public.others", "reads public.others"),
        ("SELECT (SELECT max(a) FROM public.others)", "reads public.others"),
        ("SELECT pg_read_file('/etc/passwd')", "calls pg_read_file()"),
        ('SELECT "pg_read_file"($$/etc/passwd$$)', "calls pg_read_file()"),
        (r"""SELECT U&"pg\005fread_file"('/etc/passwd')""", "calls pg_read_file()"),
        ("SELECT * FROM pg_ls_dir('.')", "calls pg_ls_dir()"),
        ("SELECT lo_import('/etc/passwd')", "calls lo_import()"),
        ("SELECT lo_export(1, '/tmp/x')", "calls lo_export()"),
        ("SELECT pg_sleep(9)", "calls pg_sleep()"),
        ("SELECT set_config('transaction_read_only', 'off', true)", "calls set_config()"),
        ("SELECT current_setting('data_directory')", "calls current_setting()"),
        ("SELECT pg_terminate_backend(1)", "calls pg_terminate_backend()"),
        ("SELECT pg_advisory_lock(1)", "calls pg_advisory_lock()"),
        ("SELECT query_to_xml('SELECT 1', true, true, '')", "calls query_to_xml()"),
        ("SELECT table_to_xml('pg_authid', true, true, '')", "calls table_to_xml()"),
        ("SELECT public.told()", "calls told()"),
        ("SELECT 1 OPERATOR(public.@@@@) 2", "calls leaks()"),
        ("WITH d AS (DELETE FROM green_tripdata RETURNING 1) SELECT * FROM d", "more than read"),
        ("SELECT 1 INTO other", "more than read"),
        ("SELECT * FROM green_tripdata FOR UPDATE", "read-only transaction"),
        ("EXPLAIN ANALYZE DELETE FROM green_tripdata", "only reads"),
        ("EXPLAIN (ANALYZE) SELECT pg_sleep(9)", "calls pg_sleep()"),
        ("EXPLAIN (SELECT pg_read_file('a)select 1 --'))", "calls pg_read_file()"),
        ("COPY (SELECT 1) TO PROGRAM 'true'", "only reads"),
        ("SELECT 1) TO PROGRAM 'true' --", "syntax error"),
        ("SELECT 1; SELECT 2", "multiple commands"),
        ("SHOW ALL", "only reads"),
        ("SET ROLE postgres", "only reads"),
        ("DO $$ BEGIN END $$", "only reads"),
        ("LISTEN x", "only reads"),
    ],
)
def test_even_a_superuser_reaches_nothing_but_the_tables(server: Place, sql: str, said: str) -> None:
    postgres.execute(
        postgres.database_of(server.home),
        "CREATE TABLE IF NOT EXISTS public.others (a int);"
        " CREATE OR REPLACE FUNCTION public.told() RETURNS int LANGUAGE sql STABLE AS 'SELECT 1';"
        " CREATE OR REPLACE FUNCTION public.leaks(int, int) RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 1';"
        " DROP OPERATOR IF EXISTS public.@@@@ (int, int);"
        " CREATE OPERATOR public.@@@@ (LEFTARG = int, RIGHTARG = int, FUNCTION = public.leaks)",
    )
    assert said in server.refusal(sql).what


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT random(), now(), version(), gen_random_uuid()",
        "SELECT date_trunc('month', lpep_pickup_datetime), percentile_cont(0.5) WITHIN GROUP (ORDER BY fare_amount) FROM green_tripdata GROUP BY 1",
        "SELECT count(*), count(*), string_agg(store_and_fwd_flag, ',') FROM green_tripdata TABLESAMPLE bernoulli(50)",
        "SELECT row_number() OVER (ORDER BY fare_amount), to_char(lpep_pickup_datetime, 'YYYY') FROM green_tripdata",
        "VALUES (1), (2);",
        "TABLE green_tripdata",
        "EXPLAIN (ANALYZE, BUFFERS) SELECT * FROM green_tripdata",
        "-- a comment; with a semicolon\nSELECT ';' -- and one more;",
    ],
)
def test_functions_that_only_compute_are_allowed(server: Place, sql: str) -> None:
    assert server.ask(sql)


def test_who_may_make_no_temporary_view_is_told_what_is_lacking(tmp_path: Path) -> None:
    with ExitStack() as closing:
        own = place_of("postgres", tmp_path, closing)
        url = postgres.database_of(tmp_path)
        name = url.rpartition("/")[2]
        postgres.execute(
            url,
            f'CREATE ROLE "{name}" LOGIN PASSWORD \'reader\'; REVOKE TEMPORARY ON DATABASE "{name}" FROM PUBLIC;'
            f' GRANT USAGE ON SCHEMA taxi TO "{name}"; GRANT SELECT ON ALL TABLES IN SCHEMA taxi TO "{name}"',
        )
        reader = PostgresWarehouse(postgres.server().url(name, user=name, password="reader"))
        closing.callback(reader.close)
        with pytest.raises(WarehouseRefused, match="GRANT TEMPORARY"):
            Place("postgres", own.home, reader).ask("SELECT 1")
        postgres.execute(url, f'GRANT TEMPORARY ON DATABASE "{name}" TO "{name}"')
        assert Place("postgres", own.home, reader).ask(f"SELECT count(*) FROM {TABLE}") == [(3,)]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM {other}.green_tripdata",
        "SELECT * FROM {own}_staging.month_green_tripdata_2021_01",
        "SELECT * FROM INFORMATION_SCHEMA.TABLES",
        "SELECT * FROM EXTERNAL_QUERY('a', 'SELECT 1')",
        "SELECT * FROM ML.PREDICT(MODEL a.b, TABLE c)",
    ],
)
def test_other_datasets_and_what_is_billed_otherwise_are_refused(tmp_path: Path, sql: str) -> None:
    from tests.support.bigquery import dataset_of

    with ExitStack() as closing:
        own, other = (place_of("bigquery", tmp_path / name, closing) for name in ("own", "other"))
        text = sql.format(own=dataset_of(own.home), other=dataset_of(other.home))
        assert "the statement reads" in own.refusal(text).what


def test_a_statement_that_would_be_billed_for_more_than_allowed_is_refused(tmp_path: Path) -> None:
    from tests.support import bigquery

    warehouse = bigquery.warehouse_of(tmp_path, maximum_bytes_billed=1)
    put(warehouse, "v1", month_of([1.0]))
    assert "bytes billed" in Place("bigquery", tmp_path, warehouse).refusal(f"SELECT fare_amount FROM {TABLE}").what


@pytest.mark.parametrize(
    ("name", "sql"),
    [
        ("duckdb", "SELECT count(*) FROM range(1000000000000) t(i) WHERE i % 7 = 3"),
        ("duckdb", "SELECT levenshtein(repeat('a', 300000), repeat('b', 300000))"),
        ("postgres", "SELECT count(*) FROM generate_series(1, 100000) a, generate_series(1, 10000000) b"),
    ],
)
def test_a_statement_ends_at_once_when_it_is_stopped(embedded: Place, server: Place, name: str, sql: str) -> None:
    asking = Asking()
    stopping = threading.Timer(0.8, asking.stop, ["it was stopped"])
    stopping.start()
    began = time.monotonic()
    with pytest.raises(QueryFailed, match="it was stopped"):
        {"duckdb": embedded, "postgres": server}[name].ask(sql, asking)
    assert time.monotonic() - began < 3
    stopping.join()
    if name == "postgres":
        active = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%generate_series(1, 100000)%' AND pid <> pg_backend_pid()"
        assert postgres.execute(postgres.database_of(server.home), active) == [(0,)]


def test_what_is_stopped_before_it_begins_does_not_run(place: Place) -> None:
    asking = Asking()
    asking.stop("too late")
    with pytest.raises(QueryFailed, match="too late"):
        place.ask(f"SELECT count(*) AS n FROM {TABLE}", asking)


def test_the_process_that_answers_sees_nothing_of_the_environment(
    embedded: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psutil

    monkeypatch.setenv("SECRET_TOKEN", "never to be seen")
    with embedded.warehouse.ask("SELECT * FROM range(100000000)", Asking()) as answer:
        next(iter(answer.reader))
        (child,) = (
            it
            for it in psutil.Process(os.getpid()).children()
            if it.status() != psutil.STATUS_ZOMBIE and "taxi_pipelines.warehouses.duckdb_answer" in it.cmdline()
        )
        assert "SECRET_TOKEN" not in child.environ()
