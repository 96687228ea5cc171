"""Backfills: planned, executed so many at a time, through restarts and failures."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from taxi_pipelines.domain.states import State
from taxi_pipelines.domain.trigger import BackfillState, SlotState
from taxi_pipelines.errors import NotFound, UsageError
from taxi_pipelines.scheduler.backfills import BackfillRequest, SlotAction
from tests.support.metadata import PLACES, sqlite_file
from tests.support.scheduling import Scene, flow, scene_at

MONTHLY = """\
  - id: t
    type: schedule
    cron: "0 9 1 * *"
    timezone: America/New_York
    inputs: {taxi: green, month: "{{ trigger.date | date('yyyy-MM') }}"}
    labels: {by: clock}
"""
INPUTS = "[{id: taxi, type: STRING, defaults: none}, {id: month, type: STRING}, {id: mode, type: STRING, defaults: a}]"
FLOW = flow(MONTHLY, inputs=INPUTS)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with scene_at(sqlite_file(tmp_path)) as scene:
        scene.save(FLOW)
        yield scene


def request(start: str = "2020-01", end: str = "2020-07", **more: Any) -> BackfillRequest:
    return BackfillRequest(trigger="a.f.t", start=start, end=end, **more)


def running(scene: Scene) -> int:
    return sum(not execution.state.has_ended for execution in scene.executions())


@pytest.mark.parametrize(
    ("start", "end", "slots"),
    [
        ("2021-01-01", "2021-07-31", 7),
        ("2021-01", "2021-07", 7),
        ("2021-01-01T09:00", "2021-07-01T09:00", 7),
        ("2021-01-01T09:01", "2021-07-01T08:59", 5),
        ("2021-01-01T14:00:00Z", "2021-01-01", 1),
        ("2021-01-02", "2021-01-31", 0),
    ],
)
def test_a_window_has_the_slots_of_its_schedule_both_ends_included(
    scene: Scene, start: str, end: str, slots: int
) -> None:
    assert len(scene.triggers.plan_backfill(request(start, end)).slots) == slots


def test_inputs_are_the_flows_then_the_triggers_then_those_of_the_backfill(scene: Scene) -> None:
    started = scene.triggers.start_backfill(
        request("2020-02", "2020-02", inputs={"mode": "b", "taxi": "yellow"}, labels={"backfill": "true"})
    )
    scene.step()
    [one] = scene.executions()
    assert one.inputs == {"taxi": "yellow", "month": "2020-02", "mode": "b"}
    assert one.labels == {"by": "clock", "backfill": "true"}
    assert (one.trigger or {})["date"] == "2020-02-01T09:00:00-05:00"
    assert (one.trigger or {})["next"] == "2020-03-01T09:00:00-05:00"
    assert scene.triggers.backfill(started.id).slots[0].execution_id == one.id


def test_so_many_run_at_a_time_in_order_and_a_failed_one_stops_no_other(scene: Scene) -> None:
    id = scene.triggers.start_backfill(request(parallel=3)).id
    scene.step()
    assert running(scene) == 3
    scene.end(scene.executions()[1], State.FAILED)
    scene.step()
    assert running(scene) == 3
    scene.settle()
    view = scene.triggers.backfill(id)
    assert view.backfill.state is BackfillState.DONE
    assert view.counts == {SlotState.SUCCESS: 6, SlotState.FAILED: 1}
    assert [date[:7] for date in scene.dates()] == [f"2020-0{month}" for month in range(1, 8)]


def test_failed_slots_are_tried_again_and_only_those(scene: Scene) -> None:
    id = scene.triggers.start_backfill(request("2020-01", "2020-03", parallel=9)).id
    scene.step()
    scene.end(scene.executions()[2], State.KILLED)
    scene.settle(steps=1)
    scene.triggers.retry_backfill(id)
    scene.settle(steps=1)
    assert len(scene.dates()) == 4
    assert scene.triggers.backfill(id).counts == {SlotState.SUCCESS: 3}
    with pytest.raises(UsageError, match="has no failed slot"):
        scene.triggers.retry_backfill(id)


def test_slots_that_succeeded_are_skipped_and_running_ones_waited_for_unless_forced(scene: Scene) -> None:
    scene.triggers.start_backfill(request("2020-01", "2020-02", parallel=2))
    scene.step()
    first, second = scene.executions()
    scene.end(first)
    planned = scene.triggers.plan_backfill(request("2020-01", "2020-03"))
    assert [(one.action, one.execution_id) for one in planned.slots] == [
        (SlotAction.SKIP, first.id),
        (SlotAction.WAIT, second.id),
        (SlotAction.RUN, None),
    ]
    forced = scene.triggers.plan_backfill(request("2020-01", "2020-03", force=True))
    assert {one.action for one in forced.slots} == {SlotAction.RUN}
    id = scene.triggers.start_backfill(request("2020-01", "2020-03")).id
    scene.end(second, State.FAILED)
    scene.settle(steps=2)
    view = scene.triggers.backfill(id)
    assert [slot.state for slot in view.slots] == [SlotState.SKIPPED, SlotState.FAILED, SlotState.SUCCESS]
    assert len(scene.dates()) == 3


def test_what_succeeds_between_the_plan_and_its_turn_is_not_done_again(scene: Scene) -> None:
    one = scene.triggers.start_backfill(request("2020-01", "2020-02")).id
    other = scene.triggers.start_backfill(request("2020-01", "2020-02")).id
    scene.settle(steps=4)
    assert len(scene.dates()) == 2
    for id in (one, other):
        assert scene.triggers.backfill(id).backfill.state is BackfillState.DONE


def test_pause_resume_and_cancel(scene: Scene) -> None:
    id = scene.triggers.start_backfill(request()).id
    scene.step()
    scene.triggers.pause_backfill(id)
    scene.settle(steps=2)
    assert len(scene.dates()) == 1
    scene.triggers.resume_backfill(id)
    scene.step()
    view = scene.triggers.cancel_backfill(id[:6])
    assert view.counts == {SlotState.SUCCESS: 1, SlotState.RUNNING: 1, SlotState.CANCELLED: 5}
    assert view.backfill.ended_at is None
    scene.settle(steps=2)
    view = scene.triggers.backfill(id)
    assert (view.backfill.state, running(scene)) == (BackfillState.CANCELLED, 0)
    assert view.backfill.ended_at is not None
    with pytest.raises(UsageError, match="is CANCELLED; this takes one that is PAUSED or RUNNING"):
        scene.triggers.cancel_backfill(id)


def test_another_scheduler_goes_on_where_one_was_killed(tmp_path: Path) -> None:
    place = sqlite_file(tmp_path)
    with scene_at(place) as scene:
        scene.save(FLOW)
        id = scene.triggers.start_backfill(request(parallel=2)).id
        scene.step()
    with scene_at(place) as scene:
        assert running(scene) == 2
        scene.settle()
        assert scene.triggers.backfill(id).counts == {SlotState.SUCCESS: 7}
        assert len(scene.dates()) == len(set(scene.dates())) == 7


@pytest.mark.parametrize("kind", PLACES)
def test_several_schedulers_share_a_backfill_and_each_slot_is_executed_once(tmp_path: Path, kind: str) -> None:
    place = PLACES[kind](tmp_path)
    with scene_at(place) as scene:
        scene.save(FLOW)
        scene.triggers.start_backfill(request("2019-01", "2020-12", parallel=24))

        def run(number: int) -> list[str]:
            with scene_at(place) as other:
                other.step()
                return other.said

        with ThreadPoolExecutor(3) as pool:
            assert list(pool.map(run, range(3))) == [[], [], []]
        assert len(scene.dates()) == len(set(scene.dates())) == 24


def test_a_slot_whose_flow_is_gone_fails_and_says_why(scene: Scene) -> None:
    id = scene.triggers.start_backfill(request("2020-01", "2020-02")).id
    scene.control.delete_flow("a", "f")
    scene.settle(steps=1)
    view = scene.triggers.backfill(id)
    assert view.counts == {SlotState.FAILED: 2}
    assert "there is no flow a.f" in (view.slots[0].error or "")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (request("2020-07", "2020-01"), "the window 2020-07 to 2020-01 is empty"),
        (request("soon"), "'soon' is neither a month, a day nor a time"),
        (request("2020-07", "9999-12"), "9999-12 is at the end of all calendars"),
        (request("2020-07", "9999-12-31"), "9999-12-31 is at the end of all calendars"),
        (request("2020-01-02", "2020-01-31"), "there is no slot from 2020-01-02 to 2020-01-31"),
        (request(parallel=0), "0 slots at a time is too few"),
        (request(inputs={"color": "red"}), "'color': there is no such input"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_kept(scene: Scene, wrong: BackfillRequest, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        scene.triggers.start_backfill(wrong)
    assert scene.triggers.backfills() == []


def test_an_unknown_trigger_names_the_nearest(scene: Scene) -> None:
    with pytest.raises(NotFound, match=r"there is no trigger a\.f\.x.*a\.f\.t"):
        scene.triggers.plan_backfill(BackfillRequest(trigger="a.f.x", start="2020-01", end="2020-02"))
