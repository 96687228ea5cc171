"""`/backfills`: each told as one thing: how far it is, which slots failed and why, and the buttons that tend it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request, Response
from starlette.responses import StreamingResponse

from taxi_pipelines.api.routing import VIEWER, TheService
from taxi_pipelines.domain.trigger import Backfill, SlotState, zone_of
from taxi_pipelines.engine.parts import Parts
from taxi_pipelines.errors import PermanentError
from taxi_pipelines.scheduler.firing import trigger_of
from taxi_pipelines.service import Service
from taxi_pipelines.web.backfill_words import failures_of, look_of_backfill, sentence, standings_of, time_left
from taxi_pipelines.web.live import live
from taxi_pipelines.web.pages import ThePages
from taxi_pipelines.web.paging import PageNumber, turning
from taxi_pipelines.web.slot_cells import MOST_CELLS, grain_of, groups_of, slot_name, window_words

router = APIRouter()

ON_A_PAGE = 20
MOST_FAILURES = 3
"""So many are told with their reasons; all are cells, too."""

LOOK_SECONDS = 0.15
"""Slots are settled by a scheduler, of which no engine tells."""


@router.get("/backfills", **VIEWER)
def show_all(request: Request, pages: ThePages, service: TheService, number: PageNumber = 1) -> Response:
    """The newest first."""
    return pages.show(request, "backfills.html", **_listed(service, number))


@router.get("/backfills/live", **VIEWER)
def follow_all(request: Request, pages: ThePages, service: TheService, number: PageNumber = 1) -> StreamingResponse:
    """The list, as it changes."""

    def look() -> Mapping[str, str]:
        return {"backfill-rows": pages.block(request, "backfills.html", "rows", **_listed(service, number))}

    return live(service.news, look, every=LOOK_SECONDS)


@router.get("/backfills/{id}", **VIEWER)
def show(request: Request, pages: ThePages, service: TheService, id: str) -> Response:
    """One of them."""
    return pages.show(request, "backfill.html", **_context(service, id))


@router.get("/backfills/{id}/live", **VIEWER)
def follow(request: Request, pages: ThePages, service: TheService, id: str) -> StreamingResponse:
    """Its parts, as slots begin and end."""
    id = service.orchestrator.triggers.backfill(id).backfill.id

    def look() -> Mapping[str, str]:
        parts = pages.parts(request, "backfill.html", ["state", "buttons", "cells"], **_context(service, id))
        return {f"backfill-{name}": html for name, html in parts.items()}

    return live(service.news, look, every=LOOK_SECONDS)


def _listed(service: Service, number: int) -> dict[str, Any]:
    parts = service.orchestrator.parts
    all_of_them = parts.backfills.listed()
    shown = all_of_them[(number - 1) * ON_A_PAGE : number * ON_A_PAGE]
    counts = parts.backfills.counts([one.id for one in shown])
    zones = {name: _zone(parts, one) for name, one in {one.trigger: one for one in shown}.items()}
    rows = [
        {
            "it": one,
            "window": window_words(one.start, one.end, zones[one.trigger]),
            "look": look_of_backfill(one.state, counts.get(one.id, {})),
            "told": sentence(one.state, counts.get(one.id, {})),
            "failed": counts.get(one.id, {}).get(SlotState.FAILED, 0),
        }
        for one in shown
    ]
    turned = turning("/backfills", [], number, ON_A_PAGE, len(all_of_them))
    return {"rows": rows, "total": len(all_of_them), **turned}


def _zone(parts: Parts, backfill: Backfill) -> ZoneInfo:
    """Of its schedule; UTC where that is gone."""
    state = parts.triggers.find(backfill.namespace, backfill.flow_id, backfill.trigger_id)
    try:
        return zone_of(trigger_of(parts, state)[1]) if state else ZoneInfo("UTC")
    except PermanentError:
        return ZoneInfo("UTC")


def _context(service: Service, id: str) -> dict[str, Any]:
    view = service.orchestrator.triggers.backfill(id)
    parts, it, zone = service.orchestrator.parts, view.backfill, ZoneInfo(view.zone)
    grain = grain_of([slot.slot for slot in view.slots], zone)
    failures = failures_of(parts, view.slots, MOST_FAILURES)
    return {
        "it": it,
        "window": window_words(it.start, it.end, zone),
        "look": look_of_backfill(it.state, view.counts),
        "told": sentence(it.state, view.counts),
        "counts": {str(state): view.counts[state] for state in SlotState if view.counts.get(state)},
        "failures": [(slot_name(one.slot.slot, zone, grain), one) for one in failures],
        "more_failures": view.counts.get(SlotState.FAILED, 0) - len(failures),
        "left": time_left(parts, it, view.slots),
        "groups": groups_of(standings_of(view.slots), zone, grain),
        "grain": grain,
        "not_drawn": max(len(view.slots) - MOST_CELLS, 0),
        "slot_zone": view.zone,
    }
