"""Slots given by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from taxi_pipelines.engine.parts import Parts
from taxi_pipelines.engine.slot import find_slot
from taxi_pipelines.errors import UsageError
from tests.support.cli_flows import HELLO, SCHEDULED
from tests.support.engines import parse, parts_of


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    with parts_of(tmp_path, zone=ZoneInfo("Europe/Berlin")) as parts:
        yield parts
        parts.executor.close(0.0)


@pytest.mark.parametrize(
    ("wanted", "date", "following", "before"),
    [
        ("2021-03", "2021-03-01T09:00:00-05:00", "2021-04-01T09:00:00-04:00", "2021-02-01T09:00:00-05:00"),
        ("2021-03-01T14:00:00Z", "2021-03-01T09:00:00-05:00", "2021-04-01T09:00:00-04:00", "2021-02-01T09:00:00-05:00"),
        ("2021-03-01T09:00:01", "2021-04-01T09:00:00-04:00", "2021-05-01T09:00:00-04:00", "2021-03-01T09:00:00-05:00"),
        ("2021-02-02", "2021-03-01T09:00:00-05:00", "2021-04-01T09:00:00-04:00", "2021-02-01T09:00:00-05:00"),
    ],
)
def test_a_slot_is_the_schedules_first_at_or_after(
    parts: Parts, wanted: str, date: str, following: str, before: str
) -> None:
    slot = find_slot(parts, parse(SCHEDULED), wanted, {})
    assert slot.trigger == {"id": "green", "type": "schedule", "date": date, "next": following, "previous": before}
    assert (slot.inputs, slot.labels) == ({"taxi": "green"}, {"by": "clock"})


def test_inputs_given_choose_the_schedule_they_do_not_contradict(parts: Parts) -> None:
    assert find_slot(parts, parse(SCHEDULED), "2021-03", {"taxi": "yellow"}).trigger["id"] == "yellow"
    assert find_slot(parts, parse(SCHEDULED), "2021-03", {"taxi": "x"}, trigger_id="green").trigger["id"] == "green"
    with pytest.raises(UsageError, match="choose one with --trigger: green, yellow"):
        find_slot(parts, parse(SCHEDULED), "2021-03", {"taxi": "fhv"})


def test_a_flow_without_schedule_has_the_servers_months(parts: Parts) -> None:
    trigger = find_slot(parts, parse(HELLO), "2021-07", {}).trigger
    assert (trigger["date"], trigger["next"]) == ("2021-07-01T00:00:00+02:00", "2021-08-01T00:00:00+02:00")
    assert find_slot(parts, parse(HELLO), "2021-07-05T12:00Z", {}).trigger["date"] == "2021-07-05T14:00:00+02:00"


def test_inputs_of_a_schedule_may_name_the_slot(parts: Parts) -> None:
    flow = SCHEDULED.replace("inputs: {taxi: green}", "inputs: {taxi: \"{{ trigger.date | date('yyyy-MM') }}\"}")
    assert find_slot(parts, parse(flow), "2021-03", {}).inputs == {"taxi": "2021-03"}


@pytest.mark.parametrize("wanted", ["march", "2021-13", "", "9999-12", "0001-01"])
def test_what_is_no_slot_is_a_wrong_call(parts: Parts, wanted: str) -> None:
    with pytest.raises(UsageError, match="slot"):
        find_slot(parts, parse(SCHEDULED), wanted, {})
