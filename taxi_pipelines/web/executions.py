"""`/executions`: the list of all of them, by what its address says; what is done to many of them at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse
from starlette.responses import StreamingResponse

from taxi_pipelines.api.execution_queries import MOST
from taxi_pipelines.api.routing import VIEWER, TheService
from taxi_pipelines.domain.restart import RESTARTABLE
from taxi_pipelines.domain.states import State
from taxi_pipelines.domain.text import namespace_chain
from taxi_pipelines.errors import NotFound, UsageError
from taxi_pipelines.flow_interfaces import ExecutionFilter, Page
from taxi_pipelines.service import Service
from taxi_pipelines.web.execution_rows import rows_of
from taxi_pipelines.web.list_filters import RANGES, Filters, api_query, executions_of, filters_of
from taxi_pipelines.web.live import live
from taxi_pipelines.web.pages import ThePages
from taxi_pipelines.web.paging import PageNumber, turning

router = APIRouter()

TEMPLATE = "executions.html"
NAMES = ("state", "namespace", "flowId", "labels", "range", "from", "to")
SIZE = 50
Size = Annotated[int, Query(ge=1, le=500)]

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
def show(request: Request, pages: ThePages, service: TheService, number: PageNumber = 1, size: Size = SIZE) -> Response:
    """Those that the filters let through; the page of what was written into the search, where that is one."""
    filters = _filters(request, service)
    text = request.query_params.get("q", "").strip()
    if text and (url := _address_of(text, filters, service)):
        return RedirectResponse(url, status_code=303)
    found = _found(filters, service, number, size)
    flows = service.orchestrator.parts.flows.listed()
    known = sorted({flow.id for flow in flows} | {flow.namespace for flow in flows})
    return pages.show(request, TEMPLATE, unknown=text, known=known, states=STATES, able=ABLE, **found)


@router.get("/executions/live", **VIEWER)
def follow(
    request: Request, pages: ThePages, service: TheService, number: PageNumber = 1, size: Size = SIZE
) -> StreamingResponse:
    """The rows and how many there are, as they change."""
    filters = _filters(request, service)

    def look() -> Mapping[str, str]:
        found = _found(filters, service, number, size)
        html = pages.parts(request, TEMPLATE, ["rows", "count"], **found)
        return {"executions-rows": html["rows"], "executions-count": html["count"]}

    return live(service.news, look)


def _filters(request: Request, service: Service) -> Filters:
    return filters_of(request.query_params, "/executions", service.orchestrator.parts.zone, names=NAMES)


def _found(filters: Filters, service: Service, number: int, size: int) -> dict[str, Any]:
    parts = service.orchestrator.parts
    now = parts.clock()
    wanted = executions_of(filters, now)
    offset = (number - 1) * size
    found = parts.executions.search(wanted, Page(limit=size + 1, offset=offset))
    given = [*filters.given, ("size", size if size != SIZE else "")]
    return {
        "filters": filters,
        "ranges": RANGES,
        "rows": rows_of(found[:size], parts.statistics, now),
        "count": parts.executions.count(wanted, MOST + 1),
        "most": MOST,
        "is_all": wanted == ExecutionFilter(),
        "api_query": api_query(filters, now),
        **turning("/executions", given, number, size, offset + len(found)),
    }


def _address_of(text: str, filters: Filters, service: Service) -> str:
    """Where somebody wants to go who writes this: to a label's, flow's or namespace's executions, or to one by its id."""
    given = list(filters.given)
    key, colon, value = text.partition(":")
    if colon and key and value:
        return filters.url_with([*given, ("labels", text)])
    flows = service.orchestrator.parts.flows.listed()
    if any(flow.id == text for flow in flows):
        return filters.url_with([*(one for one in given if one[0] != "flowId"), ("flowId", text)])
    if any(text in namespace_chain(flow.namespace) for flow in flows):
        return filters.url_with([*(one for one in given if one[0] != "namespace"), ("namespace", text)])
    try:
        return f"/executions/{service.orchestrator.control.execution(text).id}"
    except (NotFound, UsageError):
        return ""
