"""The slot of a run that no schedule started: which `trigger`, inputs and labels a scheduled run would have had (S15)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from taxi_pipelines.domain.flow import Flow, Trigger
from taxi_pipelines.domain.schedule import Cron
from taxi_pipelines.domain.text import label_map, plain_text
from taxi_pipelines.engine.context import iso
from taxi_pipelines.engine.parts import Parts
from taxi_pipelines.engine.rendering import Rendering
from taxi_pipelines.errors import UsageError
from taxi_pipelines.flowspec.expressions import Environment
from taxi_pipelines.flowspec.problems import nearest

SCHEDULE = "io.kestra.plugin.core.trigger.Schedule"
FIRST_OF_MONTH = "0 0 1 * *"
_MOMENT = timedelta(microseconds=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Slot:
    """A slot, and what its schedule gives to the run besides."""

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
    schedules = [trigger for trigger in flow.triggers if trigger.name == SCHEDULE]
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
    zone = ZoneInfo(str(schedule.properties.get("timezone") or "UTC"))
    cron = Cron(str(schedule.properties["cron"]), zone)
    slot = cron.next(_moment(wanted, zone) - _MOMENT)
    trigger = {
        "id": schedule.id,
        "type": schedule.type,
        "date": iso(slot.astimezone(zone)),
        "next": iso(cron.next(slot).astimezone(zone)),
        "previous": iso(cron.previous(slot).astimezone(zone)),
    }
    rendering = Rendering(
        {
            "flow": {"id": flow.id, "namespace": flow.namespace, "revision": flow.revision},
            "trigger": trigger,
            "vars": flow.variables,
        },
        Environment(now=parts.clock(), zone=parts.zone, random=parts.random, limits=parts.limits),
    )
    return Slot(
        trigger=trigger,
        inputs=rendering.deep(schedule.properties.get("inputs") or {}),
        labels=label_map(rendering.deep(schedule.properties.get("labels") or {})),
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
