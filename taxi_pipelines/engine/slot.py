"""The slot of a run that no schedule started: which `trigger`, inputs and labels a scheduled run would have had (S15)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from taxi_pipelines.domain.flow import Flow, Trigger
from taxi_pipelines.domain.schedule import Cron
from taxi_pipelines.domain.text import label_map, plain_text
from taxi_pipelines.domain.trigger import ON_DATES, SCHEDULE, times_of, zone_of
from taxi_pipelines.engine.context import iso
from taxi_pipelines.engine.lookup import trigger_environment
from taxi_pipelines.engine.parts import Parts
from taxi_pipelines.engine.rendering import Rendering
from taxi_pipelines.errors import UsageError
from taxi_pipelines.flowspec.problems import nearest

FIRST_OF_MONTH = "0 0 1 * *"
FURTHEST = 1_000
"""So many slots are looked at for the next one on which conditions hold."""

_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Slot:
    """A slot, or another event of a trigger, and what the trigger gives to the run besides."""

    trigger: Mapping[str, Any]
    inputs: Mapping[str, Any]
    labels: Mapping[str, str]


def find_slot(
    parts: Parts, flow: Flow, wanted: str, given: Mapping[str, object], *, trigger_id: str | None = None
) -> Slot:
    """The first slot at or after a month (`2021-03`) or a time, of the flow's schedule.

    Of several schedules the one named, else the first whose inputs do not contradict those given. A flow without one has a slot
    at the beginning of every month, in the server's zone. Raises UsageError.
    """
    try:
        return _find_slot(parts, flow, wanted, given, trigger_id)
    except OverflowError as error:
        raise UsageError(f"slot {wanted!r} is too near the end of all calendars", "give another year") from error


def _find_slot(parts: Parts, flow: Flow, wanted: str, given: Mapping[str, object], trigger_id: str | None) -> Slot:
    schedules = [trigger for trigger in flow.triggers if trigger.name in (SCHEDULE, ON_DATES)]
    if trigger_id is not None:
        schedules = [_named(flow, schedules, trigger_id)]
    if not schedules:
        return _unscheduled(wanted, parts.zone)
    slots = [_slot(parts, flow, schedule, wanted) for schedule in schedules]
    fitting = [slot for slot in slots if not _contradicts(slot.inputs, given)]
    if len(slots) > 1 and not fitting:
        names = ", ".join(schedule.id for schedule in schedules)
        raise UsageError("the inputs given contradict those of every trigger", f"choose one with --trigger: {names}")
    return (fitting or slots)[0]


def _named(flow: Flow, schedules: list[Trigger], id: str) -> Trigger:
    found = next((schedule for schedule in schedules if schedule.id == id), None)
    if found:
        return found
    if any(trigger.id == id for trigger in flow.triggers):
        raise UsageError(f"the trigger {id!r} is no schedule", "only schedules have slots")
    hint = nearest(id, [schedule.id for schedule in schedules]) if schedules else "the flow has no schedules"
    raise UsageError(f"the flow has no trigger {id!r}", hint)


def _slot(parts: Parts, flow: Flow, schedule: Trigger, wanted: str) -> Slot:
    times = times_of(schedule)
    assert times is not None
    slot = next(times.after(_moment(wanted, zone_of(schedule)) - _MOMENT), None)
    if slot is None:
        raise UsageError(f"the trigger {schedule.id!r} has no slot from {wanted} on", "give an earlier one")
    return given_by(parts, flow, schedule, slot_variables(schedule, slot))


def slot_variables(
    schedule: Trigger, slot: datetime, *, holds: Callable[[datetime], bool] = lambda slot: True
) -> dict[str, Any]:
    """`trigger` for a slot of a schedule; `holds`: which of the slots around it count as the next and the one before."""
    times, zone = times_of(schedule), zone_of(schedule)
    assert times is not None
    following = next((one for one in islice(times.after(slot), FURTHEST) if holds(one)), None)
    before = next((one for one in islice(times.before(slot), FURTHEST) if holds(one)), None)
    return {
        "id": schedule.id,
        "type": schedule.type,
        "date": iso(slot.astimezone(zone)),
        "next": iso(following and following.astimezone(zone)),
        "previous": iso(before and before.astimezone(zone)),
    }


def given_by(parts: Parts, flow: Flow, trigger: Trigger, variables: Mapping[str, Any]) -> Slot:
    """What a trigger gives to an execution it starts; its templates see `trigger`. Raises ExpressionFailed."""
    context = {
        "flow": {"id": flow.id, "namespace": flow.namespace, "revision": flow.revision},
        "trigger": variables,
        "vars": flow.variables,
    }
    rendering = Rendering(context, trigger_environment(parts, flow, parts.clock()))
    return Slot(
        trigger=variables,
        inputs=rendering.deep(trigger.properties.get("inputs") or {}),
        labels=label_map(rendering.deep(trigger.properties.get("labels") or {})),
    )


def _unscheduled(wanted: str, zone: ZoneInfo) -> Slot:
    """A whole month's first moment, or the very time given; next and previous are the beginnings of months around it."""
    moment, months = _moment(wanted, zone), Cron(FIRST_OF_MONTH, zone)
    trigger = {
        "id": "slot",
        "type": SCHEDULE,
        "date": iso(moment.astimezone(zone)),
        "next": iso(months.next(moment).astimezone(zone)),
        "previous": iso(months.previous(moment).astimezone(zone)),
    }
    return Slot(trigger=trigger, inputs={}, labels={})


def _moment(text: str, zone: ZoneInfo) -> datetime:
    try:
        moment = datetime.fromisoformat(f"{text}-01" if re.fullmatch(r"\d{4}-\d{2}", text) else text)
    except ValueError as error:
        raise UsageError(
            f"slot {text!r} is neither a month nor a time", "write it as 2021-03 or 2021-03-01T09:00"
        ) from error
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _contradicts(inputs: Mapping[str, Any], given: Mapping[str, object]) -> bool:
    return any(name in given and plain_text(given[name]) != plain_text(value) for name, value in inputs.items())
