"""`/flows/new` and `/flows/{namespace}/{id}/edit`: the editor of flows, and what its script asks for besides the API."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from taxi_pipelines.api.routing import VIEWER, TheService
from taxi_pipelines.domain.records import StoredFlow
from taxi_pipelines.domain.schedule import Cron
from taxi_pipelines.errors import NotFound
from taxi_pipelines.flowspec.problems import nearest
from taxi_pipelines.tasks.triggers import Schedule
from taxi_pipelines.web.blueprints import EMPTY, EMPTY_TEXT, blueprints
from taxi_pipelines.web.cron_words import cron_words
from taxi_pipelines.web.editor_knowledge import knowledge
from taxi_pipelines.web.flow_frame import Frame, frame_of
from taxi_pipelines.web.pages import Pages, ThePages
from taxi_pipelines.web.words import day

router = APIRouter()

SLOTS = 3
"""How many of a schedule's next slots are told."""


@router.get("/flows/new", **VIEWER)
def new(request: Request, pages: ThePages, service: TheService, blueprint: str | None = None) -> Response:
    """What to start from; with a blueprint, the editor with its text."""
    known = {one.name: one for one in blueprints()}
    if blueprint is None:
        return pages.show(request, "editor_new.html", blueprints=list(known.values()), empty=EMPTY)
    if blueprint not in (EMPTY, *known):
        raise NotFound(f"there is no blueprint {blueprint!r}", nearest(blueprint, [EMPTY, *known]))
    if blueprint == EMPTY:
        return _editor(request, pages, EMPTY_TEXT, blueprint="an empty flow")
    chosen = known[blueprint]
    taken = service.orchestrator.parts.flows.find(chosen.namespace, blueprint)
    return _editor(request, pages, chosen.text, taken=taken, blueprint=chosen.title)


@router.get("/flows/{namespace}/{id}/edit", **VIEWER)
def edit(request: Request, pages: ThePages, service: TheService, namespace: str, id: str) -> Response:
    """The newest revision's text."""
    frame = frame_of(service, namespace, id)
    kept_by = "a Git repository" if service.settings.flows_git else service.file_of(namespace, id)
    return _editor(request, pages, frame.stored.source, frame=frame, kept_by=kept_by)


def _editor(
    request: Request,
    pages: Pages,
    text: str,
    *,
    frame: Frame | None = None,
    blueprint: str | None = None,
    taken: StoredFlow | None = None,
    kept_by: str | Path | None = None,
) -> Response:
    """Of a flow that is kept (`frame`, and by what: `kept_by`), or of a new one from a blueprint, whose name may be taken."""
    return pages.show(request, "editor.html", text=text, frame=frame, blueprint=blueprint, taken=taken, kept_by=kept_by)


@router.get("/editor/knowledge.json", **VIEWER)
def what_is_known(request: Request) -> Response:
    """Types, properties and expressions, for completion; the same until the package changes."""
    known = knowledge()
    headers = {"ETag": known.etag, "Cache-Control": "no-cache"}
    if known.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(known.content, media_type="application/json", headers=headers)


@router.get("/editor/slots", **VIEWER)
def slots(
    pages: ThePages,
    cron: Annotated[str, Query(max_length=200)],
    timezone: Annotated[str, Query(max_length=100)] = "UTC",
) -> JSONResponse:
    """A cron expression in words, and its next slots; what a flow's validation says of it, where that is something."""
    try:
        Schedule.model_validate({"cron": cron, "timezone": timezone})
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        return JSONResponse({"problem": f"{problem['input']}: {problem['msg'].removeprefix('Value error, ')}"})
    zone = ZoneInfo(timezone)
    found = islice(Cron(cron, zone).after(pages.now()), SLOTS)
    return JSONResponse({"words": cron_words(cron), "slots": [day(slot, zone) for slot in found]})
