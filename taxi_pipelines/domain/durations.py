"""How long executions take, by flow. Pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """How long an execution took, from its begin to its end."""

    namespace: str
    flow_id: str
    took: timedelta


@dataclass(frozen=True, kw_only=True, slots=True)
class FlowDurations:
    """Half of a flow's executions took no longer than `median`, 95 % no longer than `p95`."""

    namespace: str
    flow_id: str
    count: int
    median: timedelta
    p95: timedelta


def durations_by_flow(timings: Iterable[Timing]) -> list[FlowDurations]:
    """The slowest flow first."""
    by_flow = defaultdict(list)
    for one in timings:
        by_flow[one.namespace, one.flow_id].append(one.took)
    found = [
        FlowDurations(namespace=namespace, flow_id=flow_id, count=len(all), median=_at(all, 0.5), p95=_at(all, 0.95))
        for (namespace, flow_id), all in by_flow.items()
    ]
    return sorted(found, key=lambda one: one.p95, reverse=True)


def _at(durations: list[timedelta], share: float) -> timedelta:
    """That share of them is no longer: the nearest rank."""
    return sorted(durations)[math.ceil(share * len(durations)) - 1]
