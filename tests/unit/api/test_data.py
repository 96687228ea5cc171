"""`/data`: tables, statements and their limits, downloads; over HTTP, on an embedded warehouse."""

from __future__ import annotations

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import psutil
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from taxi_pipelines.domain.asking import Limits
from taxi_pipelines.domain.month import Month
from taxi_pipelines.months import ask
from taxi_pipelines.synthetic.files import write_month, write_zones
from tests.support.service import Served, serving

ENDLESS = "select count(*) from range(1000000000000) t(i) where i % 7 = 3"


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("data")
    write_month(folder / "source", "green", Month(2021, 1), 3_000)
    write_zones(folder / "source")
    with serving(folder, source=str(folder / "source")) as served:
        served.service.pipeline.run("green", "2021-01")
        served.service.pipeline.run("zones")
        yield served
        assert [line for line in served.said if "statements run already" not in line] == []


def asked(served: Served, sql: str, *, status: int = 200, **more: object) -> dict[str, object]:
    found: dict[str, object] = served.json("POST", "/data/query", status=status, json={"sql": sql, **more})
    return found


def running() -> list[psutil.Process]:
    """Processes that answer a question."""
    return [it for it in psutil.Process().children() if _answers(it)]


def all_places_free(served: Served) -> bool:
    return served.service.pipeline._questions._free._value == ask.AT_ONCE


def _answers(process: psutil.Process) -> bool:
    try:
        return any("duckdb_answer" in word for word in process.cmdline())
    except (psutil.ZombieProcess, psutil.NoSuchProcess):
        return False


def test_tables_are_told_with_what_is_published(loaded: Served) -> None:
    tables = {it["name"]: it for it in loaded.json("GET", "/data/tables")}
    green = tables["green_tripdata"]
    assert (green["rows"], green["months"], green["firstMonth"], green["lastMonth"]) == (3000, 1, "2021-01", "2021-01")
    assert green["bytes"] > 10_000
    assert green["lastLoaded"] is not None
    assert {"name": "trip_distance", "type": "DOUBLE", "description": "Miles by the taximeter."} in green["columns"]
    assert (tables["taxi_zones"]["rows"], tables["yellow_tripdata"]["rows"]) == (265, 0)


def test_a_result_says_what_its_columns_are_and_whether_there_is_more(loaded: Served) -> None:
    it = asked(loaded, "select source_row, source_month from green_tripdata order by 1", limit=2)
    assert it["columns"] == [
        {"name": "source_row", "type": "int64", "kind": "number"},
        {"name": "source_month", "type": "date32[day]", "kind": "time"},
    ]
    assert (it["rows"], it["truncated"], it["bytesBilled"]) == ([[1, "2021-01-01"], [2, "2021-01-01"]], True, None)
    assert asked(loaded, "select 1", limit=1)["truncated"] is False


def test_values_that_json_has_no_place_for_are_told_as_text(loaded: Served) -> None:
    values = {
        "'nan'::double": "NaN",
        "'-inf'::double": "-Infinity",
        "9007199254740993": "9007199254740993",
        "1.10::decimal(5,2)": "1.10",
        "'infinity'::date": "infinity",
        "timestamp '2021-01-01 00:15:56'": "2021-01-01 00:15:56",
        "[1, 2]": [1, 2],
        "{'a': null}": {"a": None},
        "'ab'::blob": "6162",
        "repeat('x', 1001)": "x" * 1000 + "…",
        "null": None,
        "true": True,
        "5": 5,
    }
    it = asked(loaded, f"select {', '.join(f'{sql} as c{at}' for at, sql in enumerate(values))}")
    assert it["rows"] == [list(values.values())]


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("drop view green_tripdata", "only reads, and this is DROP"),
        ("copy green_tripdata to 'x.csv'", "only reads, and this is COPY"),
        ("pragma database_list", "only reads, and this is PRAGMA"),
        ("select 1; select 2", "2 statements"),
        ("select * from read_csv('/etc/passwd')", "more than the tables"),
        ("select repeat('x', 4000000000)", "more memory"),
    ],
)
def test_what_is_not_reading_the_tables_is_refused_in_words(loaded: Served, sql: str, said: str) -> None:
    it = asked(loaded, sql, status=422)
    assert it["code"] == "query-failed"
    assert said in str(it["message"])


def test_an_error_in_the_statement_says_where(loaded: Served) -> None:
    it = asked(loaded, "select 1,\n  nope from green_tripdata", status=422)
    assert isinstance(it["problems"], list)
    assert (it["problems"][0]["line"], it["problems"][0]["column"]) == (2, 3)


def test_a_statement_ends_when_its_time_is_up(loaded: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("taxi_pipelines.api.data.SHOWN_SECONDS", 1.0)
    it = asked(loaded, "select levenshtein(repeat('a', 300000), repeat('b', 300000))", status=422)
    assert it["message"] == "the statement took longer than 1 s"
    assert running() == []


def test_a_statement_ends_when_nobody_waits_for_it_any_more(loaded: Served) -> None:
    with pytest.raises(httpx.ReadTimeout):
        loaded.client.post("/api/v1/data/query", json={"sql": ENDLESS}, timeout=1)
    loaded.until(lambda: running() == [] and all_places_free(loaded))


def test_a_few_statements_run_at_once_and_others_are_told_to_wait(loaded: Served) -> None:
    def ask_in_vain() -> None:
        with pytest.raises(httpx.ReadTimeout):
            loaded.client.post("/api/v1/data/query", json={"sql": ENDLESS}, timeout=2)

    with ThreadPoolExecutor() as pool:
        waiting = [pool.submit(ask_in_vain) for _ in range(ask.AT_ONCE)]
        loaded.until(lambda: len(running()) == ask.AT_ONCE)
        assert asked(loaded, "select 1", status=503)["message"] == "3 statements run already"
        for one in waiting:
            one.result()
    loaded.until(lambda: running() == [] and all_places_free(loaded))


def test_a_large_result_takes_no_more_memory_than_is_shown_of_it(loaded: Served) -> None:
    asked(loaded, "select 1")
    before = psutil.Process().memory_info().rss
    it = asked(loaded, "select i, i::varchar || repeat('x', 100) from range(50000000) t(i)")
    assert (len(it["rows"]), it["truncated"]) == (1000, True)
    assert psutil.Process().memory_info().rss - before < 150 << 20


@pytest.mark.parametrize(
    "sql",
    [
        "select repeat('x', 200000) from range(2000)",
        "select case when i = 0 then repeat('x', 15000000) else '' end from range(20000) t(i)",
        f"select {', '.join(['null'] * 1000)} from range(10000)",
        "select [null for x in range(100000)] from range(100)",
        "select map([i], [[true for x in range(1000)]]) from range(10000) t(i)",
    ],
)
def test_values_of_any_size_and_number_take_little_memory_and_time_here(loaded: Served, sql: str) -> None:
    asked(loaded, "select 1")
    before = psutil.Process().memory_info().rss
    answer = loaded.client.post("/api/v1/data/query", json={"sql": sql, "limit": 10_000})
    assert answer.json()["truncated"] is True
    assert len(answer.content) < 16 << 20
    assert psutil.Process().memory_info().rss - before < 150 << 20


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("select repeat('x', 20000000)", "a row of the result takes 20,000,0"),
        (f"select {'[' * 70}1{']' * 70}", "Arrow has no such type"),
    ],
)
def test_a_row_that_is_too_large_or_too_deep_is_told_in_words(loaded: Served, sql: str, said: str) -> None:
    assert said in str(asked(loaded, sql, status=422)["message"])


def test_downloads_have_the_rows_of_the_result(loaded: Served) -> None:
    sql = "select source_row, fare_amount, store_and_fwd_flag, lpep_pickup_datetime from green_tripdata order by 1"
    answer = loaded.client.post("/api/v1/data/export?format=parquet", data={"sql": sql})
    assert 'filename="result.parquet"' in answer.headers["Content-Disposition"]
    parquet = pq.read_table(io.BytesIO(answer.content))
    csv = pa_csv.read_csv(io.BytesIO(loaded.client.get("/api/v1/data/export", params={"sql": sql}).content))
    assert parquet.num_rows == csv.num_rows == 3000
    assert csv.column("fare_amount").to_pylist() == parquet.column("fare_amount").to_pylist()
    assert loaded.service.pipeline.query_arrow(sql).equals(parquet)


def test_nothing_in_a_csv_file_is_a_formula(loaded: Served) -> None:
    sql = """select '=1+1' as "=a", '-x' as b, -5 as c, null::varchar as d, 'a=b' as e, [1, 2] as f, 'infinity'::date as g"""
    text = loaded.client.post("/api/v1/data/export", data={"sql": sql}).text
    assert text.splitlines() == ['"\'=a","b","c","d","e","f","g"', '"\'=1+1","\'-x",-5,,"a=b","[1, 2]","infinity"']


def test_a_download_of_a_wrong_statement_is_an_error_and_no_file(loaded: Served) -> None:
    assert loaded.client.post("/api/v1/data/export", data={"sql": "select nope"}).json()["code"] == "query-failed"


@pytest.mark.parametrize(
    "sql",
    ["select i, repeat('x', 200) from range(900000) t(i)", "select i from range(1000000000000) t(i) where i < 100000"],
)
def test_downloads_that_are_broken_off_end_their_statements_and_give_up_their_places(loaded: Served, sql: str) -> None:
    for _ in range(ask.AT_ONCE):
        with loaded.client.stream("POST", "/api/v1/data/export", data={"sql": sql}) as answer:
            body = answer.iter_bytes()
            next(body)
            assert len(running()) == 1
        loaded.until(lambda: running() == [] and all_places_free(loaded))


def test_who_does_not_read_a_download_loses_the_place_when_its_time_is_up(
    loaded: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("taxi_pipelines.api.data.FILE_LIMITS", Limits(rows=1_000_000, bytes=1 << 30, seconds=1.0))
    monkeypatch.setattr("taxi_pipelines.api.data._LAST_SECONDS", 0.5)
    sql = {"sql": "select i, repeat('x', 200) from range(900000) t(i)"}
    with ExitStack() as stack:
        for _ in range(ask.AT_ONCE):
            answer = stack.enter_context(loaded.client.stream("POST", "/api/v1/data/export", data=sql))
            assert answer.status_code == 200
        loaded.until(lambda: all_places_free(loaded))


def test_the_price_is_none_where_nothing_is_billed(loaded: Served) -> None:
    assert loaded.json("POST", "/data/price", json={"sql": "select 1"}) == {"bytes": None}
