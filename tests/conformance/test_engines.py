"""What every store of engines must do, on every metadata database: leases, commands, and the one transaction of a cycle."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

import pytest

from taxi_pipelines.domain.execution import Caller
from taxi_pipelines.domain.records import Command, KvDeletion, KvEntry, KvType, Verb
from taxi_pipelines.domain.states import ENDED, State
from taxi_pipelines.flow_interfaces import Batch, ExecutionFilter, Page
from taxi_pipelines.store.engines import EngineStore
from taxi_pipelines.store.executions import ExecutionStore
from taxi_pipelines.store.kv import KeyValueStore
from taxi_pipelines.store.metadata import Metadata
from tests.support import records
from tests.support.metadata import PLACES, Place, contents, database_at
from tests.support.records import JSON, NOW, ODD, SECOND

LEASE = timedelta(seconds=15)
LATER = NOW + LEASE + SECOND
FLOW = {"namespace": "company.team", "flow_id": "flow"}
Result = TypeVar("Result")


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return PLACES[request.param](tmp_path)


@pytest.fixture
def database(place: Place) -> Iterator[Metadata]:
    with database_at(place) as database:
        yield database


@pytest.fixture
def executions(database: Metadata) -> ExecutionStore:
    return ExecutionStore(database)


@pytest.fixture
def engines(database: Metadata) -> EngineStore:
    """With two of them, `one` and `two`."""
    store = EngineStore(database)
    store.register("one", "host", 1, NOW)
    store.register("two", "host", 2, NOW)
    return store


def command(execution_id: str, verb: Verb = Verb.KILL) -> Command:
    return Command(execution_id=execution_id, verb=verb, arguments={"text": JSON}, asked_at=NOW)


def everybody(executions: ExecutionStore) -> set[str]:
    return {one.id for one in executions.search(ExecutionFilter(), Page(limit=1000))}


def both_at_once(place: Place, work: Callable[[EngineStore, str], Result]) -> list[Result]:
    """Two engines, each with a database of its own, do the same at the same moment."""
    start = threading.Barrier(2)

    def run(engine_id: str) -> Result:
        with database_at(place) as database:
            store = EngineStore(database)
            store.listed()
            start.wait()
            return work(store, engine_id)

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(run, ("one", "two")))


def test_looking_does_not_make_the_database(place: Place, database: Metadata) -> None:
    before = place.fingerprint()
    store = EngineStore(database)
    assert store.listed() == []
    assert store.commands("one") == []
    assert store.take_over("one", NOW, LEASE) == []
    assert store.claim_queued("one", "company.team", "flow", 1) == []
    assert place.fingerprint() == before


def test_an_engine_is_listed_with_its_last_heartbeat_until_it_leaves(engines: EngineStore) -> None:
    assert engines.beat("two", LATER)
    assert engines.listed() == [("one", "host", 1, NOW), ("two", "host", 2, LATER)]
    engines.leave("one")
    assert not engines.beat("one", LATER)
    assert engines.listed() == [("two", "host", 2, LATER)]


def test_what_an_engine_held_is_free_when_it_leaves(engines: EngineStore, executions: ExecutionStore) -> None:
    executions.create(records.execution("e"), holder="one")
    executions.create(records.execution("q", State.QUEUED), holder="one")
    assert engines.take_over("two", NOW, LEASE) == []
    engines.leave("one")
    assert engines.take_over("two", NOW, LEASE) == ["e"]
    assert [one.id for one in engines.claim_queued("two", **FLOW, limit=2)] == ["q"]


def test_what_nobody_holds_is_taken_over_in_order_but_not_what_has_ended_or_waits_in_a_queue(
    engines: EngineStore, executions: ExecutionStore
) -> None:
    going_on = [state for state in State if state not in ENDED and state is not State.QUEUED]
    for state in State:
        executions.create(records.execution(state, state))
    assert engines.take_over("one", NOW, LEASE) == going_on
    assert engines.take_over("two", NOW, LEASE) == []


def test_a_living_engine_keeps_what_it_holds_and_a_silent_one_loses_it_and_notices(
    engines: EngineStore, executions: ExecutionStore
) -> None:
    for state in (State.CREATED, State.RUNNING, State.PAUSED):
        executions.create(records.execution(state, state), holder="one")
    assert engines.take_over("two", NOW + LEASE, LEASE) == []
    engines.beat("two", LATER)
    assert engines.take_over("two", LATER, LEASE) == ["CREATED", "RUNNING", "PAUSED"]
    assert not engines.beat("one", LATER)
    assert [engine for engine, *_ in engines.listed()] == ["two"]
    assert engines.take_over("one", LATER, LEASE) == []


def test_an_engine_known_to_be_dead_is_not_waited_for(engines: EngineStore, executions: ExecutionStore) -> None:
    executions.create(records.execution("e"), holder="one")
    assert engines.take_over("two", NOW, LEASE, known_dead=["one", "never was"]) == ["e"]
    assert not engines.beat("one", NOW)


def test_an_engine_that_was_slow_itself_does_not_take_over_what_it_holds(
    engines: EngineStore, executions: ExecutionStore
) -> None:
    executions.create(records.execution("e"), holder="one")
    assert engines.take_over("one", LATER, LEASE, known_dead=["one"]) == []
    assert engines.beat("one", LATER)


def test_a_dead_engine_leaves_no_hold_on_what_had_ended_or_was_just_taken_from_a_queue(
    engines: EngineStore, executions: ExecutionStore
) -> None:
    """Nothing stays live for ever: a slot that a dead engine took is taken on, and what has ended can be restarted."""
    executions.create(records.execution("queued", State.QUEUED))
    assert engines.claim_queued("one", **FLOW, limit=1)
    executions.create(records.execution("ended", State.FAILED), holder="one")
    assert engines.take_over("two", NOW, LEASE, known_dead=["one"]) == ["queued"]
    assert executions.count_live(**FLOW) == 1
    engines.ask(command("ended", Verb.RESTART))
    assert [asked.execution_id for asked in engines.commands("two")] == ["ended"]


def test_an_execution_given_to_an_engine_declared_dead_is_taken_by_another(
    engines: EngineStore, executions: ExecutionStore
) -> None:
    engines.leave("one")
    executions.create(records.execution("e"), holder="one")
    assert engines.take_over("two", NOW, LEASE) == ["e"]


def test_engines_that_take_over_at_once_share_out_without_overlap(
    place: Place, engines: EngineStore, executions: ExecutionStore
) -> None:
    for number in range(30):
        executions.create(records.execution(f"e{number}"))
    taken = both_at_once(place, lambda store, engine_id: store.take_over(engine_id, NOW, LEASE))
    assert sorted(taken[0] + taken[1]) == sorted(everybody(executions))


def test_an_execution_is_claimed_by_one_living_engine(
    place: Place, engines: EngineStore, executions: ExecutionStore
) -> None:
    executions.create(records.execution("e", State.FAILED))
    claimed = both_at_once(place, lambda store, engine_id: store.claim(engine_id, "e"))
    assert sorted(claimed) == [False, True]
    assert engines.claim("one", "e") == claimed[0]
    assert not engines.claim("nobody", "e")
    assert not engines.claim("one", "missing")


def test_queued_executions_are_claimed_oldest_first_until_so_many_are_live(
    engines: EngineStore, executions: ExecutionStore
) -> None:
    executions.create(records.execution("live"), holder="one")
    for number in range(4):
        executions.create(records.execution(f"q{number}", State.QUEUED))
    executions.create(records.execution("other", State.QUEUED, flow_id="other"))
    assert engines.claim_queued("two", **FLOW, limit=1) == []
    assert [one.id for one in engines.claim_queued("two", **FLOW, limit=3)] == ["q0", "q1"]
    assert engines.claim_queued("one", **FLOW, limit=3) == []
    assert engines.claim_queued("nobody", **FLOW, limit=9) == []
    assert [one.id for one in engines.claim_queued("one", **FLOW, limit=9)] == ["q2", "q3"]


def test_engines_that_claim_from_a_queue_at_once_stay_within_the_limit(
    place: Place, engines: EngineStore, executions: ExecutionStore
) -> None:
    for number in range(20):
        executions.create(records.execution(f"q{number:02}", State.QUEUED))
    taken = both_at_once(place, lambda store, engine_id: store.claim_queued(engine_id, **FLOW, limit=5))
    assert sorted(one.id for claimed in taken for one in claimed) == [f"q{number:02}" for number in range(5)]


def test_a_slot_is_taken_while_there_is_room_and_by_its_holder(
    engines: EngineStore, executions: ExecutionStore
) -> None:
    new = [records.execution(f"e{number}", State.CREATED) for number in range(3)]
    for one in new:
        executions.create(one, holder="one")
    assert not engines.take_slot("two", new[0], 2)
    assert [engines.take_slot("one", one, 2) for one in (*new, new[0])] == [True, True, False, True]
    assert executions.count_live(**FLOW) == 2
    engines.commit("one", Batch(executions=[replace(new[0], state=State.SUCCESS)], released=["e0"]))
    assert engines.take_slot("one", new[2], 2)
    assert engines.take_over("two", NOW, LEASE, known_dead=["one"]) == ["e1", "e2"]


def test_engines_that_take_slots_at_once_stay_within_the_limit(
    place: Place, engines: EngineStore, executions: ExecutionStore
) -> None:
    new = {id: [records.execution(f"{id}{number}", State.CREATED) for number in range(5)] for id in ("one", "two")}
    for id, own in new.items():
        for one in own:
            executions.create(one, holder=id)
    taken = both_at_once(place, lambda store, id: [store.take_slot(id, one, 4) for one in new[id]])
    assert sum(map(sum, taken)) == executions.count_live(**FLOW) == 4


def test_commands_go_to_the_holder_or_to_whoever_looks_first_and_stay_until_taken(
    engines: EngineStore, executions: ExecutionStore
) -> None:
    executions.create(records.execution("held"), holder="one")
    executions.create(records.execution("free", State.FAILED))
    given = [command("held"), command("free", Verb.RESTART), command("missing"), command("held", Verb.PAUSE)]
    for one in given:
        engines.ask(one)
    asked = engines.commands("one")
    assert [replace(one, number=0) for one in asked] == given
    assert engines.commands("one") == asked
    assert [one.execution_id for one in engines.commands("two")] == ["missing"]
    assert engines.commit("one", Batch(taken_commands=[one.number for one in asked[:3]])) == []
    assert engines.commands("one") == asked[3:]
    assert engines.commands("nobody") == []


def test_engines_that_look_for_commands_at_once_obey_each_once(
    place: Place, engines: EngineStore, executions: ExecutionStore
) -> None:
    for number in range(10):
        executions.create(records.execution(f"e{number}", State.FAILED))
        engines.ask(command(f"e{number}", Verb.RESTART))

    def obey_and_release(store: EngineStore, engine_id: str) -> list[str]:
        asked = store.commands(engine_id)
        ids = [one.execution_id for one in asked]
        store.commit(engine_id, Batch(taken_commands=[one.number for one in asked], released=ids))
        return ids + [one.execution_id for one in store.commands(engine_id)]

    obeyed = both_at_once(place, obey_and_release)
    assert sorted(obeyed[0] + obeyed[1]) == sorted(everybody(executions))


def test_the_number_of_a_command_is_not_given_again(engines: EngineStore, executions: ExecutionStore) -> None:
    executions.create(records.execution("e"), holder="one")
    engines.ask(command("e"))
    (first,) = engines.commands("one")
    engines.commit("one", Batch(taken_commands=[first.number]))
    engines.ask(command("e"))
    engines.commit("one", Batch(taken_commands=[first.number]))
    assert len(engines.commands("one")) == 1


def full_batch() -> Batch:
    """Everything a batch can have, of the held execution `e` with its task run `gone`."""
    return Batch(
        executions=[replace(records.full_execution("e"), labels={"new": "label"})],
        new_executions=[
            records.execution("child", State.CREATED, caller=Caller(execution_id="e", task_run_id="r", waits=True))
        ],
        task_runs=[records.full_task_run("r", "e")],
        removed_task_runs=["gone"],
        logs=[records.log_line("e", ODD)],
        metrics=[records.metric("e")],
        kv=[
            KvEntry(namespace="a", key="new", type=KvType.JSON, value=JSON),
            KvDeletion(namespace="a", key="old"),
        ],
        commands=[command("e")],
    )


@pytest.fixture
def held(database: Metadata, engines: EngineStore, executions: ExecutionStore) -> KeyValueStore:
    """`e`, which `one` holds, with a task run `gone`, and a value `old`."""
    executions.create(records.execution("e"), [records.task_run("gone", "e")], holder="one")
    values = KeyValueStore(database)
    values.set(KvEntry(namespace="a", key="old", type=KvType.STRING, value=""))
    return values


def test_a_batch_is_written_as_a_whole(engines: EngineStore, executions: ExecutionStore, held: KeyValueStore) -> None:
    batch = full_batch()
    assert engines.commit("one", batch) == []
    assert executions.find("e") == batch.executions[0]
    assert executions.find("child") == batch.new_executions[0]
    assert executions.task_runs("e") == list(batch.task_runs)
    assert [replace(line, number=0) for line in executions.lines("e")] == list(batch.logs)
    assert executions.metrics("e") == list(batch.metrics)
    assert held.listed("a", NOW) == [batch.kv[0]]
    assert [replace(one, number=0) for one in engines.commands("one")] == list(batch.commands)
    assert engines.take_over("two", NOW, LEASE) == []


def test_of_a_batch_that_cannot_be_written_nothing_is(
    database: Metadata, engines: EngineStore, executions: ExecutionStore, held: KeyValueStore
) -> None:
    before = contents(database)
    impossible = KvEntry(namespace="a", key="k", type=KvType.JSON, value=object())
    batch = full_batch()
    with pytest.raises(Exception, match="not JSON serializable"):
        engines.commit("one", replace(batch, kv=[*batch.kv, impossible]))
    assert contents(database) == before
    assert engines.commit("one", batch) == []
    assert contents(database) != before


def test_an_engine_declared_dead_writes_nothing_at_all_and_hears_so(
    database: Metadata, engines: EngineStore, held: KeyValueStore
) -> None:
    engines.ask(command("e"))
    (asked,) = engines.commands("one")
    engines.take_over("two", NOW, LEASE, known_dead=["one"])
    before = contents(database)
    batch = replace(full_batch(), taken_commands=[asked.number], released=["e"])
    assert engines.commit("one", batch) == ["child", "e"]
    assert contents(database) == before
    assert engines.commands("two") == [asked]


def test_nothing_is_written_of_an_execution_that_is_another_engines_but_the_rest_is(
    engines: EngineStore, executions: ExecutionStore, held: KeyValueStore
) -> None:
    executions.create(records.execution("ours"), holder="two")
    engines.ask(command("e"))
    (asked,) = engines.commands("one")
    ours = Batch(task_runs=[records.task_run("r", "ours"), *full_batch().task_runs], logs=[records.log_line("ours")])
    batch = replace(full_batch(), task_runs=ours.task_runs, logs=[*ours.logs, *full_batch().logs])
    assert engines.commit("two", replace(batch, taken_commands=[asked.number], released=["e"])) == ["child", "e"]
    assert executions.find("e") == records.execution("e")
    assert executions.find("child") is None
    assert [run.id for run in executions.task_runs("e")] == ["gone"]
    assert executions.lines("e") == executions.metrics("e") == []
    assert asked in engines.commands("one")
    assert engines.claim("one", "e")
    assert [run.id for run in executions.task_runs("ours")] == ["r"]
    assert len(executions.lines("ours")) == 1


def test_an_execution_deleted_meanwhile_is_lost_and_does_not_come_back(
    engines: EngineStore, executions: ExecutionStore, held: KeyValueStore
) -> None:
    executions.delete("e")
    assert engines.commit("one", full_batch()) == ["child", "e"]
    assert everybody(executions) == set()
    assert executions.task_runs("e") == executions.lines("e") == executions.metrics("e") == []


def test_what_is_released_is_nobodys_and_nothing_more_is_written_of_it(
    engines: EngineStore, executions: ExecutionStore, held: KeyValueStore
) -> None:
    paused = records.execution("e", State.PAUSED)
    assert engines.commit("one", Batch(executions=[paused], logs=[records.log_line("e")], released=["e"])) == []
    assert engines.commit("one", Batch(metrics=[records.metric("e")])) == ["e"]
    assert executions.metrics("e") == []
    assert engines.take_over("two", NOW, LEASE) == ["e"]


def test_new_executions_are_their_makers_unless_they_wait_or_have_ended(
    engines: EngineStore, executions: ExecutionStore
) -> None:
    new = [records.execution(state, state) for state in (State.CREATED, State.QUEUED, State.FAILED)]
    assert engines.commit("one", Batch(new_executions=new, logs=[records.log_line("CREATED")])) == []
    assert engines.claim("one", State.CREATED)
    assert not engines.claim("two", State.CREATED)
    assert engines.claim("two", State.QUEUED)
    assert engines.claim("two", State.FAILED)
    assert len(executions.lines("CREATED")) == 1


def test_task_runs_stay_in_the_order_of_their_creation(engines: EngineStore, executions: ExecutionStore) -> None:
    executions.create(records.execution("e"), holder="one")
    runs = [records.task_run(id, "e") for id in ("c", "a", "b")]
    engines.commit("one", Batch(task_runs=runs))
    ended = [replace(run, state=State.SUCCESS) for run in reversed(runs)]
    engines.commit("one", Batch(task_runs=[*ended, records.task_run("0", "e")]))
    assert [(run.id, run.state) for run in executions.task_runs("e")] == [
        ("c", State.SUCCESS),
        ("a", State.SUCCESS),
        ("b", State.SUCCESS),
        ("0", State.RUNNING),
    ]


def test_a_numbered_batch_is_written_once_though_its_commit_seemed_to_fail(
    engines: EngineStore, executions: ExecutionStore, held: KeyValueStore
) -> None:
    batch = replace(full_batch(), number=1)
    assert engines.commit("one", batch) == []
    assert engines.commit("one", batch) == []
    assert len(executions.lines("e")) == len(engines.commands("one")) == 1
    assert engines.commit("one", Batch(number=2, logs=[records.log_line("e")])) == []
    assert len(executions.lines("e")) == 2


def test_a_batch_may_be_larger_than_a_statement(engines: EngineStore, executions: ExecutionStore) -> None:
    new = [records.execution(f"e{number}", labels={"n": str(number % 2)}) for number in range(1200)]
    runs = [records.task_run(f"r{number}", f"e{number}") for number in range(1200)]
    assert engines.commit("one", Batch(new_executions=new, task_runs=runs)) == []
    relabelled = [replace(one, labels={"n": "3"}, state=State.SUCCESS) for one in new]
    gone = [run.id for run in runs]
    assert (
        engines.commit("one", Batch(executions=relabelled, removed_task_runs=gone, released=[one.id for one in new]))
        == []
    )
    assert executions.count(ExecutionFilter(labels={"n": "3"}, states=frozenset({State.SUCCESS}))) == 1200
    assert executions.count(ExecutionFilter(labels={"n": "1"})) == 0
    assert executions.task_runs("e7") == []
    assert engines.claim("two", "e1199")
    engines.leave("one")
    assert engines.commit("one", Batch(executions=relabelled)) == sorted(one.id for one in new)


def test_what_each_engine_holds_is_counted(engines: EngineStore, executions: ExecutionStore) -> None:
    for id, holder in (("e", "one"), ("f", "one"), ("g", None)):
        executions.create(records.execution(id), holder=holder)
    assert engines.held() == {"one": 2}
