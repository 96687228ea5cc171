"""`/logs`: a search through the logs of all executions, the newest lines first, older ones by their numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from markupsafe import Markup
from starlette.responses import StreamingResponse

from taxi_pipelines.api.routing import VIEWER, TheService
from taxi_pipelines.domain.records import LogLine
from taxi_pipelines.flow_interfaces import ExecutionFilter, Page
from taxi_pipelines.service import Service
from taxi_pipelines.web.execution_words import month_of
from taxi_pipelines.web.list_filters import RANGES, Filters, api_query, filters_of, lines_of
from taxi_pipelines.web.live import live
from taxi_pipelines.web.pages import ThePages
from taxi_pipelines.web.paging import url_of
from taxi_pipelines.web.states import LEVELS, Look
from taxi_pipelines.web.words import marked

router = APIRouter()

TEMPLATE = "logs.html"
NAMES = ("q", "level", "namespace", "flowId", "execution", "task", "range", "from", "to")
LINES = 100

Before = Annotated[int | None, Query(ge=0, le=2**62, description="The number of the line above those shown.")]


@dataclass(frozen=True, kw_only=True, slots=True)
class LineOrigin:
    """The execution that lines are of, as they name it."""

    flow_id: str
    month: str


@dataclass(frozen=True, kw_only=True, slots=True)
class LineRow:
    """A line; what was searched for is marked in its message. `rest`: all but the first line of it. `origin`: None where the
    execution is gone."""

    line: LogLine
    look: Look
    origin: LineOrigin | None
    first: Markup
    rest: Markup


@router.get("/logs", **VIEWER)
def show(request: Request, pages: ThePages, service: TheService, before: Before = None) -> Response:
    """The newest, or those before one."""
    filters = _filters(request, service)
    found = _found(filters, service, before, {})
    is_tailed = "tail" in request.query_params and not before
    is_new = not found["rows"] and not service.orchestrator.parts.executions.count(ExecutionFilter(), 1)
    flows = sorted({flow.id for flow in service.orchestrator.parts.flows.listed()} | set(filters.all("flowId")))
    return pages.show(
        request,
        TEMPLATE,
        is_new=is_new,
        is_tailed=is_tailed,
        flows=flows,
        ranges=RANGES,
        levels=LEVELS,
        **found,
    )


@router.get("/logs/live", **VIEWER)
def follow(request: Request, pages: ThePages, service: TheService) -> StreamingResponse:
    """The newest, as they come."""
    filters = _filters(request, service)
    known: dict[str, LineOrigin] = {}

    def look() -> Mapping[str, str]:
        return {"logs-rows": pages.block(request, TEMPLATE, "rows", **_found(filters, service, None, known))}

    return live(service.news, look)


def _filters(request: Request, service: Service) -> Filters:
    return filters_of(request.query_params, "/logs", service.orchestrator.parts.zone, names=NAMES, usual="7d")


def _found(filters: Filters, service: Service, before: int | None, known: dict[str, LineOrigin]) -> dict[str, Any]:
    """`known`, by execution: found once, because they do not change."""
    parts = service.orchestrator.parts
    wanted = replace(lines_of(filters, parts.clock()), before=before)
    lines = parts.logs.search_lines(wanted, Page(limit=LINES + 1))
    shown = lines[:LINES]
    new = {line.execution_id for line in shown} - known.keys()
    for id, it in parts.statistics.found(new).items():
        known[id] = LineOrigin(flow_id=it.flow_id, month=month_of(it))
    return {
        "filters": filters,
        "rows": [_row(line, known.get(line.execution_id), wanted.text or "") for line in shown],
        "older": filters.url(before=shown[-1].number) if len(lines) > LINES else "",
        "newest": filters.url() if before else "",
        "tail_url": filters.url(tail="1"),
        "live_url": url_of("/logs/live", filters.given),
        "api_query": api_query(filters, parts.clock()),
    }


def _row(line: LogLine, origin: LineOrigin | None, text: str) -> LineRow:
    first, _, rest = line.message.strip("\n").partition("\n")
    return LineRow(
        line=line, look=LEVELS[line.level], origin=origin, first=marked(first, text), rest=marked(rest, text)
    )
