"""What every store of backfills must do, on every metadata database."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.domain.states import State
from taxi_pipelines.domain.trigger import Backfill, BackfillSlot, BackfillState, SlotState
from taxi_pipelines.errors import UsageError
from taxi_pipelines.store.backfills import BackfillStore
from taxi_pipelines.store.executions import ExecutionStore
from taxi_pipelines.store.metadata import Metadata
from tests.support import records
from tests.support.metadata import PLACES, Place, database_at
from tests.support.records import JSON, NOW, ODD

DAY = timedelta(days=1)
SLOTS = [NOW + DAY * number for number in range(4)]


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return PLACES[request.param](tmp_path)


@pytest.fixture
def database(place: Place) -> Iterator[Metadata]:
    with database_at(place) as database:
        yield database


@pytest.fixture
def store(database: Metadata) -> BackfillStore:
    return BackfillStore(database)


def backfill(id: str = "one", **changes: Any) -> Backfill:
    given: dict[str, Any] = {"start": SLOTS[0], "end": SLOTS[-1], "created_at": NOW, "parallel": 2}
    return Backfill(id=id, namespace="a", flow_id="f", trigger_id="t", **given | changes)


def waiting(slot: datetime, id: str = "one", **changes: Any) -> BackfillSlot:
    return BackfillSlot(backfill_id=id, slot=slot, **changes)


def of_slot(id: str, slot: datetime, state: State = State.RUNNING, **changes: Any) -> Execution:
    trigger = {"id": "t", "date": slot.isoformat()}
    return records.execution(id, state, namespace="a", flow_id="f", trigger=trigger, **changes)


def states(store: BackfillStore, id: str = "one") -> list[SlotState]:
    return [slot.state for slot in store.slots(id)]


def test_a_backfill_comes_back_as_it_was_by_the_beginning_of_its_id(store: BackfillStore) -> None:
    assert store.find("one") is None
    assert store.listed() == []
    full = backfill(inputs=JSON, labels={"a": ODD}, force=True)
    slots = [waiting(SLOTS[0], error=ODD), waiting(SLOTS[1], state=SlotState.SKIPPED, execution_id="e")]
    store.create(full, slots)
    store.create(backfill("ont"), [])
    assert store.find("one") == full
    assert store.slots("one") == slots
    assert store.slots("one", SlotState.SKIPPED) == slots[1:]
    assert [one.id for one in store.listed()] == ["ont", "one"]
    assert store.find("") is None
    with pytest.raises(UsageError, match="several backfills begin with 'on'"):
        store.find("on")


def test_executions_are_found_by_their_slots_whatever_started_them(database: Metadata, store: BackfillStore) -> None:
    executions = ExecutionStore(database)
    executions.create(of_slot("e1", SLOTS[0], State.FAILED))
    executions.create(of_slot("e2", SLOTS[0], State.SUCCESS))
    executions.create(of_slot("e3", SLOTS[2]))
    executions.create(replace(of_slot("other", SLOTS[0]), flow_id="g"))
    executions.create(records.execution("webhook", trigger={"id": "t", "body": "x"}))
    executions.create(records.execution("by hand", trigger={"id": "t", "date": "no date"}))
    found = [(SLOTS[0], "e1", State.FAILED), (SLOTS[0], "e2", State.SUCCESS), (SLOTS[2], "e3", State.RUNNING)]
    assert store.executed("a", "f", "t", SLOTS[0], SLOTS[2]) == found
    executions.delete("e2")
    assert store.executed("a", "f", "t", SLOTS[0], SLOTS[1]) == found[:1]


def test_no_more_slots_run_than_may_and_each_has_one_execution(place: Place) -> None:
    def start(number: int) -> bool:
        with database_at(place) as database:
            slot = SLOTS[number % 3]
            return BackfillStore(database).start(waiting(slot), of_slot(f"e{number}", slot))

    with database_at(place) as database:
        store = BackfillStore(database)
        store.create(backfill(parallel=2), [waiting(slot) for slot in SLOTS])
        with ThreadPoolExecutor(6) as pool:
            assert sum(pool.map(start, range(9))) == 2
        running = [slot for slot in store.slots("one") if slot.state is SlotState.RUNNING]
        assert len(running) == 2
        assert all(ExecutionStore(database).find(slot.execution_id or "") for slot in running)
        assert store.change(backfill(parallel=2), backfill(state=BackfillState.PAUSED))
        assert not store.start(waiting(SLOTS[3]), of_slot("late", SLOTS[3]))


def test_slots_take_the_states_of_their_executions_and_the_last_one_ends_it(
    database: Metadata, store: BackfillStore
) -> None:
    executions = ExecutionStore(database)
    ends = [State.SUCCESS, State.WARNING, State.KILLED, State.RUNNING]
    store.create(backfill(parallel=9), [waiting(slot) for slot in SLOTS])
    for number, (slot, end) in enumerate(zip(SLOTS, ends, strict=True)):
        assert store.start(waiting(slot), of_slot(f"e{number}", slot, end))
    settled = store.settle("one", NOW)
    assert settled and settled.ended_at is None
    assert states(store) == [SlotState.SUCCESS, SlotState.WARNING, SlotState.FAILED, SlotState.RUNNING]
    executions.delete("e3")
    assert store.settle("one", NOW) == backfill(parallel=9, state=BackfillState.DONE, ended_at=NOW)
    assert store.slots("one")[3].error == "execution e3 was deleted"
    assert store.listed(unended=True) == []
    assert store.settle("none", NOW) is None


def test_an_execution_that_is_tried_again_as_a_whole_is_followed(database: Metadata, store: BackfillStore) -> None:
    store.create(backfill(), [waiting(SLOTS[0])])
    assert store.start(waiting(SLOTS[0]), of_slot("e1", SLOTS[0], State.RETRIED))
    ExecutionStore(database).create(of_slot("e2", SLOTS[0], parent_id="e1", attempt=2))
    store.settle("one", NOW)
    assert store.slots("one") == [waiting(SLOTS[0], state=SlotState.RUNNING, execution_id="e2")]


def test_a_cancelled_one_ends_when_what_runs_has_ended(database: Metadata, store: BackfillStore) -> None:
    store.create(backfill(), [waiting(slot) for slot in SLOTS])
    assert store.start(waiting(SLOTS[0]), of_slot("e1", SLOTS[0]))
    gone = {SlotState.WAITING: SlotState.CANCELLED}
    assert store.change(backfill(), backfill(state=BackfillState.CANCELLED), gone)
    assert not store.change(backfill(), backfill(state=BackfillState.PAUSED))
    assert states(store) == [SlotState.RUNNING, *[SlotState.CANCELLED] * 3]
    settled = store.settle("one", NOW)
    assert settled and settled.ended_at is None
    ExecutionStore(database).delete("e1")
    settled = store.settle("one", NOW)
    assert settled and (settled.state, settled.ended_at) == (BackfillState.CANCELLED, NOW)


def test_a_slot_changes_only_from_what_it_was_seen_as(store: BackfillStore) -> None:
    store.create(backfill(), [waiting(SLOTS[0])])
    failed = waiting(SLOTS[0], state=SlotState.FAILED, error="no such flow")
    assert store.change_slot(waiting(SLOTS[0]), failed)
    assert not store.change_slot(waiting(SLOTS[0]), failed)
    assert store.slots("one") == [failed]


def test_slots_are_counted_by_state_for_each_of_several_backfills(store: BackfillStore) -> None:
    store.create(backfill(), [waiting(SLOTS[0]), waiting(SLOTS[1]), waiting(SLOTS[2], state=SlotState.FAILED)])
    store.create(backfill("two"), [])
    assert store.counts(["one", "two"]) == {"one": {SlotState.WAITING: 2, SlotState.FAILED: 1}, "two": {}}
    assert store.counts([]) == {}
