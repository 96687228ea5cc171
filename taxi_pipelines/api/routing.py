"""What the routes share: the service they work on, who may use them, pages, and when things happened."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Query, Request

from taxi_pipelines.api.errors import Forbidden, Unauthorized
from taxi_pipelines.api.guard import ROLE
from taxi_pipelines.domain.access import AccessRole
from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.errors import NotFound, UsageError
from taxi_pipelines.flow_interfaces import Page
from taxi_pipelines.service import Service

API = "/api/v1"


async def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


TheService = Annotated[Service, Depends(_service)]


def needs(role: AccessRole) -> dict[str, Any]:
    """Of a route: who may use it. Checked at each request, and said in the documentation."""

    async def check(request: Request) -> None:
        asked: AccessRole | None = request.scope.get(ROLE)
        if asked is None:  # its path looks like one that takes no login
            raise Unauthorized("a login is needed", "there is no such webhook")
        if not asked.covers(role):
            raise Forbidden(f"a {asked} may not do this", f"it takes the role {role}")

    return {"dependencies": [Depends(check)], "openapi_extra": {"x-role": str(role)}}


def sending(route: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
    """A route that reads its body itself, with the documentation of that body."""
    return route | {"openapi_extra": route["openapi_extra"] | body}


VIEWER = needs(AccessRole.VIEWER)
OPERATOR = needs(AccessRole.OPERATOR)
ADMIN = needs(AccessRole.ADMIN)
PUBLIC: dict[str, Any] = {"openapi_extra": {"x-role": "public"}}

Revision = Annotated[
    int | None, Query(ge=1, le=2_000_000_000, description="This revision of the flow, not the newest.")
]


async def _page(
    page: Annotated[int, Query(ge=1, le=1_000_000, description="Which page, from 1.")] = 1,
    size: Annotated[int, Query(ge=1, le=1_000, description="How many on a page.")] = 10,
) -> Page:
    return Page(limit=size, offset=(page - 1) * size)


ThePage = Annotated[Page, Depends(_page)]


def find_execution(service: Service, execution_id: str) -> Execution:
    """By its whole id: the beginning of one is enough for people, not for programs. Raises NotFound."""
    found = service.orchestrator.parts.executions.find(execution_id)
    if found is None or found.id != execution_id:
        raise NotFound(f"there is no execution {execution_id}", f"{API}/executions/search lists them")
    return found


def parse_labels(given: list[str]) -> dict[str, str]:
    """`["team:data"]` → `{"team": "data"}`. Raises UsageError."""
    labels = {}
    for text in given:
        key, colon, value = text.partition(":")
        if not colon or not key:
            raise UsageError(f"label {text!r} has no value", "write it as KEY:VALUE")
        labels[key] = value
    return labels


def aware(moment: datetime | None, service: Service) -> datetime | None:
    """A time that names no zone is one of the server's."""
    return moment.replace(tzinfo=service.orchestrator.parts.zone) if moment and moment.tzinfo is None else moment
