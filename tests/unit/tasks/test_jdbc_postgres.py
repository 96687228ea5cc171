"""SQL on a real PostgreSQL, run by an engine and its workers."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from taxi_pipelines.errors import QueryFailed
from taxi_pipelines.tasks.jdbc_postgres_session import iso_interval, iso_time, statement_error
from tests.support.engines import Bench, Ran, running
from tests.support.postgres import PASSWORD, USER, execute, server, wait_until
from tests.support.worker_tasks import one_task

TYPE = "io.kestra.plugin.jdbc.postgresql."


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    hosts = {"pgdatabase:5432": f"127.0.0.1:{server().port}"}
    with running(tmp_path_factory.mktemp("home"), rewrite_hosts=hosts) as found:
        yield found


@pytest.fixture
def schema(request: pytest.FixtureRequest) -> str:
    name = f"jdbc_{abs(hash(request.node.name)):x}"
    execute(server().url(), f"CREATE SCHEMA {name}")
    return name


def task(schema: str, kind: str = "Queries", **more: Any) -> dict[str, Any]:
    url = f"jdbc:postgresql://pgdatabase:5432/postgres?currentSchema={schema}&reWriteBatchedInserts=true"
    return {"type": TYPE + kind, "url": url, "username": USER, "password": PASSWORD, **more}


def run(bench: Bench, *tasks: dict[str, Any]) -> Ran:
    return bench.finish(bench.submit(one_task(*tasks)).id, 60)


def outputs(ran: Ran) -> Any:
    assert ran.states["t"] == "SUCCESS", ran.lines
    return ran.runs[-1].outputs


def stored(bench: Bench, uri: str) -> list[Any]:
    with bench.parts.files.open(uri) as file:
        return [json.loads(line) for line in file]


def test_queries_put_out_the_rows_of_every_statement(bench: Bench, schema: str) -> None:
    sql = "CREATE TABLE t (a int, b text); INSERT INTO t VALUES (1, 'x;y'), (2, NULL);\nSELECT * FROM t; SELECT count(*) n FROM t;"
    ran = run(bench, task(schema, sql=sql, fetchType="FETCH"))
    assert outputs(ran) == {
        "outputs": [{"rows": [{"a": 1, "b": "x;y"}, {"a": 2, "b": None}], "size": 2}, {"rows": [{"n": 2}], "size": 1}]
    }
    assert "INFO t: CREATE TABLE; INSERT 0 2; SELECT 2; SELECT 1" in ran.lines
    (metric,) = [one for one in bench.parts.logs.metrics(ran.execution.id) if one.name == "fetch.size"]
    assert (metric.value, metric.tags) == (3, {"fetch": "true", "store": "false"})


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"fetchType": "FETCH_ONE"}, {"row": {"n": 1}, "size": 1}),
        ({"fetchOne": True}, {"row": {"n": 1}, "size": 1}),
        ({"fetch": True}, {"rows": [{"n": 1}, {"n": 2}], "size": 2}),
        ({}, {}),
    ],
)
def test_a_query_puts_out_what_is_asked_for(bench: Bench, schema: str, more: Any, expected: Any) -> None:
    assert (
        outputs(run(bench, task(schema, "Query", sql="SELECT 0 z; SELECT generate_series(1, 2) n", **more))) == expected
    )


def test_no_row_is_null(bench: Bench, schema: str) -> None:
    found = outputs(run(bench, task(schema, "Query", sql="SELECT 1 WHERE false", fetchType="FETCH_ONE")))
    assert found == {"row": None, "size": 0}


def test_rows_are_stored_in_pieces_as_json_lines(bench: Bench, schema: str) -> None:
    sql = "SELECT n, 'é' AS t FROM generate_series(1, 2500) n"
    found = outputs(run(bench, task(schema, "Query", sql=sql, fetchType="STORE", fetchSize=1000)))
    assert found["size"] == 2500
    rows = stored(bench, found["uri"])
    assert rows[0] == {"n": 1, "t": "é"}
    assert [row["n"] for row in rows] == list(range(1, 2501))
    assert found["uri"].endswith(".jsonl")


def test_rows_that_are_too_large_for_outputs_are_refused(bench: Bench, schema: str) -> None:
    sql = "SELECT repeat('x', 1000000) FROM generate_series(1, 20)"
    ran = run(bench, task(schema, "Query", sql=sql, fetchType="FETCH"))
    assert ran.runs[0].error == "the rows are larger than 16,777,216 bytes; write them to a file: fetchType: STORE"


VALUES = {
    "1.50::numeric": 1.5, "0.12345678901234567890::numeric": "0.12345678901234567890", "sum(2::bigint)": 2,
    "'NaN'::float8": "NaN", "DATE '2024-01-31'": "2024-01-31", "DATE 'infinity'": "infinity",
    "TIMESTAMP '2024-01-31 09:30:00.5'": "2024-01-31T09:30:00.5", "TIMESTAMP '0044-03-15 BC'": "0044-03-15 00:00:00 BC",
    "TIMESTAMPTZ '2024-07-31 09:30:00Z'": "2024-07-31T11:30:00+02:00", "TIME '09:30'": "09:30:00",
    "INTERVAL '1 year -2 days 3 min 4.5 s'": "P1Y-2DT3M4.5S",
    "'6f2bd1c8-3c1b-4a5e-9b39-6a3a2d1f0001'::uuid": "6f2bd1c8-3c1b-4a5e-9b39-6a3a2d1f0001",
    """'{"a": [1, null]}'::jsonb""": {"a": [1, None]}, "'[1]'::json": [1], r"'\x00ff'::bytea": "AP8=",
    "ARRAY[1.5, NULL]": [1.5, None], "ARRAY[DATE '2024-01-31']": ["2024-01-31"], "'[1,5)'::int4range": "[1,5)",
    "'10.0.0.1'::inet": "10.0.0.1", "true": True, "NULL": None, "ROW(1, 'a')": ["1", "a"], "'(1,2)'::point": "(1,2)",
}  # fmt: skip


def test_values_are_json(bench: Bench, schema: str) -> None:
    sql = "SELECT " + ", ".join(f"{value} AS c{number}" for number, value in enumerate(VALUES))
    found = outputs(run(bench, task(schema, "Query", sql=sql, fetchType="FETCH_ONE", timeZoneId="Europe/Paris")))
    assert dict(zip(VALUES, found["row"].values(), strict=True)) == VALUES


def test_parameters_are_values_never_sql(bench: Bench, schema: str) -> None:
    sql = "SELECT :text AS t, ':text' AS q, :n + 1 AS n, :day::date AS d, :list AS l, :map AS m, :none AS z -- :text"
    values = {
        "text": "a'; DROP TABLE t; --",
        "n": 1,
        "day": "2024-01-31",
        "list": [1, 2],
        "map": {"a": 1},
        "none": None,
    }
    found = outputs(run(bench, task(schema, "Query", sql=sql, parameters=values, fetchOne=True)))
    assert found["row"] == {
        "t": values["text"], "q": ":text", "n": 2, "d": "2024-01-31", "l": [1, 2], "m": {"a": 1}, "z": None
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["Query", "Queries"])
def test_nothing_stays_of_what_fails_half_way(bench: Bench, schema: str, kind: str) -> None:
    sql = (
        "CREATE TABLE t (a int);\nINSERT INTO t VALUES (1);\nINSERT INTO nowhere VALUES (1);\nINSERT INTO t VALUES (2)"
    )
    ran = run(bench, task(schema, kind, sql=sql))
    assert ran.runs[0].error == (
        'relation "nowhere" does not exist (line 3 of the SQL); nothing of its transaction stays'
    )
    assert execute(server().url(), f"SELECT to_regclass('{schema}.t')") == [(None,)]


def test_after_sql_is_part_of_the_transaction(bench: Bench, schema: str) -> None:
    execute(server().url(), f"CREATE TABLE {schema}.t AS SELECT 1 AS a")
    run(bench, task(schema, "Query", sql="INSERT INTO t VALUES (2)", afterSQL="SELECT 1/0"))
    found = run(bench, task(schema, "Query", sql="SELECT * FROM t", afterSQL="DELETE FROM t", fetchType="FETCH"))
    assert outputs(found)["rows"] == [{"a": 1}]
    assert execute(server().url(), f"SELECT * FROM {schema}.t") == []


def test_without_a_transaction_what_went_before_stays(bench: Bench, schema: str) -> None:
    sql = "CREATE TABLE t (a int); VACUUM t; SELECT 1/0; DROP TABLE t"
    ran = run(bench, task(schema, sql=sql, transaction=False))
    assert (ran.runs[0].error or "").startswith("division by zero")
    assert execute(server().url(), f"SELECT count(*) FROM {schema}.t") == [(0,)]


def test_a_transaction_left_open_is_committed_as_in_kestra(bench: Bench, schema: str) -> None:
    outputs(run(bench, task(schema, sql="BEGIN; CREATE TABLE t (a int)")))
    assert execute(server().url(), f"SELECT count(*) FROM {schema}.t") == [(0,)]


def test_notices_are_in_the_log(bench: Bench, schema: str) -> None:
    sql = "CREATE TABLE IF NOT EXISTS t (a int); CREATE TABLE IF NOT EXISTS t (a int); DO $$ BEGIN RAISE WARNING 'careful; %', 1; END $$"
    ran = run(bench, task(schema, sql=sql))
    assert 'INFO t: NOTICE: relation "t" already exists, skipping' in ran.lines
    assert "WARN t: WARNING: careful; 1" in ran.lines


def sleepers(name: str) -> int:
    asked = f"SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%{name}%' AND pid <> pg_backend_pid()"
    return int(execute(server().url(), asked)[0][0])


@pytest.mark.parametrize("end", ["kill", "timeout"])
def test_a_statement_is_cancelled_on_the_server(bench: Bench, schema: str, end: str) -> None:
    sql = f"CREATE TABLE t (a int); SELECT pg_sleep(60) AS {schema}"
    more = {"timeout": "PT1S"} if end == "timeout" else {}
    execution = bench.submit(one_task(task(schema, sql=sql, **more)))
    bench.until(lambda: sleepers(schema) == 1)
    if end == "kill":
        bench.control.kill(execution)
    ran = bench.finish(execution.id)
    assert ran.states == {"t": "KILLED" if end == "kill" else "FAILED"}
    wait_until(lambda: sleepers(schema) == 0)
    assert execute(server().url(), f"SELECT to_regclass('{schema}.t')") == [(None,)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"url": "jdbc:postgresql://127.0.0.1:{closed}/x"}, "no connection: connection failed"),
        ({"url": "jdbc:postgresql://no-such-host.invalid/x"}, "no connection: "),
        ({"password": "wrong-hidden"}, 'password authentication failed for user "taxi"'),
        ({"url": "jdbc:postgresql://pgdatabase:5432/nowhere"}, 'database "nowhere" does not exist'),
        ({"url": "postgresql://pgdatabase/x"}, "is not a JDBC URL of PostgreSQL"),
        ({"timeZoneId": "Mars"}, 'invalid value for parameter "TimeZone": "Mars"'),
        ({"sql": "COPY pg_class TO STDOUT"}, "use postgresql.copyIn or copyOut"),
        ({"sql": "SELEC 1"}, 'syntax error at or near "SELEC" (line 1 of the SQL)'),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_in_one_line(bench: Bench, change: dict[str, str], said: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        change = {name: value.format(closed=unused.getsockname()[1]) for name, value in change.items()}
        ran = run(bench, task("postgres", **{"sql": "SELECT 1", **change}))
    error = ran.runs[0].error or ""
    assert said in error
    assert "\n" not in error
    assert "hidden" not in "".join(ran.lines)


def test_merge_on_an_old_server_says_what_is_wrong() -> None:
    error = psycopg.errors.SyntaxError()
    with psycopg.connect(server().url()) as connection, pytest.raises(psycopg.Error) as raised:
        connection.execute("MERG INTO t")
    error = raised.value
    said = {version: str(statement_error(error, "MERG INTO t", "db:5432/x", version)) for version in (140005, 150000)}
    assert "needs version" not in said[140005], "another word"
    with pytest.raises(psycopg.Error) as raised, psycopg.connect(server().url()) as connection:
        connection.execute("SELECT 1 MERGE MERGE")
    found = statement_error(raised.value, "", "db:5432/x", 140005)
    assert isinstance(found, QueryFailed)
    assert "db:5432/x is version 14.5, and MERGE needs version 15: syntax error" in str(found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("00:00:00", "PT0S"),
        ("1 mon", "P1M"),
        ("-00:00:01.5", "PT-1.5S"),
        ("3 days -04:05:06", "P3DT-4H-5M-6S"),
        ("", ""),
    ],
)
def test_intervals_are_iso_8601(text: str, expected: str) -> None:
    assert iso_interval(text) == expected


def test_times_are_iso_8601() -> None:
    assert iso_time("09:30:00+05:30") == "09:30:00+05:30"
    assert iso_time("2024-01-31 09:30:00-05") == "2024-01-31T09:30:00-05:00"
