"""What every store of triggers, and of the news of ended executions, must do, on every metadata database."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from taxi_pipelines.domain.states import State
from taxi_pipelines.domain.trigger import FLOW, SCHEDULE, TriggerState
from taxi_pipelines.flow_interfaces import Batch
from taxi_pipelines.store.endings import EndingStore
from taxi_pipelines.store.engines import EngineStore
from taxi_pipelines.store.executions import ExecutionStore
from taxi_pipelines.store.flows import FlowStore
from taxi_pipelines.store.metadata import Metadata
from taxi_pipelines.store.triggers import TriggerStore
from tests.support import records
from tests.support.metadata import PLACES, Place, contents, database_at
from tests.support.records import JSON, NOW, ODD, SECOND


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return PLACES[request.param](tmp_path)


@pytest.fixture
def database(place: Place) -> Iterator[Metadata]:
    with database_at(place) as database:
        yield database


@pytest.fixture
def store(database: Metadata) -> TriggerStore:
    return TriggerStore(database)


def state(id: str, **changes: Any) -> TriggerState:
    given: dict[str, Any] = {"type": SCHEDULE, "timing": "0 9 1 * * UTC", "next_at": NOW}
    return TriggerState(namespace="a", flow_id="f", trigger_id=id, **given | changes)


def test_a_store_that_is_not_there_yet_is_empty_and_looking_does_not_make_it(place: Place, store: TriggerStore) -> None:
    before = place.fingerprint()
    assert store.listed() == []
    assert store.find("a", "f", "t") is None
    assert store.due(NOW, 10) == []
    assert store.next_due() is None
    assert place.fingerprint() == before


def test_a_flow_is_saved_with_its_triggers_and_deleted_with_them(database: Metadata, store: TriggerStore) -> None:
    flows = FlowStore(database)
    flows.save("a", "f", "one", NOW, [state("t", memory=JSON, error=ODD), state("u")])
    assert store.listed() == [state("t", memory=JSON, error=ODD), state("u")]
    flows.save("a", "f", "two", NOW, [state("u")])
    assert store.listed("a") == [state("u")]
    assert store.listed("b") == []
    flows.delete("a", "f", NOW)
    assert store.listed() == []


def test_a_trigger_that_stays_keeps_what_happened_and_what_the_user_decided(store: TriggerStore) -> None:
    happened = {"last_at": NOW, "last_execution_id": "e", "waits_for": "e", "memory": {"seen": ["x"]}}
    store.keep("a", "f", [state("t", enabled=False, next_at=None, **happened)])
    store.keep("a", "f", [state("t", timing="@daily UTC", next_at=NOW + SECOND)])
    kept = store.find("a", "f", "t")
    assert kept == state("t", timing="@daily UTC", enabled=False, next_at=None, version=2, **happened)


def test_only_another_timing_finds_the_next_time_anew(store: TriggerStore) -> None:
    store.keep("a", "f", [state("t")])
    store.keep("a", "f", [state("t", next_at=NOW + SECOND)])
    assert store.next_due() == NOW
    store.keep("a", "f", [state("t", timing="@daily UTC", next_at=NOW + SECOND)])
    assert store.next_due() == NOW + SECOND


def test_what_waits_for_an_execution_is_due_once_that_has_ended_or_is_gone(
    database: Metadata, store: TriggerStore
) -> None:
    executions = ExecutionStore(database)
    executions.create(records.execution("live", State.PAUSED))
    executions.create(records.execution("over", State.FAILED))
    waiting = {"t1": "live", "t2": "over", "t3": "gone", "t4": None}
    store.keep("a", "f", [state(id, waits_for=other) for id, other in waiting.items()])
    store.keep("a", "g", [replace(state("late", next_at=NOW + SECOND), flow_id="g")])
    assert [one.trigger_id for one in store.due(NOW, 10)] == ["t2", "t3", "t4"]
    assert len(store.due(NOW, 2)) == 2
    executions.delete("over")
    assert store.next_due() == NOW


def test_of_many_who_fire_the_same_slot_one_does(place: Place) -> None:
    def fire(number: int) -> bool:
        with database_at(place) as database:
            before = state("t")
            after = replace(before, next_at=NOW + SECOND, last_at=NOW)
            return TriggerStore(database).change([(before, after)], new_executions=[records.execution(f"e{number}")])

    with database_at(place) as database:
        TriggerStore(database).keep("a", "f", [state("t")])
        with ThreadPoolExecutor(6) as pool:
            assert sorted(pool.map(fire, range(6))) == [False] * 5 + [True]
        assert TriggerStore(database).find("a", "f", "t") == state("t", next_at=NOW + SECOND, last_at=NOW, version=2)
        made = [id for id in (f"e{number}" for number in range(6)) if ExecutionStore(database).find(id)]
        assert len(made) == 1


def test_where_one_part_of_a_change_is_too_late_nothing_of_it_is_written(
    database: Metadata, store: TriggerStore
) -> None:
    endings = EndingStore(database)
    endings.listen("triggers", wanted=True)
    store.keep("a", "f", [state("t"), state("u")])
    before = contents(database)
    fresh, stale = (state("t"), state("t", error="new")), (state("u", version=7), state("u"))
    assert not store.change([fresh, stale], new_executions=[records.execution("e")])
    assert not store.change([fresh], new_executions=[records.execution("e")], taken_endings=[1])
    assert contents(database) == before


def test_the_news_of_an_end_is_left_once_for_each_who_listens_and_taken_once(
    database: Metadata, store: TriggerStore
) -> None:
    engines, executions, endings = EngineStore(database), ExecutionStore(database), EndingStore(database)
    engines.register("engine", "host", 1, NOW)
    running = [records.execution(f"e{number}", State.RUNNING) for number in range(3)]
    for one in running:
        executions.create(one, holder="engine")
    ended = [replace(one, state=State.SUCCESS, ended_at=NOW) for one in running]
    engines.commit("engine", Batch(executions=ended[:1]))
    assert endings.waiting("alerts", 10) == []
    endings.listen("alerts", wanted=True)
    store.keep("a", "f", [replace(state("t", type=FLOW, next_at=None), listens=True)])
    engines.commit("engine", Batch(executions=ended[1:], new_executions=[records.execution("new", State.FAILED)]))
    engines.commit("engine", Batch(executions=[replace(ended[1], labels={"seen": "again"})]))
    found = endings.waiting("triggers", 10)
    assert {(one.execution_id, one.state) for one in found} == {
        ("e1", State.SUCCESS),
        ("e2", State.SUCCESS),
        ("new", State.FAILED),
    }
    assert len(endings.waiting("alerts", 10)) == 3
    assert store.change([], taken_endings=[found[0].number])
    assert not store.change([], taken_endings=[found[0].number])
    assert endings.take([found[1].number])
    assert not endings.take([found[1].number, found[2].number])
    assert endings.waiting("triggers", 10) == [found[2]]
    executions.delete(found[2].execution_id)
    assert endings.waiting("triggers", 10) == []
    store.keep("a", "f", [])
    engines.commit("engine", Batch(new_executions=[records.execution("last", State.FAILED)]))
    assert endings.waiting("triggers", 10) == []
    assert len(endings.waiting("alerts", 10)) == 3


def test_an_execution_that_a_trigger_starts_in_a_state_of_its_end_is_news_as_well(
    database: Metadata, store: TriggerStore
) -> None:
    EndingStore(database).listen("alerts", wanted=True)
    store.keep("a", "f", [state("t")])
    assert store.change([(state("t"), state("t"))], new_executions=[records.execution("e", State.FAILED)])
    assert [one.execution_id for one in EndingStore(database).waiting("alerts", 10)] == ["e"]
