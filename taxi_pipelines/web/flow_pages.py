"""The pages of one flow: overview, topology, executions, triggers, logs, metrics. Others have files of their own."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse

from taxi_pipelines.api.graph_bodies import graph_body
from taxi_pipelines.api.routing import VIEWER, TheService
from taxi_pipelines.domain.graph import graph_of
from taxi_pipelines.domain.records import Level, LogLine
from taxi_pipelines.domain.trigger import TriggerState
from taxi_pipelines.engine.parts import Parts
from taxi_pipelines.flow_interfaces import Glance, LogFilter, Page
from taxi_pipelines.service import Service
from taxi_pipelines.web.execution_rows import ExecutionRow, rows_of
from taxi_pipelines.web.execution_words import took
from taxi_pipelines.web.flow_bars import bars_of
from taxi_pipelines.web.flow_frame import Frame, frame_of
from taxi_pipelines.web.flow_metrics import HEIGHT, WIDTH, metric_rows
from taxi_pipelines.web.flow_rows import next_of
from taxi_pipelines.web.flow_tasks import told_of
from taxi_pipelines.web.list_filters import LeastLevel
from taxi_pipelines.web.live import live
from taxi_pipelines.web.pages import ThePages, address_of, wants_part
from taxi_pipelines.web.trigger_rows import TriggerPage, trigger_rows

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
def follow(request: Request, pages: ThePages, service: TheService, namespace: str, id: str) -> StreamingResponse:
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
    if wants_part(request, "flow-told"):
        return pages.part(request, "flow_topology.html", "told", frame=frame, told=told)
    graph = graph_body(graph_of(frame.flow)).model_dump(mode="json", by_alias=True) if frame.flow else None
    return pages.show(request, "flow_topology.html", frame=frame, tab="topology", graph=graph, told=told)


@router.get("/flows/{namespace}/{id}/executions", **VIEWER)
def executions(request: Request, pages: ThePages, service: TheService, namespace: str, id: str) -> Response:
    """The newest; all of them are on the page of executions."""
    frame = frame_of(service, namespace, id)
    rows = _listed(service, frame, pages.now())
    return pages.show(request, "flow_executions.html", frame=frame, tab="executions", rows=rows)


@router.get("/flows/{namespace}/{id}/executions/live", **VIEWER)
def follow_executions(
    request: Request, pages: ThePages, service: TheService, namespace: str, id: str
) -> StreamingResponse:
    """The same rows, as they change."""

    def look() -> Mapping[str, str]:
        frame = frame_of(service, namespace, id)
        rows = _listed(service, frame, pages.now())
        return {"flow-executions": pages.block(request, "flow_executions.html", "rows", frame=frame, rows=rows)}

    return live(service.news, look)


@router.get("/flows/{namespace}/{id}/triggers", **VIEWER)
def triggers(request: Request, pages: ThePages, service: TheService, namespace: str, id: str) -> Response:
    """What starts it: switches, last and next slots."""
    frame = frame_of(service, namespace, id)
    parts = service.orchestrator.parts
    rows = trigger_rows(parts, _triggers(parts, frame), pages.now())
    found = TriggerPage(rows=rows, found=len(rows), known=len(rows), namespaces=(), flows=())
    base = address_of(service, request)
    return pages.show(request, "flow_triggers.html", frame=frame, tab="triggers", found=found, base=base)


@router.get("/flows/{namespace}/{id}/logs", **VIEWER)
def logs(
    request: Request,
    pages: ThePages,
    service: TheService,
    namespace: str,
    id: str,
    level: LeastLevel = None,
) -> Response:
    """The last lines of its last executions. A search through all of them is on the page of logs."""
    frame = frame_of(service, namespace, id)
    parts = service.orchestrator.parts
    lines: list[LogLine] = []
    for one in parts.executions.newest([frame.name], READ):
        if len(lines) == LINES:
            break
        wanted = LogFilter(execution_id=one.id, level=level)
        lines += parts.logs.search_lines(wanted, Page(limit=LINES - len(lines)))
    return pages.show(
        request, "flow_logs.html", frame=frame, tab="logs", lines=lines, level=level, levels=list(Level), read=READ
    )


@router.get("/flows/{namespace}/{id}/metrics", **VIEWER)
def metrics(request: Request, pages: ThePages, service: TheService, namespace: str, id: str) -> Response:
    """What its last executions measured."""
    frame = frame_of(service, namespace, id)
    parts = service.orchestrator.parts
    newest = parts.executions.newest([frame.name], MEASURED)
    rows = metric_rows(newest, parts.logs.metrics(*(one.id for one in newest)))
    size = {"width": WIDTH, "height": HEIGHT}
    return pages.show(request, "flow_metrics.html", frame=frame, tab="metrics", rows=rows, size=size, newest=newest)


def _runs(service: Service, frame: Frame, now: datetime) -> dict[str, Any]:
    """What of the overview changes by itself."""
    parts = service.orchestrator.parts
    newest = parts.executions.newest([frame.name], BARS)
    ended = [took(one, now) for one in newest if one.ended_at]
    times = sorted(time.total_seconds() for time in ended if time is not None)
    states = _triggers(parts, frame)
    return {
        "bars": bars_of(newest, now),
        "median": statistics.median(times) if len(times) > 1 else None,
        "longest": times[-1] if times else None,
        "rows": _rows(parts, newest[:RECENT], now),
        "next": next_of(frame.flow, states, now) if frame.flow else None,
        "triggers": trigger_rows(parts, states, now),
    }


def _listed(service: Service, frame: Frame, now: datetime) -> list[ExecutionRow]:
    parts = service.orchestrator.parts
    return _rows(parts, parts.executions.newest([frame.name], LISTED), now)


def _rows(parts: Parts, newest: Sequence[Glance], now: datetime) -> list[ExecutionRow]:
    found = parts.statistics.found([one.id for one in newest])
    return rows_of([found[one.id] for one in newest if one.id in found], parts.statistics, now)


def _triggers(parts: Parts, frame: Frame) -> list[TriggerState]:
    """Those of the namespace are listed with those below it."""
    return [one for one in parts.triggers.listed(frame.namespace) if (one.namespace, one.flow_id) == frame.name]
