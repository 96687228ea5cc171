"""The last executions of a flow as bars: how high is how long it took, colour and sign are its state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from taxi_pipelines.domain.states import State
from taxi_pipelines.flow_interfaces import Glance
from taxi_pipelines.web.execution_words import took

LOWEST = 18
"""Per cent: the shortest is to be seen, too."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """One execution; `height` in per cent of the longest."""

    id: str
    state: State
    created_at: datetime
    took: timedelta | None
    height: int


def bars_of(executions: Sequence[Glance], now: datetime) -> list[Bar]:
    """Of one flow, given newest first; the oldest comes first here, as time goes from left to right."""
    times = [took(one, now) for one in executions]
    longest = max((time for time in times if time), default=timedelta())
    return [
        Bar(
            id=one.id,
            state=one.state,
            created_at=one.created_at,
            took=time,
            height=max(LOWEST, round(100 * (time / longest))) if time and longest else LOWEST,
        )
        for one, time in zip(reversed(executions), reversed(times), strict=True)
    ]
