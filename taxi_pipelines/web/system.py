"""`/system`: whether all is well, in a sentence; below it engines, places, settings, tokens, and what the doctor finds."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse

from taxi_pipelines.api.routing import VIEWER, TheService
from taxi_pipelines.domain.access import AccessRole
from taxi_pipelines.web.live import live
from taxi_pipelines.web.pages import ThePages, wants_part
from taxi_pipelines.web.system_facts import condition_of, places_of, settings_of

router = APIRouter()

TEMPLATE = "system.html"
LOOK_SECONDS = 2.0


@router.get("/system", **VIEWER)
def show(request: Request, pages: ThePages, service: TheService) -> Response:
    """As this process sees it."""
    if wants_part(request, "system-tokens"):
        return pages.part(request, TEMPLATE, "tokens", tokens=service.tokens.listed())
    return pages.show(
        request,
        TEMPLATE,
        condition=condition_of(service, pages.now()),
        places=places_of(service.settings),
        settings=settings_of(service.settings),
        workers=service.settings.workers,
        process_role=str(service.role),
        tokens=service.tokens.listed(),
        roles=[str(role) for role in AccessRole],
    )


@router.get("/system/live", **VIEWER)
def follow(request: Request, pages: ThePages, service: TheService) -> StreamingResponse:
    """How it stands, as it changes."""

    def look() -> Mapping[str, str]:
        condition = condition_of(service, pages.now())
        parts = pages.parts(
            request, TEMPLATE, ["condition", "engines"], condition=condition, workers=service.settings.workers
        )
        return {f"system-{name}": html for name, html in parts.items()}

    return live(service.news, look, every=LOOK_SECONDS)
