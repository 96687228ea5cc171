"""Executions as people speak of them, the same on every page: what they are for, what started them, how long they take."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.flow_interfaces import Glance
from taxi_pipelines.web.words import month_name

_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


def taxi_and_month(execution: Execution) -> tuple[str, str]:
    """As (`green`, `2023-09`), where labels, inputs or the trigger say so; empty is what none of them says."""
    places = (execution.labels, execution.inputs, execution.trigger or {})
    found = {
        name: next((text for place in places if isinstance(text := place.get(name), str) and text), "")
        for name in ("taxi", "month")
    }
    return found["taxi"], found["month"] if _MONTH.fullmatch(found["month"]) else ""


def month_of(execution: Execution) -> str:
    """`green September 2023`; empty where it is about no month."""
    taxi, month = taxi_and_month(execution)
    return f"{taxi} {month_name(month)}".strip() if month else ""


def title_of(execution: Execution) -> str:
    """`green, September 2023`; its flow's id where it is about no month."""
    taxi, month = taxi_and_month(execution)
    if not month:
        return execution.flow_id
    return f"{taxi}, {month_name(month)}" if taxi else month_name(month)


def started_by(execution: Execution) -> str:
    """A trigger's id, else in words."""
    if execution.trigger is not None:
        return str(execution.trigger.get("id", "a trigger"))
    if execution.caller is not None:
        return "another flow"
    return "a replay" if execution.parent_id else "hand"


def took(execution: Execution | Glance, now: datetime) -> timedelta | None:
    """From its begin to its end, or until now; None of one that has not begun."""
    if execution.started_at is None:
        return None
    return max((execution.ended_at or now) - execution.started_at, timedelta())
