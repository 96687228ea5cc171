"""COPY between stored files and a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.engines import Bench, Ran, running
from tests.support.postgres import PASSWORD, USER, execute, server
from tests.support.worker_tasks import one_task

TYPE = "io.kestra.plugin.jdbc.postgresql."
CSV = 'id,zone,borough\n1,"JFK, ""Airport""",Queens\n2,,EWR\n'


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with running(tmp_path_factory.mktemp("home")) as found:
        execute(server().url(), "DROP TABLE IF EXISTS zones")
        execute(server().url(), 'CREATE TABLE zones (id int, zone text, Borough text, "Mixed" text)')
        yield found


@pytest.fixture(autouse=True)
def empty(bench: Bench) -> None:
    execute(server().url(), "TRUNCATE zones")


def made(content: str) -> dict[str, Any]:
    """A task that stores a file."""
    return {"id": "made", "type": "storage.localFiles", "inputs": {"zones.csv": content}, "outputs": ["*.csv"]}


def copy(kind: str, **more: Any) -> dict[str, Any]:
    url = f"jdbc:postgresql://127.0.0.1:{server().port}/postgres"
    return {"type": TYPE + kind, "url": url, "username": USER, "password": PASSWORD, **more}


def copy_in(bench: Bench, content: str, **more: Any) -> Ran:
    source = {"from": "{{ outputs.made.uris['zones.csv'] }}", "table": "public.zones", "format": "CSV"}
    return run(bench, made(content), copy("CopyIn", **{**source, **more}))


def run(bench: Bench, *tasks: dict[str, Any]) -> Ran:
    return bench.finish(bench.submit(one_task(*tasks)).id, 60)


def rows() -> list[Any]:
    return execute(server().url(), "SELECT id, zone, borough FROM zones ORDER BY id")


def test_a_csv_is_copied_in_with_names_that_are_not_quoted(bench: Bench) -> None:
    ran = copy_in(bench, CSV, columns=["ID", "zone", "Borough"], header=True)
    assert ran.runs[-1].outputs == {"rowCount": 2}, ran.lines
    assert rows() == [(1, 'JFK, "Airport"', "Queens"), (2, None, "EWR")]
    assert [one.value for one in bench.parts.logs.metrics(ran.execution.id) if one.name == "rows"] == [2]


def test_options_say_how_the_file_is_written(bench: Bench) -> None:
    more = {"delimiter": ";", "nullString": "NULL", "quote": "'", "escape": "\\", "encoding": "LATIN1"}
    ran = copy_in(bench, "1;'it\\'s';NULL\n2;NULL;''\n", columns='["id", "zone", "borough"]', **more)
    assert ran.states["t"] == "SUCCESS", ran.lines
    assert rows() == [(1, "it's", None), (2, None, "")]
    ran = copy_in(bench, "3,,\n", columns=["id", "zone", "borough"], forceNotNull=["zone"])
    assert rows()[-1] == (3, "", None), ran.lines


def test_text_is_the_format_if_none_is_given_and_capitals_can_be_quoted(bench: Bench) -> None:
    ran = copy_in(bench, "1\tone\n2\t\\N\n", format="TEXT", columns=["id", '"Mixed"'], freeze=False)
    assert ran.states["t"] == "SUCCESS", ran.lines
    assert execute(server().url(), 'SELECT id, "Mixed" FROM zones ORDER BY id') == [(1, "one"), (2, None)]


@pytest.mark.parametrize(
    ("content", "more", "said"),
    [
        ("1,a,b\n2,c\n", {}, 'missing data for column "borough", COPY zones, line 2: "2,c"'),
        ("1,a,b\nx,c,d\n", {}, 'invalid input syntax for type integer: "x", COPY zones, line 2, column id: "x"'),
        (CSV, {"table": "nowhere"}, 'relation "nowhere" does not exist'),
        (CSV, {"from": "kestra:///a/nothing.csv"}, "there is no file kestra:///a/nothing.csv"),
        (CSV, {"encoding": "KLINGON"}, 'argument to option "encoding" must be a valid encoding name'),
    ],
)
def test_what_does_not_fit_is_said_with_its_place_and_nothing_stays(
    bench: Bench, content: str, more: dict[str, Any], said: str
) -> None:
    ran = copy_in(bench, content, **{"columns": ["id", "zone", "borough"], **more})
    assert said in (ran.runs[-1].error or ""), ran.lines
    assert "\n" not in (ran.runs[-1].error or "")
    assert rows() == []


@pytest.mark.parametrize("name", ["CSV", "TEXT", "BINARY"])
def test_what_is_copied_out_can_be_copied_in(bench: Bench, name: str) -> None:
    execute(
        server().url(),
        "INSERT INTO zones SELECT n, CASE WHEN n > 1 THEN 'a\tb\n' || n END FROM generate_series(1, 3) n",
    )
    before = rows()
    ran = run(
        bench,
        copy("CopyOut", id="out", sql="SELECT * FROM zones ORDER BY id;\n", format=name),
        copy("Query", id="gone", sql="TRUNCATE zones"),
        copy("CopyIn", **{"from": "{{ outputs.out.uri }}"}, table="zones", format=name),
    )
    assert [one.outputs.get("rowCount") for one in ran.runs] == [3, None, 3], ran.lines
    assert rows() == before


def test_a_table_is_copied_out_with_a_header(bench: Bench) -> None:
    execute(server().url(), "INSERT INTO zones VALUES (1, 'a', NULL, NULL)")
    ran = run(
        bench, copy("CopyOut", table="zones", columns=["id", "zone"], format="CSV", header=True, forceQuote=["*"])
    )
    with bench.parts.files.open(ran.runs[0].outputs["uri"]) as file:
        assert file.read() == b'id,zone\n"1","a"\n'


def test_copy_out_needs_one_source(bench: Bench) -> None:
    ran = run(bench, copy("CopyOut", table="{{ 'zones' }}", sql="{{ 'SELECT 1' }}"))
    assert "either table or sql is needed" in (ran.runs[0].error or "")
