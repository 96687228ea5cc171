"""SQL in DuckDB."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.support.engines import Bench, Ran, running
from tests.support.worker_tasks import one_task

TYPE = "io.kestra.plugin.jdbc.duckdb."


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with running(tmp_path_factory.mktemp("home")) as found:
        yield found


def task(kind: str = "Query", **more: Any) -> dict[str, Any]:
    return {"type": TYPE + kind, **more}


def run(bench: Bench, *tasks: dict[str, Any]) -> Ran:
    return bench.finish(bench.submit(one_task(*tasks)).id, 60)


def outputs(ran: Ran) -> Any:
    assert ran.states["t"] == "SUCCESS", ran.lines
    return ran.runs[-1].outputs


def test_files_go_in_and_out(bench: Bench) -> None:
    products = json.dumps([{"brand": "a", "price": 1}, {"brand": "a", "price": 2.55}, {"brand": "b", "price": 9}])
    sql = """
        INSTALL json;
        LOAD json;
        SELECT count(*) FROM 'products.json';
        COPY (SELECT 1 AS x) TO '{{ outputFiles.out }}' (HEADER, DELIMITER ',');
        SELECT brand, round(avg(price), 2) AS avg_price FROM read_json_auto('{{workingDir}}/products.json')
        GROUP BY brand ORDER BY avg_price DESC;
    """
    files = {"inputFiles": {"products.json": products}, "outputFiles": ["out"]}
    found = outputs(run(bench, task("Queries", sql=sql, fetchType="STORE", **files)))
    assert [one["size"] for one in found["outputs"]] == [1, 2]
    with bench.parts.files.open(found["outputs"][1]["uri"]) as file:
        assert [json.loads(line) for line in file] == [
            {"brand": "b", "avg_price": 9.0}, {"brand": "a", "avg_price": 1.78}
        ]  # fmt: skip
    with bench.parts.files.open(found["outputFiles"]["out"]) as file:
        assert file.read() == b"x\n1\n"


def test_a_query_puts_out_the_last_rows(bench: Bench) -> None:
    sql = "CREATE TABLE t AS SELECT range AS n FROM range(30); SELECT 'x;y'; SELECT * FROM t WHERE n < :most; INSERT INTO t VALUES (1)"
    found = outputs(run(bench, task(sql=sql, parameters={"most": 25, "unused": 1}, fetch=True, fetchSize=10)))
    assert [row["n"] for row in found["rows"]] == list(range(25))
    assert (found["size"], found["outputFiles"]) == (25, {})


VALUES = {
    "1.50::DECIMAL(10,2)": 1.5, "2::HUGEINT": 2, "'nan'::DOUBLE": "NaN", "DATE '2024-01-31'": "2024-01-31",
    "TIMESTAMP '2024-01-31 09:30:00.5'": "2024-01-31T09:30:00.500000", "TIME '09:30'": "09:30:00",
    "'ab'::BLOB": "YWI=", "[1, NULL]": [1, None], "{'a': 1.5}": {"a": 1.5}, "MAP {'k': 2}": {"k": 2},
    """'{"a": [1]}'::JSON""": {"a": [1]}, "true": True, "NULL": None, "INTERVAL 2 DAY": "P2D",
}  # fmt: skip


def test_values_are_json(bench: Bench) -> None:
    sql = "SELECT " + ", ".join(f"{value} AS c{number}" for number, value in enumerate(VALUES))
    row = outputs(run(bench, task(sql=sql, fetchOne=True)))["row"]
    assert dict(zip(VALUES, row.values(), strict=True)) == VALUES
    sql = "SELECT TIMESTAMPTZ '2024-07-31 09:30:00Z' AS t, 1.5::DECIMAL(3,1) AS d FROM range(3)"
    found = outputs(run(bench, task(sql=sql, fetch=True, timeZoneId="Europe/Paris", fetchSize=2)))
    assert found["rows"] == [{"t": "2024-07-31T11:30:00+02:00", "d": 1.5}] * 3


def test_a_database_file_is_put_out_and_taken_in(bench: Bench) -> None:
    ran = run(
        bench,
        task(id="first", sql="CREATE TABLE t AS SELECT 7 AS n", outputDbFile=True),
        task(
            sql="UPDATE t SET n = n + 1; SELECT n FROM t", databaseUri="{{ outputs.first.databaseUri }}", fetchOne=True
        ),
    )
    assert outputs(ran)["row"] == {"n": 8}
    assert ran.runs[0].outputs["databaseUri"].endswith("/database.duckdb")


def test_nothing_stays_of_what_fails_half_way(bench: Bench, tmp_path: Path) -> None:
    place = tmp_path / "x.db"
    url = f"jdbc:duckdb:{place}"
    ran = run(
        bench, task("Queries", url=url, sql="CREATE TABLE t (a INT);\nINSERT INTO t VALUES (1);\nSELECT nothing FROM t")
    )
    assert "nothing of its transaction stays" in (ran.runs[0].error or "")
    assert 'Referenced column "nothing" not found' in (ran.runs[0].error or "")
    assert "\n" not in (ran.runs[0].error or "")
    run(bench, task("Queries", url=url, sql="CREATE TABLE kept (a INT); SELECT 1 / 'x'", transaction=False))
    run(bench, task(url=url, sql="BEGIN; CREATE TABLE also (a INT); COMMIT; SELECT 1 / 'x'"))
    with duckdb.connect(str(place)) as connection:
        assert connection.execute("SHOW TABLES").fetchall() == [("also",), ("kept",)]


def test_after_sql_is_run_last(bench: Bench) -> None:
    found = outputs(
        run(bench, task(sql="CREATE TABLE t AS SELECT 1 AS a", afterSQL="SELECT a + 1 AS b FROM t", fetchOne=True))
    )
    assert found["row"] == {"b": 2}


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"url": "jdbc:duckdb:x.db"}, "the working folder is gone after the task"),
        ({"url": "duckdb:/tmp/x.db"}, "is not a JDBC URL of DuckDB"),
        ({"url": "jdbc:duckdb:/proc/nothing/x.db"}, "DuckDB cannot open /proc/nothing/x.db"),
        ({"sql": "SELEC 1"}, 'syntax error at or near "SELEC" (line 1 of the SQL)'),
        ({"sql": "SELECT * FROM 'nothing.csv'"}, "No files found that match the pattern"),
        ({"databaseUri": "kestra:///nothing.db"}, "there is no file kestra:///nothing.db"),
        ({"timeZoneId": "Mars"}, "Mars"),
        ({"outputFiles": ["x.csv"]}, "outputFiles names 'x.csv'"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(bench: Bench, more: dict[str, Any], said: str) -> None:
    error = run(bench, task(**{"sql": "SELECT 1", **more})).runs[0].error or ""
    assert said in error
    assert "\n" not in error


def test_a_locked_database_is_a_failure_that_may_pass(bench: Bench, tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "x.db")):
        ran = run(bench, task(url=f"jdbc:duckdb:{tmp_path}/x.db", sql="SELECT 1"))
    assert "Could not set lock on file" in (ran.runs[0].error or "")


def test_a_statement_is_interrupted(bench: Bench) -> None:
    execution = bench.submit(
        one_task(task(sql="SELECT count(*) FROM range(100000000) a, range(100000) b WHERE (a.range * b.range) % 7 = 3"))
    )
    bench.until(lambda: any("SELECT count" in line for line in bench.look(execution.id).lines))
    start = time.monotonic()
    bench.control.kill(execution)
    assert bench.finish(execution.id).states == {"t": "KILLED"}
    assert time.monotonic() - start < 3
