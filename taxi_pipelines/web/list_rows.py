"""Executions as rows of a list: which month they are of, what started them, why they failed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.statistics_interfaces import Statistics
from taxi_pipelines.web.words import month_name

_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_TOLD = ("taxi", "month")


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One execution. `month` is the data's, in words, `took` until now where it runs; what there is not is empty."""

    execution: Execution
    month: str
    by: str
    took: timedelta | None
    labels: Mapping[str, str]
    reason: str


def rows_of(executions: Sequence[Execution], statistics: Statistics, now: datetime) -> list[Row]:
    """With the reasons of those that failed."""
    failed = [one.id for one in executions if one.state.has_failed]
    reasons = statistics.reasons(failed) if failed else {}
    return [
        Row(
            execution=one,
            month=month_of(one),
            by=started_by(one),
            took=took(one, now),
            labels={
                key: value
                for key, value in one.labels.items()
                if not key.startswith("system.") and not (key in _TOLD and value in month_of(one, named=False))
            },
            reason=first_line(reasons.get(one.id, "")),
        )
        for one in executions
    ]


def month_of(execution: Execution, *, named: bool = True) -> str:
    """`green September 2023`, or `green 2023-09`, where labels or inputs say so."""
    taxi, month = (str(execution.labels.get(name) or execution.inputs.get(name) or "") for name in _TOLD)
    if not _MONTH.fullmatch(month):
        return ""
    return f"{taxi} {month_name(month) if named else month}".strip()


def started_by(execution: Execution) -> str:
    """In words."""
    if execution.trigger is not None:
        return str(execution.trigger.get("id", "a trigger"))
    if execution.caller is not None:
        return "another flow"
    return "a replay" if execution.parent_id else "hand"


def took(execution: Execution, now: datetime) -> timedelta | None:
    """From its begin to its end, or until now."""
    if execution.started_at is None:
        return None
    return max((execution.ended_at or now) - execution.started_at, timedelta())


def first_line(text: str) -> str:
    """Of a reason."""
    return text.strip().partition("\n")[0]
