"""`/triggers`: where they stand, and their switches, as Kestra's API has them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from fastapi import Path as InPath

from taxi_pipelines.api.bodies import CountBody
from taxi_pipelines.api.errors import errors
from taxi_pipelines.api.routing import OPERATOR, VIEWER, ThePage, TheService
from taxi_pipelines.api.trigger_bodies import (
    Switches,
    TriggerBody,
    TriggerChange,
    TriggerItem,
    TriggerItems,
    TriggerPage,
    Window,
)
from taxi_pipelines.engine.storable import storable
from taxi_pipelines.scheduler.backfills import BackfillRequest
from taxi_pipelines.scheduler.control import TriggerView
from taxi_pipelines.service import Service

router = APIRouter(tags=["Triggers"])

SECRET = ("key", "serviceAccount", "headers", "body")
"""Properties of triggers that may be secrets: a webhook's key is its login."""


@router.get("/triggers/search", summary="Search triggers", **VIEWER)
def search(
    service: TheService,
    page: ThePage,
    q: Annotated[str, Query(description="What the name contains.")] = "",
    namespace: Annotated[str | None, Query(description="This namespace, and those below it.")] = None,
    flow_id: Annotated[str | None, Query(alias="flowId", description="Of this flow.")] = None,
) -> TriggerItems:
    """By name."""
    found = [
        view
        for view in service.orchestrator.triggers.listed(namespace)
        if q.lower() in view.state.name.lower() and flow_id in (None, view.state.flow_id)
    ]
    part = found[page.offset : page.offset + page.limit]
    return TriggerItems(results=[_item(view) for view in part], total=len(found))


@router.get("/triggers/{namespace}/{flow_id}", summary="List the triggers of a flow", **VIEWER)
def list_of_flow(
    service: TheService,
    page: ThePage,
    namespace: Annotated[str, InPath(description="Namespace of the flow.")],
    flow_id: Annotated[str, InPath(description="Id of the flow.")],
) -> TriggerPage:
    """By name."""
    views = service.orchestrator.triggers.listed(namespace)
    found = [view for view in views if (view.state.namespace, view.state.flow_id) == (namespace, flow_id)]
    part = found[page.offset : page.offset + page.limit]
    return TriggerPage(results=[trigger_body(view) for view in part], total=len(found))


@router.put("/triggers", summary="Switch a trigger, or start a backfill of it", responses=errors(404), **OPERATOR)
def update(service: TheService, change: TriggerChange) -> TriggerBody:
    """The backfill is like one of `/backfills`, one slot at a time."""
    view = service.orchestrator.triggers.find(change.full)
    if change.disabled is not None:
        view = _switch(service, change.full, enabled=not change.disabled)
    if change.backfill is not None:
        service.orchestrator.triggers.start_backfill(_request(service, change.full, change.backfill))
    service.triggers_changed()
    return trigger_body(view)


@router.post("/triggers/set-disabled/by-triggers", summary="Switch triggers", responses=errors(404), **OPERATOR)
def set_disabled(service: TheService, wanted: Switches) -> CountBody:
    """All of them, or none where one is not there."""
    for name in wanted.triggers:
        service.orchestrator.triggers.find(name.full)
    for name in wanted.triggers:
        _switch(service, name.full, enabled=not wanted.disabled)
    service.triggers_changed()
    return CountBody(count=len(wanted.triggers))


def trigger_body(view: TriggerView) -> TriggerBody:
    """Where a trigger stands."""
    state = view.state
    return TriggerBody(
        namespace=state.namespace,
        flow_id=state.flow_id,
        trigger_id=state.trigger_id,
        date=state.last_at,
        next_execution_date=state.next_at,
        timezone=view.zone,
        execution_id=view.running.id if view.running else None,
        last_execution_id=state.last_execution_id,
        disabled=not state.enabled,
        error=state.error,
    )


def _item(view: TriggerView) -> TriggerItem:
    trigger = view.trigger
    shown = None
    if trigger:
        own = {name: value for name, value in storable(trigger.properties).items() if name not in SECRET}
        shown = {"id": trigger.id, "type": trigger.type, "disabled": trigger.disabled} | own
    return TriggerItem(abstract_trigger=shown, trigger_context=trigger_body(view))


def _switch(service: Service, name: str, *, enabled: bool) -> TriggerView:
    triggers = service.orchestrator.triggers
    return triggers.enable(name) if enabled else triggers.disable(name)


def _request(service: Service, name: str, window: Window) -> BackfillRequest:
    end = window.end or service.orchestrator.parts.clock()
    return BackfillRequest(
        trigger=name,
        start=window.start.isoformat(),
        end=end.isoformat(),
        inputs=window.inputs or {},
        labels={label.key: label.value for label in window.labels or []},
    )
