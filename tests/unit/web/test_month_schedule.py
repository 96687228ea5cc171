"""When months are loaded the next time: from the triggers of flows that load months."""

from __future__ import annotations

from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from taxi_pipelines.domain.month import Month
from taxi_pipelines.orchestrator import Orchestrator
from taxi_pipelines.web.month_schedule import next_loads

GIVEN = """\
id: given
namespace: nyc.taxi
inputs: [{id: taxi, type: STRING}, {id: month, type: STRING}]
tasks: [{id: say, type: log, message: "{{ inputs.month }}"}]
triggers:
  - id: first
    type: scheduleOnDates
    timezone: America/New_York
    dates: ["2999-12-02T06:00:00"]
    inputs: {taxi: green, month: "{{ trigger.date | dateAdd(-2, 'MONTHS') | date('yyyy-MM') }}"}
"""
UNKNOWN = """\
id: unknown
namespace: nyc.taxi
inputs: [{id: taxi, type: STRING, defaults: green}, {id: month, type: STRING, defaults: ""}]
tasks: [{id: say, type: log, message: "{{ inputs.month }}"}]
triggers: [{id: late, type: scheduleOnDates, dates: ["2998-01-01T00:00:00Z"]}]
"""


def shipped(name: str) -> str:
    return (files("taxi_pipelines") / "shipped_flows" / f"{name}.yaml").read_text(encoding="utf-8")


def test_the_month_is_what_the_flow_makes_of_the_slot(tmp_path: Path) -> None:
    with Orchestrator(home=tmp_path) as taxi:
        assert next_loads(taxi.parts) == {}
        for name in ("taxi_month", "taxi_monthly", "taxi_published"):
            taxi.control.save_flow(shipped(name))
        found = next_loads(taxi.parts)
        assert sorted(found) == ["fhv", "fhvhv", "green", "yellow"]
        load = found["green"]
        there = load.at.astimezone(load.zone)
        assert (there.day, there.hour, load.looks) == (
            28,
            9,
            False,
        )  # and not the looks of taxi_published, which are sooner
        assert load.month == Month.of(there.date()).plus(-2)
        taxi.control.delete_flow("nyc.taxi", "taxi_monthly")
        assert (next_loads(taxi.parts)["green"].looks, next_loads(taxi.parts)["green"].month) == (True, None)


def test_a_trigger_may_name_the_month_or_nobody_knows_it(tmp_path: Path) -> None:
    with Orchestrator(home=tmp_path) as taxi:
        taxi.control.save_flow(GIVEN)
        assert next_loads(taxi.parts)["green"].month == Month(2999, 10)
        assert next_loads(taxi.parts)["green"].at == datetime(2999, 12, 2, 11, tzinfo=UTC)
        taxi.control.save_flow(UNKNOWN)
        load = next_loads(taxi.parts)["green"]
        assert (load.at.year, load.month) == (2998, None)
        taxi.triggers.disable("nyc.taxi.unknown.late")
        assert next_loads(taxi.parts)["green"].at.year == 2999
