"""`/logs`: a search through the logs of all executions, the newest lines first, older ones by their numbers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from fastapi import APIRouter, Request, Response
from markupsafe import Markup, escape
from starlette.responses import StreamingResponse

from taxi_pipelines.api.routing import VIEWER, TheService
from taxi_pipelines.domain.records import Level, LogLine
from taxi_pipelines.errors import UsageError
from taxi_pipelines.flow_interfaces import ExecutionFilter, Page
from taxi_pipelines.service import Service
from taxi_pipelines.web.list_filters import RANGES, Filters, api_query, filters_of, lines_of
from taxi_pipelines.web.list_rows import month_of
from taxi_pipelines.web.live import live
from taxi_pipelines.web.pages import ThePages
from taxi_pipelines.web.states import Look

router = APIRouter()

NAMES = ("q", "level", "namespace", "flowId", "execution", "task", "range", "from", "to")
LINES = 100

LEVELS = {
    Level.ERROR: Look("fail", "cross", "error"),
    Level.WARN: Look("warn", "warn", "warn"),
    Level.INFO: Look("wait", "dot", "info"),
    Level.DEBUG: Look("wait", "dot", "debug"),
    Level.TRACE: Look("wait", "dot", "trace"),
}

Origins = dict[str, "Origin"]
"""By execution: found once, because they do not change."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Origin:
    """What an execution's lines are known by."""

    namespace: str
    flow_id: str
    month: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LineRow:
    """A line; what was searched for is marked in its message. `rest`: all but the first line of it."""

    line: LogLine
    look: Look
    origin: Origin | None
    first: Markup
    rest: Markup


@router.get("/logs", **VIEWER)
def show(request: Request, pages: ThePages, service: TheService) -> Response:
    filters = _filters(request, service)
    found = _found(request, filters, service, {})
    is_new = not found["rows"] and not service.orchestrator.parts.executions.count(ExecutionFilter(), 1)
    flows = sorted({flow.id for flow in service.orchestrator.parts.flows.listed()} | set(filters.all("flowId")))
    return pages.show(request, "logs.html", is_new=is_new, flows=flows, ranges=RANGES, levels=LEVELS, **found)


@router.get("/logs/live", **VIEWER)
def follow(request: Request, pages: ThePages, service: TheService) -> StreamingResponse:
    filters = _filters(request, service)
    known: Origins = {}

    def look() -> Mapping[str, str]:
        found = _found(request, filters, service, known)
        return {"logs-rows": pages.parts(request, "logs.html", ["rows"], **found)["rows"]}

    return live(service.news, look)


def _filters(request: Request, service: Service) -> Filters:
    return filters_of(request.query_params, "/logs", service.orchestrator.parts.zone, names=NAMES, usual="7d")


def _found(request: Request, filters: Filters, service: Service, known: Origins) -> dict[str, Any]:
    parts = service.orchestrator.parts
    wanted = lines_of(filters, parts.clock())
    if before := request.query_params.get("before"):
        if not before.isdecimal() or int(before) > 2**62:
            raise UsageError(f"before={before} is no line's number", "begin with the newest")
        wanted = replace(wanted, before=int(before))
    lines = parts.logs.search_lines(wanted, Page(limit=LINES + 1))
    shown = lines[:LINES]
    new = {line.execution_id for line in shown} - known.keys()
    for id, it in parts.statistics.found(new).items():
        known[id] = Origin(namespace=it.namespace, flow_id=it.flow_id, month=month_of(it))
    return {
        "filters": filters,
        "rows": [_row(line, known.get(line.execution_id), wanted.text or "") for line in shown],
        "older": filters.url(before=shown[-1].number) if len(lines) > LINES else "",
        "newest": filters.url() if before else "",
        "is_tailed": "tail" in request.query_params and not before,
        "tail_url": filters.url(tail="1"),
        "live_url": filters.url().replace("/logs", "/logs/live", 1),
        "api_query": api_query(filters, parts.clock()),
    }


def _row(line: LogLine, origin: Origin | None, text: str) -> LineRow:
    first, _, rest = line.message.strip("\n").partition("\n")
    return LineRow(
        line=line, look=LEVELS[line.level], origin=origin, first=marked(first, text), rest=marked(rest, text)
    )


def marked(message: str, text: str) -> Markup:
    """The message with all that matches marked."""
    if not text:
        return escape(message)
    pieces = re.split(f"({re.escape(text)})", message, flags=re.IGNORECASE)
    return Markup("").join(
        Markup("<mark>{}</mark>").format(piece) if place % 2 else escape(piece) for place, piece in enumerate(pieces)
    )
