"""`/backfills`: start one, see how far it is, pause, resume, cancel, retry."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter
from fastapi import Path as InPath

from taxi_pipelines.api.errors import conflicts, errors
from taxi_pipelines.api.routing import OPERATOR, VIEWER, TheService
from taxi_pipelines.api.trigger_bodies import (
    BackfillBody,
    BackfillOrder,
    BackfillPlanBody,
    BackfillSlotBody,
    PlannedSlotBody,
)
from taxi_pipelines.scheduler.backfills import BackfillRequest
from taxi_pipelines.scheduler.control import BackfillView
from taxi_pipelines.service import Service

router = APIRouter(tags=["Backfills"])

Id = Annotated[str, InPath(description="Id of the backfill; its beginning is enough.")]


@router.get("/backfills", summary="List backfills", **VIEWER)
def list_backfills(service: TheService) -> list[BackfillBody]:
    """The newest first."""
    return [_body(view, slots=False) for view in service.orchestrator.triggers.backfills()]


@router.post("/backfills", summary="Start a backfill", responses=errors(404), **OPERATOR)
def start(service: TheService, order: BackfillOrder) -> BackfillBody:
    """Its slots are executed so many at a time; those that succeeded before are skipped, unless it is forced."""
    backfill = service.orchestrator.triggers.start_backfill(_request(order))
    service.triggers_changed()
    return _body(service.orchestrator.triggers.backfill(backfill.id))


@router.post("/backfills/plan", summary="Preview a backfill", responses=errors(404), **VIEWER)
def plan(service: TheService, order: BackfillOrder) -> BackfillPlanBody:
    """What it would do about every slot; nothing is changed."""
    planned = service.orchestrator.triggers.plan_backfill(_request(order))
    return BackfillPlanBody(
        trigger=order.trigger,
        timezone=str(planned.zone),
        slots=[
            PlannedSlotBody(slot=one.slot, action=one.action, execution_id=one.execution_id) for one in planned.slots
        ],
    )


@router.get("/backfills/{id}", summary="Get a backfill", responses=errors(404), **VIEWER)
def get(service: TheService, id: Id) -> BackfillBody:
    """With its slots."""
    return _body(service.orchestrator.triggers.backfill(id))


@router.post("/backfills/{id}/pause", summary="Pause a backfill", responses=errors(404, 409), **OPERATOR)
def pause(service: TheService, id: Id) -> BackfillBody:
    """No further slot begins; what runs goes on."""
    return _move(service, id, service.orchestrator.triggers.pause_backfill)


@router.post("/backfills/{id}/resume", summary="Resume a backfill", responses=errors(404, 409), **OPERATOR)
def resume(service: TheService, id: Id) -> BackfillBody:
    """A paused one goes on."""
    return _move(service, id, service.orchestrator.triggers.resume_backfill)


@router.post("/backfills/{id}/cancel", summary="Cancel a backfill", responses=errors(404, 409), **OPERATOR)
def cancel(service: TheService, id: Id) -> BackfillBody:
    """Slots that have not begun are given up; what runs goes on to its end."""
    return _move(service, id, service.orchestrator.triggers.cancel_backfill)


@router.post("/backfills/{id}/retry", summary="Retry a backfill", responses=errors(404, 409), **OPERATOR)
def retry(service: TheService, id: Id) -> BackfillBody:
    """Its failed slots are tried again."""
    return _move(service, id, service.orchestrator.triggers.retry_backfill)


def _move(service: Service, id: str, verb: Callable[[str], BackfillView]) -> BackfillBody:
    with conflicts():
        view = verb(id)
    service.triggers_changed()
    return _body(view)


def _request(order: BackfillOrder) -> BackfillRequest:
    return BackfillRequest(
        trigger=order.trigger,
        start=order.start,
        end=order.end,
        parallel=order.parallel,
        inputs=order.inputs,
        labels=order.labels,
        force=order.force,
    )


def _body(view: BackfillView, *, slots: bool = True) -> BackfillBody:
    it = view.backfill
    return BackfillBody(
        id=it.id,
        trigger=it.trigger,
        timezone=view.zone,
        start=it.start,
        end=it.end,
        parallel=it.parallel,
        inputs=dict(it.inputs),
        labels=dict(it.labels),
        force=it.force,
        state=it.state,
        counts=dict(view.counts),
        created_at=it.created_at,
        ended_at=it.ended_at,
        slots=[
            BackfillSlotBody(slot=one.slot, state=one.state, execution_id=one.execution_id, error=one.error)
            for one in view.slots
        ]
        if slots
        else None,
    )
