"""Alerts on a real store with a real engine, sent to an HTTP server on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from taxi_pipelines.alerts.alerts import CONSUMER, GIVEN_UP_AFTER, Alerts
from taxi_pipelines.domain.alert import AlertOn, AlertRule
from taxi_pipelines.domain.execution import Caller, Execution
from taxi_pipelines.domain.states import State
from taxi_pipelines.notify import send
from tests.support.engines import Bench, running
from tests.support.json_server import _Server, json_server
from tests.support.records import execution

NOW = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
FAILED = AlertRule(on=(AlertOn.FAILED,), to="HOOK")
LATE = AlertRule(on=(AlertOn.LATE,), to="HOOK", after=2 * HOUR)

LOAD = """\
id: load
namespace: course.green
inputs:
  - {id: month, type: STRING, defaults: 2024-01}
tasks:
  - {id: say, type: log, message: "loading {{ inputs.month }}"}
  - id: each
    type: forEach
    values: [a, b]
    tasks:
      - {id: boom, type: fail, condition: "{{ taskrun.value == 'b' }}", errorMessage: the disk is on fire}
"""
FINE = "id: fine\nnamespace: course\ntasks:\n  - {id: out, type: log, message: well}\n"
HOURLY = """\
id: hourly
namespace: course
tasks:
  - {id: out, type: log, message: well}
triggers:
  - {id: clock, type: schedule, cron: "0 * * * *"}
"""


@dataclass
class Office:
    """A server's parts, where alerts go, and what is said."""

    bench: Bench
    hook: _Server
    said: list[str]
    now: datetime = NOW

    def alerts(self, *rules: AlertRule) -> Alerts:
        made = Alerts(self.bench.parts, rules, send, self.said.append)
        self.bench.parts.endings.listen(CONSUMER, wanted=made.wants_endings)
        return made

    @property
    def titles(self) -> list[str]:
        return [str(posted["title"]) for posted in self.hook.posted]

    def store(self, one: Execution) -> None:
        self.bench.parts.executions.create(one)


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with running(tmp_path, server_url="http://taxi.example.com") as bench, json_server() as hook:
        bench.parts.secrets.set("system", "HOOK", hook.url)
        yield Office(bench, hook, [])


def test_a_failure_is_told_with_flow_month_task_last_lines_and_a_link_and_only_once(office: Office) -> None:
    alerts = office.alerts(FAILED)
    failed = office.bench.run(LOAD).execution
    office.bench.run(FINE)
    alerts.step(NOW)
    alerts.step(NOW)
    (posted,) = office.hook.posted
    assert posted["title"] == "FAILED: course.green.load 2024-01"
    lines = str(posted["message"]).splitlines()
    assert lines[:2] == ["flow: course.green.load, revision 1", "month: 2024-01"]
    assert lines[2].startswith(f"execution: {failed.id}, ended 2")
    assert lines[3] == "task: boom [b]: the disk is on fire"
    assert any(line.endswith("INFO say: loading 2024-01") for line in lines)
    assert lines[-1] == f"http://taxi.example.com/executions/{failed.id}"
    assert office.said == []
    assert office.bench.parts.endings.waiting(CONSUMER, 10) == []


def test_rules_choose_by_state_namespace_and_flow_and_a_place_hears_of_an_end_once(office: Office) -> None:
    office.bench.parts.secrets.set("course", "TEAM", office.hook.url)
    team = AlertRule(on=(AlertOn.FAILED,), to="TEAM", namespace="course")
    other = [
        replace(FAILED, flow="fine"),
        replace(FAILED, namespace="cour"),
        AlertRule(on=(AlertOn.WARNING,), to="HOOK"),
    ]
    alerts = office.alerts(FAILED, replace(FAILED, flow="load"), team, *other)
    office.bench.run(LOAD)
    alerts.step(NOW)
    assert len(office.hook.posted) == 2  # HOOK and TEAM


def test_a_subflow_that_is_waited_for_is_told_of_by_its_caller_unless_a_rule_names_it(office: Office) -> None:
    caller = FINE.replace("fine", "caller").replace(
        "{id: out, type: log, message: well}",
        "{id: call, type: subflow, namespace: course.green, flowId: load, wait: true, transmitFailed: true}",
    )
    office.bench.save(LOAD)
    alerts = office.alerts(FAILED)
    office.bench.run(caller)
    alerts.step(NOW)
    assert office.titles == ["FAILED: course.caller"]
    alerts = office.alerts(replace(FAILED, flow="load"))
    office.bench.run(caller)
    alerts.step(NOW)
    assert office.titles[1:] == ["FAILED: course.green.load 2024-01"]


def test_a_broken_place_is_said_once_asked_less_and_less_often_and_blocks_no_other(office: Office) -> None:
    office.bench.parts.secrets.set("system", "BROKEN", "nonsense://s3cr3t-t0ken")
    alerts = office.alerts(FAILED, replace(FAILED, to="BROKEN"), replace(FAILED, to="MISSING"))
    for _ in range(2):
        office.bench.run(LOAD)
    now = NOW
    for _ in range(5):
        alerts.step(now)
        now += timedelta(seconds=30)
    assert len(office.hook.posted) == 2
    assert len(office.said) == 2
    assert "s3cr3t" not in "".join(office.said)
    assert any("taxi secret set MISSING --namespace system" in line for line in office.said)
    office.bench.parts.secrets.set("system", "BROKEN", office.hook.url)
    alerts.step(now + HOUR)
    assert len(office.hook.posted) == 4
    assert office.said[2:] == ["alerts to BROKEN arrive again"]
    alerts.step(now + GIVEN_UP_AFTER)
    assert office.said[3].startswith("an alert to MISSING is given up after 7 days: FAILED: ")


def test_what_a_place_did_not_take_is_sent_by_the_next_server(office: Office) -> None:
    alerts = office.alerts(FAILED)
    office.bench.run(LOAD)
    office.hook.status = 503
    alerts.step(NOW)
    alerts.step(NOW + timedelta(seconds=1))
    assert len(office.hook.asked) == 1
    office.hook.status = 200
    office.alerts(FAILED).step(NOW + timedelta(seconds=2))
    assert office.titles == ["FAILED: course.green.load 2024-01"]
    assert len(office.said) == 1


def test_a_message_that_another_server_died_over_is_sent_when_its_claim_has_ended(office: Office) -> None:
    alerts = office.alerts(FAILED)
    office.bench.run(LOAD)
    taken = office.bench.parts.endings.waiting(CONSUMER, 10)
    alerts._take_endings(NOW)
    assert office.bench.parts.alerts.claim(NOW, NOW + HOUR)
    assert not office.bench.parts.alerts.put([], [one.number for one in taken])
    alerts.step(NOW + timedelta(minutes=1))
    assert office.titles == []
    alerts.step(NOW + HOUR)
    assert len(office.titles) == 1


def test_a_slot_that_has_not_ended_well_in_time_is_late_once(office: Office) -> None:
    parts = office.bench.parts
    parts_at = replace(parts, clock=lambda: NOW - 4 * HOUR)
    bench = Bench(parts_at, type(office.bench.control)(parts_at), office.bench.engine)
    bench.save(HOURLY)
    state = parts.triggers.find("course", "hourly", "clock")
    assert state is not None and state.next_at == NOW - 3 * HOUR

    def fire(hour: int, end: State) -> None:
        slot = NOW + hour * HOUR
        trigger = {"id": "clock", "type": "schedule", "date": slot.isoformat()}
        its = {"namespace": "course", "flow_id": "hourly", "trigger": trigger, "created_at": slot}
        office.store(execution(f"slot{hour}", end, **its))
        now_state = parts.triggers.find("course", "hourly", "clock")
        assert now_state
        parts.triggers.change([(now_state, replace(now_state, next_at=slot + HOUR, last_at=slot))])

    alerts = office.alerts(LATE)
    alerts.step(NOW - 3 * HOUR)
    fire(-3, State.SUCCESS)
    fire(-2, State.FAILED)
    fire(-1, State.RUNNING)
    for minutes in range(0, 240, 30):
        alerts.step(NOW + timedelta(minutes=minutes))
    assert office.titles == ["LATE: course.hourly"] * 3
    said = [str(posted["message"]) for posted in office.hook.posted]
    assert "of the slot 2024-05-01 10:00 UTC of clock is FAILED" in said[0]
    assert "of the slot 2024-05-01 11:00 UTC of clock is RUNNING" in said[1]
    assert said[2] == "the slot 2024-05-01 12:00 UTC of clock has not begun"


def test_an_execution_that_goes_on_too_long_is_late_once_and_one_that_is_paused_is_not(office: Office) -> None:
    alerts = office.alerts(LATE)
    office.store(execution("old", State.RUNNING, created_at=NOW - 3 * HOUR))
    alerts.step(NOW)
    office.store(execution("long", State.RUNNING, created_at=NOW, inputs={"month": "2021-02"}))
    office.store(execution("queued", State.QUEUED, created_at=NOW))
    office.store(execution("paused", State.PAUSED, created_at=NOW))
    office.store(execution("done", State.FAILED, created_at=NOW))
    waited = Caller(execution_id="long", task_run_id="r", waits=True)
    office.store(execution("child", State.RUNNING, created_at=NOW, caller=waited))
    for hours in (1, 2, 3):
        alerts.step(NOW + hours * HOUR)
    (posted,) = office.hook.posted
    assert posted["title"] == "LATE: company.team.flow"
    assert sorted(line.split(": http")[0] for line in str(posted["message"]).splitlines()) == [
        "execution long (month: 2021-02) is RUNNING since 2024-05-01 12:00 UTC",
        "execution queued is QUEUED since 2024-05-01 12:00 UTC",
    ]


def test_a_test_message_goes_to_every_place(office: Office) -> None:
    found = office.alerts(FAILED, LATE, replace(FAILED, to="MISSING")).test()
    assert {place.secret: reason is None for place, reason in found.items()} == {"HOOK": True, "MISSING": False}
    assert office.titles == ["Test: taxi-pipelines"]
