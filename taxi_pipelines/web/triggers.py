"""`/triggers`: what starts flows by itself: when, when last, when next, and its switch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.responses import StreamingResponse

from taxi_pipelines.api.routing import VIEWER, TheService
from taxi_pipelines.service import Service
from taxi_pipelines.web.live import live
from taxi_pipelines.web.pages import Pages, ThePages, address_of, wants_part
from taxi_pipelines.web.paging import PageNumber, turning
from taxi_pipelines.web.trigger_rows import ON_A_PAGE, STANDS, Wanted, trigger_page

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


@router.get("/triggers", **VIEWER)
def show(request: Request, pages: ThePages, service: TheService, wanted: TheWanted, number: PageNumber = 1) -> Response:
    """All of them, or the list alone where the filters changed."""
    context = _context(pages, service, request, wanted, number)
    if wants_part(request, "trigger-list"):
        return pages.part(request, TEMPLATE, "listing", **context)
    return pages.show(request, TEMPLATE, **context)


@router.get("/triggers/live", **VIEWER)
def follow(
    request: Request, pages: ThePages, service: TheService, wanted: TheWanted, number: PageNumber = 1
) -> StreamingResponse:
    """The rows, as they change."""

    def look() -> Mapping[str, str]:
        context = _context(pages, service, request, wanted, number)
        return {"trigger-rows": pages.block(request, TEMPLATE, "rows", **context)}

    return live(service.news, look, every=LOOK_SECONDS)


def _context(pages: Pages, service: Service, request: Request, wanted: Wanted, number: int) -> dict[str, Any]:
    found = trigger_page(service.orchestrator.parts, wanted, number, pages.now())
    turned = turning("/triggers", wanted.given, number, ON_A_PAGE, found.found)
    return {"found": found, "wanted": wanted, "stands": STANDS, "base": address_of(service, request), **turned}
