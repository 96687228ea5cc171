from __future__ import annotations

from datetime import UTC, datetime

from taxi_pipelines.domain.records import KvDeletion, KvEntry, KvType
from taxi_pipelines.engine.outbox import Cycle

NOW = datetime(2024, 1, 1, tzinfo=UTC)


def entry(value: int) -> KvEntry:
    return KvEntry(namespace="n", key="k", type=KvType.NUMBER, value=value)


def test_executions_see_what_others_set_in_this_cycle_and_the_last_one_counts() -> None:
    cycle = Cycle("e", NOW)
    one, two = cycle.outbox("one"), cycle.outbox("two")
    one.put_kv(entry(1))
    two.put_kv(entry(2))
    assert one.seen_kv["n", "k"] == entry(2)
    one.put_kv(entry(3))
    assert list(cycle.shipment().batch(1).kv) == [entry(3)]
    two.put_kv(KvDeletion(namespace="n", key="k"))
    assert list(cycle.shipment().batch(1).kv) == [KvDeletion(namespace="n", key="k")]


def test_what_a_dropped_execution_did_is_not_written() -> None:
    cycle = Cycle("e", NOW)
    cycle.outbox("one").released = True
    cycle.outbox("two").taken_commands.append(7)
    assert cycle.drop("one").released
    assert cycle.shipment().batch(4).released == ()
    assert cycle.shipment().batch(4).taken_commands == (7,)
    assert cycle.shipment().batch(4).number == 4


def test_split_is_one_shipment_per_execution() -> None:
    cycle = Cycle("e", NOW)
    for name in ("one", "two", "empty"):
        cycle.outbox(name)
    cycle.outbox("one").put_kv(entry(1))
    cycle.outbox("two").released = True
    parts = cycle.shipment().split()
    assert [list(part.outboxes) for part in parts] == [["one"], ["two"]]
    assert [list(part.batch(1).kv) for part in parts] == [[entry(1)], []]
