"""Triggers as they stand, and backfills: what the scheduler remembers between two of its steps. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from taxi_pipelines.domain.flow import Flow, Trigger
from taxi_pipelines.domain.schedule import Cron, Dates, Times
from taxi_pipelines.domain.states import State

_CORE = "io.kestra.plugin.core.trigger."
SCHEDULE, ON_DATES = f"{_CORE}Schedule", f"{_CORE}ScheduleOnDates"
WEBHOOK, FLOW = f"{_CORE}Webhook", f"{_CORE}Flow"


@dataclass(frozen=True, kw_only=True, slots=True)
class TriggerState:
    """What is known of one trigger of a flow that is kept. `type` is the canonical name of its type.

    `enabled` is the user's own switch; what the flow says (`disabled`) counts besides. `timing` is what its times follow from: a
    flow saved with another one finds `next_at` anew. `next_at` is the next slot, or the next look of one that polls; None where
    nothing comes by itself. `last_at` is the slot that fired last. `waits_for` is an execution that must have ended first.
    `listens`: it wants to know of ended executions. `memory` is what a polling one has seen, or what a Flow trigger's window
    holds. `error`: why it could not fire. `version` counts its changes.
    """

    namespace: str
    flow_id: str
    trigger_id: str
    type: str
    enabled: bool = True
    timing: str = ""
    listens: bool = False
    next_at: datetime | None = None
    last_at: datetime | None = None
    last_execution_id: str | None = None
    waits_for: str | None = None
    memory: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None
    version: int = 1

    @property
    def name(self) -> str:
        """`namespace.flow.trigger`."""
        return f"{self.namespace}.{self.flow_id}.{self.trigger_id}"


def times_of(trigger: Trigger) -> Times | None:
    """The slots of a schedule; None of any other trigger."""
    zone = zone_of(trigger)
    if trigger.name == SCHEDULE:
        return Cron(str(trigger.properties["cron"]), zone)
    if trigger.name == ON_DATES:
        return Dates.parse([str(date) for date in trigger.properties["dates"]], zone)
    return None


def zone_of(trigger: Trigger) -> ZoneInfo:
    """The zone a schedule is meant in."""
    return ZoneInfo(str(trigger.properties.get("timezone") or "UTC"))


def first_state(flow: Flow, trigger: Trigger, now: datetime) -> TriggerState:
    """A trigger as it begins: its next slot is the first after now; one that polls looks at once."""
    timing = "" if flow.disabled or trigger.disabled else _timing(trigger)
    return TriggerState(
        namespace=flow.namespace,
        flow_id=flow.id,
        trigger_id=trigger.id,
        type=trigger.name,
        timing=timing,
        listens=bool(timing) and (trigger.name == FLOW or bool(trigger.properties.get("stopAfter"))),
        next_at=next_time(trigger, now) if timing else None,
    )


def next_time(trigger: Trigger, now: datetime) -> datetime | None:
    """When a trigger that begins, or begins again, is looked at first."""
    times = times_of(trigger)
    if times is not None:
        return next(times.after(now), None)
    return None if trigger.name in (WEBHOOK, FLOW) else now


def states_of(flow: Flow, now: datetime) -> list[TriggerState]:
    """All triggers of a flow, as they begin."""
    return [first_state(flow, trigger, now) for trigger in flow.triggers]


def kept_state(old: TriggerState | None, new: TriggerState) -> TriggerState:
    """What a trigger is after its flow was saved: as the flow says now, with what happened so far."""
    if old is None:
        return new
    goes_on = old.timing == new.timing and old.type == new.type
    kept = replace(
        new,
        enabled=old.enabled,
        next_at=(old.next_at if goes_on else new.next_at) if old.enabled else None,
        last_at=old.last_at,
        last_execution_id=old.last_execution_id,
        waits_for=old.waits_for,
        memory=old.memory if old.type == new.type else {},
        error=old.error if goes_on else None,
        version=old.version,
    )
    return old if kept == old else replace(kept, version=old.version + 1)


def _timing(trigger: Trigger) -> str:
    if trigger.name == SCHEDULE:
        return f"{trigger.properties['cron']} {zone_of(trigger)}"
    if trigger.name == ON_DATES:
        return f"{' '.join(map(str, trigger.properties['dates']))} {zone_of(trigger)}"
    return "listens" if trigger.name in (WEBHOOK, FLOW) else "polls"


class BackfillState(StrEnum):
    """What a backfill is doing, or how it ended."""

    RUNNING = "RUNNING"
    PAUSED = "PAUSED"  #: nothing more begins; what runs goes on
    CANCELLED = "CANCELLED"
    DONE = "DONE"


class SlotState(StrEnum):
    """What became of one slot of a backfill."""

    WAITING = "WAITING"
    RUNNING = "RUNNING"
    SUCCESS = "SUCCESS"
    WARNING = "WARNING"
    FAILED = "FAILED"
    SKIPPED = "SKIPPED"  #: it had succeeded already
    CANCELLED = "CANCELLED"  #: it had not begun when the backfill was cancelled

    @classmethod
    def of(cls, ended: State) -> SlotState:
        """That of a slot whose execution ended so."""
        return {State.SUCCESS: cls.SUCCESS, State.WARNING: cls.WARNING}.get(ended, cls.FAILED)


@dataclass(frozen=True, kw_only=True, slots=True)
class Backfill:
    """The slots of a schedule from `start` to `end`, both included, executed `parallel` at a time; `force`: succeeded ones too.

    `ended_at` is set when it is DONE or CANCELLED and nothing of it runs any more.
    """

    id: str
    namespace: str
    flow_id: str
    trigger_id: str
    start: datetime
    end: datetime
    parallel: int = 1
    inputs: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    force: bool = False
    state: BackfillState = BackfillState.RUNNING
    created_at: datetime
    ended_at: datetime | None = None

    @property
    def trigger(self) -> str:
        """`namespace.flow.trigger`."""
        return f"{self.namespace}.{self.flow_id}.{self.trigger_id}"


@dataclass(frozen=True, kw_only=True, slots=True)
class BackfillSlot:
    """One slot of a backfill, and the execution it has. `error`: why it could not have one."""

    backfill_id: str
    slot: datetime
    state: SlotState = SlotState.WAITING
    execution_id: str | None = None
    error: str | None = None
