"""`/triggers/{namespace}/{flow}/{trigger}/backfill`: which slots, with which inputs, what would happen: a page and a dialog."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.datastructures import QueryParams

from taxi_pipelines.api.routing import VIEWER, TheService
from taxi_pipelines.domain.flow import Flow, Input, Trigger
from taxi_pipelines.domain.text import plain_text
from taxi_pipelines.domain.trigger import times_of, zone_of
from taxi_pipelines.engine.parts import Parts
from taxi_pipelines.errors import NotFound, PipelineError, UsageError
from taxi_pipelines.flowspec.input_values import choices
from taxi_pipelines.scheduler.backfills import BackfillRequest, SlotAction
from taxi_pipelines.scheduler.firing import trigger_of
from taxi_pipelines.service import Service
from taxi_pipelines.web.backfill_words import plan_sentence, standings_of_plan
from taxi_pipelines.web.execute_fields import Field, field_of
from taxi_pipelines.web.pages import Pages, ThePages, wants_part
from taxi_pipelines.web.slot_cells import MOST_CELLS, Grain, grain_of, groups_of
from taxi_pipelines.web.trigger_words import as_written, kind_words

router = APIRouter()

TEMPLATE = "backfill_new.html"
ADDRESS = "/triggers/{namespace}/{flow_id}/{trigger_id}/backfill"
DEFAULT_SLOTS = 12
"""So many of the last slots are proposed."""

_INPUT = "in."
"""How the names of fields begin that are inputs."""


@router.get(ADDRESS, **VIEWER)
def show(
    request: Request, pages: ThePages, service: TheService, namespace: str, flow_id: str, trigger_id: str
) -> Response:
    """With the slots of the last year or so, unless the address says others."""
    parts = service.orchestrator.parts
    flow, trigger = _found(parts, namespace, flow_id, trigger_id)
    fields = _fields(flow, trigger, pages.now())
    name = f"{namespace}.{flow_id}.{trigger_id}"
    proposed = {"start": fields["start"], "end": fields["end"], "parallel": "1"}
    wanted = _request(name, flow, request.query_params, proposed)
    context = fields | _preview(service, pages, wanted, trigger)
    context |= {"start": wanted.start, "end": wanted.end, "parallel": wanted.parallel}
    context |= {"flow": flow, "trigger": trigger, "name": name, "address": request.url.path}
    if wants_part(request, "backfill-dialog"):
        return pages.part(request, TEMPLATE, "form", **context, is_dialog=True)
    return pages.show(request, TEMPLATE, **context, is_dialog=False)


@router.get(f"{ADDRESS}/preview", **VIEWER)
def preview(
    request: Request, pages: ThePages, service: TheService, namespace: str, flow_id: str, trigger_id: str
) -> Response:
    """What would happen about every slot of what the form asks for; nothing is changed."""
    flow, trigger = _found(service.orchestrator.parts, namespace, flow_id, trigger_id)
    wanted = _request(f"{namespace}.{flow_id}.{trigger_id}", flow, request.query_params, {})
    return pages.part(request, TEMPLATE, "preview", **_preview(service, pages, wanted, trigger))


def _found(parts: Parts, namespace: str, flow_id: str, trigger_id: str) -> tuple[Flow, Trigger]:
    state = parts.triggers.find(namespace, flow_id, trigger_id)
    if state is None:
        raise NotFound(f"there is no trigger {namespace}.{flow_id}.{trigger_id}", "/triggers lists them")
    flow, trigger = trigger_of(parts, state)
    if times_of(trigger) is None:
        raise UsageError(f"the trigger {trigger_id!r} is no schedule", "only schedules have slots to make up for")
    return flow, trigger


def _fields(flow: Flow, trigger: Trigger, now: datetime) -> dict[str, Any]:
    """Months where no two slots are of one month, else days; until the last slot that has come."""
    times, zone = times_of(trigger), zone_of(trigger)
    assert times is not None
    last = list(islice(times.before(now), DEFAULT_SLOTS))[::-1]
    grain = grain_of([*last, *islice(times.after(now), 2)], zone)
    written = "%Y-%m" if grain is Grain.MONTH else "%Y-%m-%d"
    first, latest = (last[0], last[-1]) if last else (now, now)
    return {
        "kind": "month" if grain is Grain.MONTH else "date",
        "start": first.astimezone(zone).strftime(written),
        "end": latest.astimezone(zone).strftime(written),
        "latest": max(now, latest).astimezone(zone).strftime(written),
        "fires": kind_words(trigger),
        "written": as_written(trigger),
        "slot_zone": str(zone),
        "inputs": _inputs(flow, trigger),
    }


def _inputs(flow: Flow, trigger: Trigger) -> list[Field]:
    """Empty, for what the trigger gives counts then; without files, and without secrets, which a backfill would keep."""
    given: Mapping[str, Any] = trigger.properties.get("inputs") or {}
    return [_empty(one, given.get(one.id)) for one in flow.inputs if one.type not in ("SECRET", "FILE")]


def _empty(one: Input, given: Any) -> Field:
    begins = ""
    if given is not None:
        begins = f"If left empty, the trigger gives {_said(given)}"
    elif one.has_defaults:
        begins = f"If left empty: {_said(one.defaults)}"
    said = ". ".join(part for part in ((one.description or "").rstrip("."), begins) if part)
    return field_of(replace(one, required=False, has_defaults=False, defaults=None, description=said), [])


def _said(value: Any) -> str:
    return ", ".join(plain_text(part) for part in value) if isinstance(value, list) else plain_text(value)


def _request(name: str, flow: Flow, params: QueryParams, proposed: Mapping[str, str]) -> BackfillRequest:
    """What the form says but for labels, on which no plan depends; empty inputs are not given."""
    given = {**proposed, **params}
    parallel = given.get("parallel", "").strip()
    return BackfillRequest(
        trigger=name,
        start=given.get("start", ""),
        end=given.get("end", ""),
        parallel=int(parallel) if parallel.isdecimal() else 0,
        inputs={one.id: value for one in flow.inputs if (value := _value(one, params))},
        force=bool(given.get("force")),
    )


def _value(one: Input, params: QueryParams) -> str:
    """As static/backfills.js gives it to the API: of several boxes a JSON list."""
    values = [value for value in params.getlist(f"{_INPUT}{one.id}") if value]
    if values and one.type == "MULTISELECT" and values[0] in choices(one):
        return json.dumps(values)
    return values[0] if values else ""


def _preview(service: Service, pages: Pages, wanted: BackfillRequest, trigger: Trigger) -> dict[str, Any]:
    parts, zone = service.orchestrator.parts, zone_of(trigger)
    try:
        plan = service.orchestrator.triggers.plan_backfill(wanted)
    except PipelineError as error:
        return {"error": error, "to_run": 0, "groups": [], "told": "", "grain": Grain.DAY, "not_drawn": 0}
    standings = standings_of_plan(parts, plan)
    grain = grain_of([one.slot for one in plan.slots], zone)
    return {
        "error": None,
        "told": plan_sentence(plan, standings, pages.now()) if plan.slots else "",
        "to_run": sum(one.action is not SlotAction.SKIP for one in plan.slots),
        "groups": groups_of(standings, zone, grain),
        "grain": grain,
        "not_drawn": max(len(plan.slots) - MOST_CELLS, 0),
    }
