"""When months are loaded the next time, by type: from the triggers of flows that take a month and a type of taxi."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

from taxi_pipelines.domain.flow import Flow
from taxi_pipelines.domain.month import Month
from taxi_pipelines.domain.records import StoredFlow
from taxi_pipelines.domain.trigger import times_of, zone_of
from taxi_pipelines.engine.launch import parsed
from taxi_pipelines.engine.parts import Parts
from taxi_pipelines.engine.slot import Slot, given_by, slot_variables
from taxi_pipelines.errors import InvalidMonth, PermanentError
from taxi_pipelines.scheduler.firing import named_trigger, rendering_of
from taxi_pipelines.taxi.types import ALL
from taxi_pipelines.web.month_sentences import NextLoad

MONTH = "month"
TAXI, TAXIS = "taxi", "taxis"
"""The inputs by which a flow is known to load months."""

_HAS_MONTH = re.compile(rf"\bid:\s*[\"']?{MONTH}\b")
"""Flows without it need not be parsed."""


def next_loads(parts: Parts) -> dict[str, NextLoad]:
    """The next slot of each type, before the next look of a trigger that polls."""
    found: dict[str, NextLoad] = {}
    flows = {(flow.namespace, flow.id): flow for flow in parts.flows.listed() if _HAS_MONTH.search(flow.source)}
    for state in parts.triggers.listed():
        stored = flows.get((state.namespace, state.flow_id))
        if stored is None or state.next_at is None or not state.enabled:
            continue
        for taxi, load in _loads_of(parts, stored, state.trigger_id, state.next_at):
            before = found.get(taxi)
            if before is None or (load.looks, load.at) < (before.looks, before.at):
                found[taxi] = load
    return found


def _loads_of(parts: Parts, stored: StoredFlow, trigger_id: str, at: datetime) -> list[tuple[str, NextLoad]]:
    try:
        flow = parsed(parts, stored)
        trigger = named_trigger(flow, trigger_id)
        inputs = {one.id: one for one in flow.inputs}
        if flow.disabled or trigger.disabled or MONTH not in inputs or not {TAXI, TAXIS} & inputs.keys():
            return []
        if times_of(trigger) is None:
            load = NextLoad(at=at, zone=parts.zone, looks=True)
            return [(taxi, load) for taxi in _types(trigger.properties.get(TAXI))]
        given = given_by(parts, flow, trigger, slot_variables(trigger, at))
        month = _month_of(parts, flow, given)
    except PermanentError:  # what cannot be read or rendered now will say so when its time comes
        return []
    load = NextLoad(at=at, zone=zone_of(trigger), month=month)
    wanted = next((given.inputs[name] for name in (TAXI, TAXIS) if name in given.inputs), None)
    default = next((inputs[name].defaults for name in (TAXI, TAXIS) if name in inputs), None)
    return [(taxi, load) for taxi in _types(wanted if wanted is not None else default)]


def _types(named: object) -> list[str]:
    names = [named] if isinstance(named, str) else named if isinstance(named, list | tuple) else []
    return list(ALL) if "all" in names else [name for name in names if name in ALL]


def _month_of(parts: Parts, flow: Flow, slot: Slot) -> Month | None:
    """What the trigger gives as the month, or what the flow's variable `month` makes of the slot; None where neither does."""
    text = slot.inputs.get(MONTH)
    if text is None and MONTH in flow.variables:
        rendering = rendering_of(parts, flow, slot.trigger, parts.clock())
        context = {**rendering.context, "inputs": {one.id: slot.inputs.get(one.id) for one in flow.inputs}}
        text = replace(rendering, context=context).text(flow.variables[MONTH])
    try:
        return Month.parse(str(text))
    except InvalidMonth:
        return None
