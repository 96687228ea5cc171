"""`/flows/{namespace}/{id}/execute`: the form that begins an execution, as a page and as a part for dialogs of other pages."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from taxi_pipelines.api.login import Login
from taxi_pipelines.api.routing import API, VIEWER, TheService
from taxi_pipelines.domain.flow import Flow
from taxi_pipelines.engine.launch import input_render
from taxi_pipelines.flowspec.inputs import asked_for
from taxi_pipelines.service import Service
from taxi_pipelines.web.execute_fields import Field, field_of
from taxi_pipelines.web.pages import Pages, ThePages, address_of
from taxi_pipelines.web.trigger_words import SCHEDULES

router = APIRouter()

TEMPLATE = "execute.html"
GIVEN = "in."
"""How parameters begin that fill in the inputs: `?in.month=2024-01`."""


@router.get("/flows/{namespace}/{id}/execute", **VIEWER)
def show(
    request: Request,
    pages: ThePages,
    service: TheService,
    namespace: str,
    id: str,
    revision: Annotated[int | None, Query(ge=1)] = None,
) -> Response:
    """The form. For a dialog it is a part; for the form itself, as it is filled in, its fields alone."""
    flow = service.orchestrator.control.flow(namespace, id, revision)
    context = _context(request, pages, service, flow) | {"asked_revision": revision}
    match request.headers.get("hx-target"):
        case "execute-fields":
            return pages.part(request, TEMPLATE, "fields", **context)
        case "execute":
            return pages.part(request, TEMPLATE, "form", is_dialog=True, **context)
    return pages.show(request, TEMPLATE, is_dialog=False, **context)


def _context(request: Request, pages: Pages, service: Service, flow: Flow) -> dict[str, Any]:
    login: Login = request.app.state.login
    return {
        "flow": flow,
        "fields": _fields(request, pages, service, flow),
        "depends": any(one.depends_on or one.depends_condition or "{{" in str(one) for one in flow.inputs),
        "is_scheduled": any(trigger.name in SCHEDULES for trigger in flow.triggers),
        "address": f"{API}/executions/{flow.namespace}/{flow.id}",
        "base": address_of(service, request),
        "asks_login": login.is_asked_for,
    }


def _fields(request: Request, pages: Pages, service: Service, flow: Flow) -> list[Field]:
    given = {
        name.removeprefix(GIVEN): request.query_params.getlist(name)
        for name in request.query_params
        if name.startswith(GIVEN)
    }
    values: dict[str, object] = {}
    for name, texts in given.items():
        if any(texts):
            values[name] = texts[0] if len(texts) == 1 else texts
    render = input_render(service.orchestrator.parts, flow, now=pages.now())
    asked = asked_for(flow.inputs, values, render)
    return [field_of(one, given.get(one.id)) for one in asked.values()]
