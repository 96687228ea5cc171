"""Triggers and backfills as JSON shows them: the one shape for `taxi … --json` and the API. camelCase, times ISO 8601."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from taxi_pipelines.domain.trigger import Backfill, BackfillSlot
from taxi_pipelines.engine.context import iso
from taxi_pipelines.scheduler.backfills import BackfillPlan, SlotAction
from taxi_pipelines.scheduler.control import BackfillView, TriggerView


def trigger_view(view: TriggerView) -> dict[str, Any]:
    """A trigger; its times as its zone's clocks show them."""
    state, zone = view.state, ZoneInfo(view.zone)
    return {
        "namespace": state.namespace,
        "flowId": state.flow_id,
        "triggerId": state.trigger_id,
        "type": state.type,
        "state": state_word(view),
        "timezone": view.zone,
        "lastDate": _in_zone(state.last_at, zone),
        "nextDate": _in_zone(state.next_at, zone),
        "lastExecutionId": state.last_execution_id,
        "runningExecutionId": view.running and view.running.id,
        "error": state.error,
    }


def state_word(view: TriggerView) -> str:
    """ENABLED, DISABLED by its user, or DISABLED_BY_FLOW."""
    if not view.state.enabled:
        return "DISABLED"
    return "DISABLED_BY_FLOW" if view.disabled_by_flow else "ENABLED"


def backfill_view(view: BackfillView, *, slots: bool = True) -> dict[str, Any]:
    """A backfill; with its slots, if so."""
    zone = ZoneInfo(view.zone)
    return _backfill(view.backfill, zone) | {
        "counts": {str(state): count for state, count in sorted(view.counts.items())},
        **({"slots": [_slot(slot, zone) for slot in view.slots]} if slots else {}),
    }


def plan_view(plan: BackfillPlan) -> dict[str, Any]:
    """What a backfill would do."""
    actions = [slot.action for slot in plan.slots]
    return {
        "trigger": plan.request.trigger,
        "start": _in_zone(plan.start, plan.zone),
        "end": _in_zone(plan.end, plan.zone),
        "timezone": str(plan.zone),
        "counts": {str(action): actions.count(action) for action in SlotAction if action in actions},
        "slots": [
            {"slot": _in_zone(one.slot, plan.zone), "action": str(one.action), "executionId": one.execution_id}
            for one in plan.slots
        ],
    }


def _backfill(backfill: Backfill, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "id": backfill.id,
        "trigger": backfill.trigger,
        "state": str(backfill.state),
        "start": _in_zone(backfill.start, zone),
        "end": _in_zone(backfill.end, zone),
        "timezone": str(zone),
        "parallel": backfill.parallel,
        "force": backfill.force,
        "inputs": dict(backfill.inputs),
        "labels": dict(backfill.labels),
        "createdAt": iso(backfill.created_at),
        "endedAt": iso(backfill.ended_at),
    }


def _slot(slot: BackfillSlot, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "slot": _in_zone(slot.slot, zone),
        "state": str(slot.state),
        "executionId": slot.execution_id,
        "error": slot.error,
    }


def _in_zone(moment: datetime | None, zone: ZoneInfo) -> str | None:
    return iso(moment and moment.astimezone(zone))
