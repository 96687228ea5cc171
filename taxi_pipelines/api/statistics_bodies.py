"""Bodies of statistics."""

from __future__ import annotations

from datetime import datetime

from taxi_pipelines.api.bodies import Body, with_example
from taxi_pipelines.domain.states import State


class BucketBody(Body):
    """An hour or a day, its end excluded, and how many of the executions created in it are in each state now."""

    model_config = with_example(
        start="2024-03-01T05:00:00Z", end="2024-03-02T05:00:00Z", counts={"SUCCESS": 12, "FAILED": 1}
    )

    start: datetime
    end: datetime
    counts: dict[State, int]


class FlowTimes(Body):
    """How long a flow's executions took that ended well, in seconds."""

    model_config = with_example(namespace="demo", flowId="hello", count=12, median=1.5, p95=3.25)

    namespace: str
    flow_id: str
    count: int
    median: float
    p95: float


class StatisticsBody(Body):
    """Executions by time and state; `counts` is of all that time. `durations`: the slowest flow first."""

    model_config = with_example(buckets=[], counts={"SUCCESS": 12, "FAILED": 1}, durations=[])

    buckets: list[BucketBody]
    counts: dict[State, int]
    durations: list[FlowTimes]
