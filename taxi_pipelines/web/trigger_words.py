"""Triggers as people say them: when they fire, in which zone, and what those that look around have seen."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from taxi_pipelines.domain.flow import Trigger
from taxi_pipelines.domain.trigger import FLOW, ON_DATES, SCHEDULE, WEBHOOK, TriggerState
from taxi_pipelines.web.cron_words import cron_words
from taxi_pipelines.web.words import listed, month_name, plural, short_date

SCHEDULES = (SCHEDULE, ON_DATES)
"""Types of triggers that fire at slots."""

LATE_AFTER = timedelta(minutes=1)
"""A slot so long overdue means that no scheduler is at work."""

_UNITS = {"d": "day", "h": "hour", "min": "minute", "s": "second"}


def kind_words(trigger: Trigger) -> str:
    """When it fires: "on the 28th at 09:00", "when green is published"."""
    own = trigger.properties
    match trigger.name:
        case _ if trigger.name == SCHEDULE:
            words = cron_words(str(own["cron"]))
        case _ if trigger.name == ON_DATES:
            words = f"on {plural(len(own['dates']), 'date')}"
        case _ if trigger.name == WEBHOOK:
            words = "when its address is called"
        case _ if trigger.name == FLOW:
            words = _after_flows(own)
        case _:
            words = _when_seen(trigger)
    conditional = own.get("conditions") or own.get("scheduleConditions")
    return f"{words}, if its conditions hold" if conditional and trigger.name != FLOW else words


def as_written(trigger: Trigger) -> str:
    """What stands behind the words, to hover over."""
    own = trigger.properties
    if trigger.name == SCHEDULE:
        return f"cron: {own['cron']}"
    if trigger.name == ON_DATES:
        return ", ".join(str(date) for date in own["dates"])
    return trigger.type


def seen_words(state: TriggerState) -> str:
    """What one that looks around has seen so far; nothing of others."""
    seen = state.memory.get("seen")
    if not isinstance(seen, Mapping) or not seen:
        return ""
    if all(isinstance(months, Mapping) for months in seen.values()):
        newest = [f"{taxi} {month_name(max(months))}" for taxi, months in sorted(seen.items()) if months]
        return f"newest seen: {listed(newest)}" if newest else ""
    return f"{plural(len(seen), 'file')} seen"


def slot_words(at: datetime | None, zone: ZoneInfo, now: datetime) -> str:
    """`28 Nov 09:00`; with the year where it is not this one."""
    if at is None:
        return ""
    there = at.astimezone(zone)
    year = "" if there.year == now.astimezone(zone).year else f" {there.year}"
    return f"{short_date(there)}{year} {there:%H:%M}"


def _after_flows(own: Mapping[str, Any]) -> str:
    wanted = (own.get("preconditions") or {}).get("flows") or []
    names = [str(one.get("flowId") or one.get("namespace")) for one in wanted if isinstance(one, Mapping)]
    conditions = own.get("conditions") or []
    names += [str(one["flowId"]) for one in conditions if isinstance(one, Mapping) and "flowId" in one]
    states = [str(state).lower() for state in own.get("states") or []]
    ends = ("end" if len(names) > 1 else "ends") + (f" in {' or '.join(states)}" if 0 < len(states) < 3 else "")
    return f"when {listed(names)} {ends}" if names else f"when another flow {ends}"


def _when_seen(trigger: Trigger) -> str:
    own = trigger.properties
    if "taxi" in own:
        taxis = [own["taxi"]] if isinstance(own["taxi"], str) else own["taxi"]
        words = f"when a month of {listed([str(one) for one in taxis])} is published"
    elif "from" in own:
        words = f"when files in {own['from']} are new or changed"
    elif "uri" in own:
        words = f"when {own['uri']} answers as wanted"
    else:
        words = trigger.type
    every = interval_words(str(own.get("interval") or ""))
    return f"{words}; looks every {every}" if every else words


def interval_words(text: str) -> str:
    """`PT1H` → `hour`, `PT5M` → `5 min`; nothing for what is no plain duration."""
    found = re.fullmatch(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?", text)
    parts = [(count, unit) for count, unit in zip(found.groups(), _UNITS, strict=True) if count] if found else []
    if len(parts) == 1 and parts[0][0] == "1":
        return _UNITS[parts[0][1]]
    return " ".join(f"{count} {unit}" for count, unit in parts)
