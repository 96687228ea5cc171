"""The rows of the list of flows: found by name or by what their text says, with their last executions and next slot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from taxi_pipelines.domain.flow import Flow
from taxi_pipelines.domain.records import StoredFlow
from taxi_pipelines.domain.text import namespace_chain
from taxi_pipelines.domain.trigger import TriggerState, zone_of
from taxi_pipelines.engine.launch import parsed
from taxi_pipelines.engine.parts import Parts
from taxi_pipelines.flow_interfaces import Glance
from taxi_pipelines.flowspec.problems import FlowInvalid
from taxi_pipelines.web.flow_bars import Bar, bars_of
from taxi_pipelines.web.trigger_words import SCHEDULES, kind_words, slot_words
from taxi_pipelines.web.words import first_line, unmarked, zone_word

ON_A_PAGE = 25
BARS = 20
_BEFORE = 60
"""So many letters of a line are shown before what was searched for."""

_AFTER = 120

OfFlow = TypeVar("OfFlow", Glance, TriggerState)


@dataclass(frozen=True, kw_only=True, slots=True)
class Hit:
    """The first line of a text that has what was searched for, cut where it is long; and in how many further ones it is."""

    line: int
    before: str
    found: str
    after: str
    more: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Next:
    """What starts a flow next. `at` is None where that is no slot but something that happens."""

    words: str
    at: datetime | None = None
    zone: ZoneInfo | None = None
    is_on: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowRow:
    """One flow. `flow` is None where its text is not valid any more."""

    stored: StoredFlow
    flow: Flow | None
    bars: Sequence[Bar]
    next: Next | None
    hit: Hit | None

    @property
    def about(self) -> str:
        """The first line of its description."""
        return unmarked(first_line(self.flow.description)) if self.flow and self.flow.description else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowPage:
    """The rows of one page, of how many found and kept."""

    rows: Sequence[FlowRow]
    found: int
    known: int
    namespaces: Sequence[str]


def flow_page(parts: Parts, *, text: str, namespace: str, page: int, now: datetime) -> FlowPage:
    """Page 1 is the first; by name. Executions are only read of those shown."""
    listed = parts.flows.listed()
    found = [
        stored
        for stored in listed
        if (not namespace or namespace in namespace_chain(stored.namespace)) and _has(stored, text)
    ]
    shown = found[(page - 1) * ON_A_PAGE : page * ON_A_PAGE]
    names = [(stored.namespace, stored.id) for stored in shown]
    runs = _by_flow(parts.executions.newest(names, BARS))
    triggers = _by_flow(parts.triggers.listed())
    return FlowPage(
        rows=[
            _row(parts, stored, _hit(stored, text), runs.get(name, []), triggers.get(name, []), now)
            for stored, name in zip(shown, names, strict=True)
        ],
        found=len(found),
        known=len(listed),
        namespaces=sorted({stored.namespace for stored in listed}),
    )


def next_of(flow: Flow, states: Sequence[TriggerState], now: datetime) -> Next | None:
    """What starts it: the earliest slot to come, else what happens, else a schedule that is switched off."""
    triggers = {trigger.id: trigger for trigger in flow.triggers}
    known = [(state, triggers[state.trigger_id]) for state in states if state.trigger_id in triggers]
    slots = [(state.next_at, trigger) for state, trigger in known if state.next_at and trigger.name in SCHEDULES]
    if slots:
        at, trigger = min(slots, key=lambda slot: slot[0])
        zone = zone_of(trigger)
        return Next(words=f"{slot_words(at, zone, now)} {zone_word(zone)}", at=at, zone=zone)
    for state, trigger in known:
        is_on = state.enabled and not trigger.disabled and not flow.disabled
        if trigger.name not in SCHEDULES or not is_on:
            return Next(words=kind_words(trigger), is_on=is_on)
    return None


def _row(
    parts: Parts,
    stored: StoredFlow,
    hit: Hit | None,
    runs: Sequence[Glance],
    triggers: Sequence[TriggerState],
    now: datetime,
) -> FlowRow:
    try:
        flow: Flow | None = parsed(parts, stored)
    except FlowInvalid:
        flow = None
    return FlowRow(
        stored=stored,
        flow=flow,
        bars=bars_of(runs, now),
        next=next_of(flow, triggers, now) if flow else None,
        hit=hit,
    )


def _has(stored: StoredFlow, text: str) -> bool:
    return text.lower() in _full_name(stored) or text.lower() in stored.source.lower()


def _hit(stored: StoredFlow, text: str) -> Hit | None:
    """Where in the text it is; None where the name has it, or nothing is searched for."""
    wanted = text.lower()
    if wanted in _full_name(stored):
        return None
    hits = [(number, line) for number, line in enumerate(stored.source.splitlines(), 1) if wanted in line.lower()]
    if not hits:  # it goes over the end of a line
        return None
    number, line = hits[0]
    start = line.lower().find(wanted)
    end = start + len(text)
    before = line[:start].lstrip()
    return Hit(
        line=number,
        before=before if len(before) <= _BEFORE else f"…{before[-_BEFORE:]}",
        found=line[start:end],
        after=line[end : end + _AFTER],
        more=len(hits) - 1,
    )


def _full_name(stored: StoredFlow) -> str:
    return f"{stored.namespace}.{stored.id}".lower()


def _by_flow(those: Sequence[OfFlow]) -> Mapping[tuple[str, str], list[OfFlow]]:
    found: dict[tuple[str, str], list[OfFlow]] = {}
    for one in those:
        found.setdefault((one.namespace, one.flow_id), []).append(one)
    return found
