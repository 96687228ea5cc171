"""`/flows`: the list of flows, searched by name and by what their texts say. The pages of one flow are in flow_pages.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.responses import StreamingResponse

from taxi_pipelines.api.routing import VIEWER, TheService
from taxi_pipelines.service import Service
from taxi_pipelines.web.flow_rows import ON_A_PAGE, flow_page
from taxi_pipelines.web.live import live
from taxi_pipelines.web.pages import Pages, ThePages, wants_part
from taxi_pipelines.web.paging import PageNumber, turning

router = APIRouter()

TEMPLATE = "flows.html"

Text = Annotated[str, Query(alias="q")]


@router.get("/flows", **VIEWER)
def show(
    request: Request, pages: ThePages, service: TheService, q: Text = "", namespace: str = "", number: PageNumber = 1
) -> Response:
    """All of them, or the list alone where one searches as one types."""
    context = _context(pages, service, q, namespace, number)
    if wants_part(request, "flow-list"):
        return pages.part(request, TEMPLATE, "listing", **context)
    return pages.show(request, TEMPLATE, **context)


@router.get("/flows/live", **VIEWER)
def follow(
    request: Request, pages: ThePages, service: TheService, q: Text = "", namespace: str = "", number: PageNumber = 1
) -> StreamingResponse:
    """The rows, as they change."""

    def look() -> Mapping[str, str]:
        return {"flow-rows": pages.block(request, TEMPLATE, "rows", **_context(pages, service, q, namespace, number))}

    return live(service.news, look)


def _context(pages: Pages, service: Service, text: str, namespace: str, number: int) -> dict[str, Any]:
    text, namespace = text.strip(), namespace.strip()
    found = flow_page(service.orchestrator.parts, text=text, namespace=namespace, page=number, now=pages.now())
    turned = turning("/flows", [("q", text), ("namespace", namespace)], number, ON_A_PAGE, found.found)
    return {"found": found, "text": text, "below": namespace, **turned}
