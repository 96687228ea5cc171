from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from taxi_pipelines.domain.month import Month
from taxi_pipelines.errors import WarehouseUnavailable
from taxi_pipelines.interfaces import PublishedMonth
from taxi_pipelines.warehouses import bigquery_lock
from taxi_pipelines.warehouses.bigquery_lock import LEASE, Hold, MonthLocks
from taxi_pipelines.warehouses.bigquery_names import MonthKey, Names
from taxi_pipelines.warehouses.bigquery_records import Holder, Record, Records
from tests.support import bigquery
from tests.support.google.faults import LoseAnswer, Refuse
from tests.support.postgres import wait_until

JANUARY = MonthKey(table="green_tripdata", partition=Month(2021, 1))
FEBRUARY = MonthKey(table="green_tripdata", partition=Month(2021, 2))
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
V1 = PublishedMonth(version="v1", rows=3, bytes=10)


class Machine:
    """The locks of one process; another folder makes it one of another machine. `died`: the dead holders it was told of."""

    def __init__(self, home: Path, folder: str = "here") -> None:
        self.now = NOON
        self.died: list[Holder] = []
        names = Names(project=bigquery.PROJECT, dataset=bigquery.dataset_of(home))
        self.records = Records(bigquery.client, lambda: names)
        self.locks = MonthLocks(self.records, lambda: names, home / folder, lambda: self.now, self.resolve)

    def resolve(self, hold: Hold, dead: Holder) -> None:
        self.died.append(dead)

    def record(self) -> Record | None:
        stored = self.records.read(JANUARY)
        return stored.record if stored else None

    def leave(self, until: datetime, place: str = "another/machine") -> Holder:
        """A record as a dead process leaves it."""
        holder = Holder(place=place, token="dead", since=until - LEASE, until=until)
        self.records.insert(JANUARY, Record(published=V1, holder=holder))
        return holder


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Machine]:
    yield Machine(tmp_path)
    bigquery.fake().faults.clear()


@pytest.fixture
def there(tmp_path: Path) -> Machine:
    return Machine(tmp_path, "there")


def test_a_record_comes_back_as_it_was_written() -> None:
    holder = Holder(place="host/1", token="t", since=NOON, until=NOON + LEASE)
    for record in (Record(), Record(published=V1), Record(holder=holder), Record(published=V1, holder=holder)):
        assert Record.from_text(record.to_text()) == record


@pytest.mark.parametrize("text", ["", "x", "[]", '{"published": {"version": "v1"}}', '{"holder": {"place": "x"}}'])
def test_a_record_that_was_edited_by_hand_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Record.from_text(text)


def test_a_hold_stands_in_the_record_and_what_it_published_after_it(here: Machine) -> None:
    with here.locks.hold(JANUARY, recorded=False) as hold:
        record = here.record()
        assert record and record.holder and record.holder.until == NOON + LEASE
        hold.note(V1)
        assert hold.published == V1
    assert here.record() == Record(published=V1)


def test_another_machine_waits_until_the_month_is_given_back(here: Machine, there: Machine) -> None:
    order: list[str] = []

    def second() -> None:
        with there.locks.hold(JANUARY, recorded=False) as hold:
            order.append(f"second finds {hold.published}")

    with here.locks.hold(JANUARY, recorded=False) as hold:
        assert there.locks.is_alive(JANUARY, there.record())
        thread = threading.Thread(target=second)
        thread.start()
        with there.locks.try_hold(JANUARY) as theirs:
            assert theirs is None
        with there.locks.hold(FEBRUARY, recorded=False):
            order.append("first")
        hold.note(V1)
    thread.join(10)
    assert order == ["first", f"second finds {V1}"]
    assert there.died == []


def test_a_dead_holder_of_this_machine_is_replaced_at_once(here: Machine) -> None:
    with here.locks.hold(JANUARY, recorded=False) as hold:
        place = hold.record.holder
    assert place is not None
    here.records.delete(JANUARY)
    dead = here.leave(NOON + LEASE, place.place)
    assert here.locks.is_left(JANUARY, here.record() or Record())
    with here.locks.hold(JANUARY, recorded=True) as hold:
        assert hold.published == V1
    assert here.died == [dead]
    assert here.record() == Record(published=V1)


def test_a_holder_of_another_machine_counts_as_dead_when_its_lease_has_ended(here: Machine) -> None:
    dead = here.leave(NOON + timedelta(seconds=1))
    with here.locks.try_hold(JANUARY) as hold:
        assert hold is None
    assert not here.locks.is_left(JANUARY, here.record() or Record())
    here.now = NOON + timedelta(seconds=2)
    assert here.locks.is_left(JANUARY, here.record() or Record())
    with here.locks.try_hold(JANUARY) as hold:
        assert hold is not None and hold.published == V1
        taken = here.record()
        assert taken and taken.holder and taken.holder.since == dead.since
    assert here.died == [dead]


def test_a_lease_is_renewed_while_the_month_is_held(here: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bigquery_lock, "RENEW_SECONDS", 0.02)
    with here.locks.hold(JANUARY, recorded=False):
        here.now = NOON + timedelta(hours=1)
        wait_until(lambda: (record := here.record()) and record.holder and record.holder.until == here.now + LEASE)
    assert here.record() == Record()


def test_whoever_lost_its_place_publishes_nothing_and_writes_nothing(here: Machine, there: Machine) -> None:
    with here.locks.hold(JANUARY, recorded=False) as hold:
        here.now = there.now = NOON + LEASE + timedelta(seconds=1)  # it slept
        with there.locks.hold(JANUARY, recorded=True) as theirs:
            with pytest.raises(WarehouseUnavailable, match="taken over by another process"):
                hold.confirm()
            theirs.note(V1)
        hold.note(replace(V1, version="v9"))
    assert there.record() == Record(published=V1)


def test_who_slept_and_was_not_missed_goes_on(here: Machine) -> None:
    with here.locks.hold(JANUARY, recorded=False) as hold:
        here.now = NOON + LEASE * 2
        hold.confirm()
        assert hold.record.holder and hold.record.holder.until == here.now + LEASE


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("fault", [LoseAnswer(), Refuse(503)], ids=["lost", "refused"])
def test_a_write_that_was_not_answered_is_still_ours(here: Machine, method: str, fault: LoseAnswer | Refuse) -> None:
    recorded = method == "PATCH"
    if recorded:
        here.records.insert(JANUARY, Record(published=V1))
    bigquery.fake().faults.on(method, "_staging/tables", fault)
    with here.locks.try_hold(JANUARY) as hold:
        assert hold is not None
    assert here.record() == Record(published=V1 if recorded else None)
    assert here.died == []


def test_a_hold_that_cannot_tell_how_far_publishing_came_keeps_its_name(here: Machine) -> None:
    from taxi_pipelines.warehouses.bigquery_names import VersionKey

    with here.locks.hold(JANUARY, recorded=False) as hold:
        hold.publishing = VersionKey(month=JANUARY, version="v1")
        held = hold.record
    assert here.record() == held
    with here.locks.hold(JANUARY, recorded=True):
        assert here.died == [held.holder]


def test_the_same_folder_copied_to_another_machine_is_another_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = Machine(tmp_path)
    with dead.locks.hold(JANUARY, recorded=False) as hold:
        holder = hold.record.holder
    assert holder is not None
    dead.records.delete(JANUARY)
    dead.leave(NOON + LEASE, holder.place)
    monkeypatch.setattr("socket.gethostname", lambda: "clone")
    clone = Machine(tmp_path)
    with clone.locks.try_hold(JANUARY) as theirs:
        assert theirs is None
