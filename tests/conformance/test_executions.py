"""What every store of executions and their logs must do, on every metadata database."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from taxi_pipelines.domain.records import Command, Level, Verb
from taxi_pipelines.domain.states import State
from taxi_pipelines.errors import UsageError
from taxi_pipelines.flow_interfaces import Batch, ExecutionFilter, Page
from taxi_pipelines.store.engines import EngineStore
from taxi_pipelines.store.executions import ExecutionStore
from taxi_pipelines.store.flows import FlowStore
from tests.support import records
from tests.support.metadata import PLACES, Place, contents, database_at
from tests.support.records import JSON, NOW, ODD, SECOND

FLOW = {"namespace": "company.team", "flow_id": "flow"}
ANY = ExecutionFilter()


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return PLACES[request.param](tmp_path)


@pytest.fixture
def stores(place: Place) -> Iterator[tuple[ExecutionStore, EngineStore]]:
    with database_at(place) as database:
        yield ExecutionStore(database), EngineStore(database)


@pytest.fixture
def store(stores: tuple[ExecutionStore, EngineStore]) -> ExecutionStore:
    return stores[0]


@pytest.fixture
def engines(stores: tuple[ExecutionStore, EngineStore]) -> EngineStore:
    stores[1].register("engine", "host", 1, NOW)
    return stores[1]


def found(store: ExecutionStore, wanted: ExecutionFilter, **page: int) -> list[str]:
    """The ids, after a look at whether the count agrees."""
    ids = [one.id for one in store.search(wanted, Page(**page))]
    if not page:
        assert store.count(wanted) == len(ids)
    return ids


def test_a_store_that_is_not_there_yet_is_empty_and_looking_does_not_make_it(
    place: Place, store: ExecutionStore
) -> None:
    before = place.fingerprint()
    assert store.find("e") is None
    assert store.task_runs("e") == []
    assert found(store, ANY) == []
    assert store.count_live(**FLOW) == 0
    assert store.lines("e") == []
    assert store.metrics("e") == []
    assert place.fingerprint() == before


def test_an_execution_and_its_task_runs_come_back_as_they_were(place: Place) -> None:
    full, bare = records.full_execution("full"), records.execution("bare", State.CREATED)
    runs = [records.full_task_run("z", "full"), records.task_run("a", "full", State.CREATED, started_at=None)]
    with database_at(place) as database:
        ExecutionStore(database).create(full, runs)
        ExecutionStore(database).create(bare)
    with database_at(place) as database:
        store = ExecutionStore(database)
        assert store.find("full") == full
        assert store.find("bare") == bare
        assert store.task_runs("full") == runs
        assert store.task_runs("bare") == []
        assert found(store, ANY) == ["bare", "full"]


@pytest.mark.parametrize("outputs", [{"nan": math.nan}, {"large": "x" * 5_000_000}, {"many": list(range(100_000))}])
def test_outputs_of_any_size_and_not_a_number_come_back(store: ExecutionStore, outputs: Mapping[str, Any]) -> None:
    store.create(records.execution("e"), [records.task_run("r", "e", outputs=outputs)])
    (run,) = store.task_runs("e")
    assert repr(run.outputs) == repr(outputs)


@pytest.mark.parametrize("id", [ODD, "é" * 1000, "_%\\"])
def test_an_id_is_any_text(store: ExecutionStore, id: str) -> None:
    store.create(records.execution(id), [records.task_run(f"{id} run", id)])
    store.create(records.execution("other"))
    assert store.find(id) == records.execution(id)
    assert store.find(id[:1]) == records.execution(id)
    assert [run.id for run in store.task_runs(id)] == [f"{id} run"]


def test_a_text_that_no_database_holds_is_kept_as_near_as_can_be(store: ExecutionStore) -> None:
    run = records.task_run("r", "e", error="one\0two \ud83d \U0001f695", value="\0")
    store.create(records.execution("e", error="\ude95"), [run])
    assert store.task_runs("e") == [replace(run, error="one␀two � \U0001f695", value="␀")]
    assert store.find("e\0") is None
    assert store.find("\ud83d") is None


def test_a_prefix_is_enough_where_it_fits_one(store: ExecutionStore) -> None:
    for id in ("abc", "abd", "ab", "b", "bé", "c~", "C"):
        store.create(records.execution(id))
    for given, id in (("abc", "abc"), ("ab", "ab"), ("c", "c~"), ("bé", "bé"), ("b", "b"), ("C", "C")):
        assert store.find(given) == records.execution(id)
    for given in ("", "abe", "abcd", "%", "_", "~"):
        assert store.find(given) is None
    with pytest.raises(UsageError, match=r"^several executions begin with 'a'; give more of its id") as refused:
        store.find("a")
    assert refused.value.code == "ambiguous-id"


def test_a_listing_is_filtered_by_what_is_given_and_shows_the_newest_first(store: ExecutionStore) -> None:
    for number, (namespace, flow_id, state) in enumerate(
        [
            ("a", "f", State.SUCCESS),
            ("a.b", "f", State.FAILED),
            ("a.b", "g", State.RUNNING),
            ("a-b", "f", State.QUEUED),
            ("ab", "f", State.SUCCESS),
            ("a_b", "f", State.SUCCESS),
        ]
    ):
        given = {"namespace": namespace, "flow_id": flow_id, "created_at": NOW + number * SECOND}
        store.create(records.execution(f"e{number}", state, parent_id=f"e{number - 1}", **given))
    assert found(store, ANY) == ["e5", "e4", "e3", "e2", "e1", "e0"]
    assert found(store, ExecutionFilter(namespace="a")) == ["e2", "e1", "e0"]
    assert found(store, ExecutionFilter(namespace="a.b", flow_id="f")) == ["e1"]
    assert found(store, ExecutionFilter(flow_id="g")) == ["e2"]
    assert found(store, ExecutionFilter(states=frozenset({State.SUCCESS, State.QUEUED}))) == ["e5", "e4", "e3", "e0"]
    assert found(store, ExecutionFilter(states=frozenset())) == []
    assert found(store, ExecutionFilter(since=NOW + SECOND, until=NOW + 3 * SECOND)) == ["e2", "e1"]
    assert found(store, ExecutionFilter(parent_id="e2")) == ["e3"]
    assert found(store, ExecutionFilter(caller_execution_id="e2")) == []
    assert found(store, ANY, limit=2, offset=1) == ["e4", "e3"]
    assert found(store, ANY, limit=2, offset=10) == []


def test_the_newest_of_several_flows_are_found_at_once(store: ExecutionStore, place: Place) -> None:
    with database_at(place) as database:
        for id in ("one", "two", "other"):
            FlowStore(database).save("company.team", id, f"id: {id}", NOW)
    for number in range(5):
        for flow in ("one", "two", "other"):
            id = f"{flow}{number}"
            store.create(records.execution(id, namespace="company.team", flow_id=flow))
    names = [("company.team", "one"), ("company.team", "two"), ("company", "one")]
    assert [one.id for one in store.newest(names, 2)] == ["two4", "one4", "two3", "one3"]
    assert len(store.newest(names, 20)) == 10
    assert store.newest([], 2) == []


def test_labels_must_all_be_there_whatever_is_in_them(store: ExecutionStore) -> None:
    store.create(records.execution("e1", labels={"team": "taxi", ODD: ODD * 1000}))
    store.create(records.execution("e2", labels={"team": "taxi", "month": "2021-01"}))
    store.create(records.execution("e3", labels={"team": "bus", "taxi": "team"}))
    assert found(store, ExecutionFilter(labels={"team": "taxi"})) == ["e2", "e1"]
    assert found(store, ExecutionFilter(labels={"team": "taxi", "month": "2021-01"})) == ["e2"]
    assert found(store, ExecutionFilter(labels={ODD: ODD * 1000})) == ["e1"]
    assert found(store, ExecutionFilter(labels={"team": "taxi"}, flow_id="flow")) == ["e2", "e1"]
    assert found(store, ExecutionFilter(labels={"team": "taxi"}, flow_id="other")) == []
    assert found(store, ExecutionFilter(labels={"team": "taxi", "taxi": "team"})) == []


def test_labels_that_change_are_found_by_what_they_are_now(store: ExecutionStore, engines: EngineStore) -> None:
    before = records.execution("e", labels={"a": "1", "b": "1"})
    store.create(before, holder="engine")
    store.create(records.execution("other", labels={"a": "1"}), holder="engine")
    engines.commit("engine", Batch(executions=[replace(before, labels={"a": "2", "c": "1"})]))
    for labels, ids in (({"a": "1"}, ["other"]), ({"b": "1"}, []), ({"a": "2"}, ["e"]), ({"c": "1"}, ["e"])):
        assert found(store, ExecutionFilter(labels=labels)) == ids


def test_an_execution_is_live_from_its_begin_or_from_being_taken_from_the_queue(
    store: ExecutionStore, engines: EngineStore
) -> None:
    for state in State:
        store.create(records.execution(state, state))
    store.create(records.execution("other", State.RUNNING, flow_id="other"))
    assert store.count_live(**FLOW) == len(
        {State.RUNNING, State.PAUSED, State.RESTARTED, State.RETRYING, State.KILLING}
    )
    assert engines.claim("engine", State.QUEUED)
    assert store.count_live(**FLOW) == 6


def test_log_lines_are_numbered_in_order_and_read_from_any_on(store: ExecutionStore, engines: EngineStore) -> None:
    for id in ("e", "other"):
        store.create(records.execution(id), holder="engine")
    lines = [
        records.log_line("e", ODD, Level.TRACE),
        records.log_line("e", "x" * 1_000_000, Level.ERROR, task_run_id="r", task_id="t", attempt=2),
        records.log_line("other"),
        records.log_line("e", "", Level.WARN, task_id="t"),
    ]
    engines.commit("engine", Batch(logs=lines[:2]))
    engines.commit("engine", Batch(logs=lines[2:]))
    kept = store.lines("e")
    assert [replace(line, number=0) for line in kept] == [lines[0], lines[1], lines[3]]
    assert [line.number for line in kept] == sorted({line.number for line in kept})
    assert store.lines("e", after=kept[0].number) == kept[1:]
    assert store.lines("e", level=Level.WARN) == kept[1:]
    assert store.lines("e", level=Level.ERROR, task_id="t") == kept[1:2]
    assert store.lines("e", task_id="u") == []
    assert store.lines("e", limit=1) == kept[:1]


def test_a_control_character_in_a_log_line_does_not_keep_it_from_being_written(
    store: ExecutionStore, engines: EngineStore
) -> None:
    store.create(records.execution("e"), holder="engine")
    assert engines.commit("engine", Batch(logs=[records.log_line("e", "a\0b\ud83dc\r\n\t")])) == []
    assert store.lines("e")[0].message == "a␀b�c\r\n\t"


@pytest.mark.parametrize("value", [0.1, -5, 10**30, math.inf, -math.inf, math.nan])
def test_metrics_come_back_in_order(store: ExecutionStore, engines: EngineStore, value: float) -> None:
    store.create(records.execution("e"), holder="engine")
    given = [records.metric("e", value, type="timer", tags={ODD: ODD}), records.metric("e", name=ODD)]
    engines.commit("engine", Batch(metrics=given))
    assert repr(store.metrics("e")) == repr([replace(one, value=float(one.value)) for one in given])
    assert store.metrics("other") == []


def test_deleting_removes_everything_of_one_execution_and_nothing_else(
    place: Place, store: ExecutionStore, engines: EngineStore
) -> None:
    def kept() -> object:
        with database_at(place) as database:
            return contents(database)

    def keep(id: str) -> None:
        store.create(records.execution(id, labels={id: "1"}, outputs=JSON), [records.task_run(f"{id}1", id)], "engine")
        engines.commit("engine", Batch(logs=[records.log_line(id, id)], metrics=[records.metric(id)]))
        engines.ask(Command(execution_id=id, verb=Verb.KILL, asked_at=NOW))

    keep("stays")
    before = kept()
    keep("goes")
    assert kept() != before
    store.delete("goes")
    store.delete("missing")
    assert kept() == before
    assert store.find("goes") is None
    assert (store.task_runs("goes"), store.lines("goes"), store.metrics("goes")) == ([], [], [])
    assert found(store, ExecutionFilter(labels={"goes": "1"})) == []
    assert found(store, ExecutionFilter(labels={"stays": "1"})) == ["stays"]
    assert [command.execution_id for command in engines.commands("engine")] == ["stays"]
    keep("goes")
    assert len(store.task_runs("goes")) == len(store.lines("goes")) == len(store.metrics("goes")) == 1
