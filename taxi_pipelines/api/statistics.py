"""`/statistics`: executions counted by time and state, and how long they take."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query

from taxi_pipelines.api.routing import VIEWER, TheService, aware
from taxi_pipelines.api.statistics_bodies import BucketBody, FlowTimes, StatisticsBody
from taxi_pipelines.domain.buckets import Bucket, edges
from taxi_pipelines.domain.durations import durations_by_flow
from taxi_pipelines.domain.states import State
from taxi_pipelines.errors import UsageError

router = APIRouter(tags=["Statistics"])

MOST = 1_000
"""So many buckets are answered, at most."""

AMONG = 1_000
"""Durations are those of so many of the newest executions."""

LONGEST = timedelta(days=366 * 100)


@router.get("/statistics/executions", summary="Count executions by time and state", **VIEWER)
def executions(
    service: TheService,
    start_date: Annotated[datetime | None, Query(alias="startDate", description="Created then or later.")] = None,
    end_date: Annotated[datetime | None, Query(alias="endDate", description="Created before then; else now.")] = None,
    time_range: Annotated[timedelta, Query(alias="timeRange", description="How long before the end.")] = timedelta(1),
    group_by: Annotated[Bucket, Query(alias="groupBy", description="By hour or day, of the service's zone.")] = (
        Bucket.HOUR
    ),
) -> StatisticsBody:
    """From the begin of the first hour or day on. Durations: of the newest 1,000 executions."""
    parts = service.orchestrator.parts
    until = aware(end_date, service) or parts.clock()
    since = aware(start_date, service) or until - min(abs(time_range), LONGEST)
    if since > until:
        raise UsageError("startDate is after endDate", "exchange them")
    if (until - since) / timedelta(hours=1 if group_by is Bucket.HOUR else 24) > MOST:
        raise UsageError(f"these are more than {MOST:,} buckets", "group by DAY, or take a shorter time")
    at = edges(since, until, group_by, parts.zone)
    counts = parts.statistics.counts(at)
    found = durations_by_flow(parts.statistics.timings(at[0], AMONG))
    return StatisticsBody(
        buckets=[
            BucketBody(start=start, end=end, counts=dict(count))
            for start, end, count in zip(at, at[1:], counts, strict=False)
        ],
        counts={state: total for state in State if (total := sum(count.get(state, 0) for count in counts))},
        durations=[
            FlowTimes(
                namespace=one.namespace,
                flow_id=one.flow_id,
                count=one.count,
                median=one.median.total_seconds(),
                p95=one.p95.total_seconds(),
            )
            for one in found
        ],
    )
