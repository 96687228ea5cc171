"""`/triggers`: what starts flows by itself: when, when last, when next, and its switch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response

from taxi_pipelines.api.routing import VIEWER, TheService
from taxi_pipelines.service import Service
from taxi_pipelines.web.live import live
from taxi_pipelines.web.pages import Pages, ThePages
from taxi_pipelines.web.trigger_rows import ON_A_PAGE, STANDS, Wanted, page_query, trigger_page

router = APIRouter()

TEMPLATE = "triggers.html"

LOOK_SECONDS = 0.4
"""Switches and slots are changed by the API and by schedulers, of which no engine tells."""


async def _wanted(
    namespace: str = "",
    flow_id: Annotated[str, Query(alias="flowId")] = "",
    state: str = "",
    q: str = "",
) -> Wanted:
    stands = state if state in STANDS else ""
    return Wanted(namespace=namespace.strip(), flow_id=flow_id, stands=stands, text=q.strip())


TheWanted = Annotated[Wanted, Depends(_wanted)]
ThePageNumber = Annotated[int, Query(alias="page", ge=1, le=1_000_000)]


@router.get("/triggers", **VIEWER)
def show(
    request: Request, pages: ThePages, service: TheService, wanted: TheWanted, number: ThePageNumber = 1
) -> Response:
    """All of them, or the list alone where the filters changed."""
    context = _context(pages, service, request, wanted, number)
    if request.headers.get("hx-target") == "trigger-list":
        return pages.part(request, TEMPLATE, "listing", **context)
    return pages.show(request, TEMPLATE, **context)


@router.get("/triggers/live", **VIEWER)
def follow(
    request: Request, pages: ThePages, service: TheService, wanted: TheWanted, number: ThePageNumber = 1
) -> Response:
    """The rows, as they change."""

    def look() -> Mapping[str, str]:
        parts = pages.parts(request, TEMPLATE, ["rows"], **_context(pages, service, request, wanted, number))
        return {"trigger-rows": parts["rows"]}

    return live(service.news, look, every=LOOK_SECONDS)


def _context(pages: Pages, service: Service, request: Request, wanted: Wanted, number: int) -> dict[str, Any]:
    found = trigger_page(service.orchestrator.parts, wanted, number, pages.now())
    base = service.settings.url or str(request.base_url).rstrip("/")

    def address(page: int) -> str:
        return f"/triggers?{urlencode(page_query(wanted, page))}"

    return {
        "found": found,
        "wanted": wanted,
        "stands": STANDS,
        "base": base,
        "live_url": f"/triggers/live?{urlencode(page_query(wanted, number))}",
        "first": (number - 1) * ON_A_PAGE + 1,
        "before": address(number - 1) if number > 1 else "",
        "after": address(number + 1) if number * ON_A_PAGE < found.found else "",
    }
