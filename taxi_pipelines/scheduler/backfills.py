"""Backfills (S16): the slots of a window are planned, kept, and executed so many at a time, whoever looks next.

The plan is data: what a preview shows is what is kept and executed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.domain.flow import Flow, Trigger
from taxi_pipelines.domain.schedule import slots_between
from taxi_pipelines.domain.states import State
from taxi_pipelines.domain.trigger import (
    Backfill,
    BackfillSlot,
    BackfillState,
    SlotState,
    times_of,
    zone_of,
)
from taxi_pipelines.engine.launch import find_flow, resolve
from taxi_pipelines.engine.parts import Parts
from taxi_pipelines.engine.slot import given_by, slot_variables
from taxi_pipelines.errors import PermanentError, UsageError
from taxi_pipelines.scheduler.firing import named_trigger, slot_execution, slot_holds

MAX_SLOTS = 10_000
AT_ONCE = 100
"""So many waiting slots are looked at in one step."""

_MOMENT = timedelta(microseconds=1)
_WINDOW_HINT = "write it as 2021-01, 2021-01-31 or 2021-01-31T09:00"


@dataclass(frozen=True, kw_only=True, slots=True)
class BackfillRequest:
    """What somebody asks for. `trigger` is `namespace.flow.trigger`.

    `start` and `end` are months, days or times as ISO 8601, both included, of the schedule's zone unless they name one: an `end`
    of 2021-07 is the last moment of that month.
    """

    trigger: str
    start: str
    end: str
    parallel: int = 1
    inputs: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    force: bool = False


class SlotAction(StrEnum):
    """What a backfill does about a slot."""

    RUN = "run"
    SKIP = "skip"  #: it has succeeded
    WAIT = "wait"  #: an execution of it runs already, whose end counts


@dataclass(frozen=True, kw_only=True, slots=True)
class PlannedSlot:
    """One slot; `execution_id` is the one that has succeeded, or runs."""

    slot: datetime
    action: SlotAction
    execution_id: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class BackfillPlan:
    """Every slot of the window, earliest first; nothing is kept yet."""

    request: BackfillRequest
    flow: Flow
    trigger: Trigger
    start: datetime
    end: datetime
    slots: tuple[PlannedSlot, ...]

    @property
    def zone(self) -> ZoneInfo:
        """The schedule's."""
        return zone_of(self.trigger)


def plan(parts: Parts, flow: Flow, trigger: Trigger, request: BackfillRequest, now: datetime) -> BackfillPlan:
    """What a backfill would do. Raises UsageError and InputsInvalid; nothing is changed."""
    times, zone = times_of(trigger), zone_of(trigger)
    if times is None:
        raise UsageError(f"the trigger {trigger.id!r} is no schedule", "only schedules have slots to make up for")
    if flow.disabled:
        raise UsageError(f"the flow {flow.namespace}.{flow.id} is disabled", "remove `disabled: true` from it")
    if request.parallel < 1:
        raise UsageError(f"{request.parallel} slots at a time is too few", "at least 1 is needed")
    start, end = _beginning(request.start, zone), _ending(request.end, zone)
    if end < start:
        raise UsageError(f"the window {request.start} to {request.end} is empty", "give the earlier time first")
    slots = list(islice(slots_between(times, start, end + _MOMENT), MAX_SLOTS + 1))
    if len(slots) > MAX_SLOTS:
        raise UsageError(f"the window has more than {MAX_SLOTS:,} slots", "backfill it in parts")
    slots = [slot for slot in slots if slot_holds(parts, flow, trigger, slot, now)]
    executed = [] if request.force else parts.backfills.executed(flow.namespace, flow.id, trigger.id, start, end)
    standing = _standing(executed)
    planned = tuple(_planned(slot, standing.get(slot)) for slot in slots)
    _try_inputs(parts, flow, trigger, request, planned, now)
    return BackfillPlan(request=request, flow=flow, trigger=trigger, start=start, end=end, slots=planned)


def keep(parts: Parts, planned: BackfillPlan, now: datetime) -> Backfill:
    """Keeps a plan as a backfill that runs. Raises UsageError where there is no slot."""
    request = planned.request
    if not planned.slots:
        raise UsageError(f"there is no slot from {request.start} to {request.end}", "look at the schedule's cron")
    backfill = Backfill(
        id=parts.new_id(),
        namespace=planned.flow.namespace,
        flow_id=planned.flow.id,
        trigger_id=planned.trigger.id,
        start=planned.start,
        end=planned.end,
        parallel=request.parallel,
        inputs=request.inputs,
        labels=request.labels,
        force=request.force,
        created_at=now,
    )
    parts.backfills.create(backfill, [_kept(backfill.id, one) for one in planned.slots])
    return backfill


class BackfillDriver:
    """Goes on with backfills: settles what has ended, starts what may begin. Any number of processes may do so at a time."""

    def __init__(self, parts: Parts, on_fired: Callable[[Sequence[Execution]], None] = lambda executions: None) -> None:
        self._parts = parts
        self._on_fired = on_fired

    def step(self, now: datetime, backfill: Backfill) -> Backfill:
        """As it is afterwards. Raises PipelineError."""
        store = self._parts.backfills
        settled = store.settle(backfill.id, now) or backfill
        if settled.state is not BackfillState.RUNNING:
            return settled
        room = settled.parallel - len(store.slots(backfill.id, SlotState.RUNNING))
        waiting = store.slots(backfill.id, SlotState.WAITING, AT_ONCE) if room > 0 else []
        begun: list[Execution] = []
        for slot in waiting:
            if len(begun) < room and (execution := self._begin(settled, slot, now)):
                begun.append(execution)
        if begun:
            self._on_fired(begun)
        return store.settle(backfill.id, now) or settled

    def _begin(self, backfill: Backfill, slot: BackfillSlot, now: datetime) -> Execution | None:
        """Starts a slot; None where it needs none any more, cannot have one, or somebody else was first."""
        store = self._parts.backfills
        try:
            flow = find_flow(self._parts, backfill.namespace, backfill.flow_id)
            trigger = named_trigger(flow, backfill.trigger_id)
            if not backfill.force and (found := self._found(backfill, slot.slot)):
                store.change_slot(slot, replace(slot, state=found.state, execution_id=found.execution_id))
                return None
            execution = slot_execution(
                self._parts, flow, trigger, slot.slot, now, inputs=backfill.inputs, labels=backfill.labels
            )
        except PermanentError as error:
            store.change_slot(slot, replace(slot, state=SlotState.FAILED, error=str(error)))
            return None
        return execution if store.start(slot, execution) else None

    def _found(self, backfill: Backfill, slot: datetime) -> BackfillSlot | None:
        """What a slot is where it has succeeded since it was planned, or is being executed."""
        executed = self._parts.backfills.executed(backfill.namespace, backfill.flow_id, backfill.trigger_id, slot, slot)
        planned = _planned(slot, _standing(executed).get(slot))
        return None if planned.action is SlotAction.RUN else _kept(backfill.id, planned)


def _standing(executed: Iterable[tuple[datetime, str, State]]) -> dict[datetime, tuple[str, State]]:
    """What counts of each slot's executions: one that succeeded, else one that runs."""
    found: dict[datetime, tuple[str, State]] = {}
    for slot, execution_id, state in executed:
        held = found.get(slot)
        if held is None or held[1] is not State.SUCCESS:
            found[slot] = (execution_id, state)
    return found


def _planned(slot: datetime, standing: tuple[str, State] | None) -> PlannedSlot:
    if standing is not None and standing[1] is State.SUCCESS:
        return PlannedSlot(slot=slot, action=SlotAction.SKIP, execution_id=standing[0])
    if standing is not None and not standing[1].has_ended:
        return PlannedSlot(slot=slot, action=SlotAction.WAIT, execution_id=standing[0])
    return PlannedSlot(slot=slot, action=SlotAction.RUN)


_BEGINS_AS = {
    SlotAction.RUN: SlotState.WAITING,
    SlotAction.SKIP: SlotState.SKIPPED,
    SlotAction.WAIT: SlotState.RUNNING,
}


def _kept(backfill_id: str, one: PlannedSlot) -> BackfillSlot:
    return BackfillSlot(
        backfill_id=backfill_id, slot=one.slot, state=_BEGINS_AS[one.action], execution_id=one.execution_id
    )


def _try_inputs(
    parts: Parts, flow: Flow, trigger: Trigger, request: BackfillRequest, slots: Sequence[PlannedSlot], now: datetime
) -> None:
    """Whether the first slot to run has its inputs: what is wrong with all of them is said before anything is kept."""
    if secret := next((one.id for one in flow.inputs if one.type == "SECRET" and one.id in request.inputs), None):
        raise UsageError(
            f"input {secret!r} is a secret, which a backfill would keep", "let the trigger's inputs name it"
        )
    first = next((one for one in slots if one.action is SlotAction.RUN), None)
    if first is not None:
        variables = slot_variables(trigger, first.slot)
        given = given_by(parts, flow, trigger, variables)
        resolve(parts, flow, flow.inputs, {**given.inputs, **request.inputs}, now=now, trigger=variables)


def _beginning(text: str, zone: ZoneInfo) -> datetime:
    return _moment(text, zone)[0]


def _ending(text: str, zone: ZoneInfo) -> datetime:
    moment, length = _moment(text, zone)
    try:
        if length == "month":
            following = (moment.replace(day=1) + timedelta(days=32)).replace(day=1)
            return following.replace(tzinfo=zone).astimezone(UTC) - _MOMENT
        return (moment + timedelta(days=1)).astimezone(UTC) - _MOMENT if length == "day" else moment
    except OverflowError as error:
        raise UsageError(f"{text} is at the end of all calendars", "give an earlier end") from error


def _moment(text: str, zone: ZoneInfo) -> tuple[datetime, str]:
    """The moment it begins, and how long what is named lasts: a month, a day, a moment."""
    text = text.strip()
    is_month, is_day = re.fullmatch(r"\d{4}-\d{2}", text), re.fullmatch(r"\d{4}-\d{2}-\d{2}", text)
    try:
        moment = datetime.fromisoformat(f"{text}-01" if is_month else text)
    except ValueError as error:
        raise UsageError(f"{text!r} is neither a month, a day nor a time", _WINDOW_HINT) from error
    aware = moment if moment.tzinfo else moment.replace(tzinfo=zone)
    return aware, "month" if is_month else "day" if is_day else "moment"
