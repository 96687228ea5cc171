"""What every store says of many executions at once, on every metadata database."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from taxi_pipelines.domain.durations import Timing
from taxi_pipelines.domain.records import LogLine
from taxi_pipelines.domain.states import State
from taxi_pipelines.flow_interfaces import Batch, ExecutionFilter, LogFilter, Page
from taxi_pipelines.store.engines import EngineStore
from taxi_pipelines.store.executions import ExecutionStore
from taxi_pipelines.store.metadata import Metadata
from taxi_pipelines.store.statistics import StatisticsStore
from tests.support import records
from tests.support.metadata import PLACES, database_at
from tests.support.records import NOW, SECOND

HOUR = timedelta(hours=1)


@pytest.fixture(params=PLACES)
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Metadata]:
    with database_at(PLACES[request.param](tmp_path)) as opened:
        yield opened


@pytest.fixture
def statistics(database: Metadata) -> StatisticsStore:
    return StatisticsStore(database)


def test_a_store_that_is_not_there_yet_has_counted_nothing(statistics: StatisticsStore) -> None:
    assert statistics.counts([NOW, NOW + HOUR, NOW + 2 * HOUR]) == [{}, {}]
    assert statistics.counts([NOW]) == statistics.timings(NOW, 9) == list(statistics.every(ExecutionFilter())) == []


def test_executions_are_counted_between_edges_by_state(database: Metadata, statistics: StatisticsStore) -> None:
    store = ExecutionStore(database)
    made = [(0, State.SUCCESS), (59, State.SUCCESS), (30, State.FAILED), (60, State.RUNNING), (-1, State.FAILED)]
    for number, (minutes, state) in enumerate(made):
        store.create(records.execution(f"e{number}", state, created_at=NOW + timedelta(minutes=minutes)))
    found = statistics.counts([NOW, NOW + HOUR, NOW + 2 * HOUR])
    assert found == [{State.SUCCESS: 2, State.FAILED: 1}, {State.RUNNING: 1}]
    assert store.count(ExecutionFilter(), 3) == 3
    assert store.count(ExecutionFilter(states=frozenset({State.FAILED})), 3) == 2


def test_durations_are_of_those_that_ended_well_among_the_newest(
    database: Metadata, statistics: StatisticsStore
) -> None:
    store = ExecutionStore(database)
    for number, state in enumerate((State.SUCCESS, State.SUCCESS, State.FAILED, State.WARNING)):
        store.create(
            records.execution(f"e{number}", state, started_at=NOW + SECOND, ended_at=NOW + SECOND * (2 + number))
        )
    store.create(records.execution("e4", State.SUCCESS))
    took = [one.took for one in statistics.timings(NOW, 4)]
    assert sorted(took) == [2 * SECOND, 4 * SECOND]
    assert statistics.timings(NOW, 2) == [Timing(namespace="company.team", flow_id="flow", took=4 * SECOND)]
    assert statistics.timings(NOW + SECOND, 4) == []


def test_why_they_failed_is_the_error_of_the_last_task_run_or_their_own(
    database: Metadata, statistics: StatisticsStore
) -> None:
    store = ExecutionStore(database)
    runs = [
        records.task_run("a", "e0", State.FAILED, error="first"),
        records.task_run("b", "e0", State.FAILED, error="last"),
        records.task_run("c", "e0", State.FAILED),
    ]
    store.create(records.execution("e0", State.FAILED, error="something"), runs)
    store.create(records.execution("e1", State.FAILED, error="own"))
    store.create(records.execution("e2", State.FAILED))
    assert statistics.reasons(["e0", "e1", "e2", "e3"]) == {"e0": "last", "e1": "own"}
    assert statistics.reasons([]) == {}
    assert statistics.found({"e1", "e3"}) == {"e1": store.find("e1")}


def test_every_execution_is_handed_out_once_though_some_go_meanwhile(
    database: Metadata, statistics: StatisticsStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("taxi_pipelines.store.statistics._AT_A_TIME", 2)
    store = ExecutionStore(database)
    for number in range(5):
        store.create(records.execution(f"e{number}", labels={"team": "data"} if number else {}))
    found = statistics.every(ExecutionFilter(labels={"team": "data"}))
    assert next(found).id == "e4"
    store.delete("e2")
    store.create(records.execution("e5", labels={"team": "data"}))
    assert [one.id for one in found] == ["e3", "e1"]


def test_lines_of_a_time_are_found_among_very_many_also_such_that_were_stored_late(database: Metadata) -> None:
    engines, store = EngineStore(database), ExecutionStore(database)
    engines.register("engine", "host", 1, NOW)
    store.create(records.execution("e"), holder="engine")
    lines = [records.log_line("e", f"line {number}") for number in range(6_000)]
    timed = [_at(line, NOW + number * 10 * SECOND) for number, line in enumerate(lines)]
    late = _at(records.log_line("e", "late"), NOW + 10_000 * SECOND)
    timed.insert(1_200, late)
    engines.commit("engine", Batch(logs=timed))
    since, until = NOW + 10_000 * SECOND, NOW + 10_020 * SECOND
    found = store.search_lines(LogFilter(since=since, until=until), Page())
    assert [line.message for line in found] == ["late", "line 1001", "line 1000"]
    assert (
        store.search_lines(LogFilter(text="line 10", since=since, until=until), Page(limit=1))[0].message == "line 1001"
    )
    assert store.search_lines(LogFilter(since=NOW + 1_000_000 * SECOND), Page()) == []


def _at(line: LogLine, moment: datetime) -> LogLine:
    return replace(line, logged_at=moment)
