"""`/metrics/{execution_id}`: what the tasks of an execution counted and timed, as Kestra lists it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query

from taxi_pipelines.api.bodies import Body, with_example
from taxi_pipelines.api.errors import errors
from taxi_pipelines.api.executions import Id
from taxi_pipelines.api.routing import VIEWER, ThePage, TheService, find_execution

router = APIRouter(tags=["Metrics"])


class MetricBody(Body):
    """One measurement of a task run: a counter, or a timer in seconds."""

    model_config = with_example(
        namespace="demo",
        flowId="hello",
        executionId="k3v9q0c2m7x1a5b8d4fz",
        taskId="greet",
        taskRunId="p0w3",
        type="counter",
        name="rows",
        value=7.0,
        timestamp="2024-03-01T09:00:00Z",
        tags={},
    )

    namespace: str
    flow_id: str
    execution_id: str
    task_id: str
    task_run_id: str
    type: str
    name: str
    value: float
    timestamp: datetime
    tags: dict[str, str]


class MetricPage(Body):
    """A page of metrics, in the order they were measured, and how many there are in all."""

    model_config = with_example(results=[], total=0)

    results: list[MetricBody]
    total: int


@router.get("/metrics/{execution_id}", summary="Get the metrics of an execution", responses=errors(404), **VIEWER)
def of_execution(
    service: TheService,
    execution_id: Id,
    page: ThePage,
    task_run_id: Annotated[str | None, Query(alias="taskRunId", description="Only of this task run.")] = None,
    task_id: Annotated[str | None, Query(alias="taskId", description="Only of this task.")] = None,
) -> MetricPage:
    """Of all its task runs, the first measured first."""
    it = find_execution(service, execution_id)
    task_ids = {run.id: run.task_id for run in service.orchestrator.task_runs(it.id)}
    found = [
        one
        for one in service.orchestrator.parts.logs.metrics(it.id)
        if task_run_id in (None, one.task_run_id) and task_id in (None, task_ids.get(one.task_run_id))
    ]
    results = [
        MetricBody(
            namespace=it.namespace,
            flow_id=it.flow_id,
            execution_id=it.id,
            task_id=task_ids.get(one.task_run_id, ""),
            task_run_id=one.task_run_id,
            type=one.type,
            name=one.name,
            value=one.value,
            timestamp=one.measured_at,
            tags=dict(one.tags),
        )
        for one in found[page.offset : page.offset + page.limit]
    ]
    return MetricPage(results=results, total=len(found))
