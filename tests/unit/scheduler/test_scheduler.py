"""The scheduler on real stores, with a clock that is set by hand: what fires, when, and how often."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from taxi_pipelines.domain.schedule import Cron, slots_between
from taxi_pipelines.domain.states import State
from taxi_pipelines.domain.trigger import states_of
from taxi_pipelines.errors import UsageError
from taxi_pipelines.scheduler.scheduler import LOOK_SECONDS, Scheduler
from tests.support.metadata import PLACES, Place, sqlite_file
from tests.support.scheduling import START, Scene, flow, minutes, scene_at

HOURLY = "  - {id: t, type: schedule, cron: '0 * * * *'}"
AT_ONCE = "  - {id: t, type: schedule, cron: '0 * * * *', allowConcurrent: true}"


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with scene_at(sqlite_file(tmp_path)) as scene:
        yield scene


def test_over_ten_years_in_three_zones_every_slot_fires_once_and_at_its_time(scene: Scene) -> None:
    zones = {"f0": "UTC", "f1": "America/New_York", "f2": "Australia/Lord_Howe"}
    end = datetime(2031, 1, 1, tzinfo=UTC)
    for id, zone in zones.items():
        trigger = f"  - {{id: t, type: schedule, cron: '30 2 1,14 * *', allowConcurrent: true, timezone: {zone}}}"
        scene.save(flow(trigger, id=id))
    while (due := scene.parts.triggers.next_due()) and due < end:
        scene.step(due + timedelta(milliseconds=3))
        assert scene.scheduler.lag < 0.1
    for id, zone in zones.items():
        wanted = slots_between(Cron("30 2 1,14 * *", ZoneInfo(zone)), START, end)
        found = [datetime.fromisoformat(date).astimezone(UTC) for date in scene.dates(id)]
        assert found == list(wanted)
    assert scene.said == []


def test_an_execution_has_the_slot_and_what_its_trigger_gives(scene: Scene) -> None:
    trigger = """\
  - id: t
    type: schedule
    cron: "0 9 1 * *"
    timezone: America/New_York
    inputs: {month: "{{ trigger.date | dateAdd(-2, 'MONTHS') | date('yyyy-MM') }}"}
    labels: {by: clock}
"""
    scene.save(flow(trigger, inputs="[{id: month, type: STRING}]", labels="{own: label}"))
    scene.step("03-01T14:00")
    first, *_ = scene.executions()
    assert first.trigger == {
        "id": "t",
        "type": "schedule",
        "date": "2021-01-01T09:00:00-05:00",
        "next": "2021-02-01T09:00:00-05:00",
        "previous": "2020-12-01T09:00:00-05:00",
    }
    assert first.inputs == {"month": "2020-11"}
    assert first.labels == {"own": "label", "by": "clock"}
    assert scene.state().last_execution_id == first.id


def test_a_schedule_waits_for_its_last_execution_and_then_makes_up_slot_by_slot(scene: Scene) -> None:
    scene.save(flow(HOURLY))
    scene.step("01-01T01:00")
    scene.step("01-01T03:30")
    assert scene.dates() == ["2021-01-01T01:00:00Z"]
    assert scene.scheduler.seconds_to_next(scene.clock.now) == LOOK_SECONDS
    scene.settle(steps=2)
    assert scene.dates() == [f"2021-01-01T0{hour}:00:00Z" for hour in (1, 2, 3)]


@pytest.mark.parametrize(("recover", "hours"), [("ALL", [1, 2, 3]), ("LAST", [3]), ("NONE", [])])
def test_slots_missed_while_nothing_ran_are_made_up_for_as_the_schedule_says(
    scene: Scene, recover: str, hours: list[int]
) -> None:
    scene.save(flow(AT_ONCE.replace("}", f", recoverMissedSchedules: {recover}}}")))
    scene.step("01-01T03:30")
    assert scene.dates() == [f"2021-01-01T0{hour}:00:00Z" for hour in hours]
    scene.step("01-01T04:00")
    assert scene.dates()[len(hours) :] == ["2021-01-01T04:00:00Z"]


def test_late_slots_are_left_out_beyond_the_maximum_delay(scene: Scene) -> None:
    scene.save(flow(AT_ONCE.replace("}", ", lateMaximumDelay: PT45M}")))
    scene.step("01-01T03:30")
    assert scene.dates() == ["2021-01-01T03:00:00Z"]


def test_slots_on_which_conditions_do_not_hold_are_passed_over_also_as_the_next_and_the_previous(scene: Scene) -> None:
    trigger = """\
  - id: t
    type: schedule
    cron: "0 11 * * *"
    conditions:
      - {type: dayWeekInMonth, dayOfWeek: MONDAY, dayInMonth: FIRST}
"""
    scene.save(flow(trigger))
    for day in range(1, 13):
        scene.settle(f"01-{day:02}T11:00", steps=1)
    assert scene.dates() == ["2021-01-04T11:00:00Z"]
    found = scene.executions()[0].trigger or {}
    assert (found["previous"], found["next"]) == ("2020-12-07T11:00:00Z", "2021-02-01T11:00:00Z")


def test_a_user_disables_a_trigger_and_what_it_missed_meanwhile_stays_missed(scene: Scene) -> None:
    scene.save(flow(HOURLY))
    assert not scene.triggers.disable("a.f.t").state.enabled
    scene.step("01-01T02:30")
    scene.save(flow(HOURLY, description="changed"))
    scene.step()
    assert scene.dates() == []
    scene.triggers.enable("a.f.t")
    scene.step("01-01T03:00")
    assert scene.dates() == ["2021-01-01T03:00:00Z"]


@pytest.mark.parametrize(
    "changed", [flow(HOURLY.replace("}", ", disabled: true}")), flow(HOURLY, disabled="true"), flow("")]
)
def test_what_a_flow_disables_or_no_longer_has_does_not_fire(scene: Scene, changed: str) -> None:
    scene.save(flow(HOURLY))
    scene.save(changed)
    scene.step("01-01T02:30")
    assert scene.dates() == []
    scene.save(flow(HOURLY))
    scene.step("01-01T03:00")
    assert scene.dates() == ["2021-01-01T03:00:00Z"]


def test_an_unchanged_schedule_loses_no_slot_when_its_flow_is_saved(scene: Scene) -> None:
    scene.save(flow(HOURLY))
    scene.clock.now = START + minutes(61)
    scene.save(flow(HOURLY, description="changed"))
    scene.step()
    assert scene.dates() == ["2021-01-01T01:00:00Z"]


def test_wrong_inputs_make_a_failed_execution_that_says_why_and_the_next_slot_is_tried(scene: Scene) -> None:
    scene.save(flow(HOURLY, inputs="[{id: n, type: INT}]"))
    scene.step("01-01T01:00")
    scene.step("01-01T02:00")
    first, second = scene.executions()
    assert first.state is State.FAILED
    assert "it could not begin" in (first.error or "") and "'n'" in (first.error or "")
    assert scene.state().error == second.error


def test_the_fault_of_one_trigger_is_kept_with_it_said_once_and_stops_no_other(scene: Scene) -> None:
    broken = "  - {id: t, type: schedule, cron: '0 * * * *', lateMaximumDelay: \"{{ trigger.nothing }}\"}"
    scene.save(flow(broken))
    scene.save(flow(AT_ONCE, id="g"))
    for hour in (1, 2):
        scene.step(f"01-01T0{hour}:00")
    assert scene.dates() == ["2021-01-01T01:00:00Z", "2021-01-01T02:00:00Z"]
    assert len(scene.said) == 1 and "trigger a.f.t" in scene.said[0]
    assert "nothing" in (scene.state().error or "")
    assert scene.state().next_at == START + timedelta(hours=3)


def test_a_trigger_stops_after_an_execution_that_ended_so_until_a_user_enables_it(scene: Scene) -> None:
    scene.save(flow(HOURLY.replace("}", ", stopAfter: [FAILED]}")))
    scene.settle("01-01T01:00", steps=1)
    scene.step("01-01T02:00")
    scene.end_all(State.FAILED)
    scene.step("01-01T03:00")
    scene.step("01-01T04:00")
    assert len(scene.dates()) == 2
    state = scene.state()
    assert not state.enabled and "ended FAILED" in (state.error or "")
    scene.triggers.enable("a.f.t")
    scene.step("01-01T05:00")
    assert len(scene.dates()) == 3


def test_given_dates_fire_once_each(scene: Scene) -> None:
    scene.save(flow("  - {id: t, type: scheduleOnDates, dates: ['2021-01-02T09:00:00Z', '2021-01-03T09:00:00']}"))
    for day in range(1, 6):
        scene.settle(f"01-0{day}T10:00", steps=1)
    assert scene.dates() == ["2021-01-02T09:00:00Z", "2021-01-03T09:00:00Z"]
    assert scene.state().next_at is None


@pytest.mark.parametrize("kind", PLACES)
def test_of_several_schedulers_on_one_database_one_fires_each_slot(tmp_path: Path, kind: str) -> None:
    place: Place = PLACES[kind](tmp_path)
    flows, hours = 3, 4

    def run(number: int) -> list[str]:
        with scene_at(place) as scene:
            for hour in range(1, hours + 1):
                scene.step(f"01-01T0{hour}:00")
            return scene.said

    with scene_at(place) as scene:
        for number in range(flows):
            scene.save(flow(AT_ONCE, id=f"f{number}"))
        with ThreadPoolExecutor(3) as pool:
            assert list(pool.map(run, range(3))) == [[], [], []]
        wanted = [f"2021-01-01T0{hour}:00:00Z" for hour in range(1, hours + 1)]
        for number in range(flows):
            assert sorted(scene.dates(f"f{number}")) == wanted


def test_flows_of_a_version_without_a_scheduler_get_their_triggers(scene: Scene) -> None:
    scene.parts.flows.save("a", "f", flow(HOURLY), START)
    scene.parts.flows.save("a", "g", "triggers: this is no flow any more", START)
    assert scene.parts.triggers.listed() == []
    scene.step()
    kept = scene.control.flow("a", "f")
    assert scene.parts.triggers.listed() == states_of(kept, START)
    assert len(scene.said) == 1 and "a.g" in scene.said[0]


def test_a_store_that_does_not_answer_is_said_once_and_waited_for(scene: Scene, tmp_path: Path) -> None:
    scene.save(flow(HOURLY))
    path = tmp_path / "home" / "metadata.db"
    with sqlite3.connect(path) as connection:
        connection.execute("ALTER TABLE triggers RENAME TO gone")
    for _ in range(3):
        scene.step("01-01T01:00")
    assert len(scene.said) == 1 and "the scheduler cannot go on" in scene.said[0]
    assert scene.scheduler.seconds_to_next(scene.clock.now) == LOOK_SECONDS
    with sqlite3.connect(path) as connection:
        connection.execute("ALTER TABLE gone RENAME TO triggers")
    connection.close()
    scene.step()
    assert len(scene.dates()) == 1


def test_the_time_to_the_next_slot_is_known_and_waking_ends_a_wait(scene: Scene) -> None:
    scene.save(flow(HOURLY))
    scene.step(START + minutes(59) + timedelta(seconds=59.75))
    assert scene.scheduler.seconds_to_next(scene.clock.now) == pytest.approx(0.25)
    assert scene.scheduler.seconds_to_next(scene.clock.now + timedelta(seconds=9)) == 0.0
    scene.scheduler.wake()
    scene.scheduler.wait(60)


def test_executions_are_handed_over_once_they_are_stored(scene: Scene) -> None:
    seen: list[bool] = []

    def look(executions: object) -> None:
        seen.append(bool(scene.executions()))

    scene.save(flow(HOURLY))
    Scheduler(scene.parts, {}, on_fired=look).step(START + minutes(60))
    assert seen == [True]


def test_a_webhook_starts_an_execution_for_its_key_only(scene: Scene) -> None:
    trigger = """\
  - id: t
    type: webhook
    key: "{{ secret('KEY') }}"
    inputs: {n: "{{ trigger.body.n }}"}
    conditions: [{type: expression, expression: "{{ trigger.body.n > 1 }}"}]
"""
    scene.parts.secrets.set("a", "KEY", "s3cret")
    scene.save(flow(trigger, inputs="[{id: n, type: INT}]"))
    started = scene.triggers.webhook("a", "f", "s3cret", {"body": {"n": 7}, "headers": {}, "parameters": {}})
    assert started and started.inputs == {"n": 7}
    assert scene.executions() == [started]
    assert scene.state().last_execution_id == started.id
    assert scene.triggers.webhook("a", "f", "s3cret", {"body": {"n": 1}}) is None
    for namespace, key in (("a", "wrong"), ("b", "s3cret")):
        with pytest.raises(Exception, match="there is no webhook"):
            scene.triggers.webhook(namespace, "f", key, {})
    scene.triggers.disable("a.f.t")
    with pytest.raises(UsageError, match=r"a\.f\.t is disabled"):
        scene.triggers.webhook("a", "f", "s3cret", {"body": {"n": 7}})
