"""SQL in SQLite."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.support.engines import Bench, Ran, running
from tests.support.worker_tasks import one_task

TYPE = "io.kestra.plugin.jdbc.sqlite."


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


def rows(place: Path, sql: str) -> list[Any]:
    with closing(sqlite3.connect(place)) as connection:
        return connection.execute(sql).fetchall()


def test_statements_with_semicolons_inside_are_told_apart(bench: Bench) -> None:
    sql = """
        CREATE TABLE t (a INTEGER, b TEXT); -- a comment; with one
        CREATE TABLE log (a INTEGER);
        CREATE TRIGGER tr AFTER INSERT ON t BEGIN INSERT INTO log VALUES (new.a); INSERT INTO log VALUES (-new.a); END;
        INSERT INTO t VALUES (1, 'x;y'), (2, NULL);
        SELECT * FROM t; ;
        SELECT a FROM log ORDER BY a
    """
    found = outputs(run(bench, task("Queries", sql=sql, fetchType="FETCH")))
    assert [one["rows"] for one in found["outputs"]] == [
        [{"a": 1, "b": "x;y"}, {"a": 2, "b": None}], [{"a": -2}, {"a": -1}, {"a": 1}, {"a": 2}]
    ]  # fmt: skip


def test_parameters_are_values(bench: Bench) -> None:
    sql = "SELECT :a AS a, :b AS b, ':a' AS q, :l AS l, x'00ff' AS x, 1.5 AS f"
    found = outputs(run(bench, task(sql=sql, parameters={"a": 1, "b": "it's", "l": [1]}, fetchOne=True)))
    assert found["row"] == {"a": 1, "b": "it's", "q": ":a", "l": "[1]", "x": "AP8=", "f": 1.5}


def test_a_database_file_is_put_out_and_taken_in(bench: Bench) -> None:
    ran = run(
        bench,
        task(id="first", url="jdbc:sqlite:zones.db", sql="CREATE TABLE t AS SELECT 7 AS n", outputDbFile=True),
        task(id="second", sql="SELECT 1", outputDbFile=True),
        task(
            sql="UPDATE t SET n = n + 1; SELECT n FROM t", sqliteFile="{{ outputs.first.databaseUri }}", fetchOne=True
        ),
    )
    assert outputs(ran)["row"] == {"n": 8}
    assert ran.runs[0].outputs["databaseUri"].endswith("/zones.db")


def test_files_are_put_out(bench: Bench) -> None:
    sql = "CREATE TABLE t AS SELECT 1 AS n; VACUUM INTO '{{ workingDir }}/copy.db'"
    found = outputs(run(bench, task("Queries", sql=sql, transaction=False, outputFiles=["copy.db"])))
    assert list(found["outputFiles"]) == ["copy.db"]


def test_nothing_stays_of_what_fails_half_way(bench: Bench, tmp_path: Path) -> None:
    place = tmp_path / "x.db"
    url = f"jdbc:sqlite:{place}?journal_mode=WAL&foreign_keys=true&date_class=text"
    ran = run(bench, task("Queries", url=url, sql="CREATE TABLE t (a INT); INSERT INTO nowhere VALUES (1)"))
    assert ran.runs[0].error == "no such table: nowhere; nothing of its transaction stays"
    run(bench, task("Queries", url=url, sql="CREATE TABLE kept (a INT); SELECT * FROM nowhere", transaction=False))
    run(bench, task(url=url, sql="BEGIN; CREATE TABLE also (a INT); COMMIT; SELECT * FROM nowhere"))
    run(bench, task(url=url, sql="BEGIN; CREATE TABLE open (a INT)"))
    assert rows(place, "SELECT name FROM sqlite_master ORDER BY name") == [("also",), ("kept",), ("open",)]
    assert rows(place, "PRAGMA journal_mode") == [("wal",)]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"url": "sqlite:x.db"}, "is not a JDBC URL of SQLite"),
        (
            {"url": "jdbc:sqlite:/proc/nothing/x.db"},
            "SQLite cannot open /proc/nothing/x.db: unable to open database file",
        ),
        ({"sql": "SELEC 1"}, 'near "SELEC": syntax error'),
        ({"sqliteFile": "kestra:///nothing.db"}, "there is no file kestra:///nothing.db"),
        ({"sql": "SELECT :a"}, "binding"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(bench: Bench, more: dict[str, Any], said: str) -> None:
    error = run(bench, task(**{"sql": "SELECT 1", **more})).runs[0].error or ""
    assert said in error
    assert "\n" not in error


def test_a_file_that_is_no_database_is_refused(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "x.db").write_text("not a database, but long enough to be read as one" * 20)
    assert "file is not a database" in (
        run(bench, task(url=f"jdbc:sqlite:{tmp_path}/x.db", sql="SELECT * FROM t")).runs[0].error or ""
    )


def test_a_statement_is_interrupted(bench: Bench) -> None:
    sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    execution = bench.submit(one_task(task(sql=sql)))
    bench.until(lambda: any("RECURSIVE" in line for line in bench.look(execution.id).lines))
    start = time.monotonic()
    bench.control.kill(execution)
    assert bench.finish(execution.id).states == {"t": "KILLED"}
    assert time.monotonic() - start < 3
