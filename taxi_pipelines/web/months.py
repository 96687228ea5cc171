"""`/`: the months."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from taxi_pipelines.api.routing import VIEWER, TheService
from taxi_pipelines.web.pages import ThePages

router = APIRouter()


@router.get("/", **VIEWER)
def show(request: Request, pages: ThePages, service: TheService) -> Response:
    return pages.show(request, "months.html")
