"""`/executions`: the list of all of them, by what its address says; what is done to many of them at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from starlette.responses import StreamingResponse

from taxi_pipelines.api.execution_queries import MOST
from taxi_pipelines.api.routing import VIEWER, TheService
from taxi_pipelines.domain.restart import RESTARTABLE
from taxi_pipelines.domain.states import State
from taxi_pipelines.errors import NotFound, UsageError
from taxi_pipelines.flow_interfaces import ExecutionFilter, Page
from taxi_pipelines.service import Service
from taxi_pipelines.web.list_filters import RANGES, Filters, api_query, executions_of, filters_of
from taxi_pipelines.web.list_rows import rows_of
from taxi_pipelines.web.live import live
from taxi_pipelines.web.pages import ThePages

router = APIRouter()

NAMES = ("state", "namespace", "flowId", "labels", "range", "from", "to")
SIZE, LARGEST = 50, 500

STATES = (
    *(State.RUNNING, State.SUCCESS, State.WARNING, State.FAILED, State.KILLED, State.PAUSED, State.QUEUED),
    *(State.CREATED, State.CANCELLED, State.SKIPPED, State.RETRYING, State.RETRIED, State.RESTARTED, State.KILLING),
)
"""In the order in which they are looked for."""

ABLE = {
    "restart": RESTARTABLE,
    "replay": tuple(State),
    "kill": tuple(state for state in State if not state.has_ended),
    "delete": tuple(state for state in State if state.has_ended),
}
"""In which states what can be done to many."""


@router.get("/executions", **VIEWER)
def show(request: Request, pages: ThePages, service: TheService) -> Response:
    filters = _filters(request, service)
    text = request.query_params.get("q", "").strip()
    if text and (url := _address_of(text, filters, service)):
        return RedirectResponse(url, status_code=303)
    found = _found(request, filters, service)
    if request.headers.get("hx-request") == "true":
        return pages.part(request, "executions.html", "rows", **found)
    flows = service.orchestrator.parts.flows.listed()
    known = sorted({flow.id for flow in flows} | {flow.namespace for flow in flows})
    return pages.show(request, "executions.html", unknown=text, known=known, states=STATES, able=ABLE, **found)


@router.get("/executions/live", **VIEWER)
def follow(request: Request, pages: ThePages, service: TheService) -> StreamingResponse:
    filters = _filters(request, service)

    def look() -> Mapping[str, str]:
        found = _found(request, filters, service)
        html = pages.parts(request, "executions.html", ["rows", "count"], **found)
        return {"executions-rows": html["rows"], "executions-count": html["count"]}

    return live(service.news, look)


def _filters(request: Request, service: Service) -> Filters:
    return filters_of(request.query_params, "/executions", service.orchestrator.parts.zone, names=NAMES)


def _found(request: Request, filters: Filters, service: Service) -> dict[str, Any]:
    parts = service.orchestrator.parts
    now = parts.clock()
    wanted = executions_of(filters, now)
    page, size = _number(request, "page", 1), min(_number(request, "size", SIZE), LARGEST)
    found = parts.executions.search(wanted, Page(limit=size + 1, offset=(page - 1) * size))
    count = parts.executions.count(wanted, MOST + 1)
    sized = {"size": size} if size != SIZE else {}
    at = filters.url(**sized, **({"page": page} if page > 1 else {})).removeprefix("/executions")
    return {
        "filters": filters,
        "ranges": RANGES,
        "rows": rows_of(found[:size], parts.statistics, now),
        "count": count,
        "most": MOST,
        "is_all": wanted == ExecutionFilter(),
        "first": (page - 1) * size + 1,
        "newer": filters.url(**sized, **({"page": page - 1} if page > 2 else {})) if page > 1 else "",
        "older": filters.url(**sized, page=page + 1) if len(found) > size else "",
        "live_url": f"/executions/live{at}",
        "api_query": api_query(filters, now),
    }


def _number(request: Request, name: str, usual: int) -> int:
    text = request.query_params.get(name, "")
    if not text:
        return usual
    if not text.isdecimal() or not 1 <= int(text) <= 1_000_000:
        raise UsageError(f"{name}={text} is not possible", "give a number from 1 on")
    return int(text)


def _address_of(text: str, filters: Filters, service: Service) -> str:
    """Where somebody wants to go who writes this: to a label's, flow's or namespace's executions, or to one by its id."""
    given = list(filters.given)
    key, colon, value = text.partition(":")
    if colon and key and value:
        return filters.url_with([*given, ("labels", text)])
    flows = service.orchestrator.parts.flows.listed()
    if any(flow.id == text for flow in flows):
        return filters.url_with([*(one for one in given if one[0] != "flowId"), ("flowId", text)])
    if any(f"{flow.namespace}.".startswith(f"{text}.") for flow in flows):
        return filters.url_with([*(one for one in given if one[0] != "namespace"), ("namespace", text)])
    try:
        return f"/executions/{service.orchestrator.control.execution(text).id}"
    except (NotFound, UsageError):
        return ""
