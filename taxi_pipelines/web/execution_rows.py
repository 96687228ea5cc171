"""Executions as rows of a list, with why they failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.domain.text import reserved_labels
from taxi_pipelines.statistics_interfaces import Statistics
from taxi_pipelines.web.execution_words import month_of, started_by, taxi_and_month, took
from taxi_pipelines.web.words import first_line


@dataclass(frozen=True, kw_only=True, slots=True)
class ExecutionRow:
    """One execution. `took` is until now where it runs; `labels` are those that say more than `month`; `reason` is one line."""

    execution: Execution
    month: str
    by: str
    took: timedelta | None
    labels: Mapping[str, str]
    reason: str


def rows_of(executions: Sequence[Execution], statistics: Statistics, now: datetime) -> list[ExecutionRow]:
    """With the reasons of those that failed."""
    failed = [one.id for one in executions if one.state.has_failed]
    reasons = statistics.reasons(failed) if failed else {}
    return [
        ExecutionRow(
            execution=one,
            month=month_of(one),
            by=started_by(one),
            took=took(one, now),
            labels=_labels(one),
            reason=first_line(reasons.get(one.id, "")),
        )
        for one in executions
    ]


def _labels(execution: Execution) -> dict[str, str]:
    taxi, month = taxi_and_month(execution)
    told = {"taxi": taxi, "month": month} if month else {}
    hidden = {*reserved_labels(execution.labels), *(key for key, value in told.items() if value)}
    return {key: value for key, value in execution.labels.items() if key not in hidden}
