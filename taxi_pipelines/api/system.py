"""Whether the service lives and is ready, its figures for Prometheus, and what the doctor says of all it stands on."""

from __future__ import annotations

from fastapi import APIRouter, Response

from taxi_pipelines.api.bodies import FindingBody, Health
from taxi_pipelines.api.errors import errors
from taxi_pipelines.api.routing import API, OPERATOR, PUBLIC, VIEWER, TheService
from taxi_pipelines.errors import TransientError

router = APIRouter(tags=["System"])


class NotReady(TransientError):
    """It starts, or stops, or its database does not answer."""

    code = "not-ready"


@router.get("/health", summary="Whether it lives", **PUBLIC)
async def health() -> Health:
    """As long as the process answers."""
    return Health(status="UP")


@router.get("/ready", summary="Whether it can work", responses=errors(503), **PUBLIC)
def ready(service: TheService) -> Health:
    """Whether all its threads are at work and its database answers."""
    if not service.ready():
        raise NotReady("the service is not ready", "its own output says why")
    return Health(status="UP")


@router.get(
    "/metrics",
    summary="Figures for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "The figures"}},
    **VIEWER,
)
def metrics(service: TheService) -> Response:
    """In its text format."""
    return Response(service.figures.text(), media_type="text/plain; version=0.0.4; charset=utf-8")


@router.post(f"{API}/doctor", summary="Examine the installation", **OPERATOR)
def doctor(service: TheService) -> list[FindingBody]:
    """Home folder, disk, source, lake, warehouse, metadata and versions, as `taxi doctor` looks at them; nothing is changed."""
    return [FindingBody.model_validate(finding.to_dict()) for finding in service.pipeline.doctor()]
