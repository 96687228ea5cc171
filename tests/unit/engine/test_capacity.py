from __future__ import annotations

from typing import Any, cast

from taxi_pipelines.engine.capacity import Capacity


class Workers:
    """So many are free."""

    def __init__(self, count: int) -> None:
        self.count = count

    def free(self) -> int:
        return self.count


def capacity(count: int) -> tuple[Capacity, Workers]:
    workers = Workers(count)
    return Capacity(cast("Any", workers)), workers


def test_those_who_find_no_worker_are_called_in_the_order_they_came() -> None:
    desk, workers = capacity(1)
    desk.begin_cycle()
    assert [desk.take("e", run) for run in "abc"] == [True, False, False]
    workers.count = 0
    assert desk.begin_cycle() == []
    workers.count = 1
    assert desk.begin_cycle() == [("e", "b")]
    assert not desk.take("e", "d")  # it may not overtake
    assert desk.take("e", "b")
    assert desk.begin_cycle() == [("e", "c")]
    assert desk.take("e", "c")
    assert desk.begin_cycle() == [("e", "d")]


def test_one_that_was_called_and_does_not_come_leaves_its_place_to_the_next() -> None:
    desk, workers = capacity(0)
    desk.begin_cycle()
    assert not desk.take("gone", "a") and not desk.take("e", "b")
    workers.count = 1
    assert desk.begin_cycle() == [("gone", "a")]
    assert desk.begin_cycle() == [("e", "b")]
    assert desk.take("e", "b")


def test_asking_twice_keeps_one_place() -> None:
    desk, workers = capacity(0)
    desk.begin_cycle()
    assert not desk.take("e", "a") and not desk.take("e", "a")
    workers.count = 3
    assert desk.begin_cycle() == [("e", "a")]
