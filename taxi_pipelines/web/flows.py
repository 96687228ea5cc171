"""`/flows`: the list of flows, searched by name and by what their texts say. The pages of one flow are in flow_pages.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from taxi_pipelines.api.routing import VIEWER, TheService
from taxi_pipelines.service import Service
from taxi_pipelines.web import flow_pages
from taxi_pipelines.web.flow_rows import ON_A_PAGE, flow_page
from taxi_pipelines.web.live import live
from taxi_pipelines.web.pages import Pages, ThePages

router = APIRouter()

TEMPLATE = "flows.html"

Text = Annotated[str, Query(alias="q")]
Number = Annotated[int, Query(alias="page", ge=1, le=1_000_000)]


@router.get("/flows", **VIEWER)
def show(
    request: Request, pages: ThePages, service: TheService, q: Text = "", namespace: str = "", number: Number = 1
) -> Response:
    """All of them, or the list alone where one searches as one types."""
    context = _context(pages, service, q, namespace, number)
    if request.headers.get("hx-target") == "flow-list":
        return pages.part(request, TEMPLATE, "listing", **context)
    return pages.show(request, TEMPLATE, **context)


@router.get("/flows/live", **VIEWER)
def follow(
    request: Request, pages: ThePages, service: TheService, q: Text = "", namespace: str = "", number: Number = 1
) -> Response:
    """The rows, as they change."""

    def look() -> Mapping[str, str]:
        parts = pages.parts(request, TEMPLATE, ["rows"], **_context(pages, service, q, namespace, number))
        return {"flow-rows": parts["rows"]}

    return live(service.news, look)


def _context(pages: Pages, service: Service, text: str, namespace: str, number: int) -> dict[str, Any]:
    text, namespace = text.strip(), namespace.strip()
    found = flow_page(service.orchestrator.parts, text=text, namespace=namespace, page=number, now=pages.now())

    def query(page: int) -> str:
        wanted = {"q": text, "namespace": namespace, "page": str(page) if page > 1 else ""}
        return urlencode({name: value for name, value in wanted.items() if value})

    return {
        "found": found,
        "text": text,
        "below": namespace,
        "live_url": f"/flows/live?{query(number)}",
        "first": (number - 1) * ON_A_PAGE + 1,
        "before": f"/flows?{query(number - 1)}" if number > 1 else "",
        "after": f"/flows?{query(number + 1)}" if number * ON_A_PAGE < found.found else "",
    }


router.include_router(flow_pages.router)
