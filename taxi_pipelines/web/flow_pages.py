"""The pages of one flow: overview, topology, executions, triggers, logs, metrics. Others have files of their own."""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from taxi_pipelines.api.graph_bodies import graph_body
from taxi_pipelines.api.routing import VIEWER, TheService
from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.domain.graph import graph_of
from taxi_pipelines.domain.records import Level, LogLine
from taxi_pipelines.flow_interfaces import ExecutionFilter, LogFilter, Page
from taxi_pipelines.service import Service
from taxi_pipelines.web.flow_bars import bars_of, took
from taxi_pipelines.web.flow_frame import Frame, frame_of
from taxi_pipelines.web.flow_metrics import HEIGHT, WIDTH, metric_rows
from taxi_pipelines.web.flow_rows import next_of
from taxi_pipelines.web.flow_tasks import told_of
from taxi_pipelines.web.live import live
from taxi_pipelines.web.pages import ThePages
from taxi_pipelines.web.trigger_rows import TriggerPage, TriggerRow, trigger_rows

router = APIRouter()

BARS = 40
RECENT = 5
LISTED = 50
LINES, READ = 100, 20
"""So many lines at most are shown, of so many executions."""

MEASURED = 20


@router.get("/flows/{namespace}/{id}", **VIEWER)
def overview(request: Request, pages: ThePages, service: TheService, namespace: str, id: str) -> Response:
    """What it is, what it takes and gives, when it runs, how it went."""
    frame = frame_of(service, namespace, id)
    context = _runs(service, frame, pages.now())
    return pages.show(request, "flow_overview.html", frame=frame, tab="overview", **context)


@router.get("/flows/{namespace}/{id}/live", **VIEWER)
def follow(request: Request, pages: ThePages, service: TheService, namespace: str, id: str) -> Response:
    """The overview's executions and slots, as they change."""

    def look() -> Mapping[str, str]:
        frame = frame_of(service, namespace, id)
        context = _runs(service, frame, pages.now())
        parts = pages.parts(request, "flow_overview.html", ["runs", "starts"], frame=frame, **context)
        return {f"flow-{name}": html for name, html in parts.items()}

    return live(service.news, look)


@router.get("/flows/{namespace}/{id}/topology", **VIEWER)
def topology(
    request: Request, pages: ThePages, service: TheService, namespace: str, id: str, node: str = ""
) -> Response:
    """The graph, and what the text says of one of its nodes; that alone where the page asks for it."""
    frame = frame_of(service, namespace, id)
    told = told_of(frame.flow, node) if frame.flow and node else None
    if request.headers.get("hx-target") == "flow-told":
        return pages.part(request, "flow_topology.html", "told", frame=frame, told=told)
    graph = graph_body(graph_of(frame.flow)).model_dump(mode="json", by_alias=True) if frame.flow else None
    return pages.show(request, "flow_topology.html", frame=frame, tab="topology", graph=graph, told=told)


@router.get("/flows/{namespace}/{id}/executions", **VIEWER)
def executions(request: Request, pages: ThePages, service: TheService, namespace: str, id: str) -> Response:
    """The newest; all of them are on the page of executions."""
    frame = frame_of(service, namespace, id)
    found = _executions(service, frame, LISTED)
    return pages.show(request, "flow_executions.html", frame=frame, tab="executions", executions=found, took=took)


@router.get("/flows/{namespace}/{id}/executions/live", **VIEWER)
def follow_executions(request: Request, pages: ThePages, service: TheService, namespace: str, id: str) -> Response:
    """The same rows, as they change."""

    def look() -> Mapping[str, str]:
        frame = frame_of(service, namespace, id)
        found = _executions(service, frame, LISTED)
        parts = pages.parts(request, "flow_executions.html", ["rows"], frame=frame, executions=found, took=took)
        return {"flow-executions": parts["rows"]}

    return live(service.news, look)


@router.get("/flows/{namespace}/{id}/triggers", **VIEWER)
def triggers(request: Request, pages: ThePages, service: TheService, namespace: str, id: str) -> Response:
    """What starts it: switches, last and next slots."""
    frame = frame_of(service, namespace, id)
    rows = _triggers(service, frame, pages.now())
    found = TriggerPage(rows=rows, found=len(rows), known=len(rows), namespaces=(), flows=())
    base = service.settings.url or str(request.base_url).rstrip("/")
    return pages.show(request, "flow_triggers.html", frame=frame, tab="triggers", found=found, base=base)


@router.get("/flows/{namespace}/{id}/logs", **VIEWER)
def logs(
    request: Request,
    pages: ThePages,
    service: TheService,
    namespace: str,
    id: str,
    level: Annotated[Level | None, Query(alias="minLevel")] = None,
) -> Response:
    """The last lines of its last executions. A search through all of them is on the page of logs."""
    frame = frame_of(service, namespace, id)
    parts = service.orchestrator.parts
    lines: list[LogLine] = []
    for one in parts.executions.newest([(namespace, id)], READ):
        wanted = LogFilter(execution_id=one.id, level=level)
        lines += parts.logs.search_lines(wanted, Page(limit=LINES - len(lines))) if len(lines) < LINES else []
    return pages.show(
        request, "flow_logs.html", frame=frame, tab="logs", lines=lines, level=level, levels=list(Level), read=READ
    )


@router.get("/flows/{namespace}/{id}/metrics", **VIEWER)
def metrics(request: Request, pages: ThePages, service: TheService, namespace: str, id: str) -> Response:
    """What its last executions measured."""
    frame = frame_of(service, namespace, id)
    parts = service.orchestrator.parts
    newest = parts.executions.newest([(namespace, id)], MEASURED)
    rows = metric_rows(newest, parts.logs.metrics(*(one.id for one in newest)))
    size = {"width": WIDTH, "height": HEIGHT}
    return pages.show(request, "flow_metrics.html", frame=frame, tab="metrics", rows=rows, size=size, newest=newest)


def _runs(service: Service, frame: Frame, now: datetime) -> dict[str, Any]:
    """What of the overview changes by itself."""
    parts = service.orchestrator.parts
    newest = parts.executions.newest([(frame.namespace, frame.id)], BARS)
    ended = [took(one, now) for one in newest if one.ended_at]
    times = sorted(time.total_seconds() for time in ended if time is not None)
    states = [state for state in parts.triggers.listed(frame.namespace) if state.flow_id == frame.id]
    return {
        "bars": bars_of(newest, now),
        "median": statistics.median(times) if len(times) > 1 else None,
        "longest": times[-1] if times else None,
        "executions": _executions(service, frame, RECENT),
        "took": took,
        "next": next_of(frame.flow, states, now) if frame.flow else None,
        "triggers": _triggers(service, frame, now),
    }


def _executions(service: Service, frame: Frame, limit: int) -> list[Execution]:
    wanted = ExecutionFilter(namespace=frame.namespace, flow_id=frame.id)
    found = service.orchestrator.control.executions(wanted, Page(limit=limit))
    return [one for one in found if one.namespace == frame.namespace]


def _triggers(service: Service, frame: Frame, now: datetime) -> list[TriggerRow]:
    parts = service.orchestrator.parts
    states = [
        state for state in parts.triggers.listed(frame.namespace) if (state.namespace, state.flow_id) == frame.name
    ]
    return trigger_rows(parts, states, now)
