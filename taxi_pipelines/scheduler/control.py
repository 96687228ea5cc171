"""Every verb a user has on triggers and backfills, for the command line and the API alike."""

from __future__ import annotations

import hmac
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.domain.flow import Flow, Trigger
from taxi_pipelines.domain.trigger import (
    WEBHOOK,
    Backfill,
    BackfillSlot,
    BackfillState,
    SlotState,
    TriggerState,
    next_time,
    zone_of,
)
from taxi_pipelines.engine.launch import find_flow
from taxi_pipelines.engine.parts import Parts
from taxi_pipelines.errors import NotFound, PermanentError, StoreBusy, UsageError
from taxi_pipelines.flowspec.problems import nearest
from taxi_pipelines.scheduler.backfills import BackfillPlan, BackfillRequest, keep, plan
from taxi_pipelines.scheduler.conditions import Asked, all_hold
from taxi_pipelines.scheduler.firing import conditions_of, execution_of, rendering_of, trigger_of, with_started

TRIES = 5
"""How often a change is tried again that somebody else came before."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TriggerView:
    """A trigger as people see it. `trigger` is None, and `disabled_by_flow` set, where its flow cannot be read."""

    state: TriggerState
    trigger: Trigger | None
    zone: str
    disabled_by_flow: bool
    running: Execution | None


@dataclass(frozen=True, kw_only=True, slots=True)
class BackfillView:
    """A backfill with its slots, earliest first."""

    backfill: Backfill
    slots: tuple[BackfillSlot, ...]
    zone: str

    @property
    def counts(self) -> Mapping[SlotState, int]:
        """How many slots are in each state."""
        return Counter(slot.state for slot in self.slots)


@dataclass(frozen=True, slots=True)
class TriggerControl:
    """The verbs, on one configuration's stores."""

    parts: Parts

    # ------------------------------------------------------------------ triggers

    def listed(self, namespace: str | None = None) -> list[TriggerView]:
        """All triggers of a namespace and those below it, by name."""
        return [self._view(state) for state in self.parts.triggers.listed(namespace)]

    def find(self, name: str) -> TriggerView:
        """A trigger by `namespace.flow.trigger`. Raises NotFound, naming the nearest."""
        return self._view(self._state(name))

    def enable(self, name: str) -> TriggerView:
        """Lets it fire again, from now on: what it missed meanwhile stays missed."""
        return self._switch(name, enabled=True)

    def disable(self, name: str) -> TriggerView:
        """Lets it fire no more; what it started goes on."""
        return self._switch(name, enabled=False)

    def find_webhook(self, namespace: str, flow_id: str, key: str) -> Trigger:
        """The flow's Webhook trigger with that key. Raises NotFound, in the same words whatever is not there."""
        return self._webhook(namespace, flow_id, key)[1]

    def webhook(self, namespace: str, flow_id: str, key: str, call: Mapping[str, Any]) -> Execution | None:
        """Starts what a call of a webhook asks for; stored. None where conditions do not hold.

        `call` is what the flow sees as `trigger`: body, headers, parameters. Raises NotFound; UsageError where it is disabled.
        """
        flow, trigger, state = self._webhook(namespace, flow_id, key)
        if not state.enabled or trigger.disabled or flow.disabled:
            raise UsageError(f"the trigger {state.name} is disabled", f"run: taxi trigger enable {state.name}")
        now = self.parts.clock()
        variables = {**call, "id": trigger.id, "type": trigger.type}
        asked = Asked(parts=self.parts, flow=flow, rendering=rendering_of(self.parts, flow, variables, now))
        if not all_hold(conditions_of(trigger), asked):
            return None
        execution = execution_of(self.parts, flow, trigger, variables, now)
        for _ in range(TRIES):
            after = with_started(replace(state, last_at=now, error=None), trigger, [execution])
            if self.parts.triggers.change([(state, replace(after, waits_for=None))], new_executions=[execution]):
                return execution
            state = self._state(state.name)
        raise _too_busy(state.name)

    # ------------------------------------------------------------------ backfills

    def plan_backfill(self, request: BackfillRequest) -> BackfillPlan:
        """What a backfill would do, slot by slot; nothing is changed. Raises NotFound, UsageError."""
        flow, trigger = trigger_of(self.parts, self._state(request.trigger))
        return plan(self.parts, flow, trigger, request, self.parts.clock())

    def start_backfill(self, request: BackfillRequest) -> Backfill:
        """Keeps the plan as a backfill; schedulers go on with it. Raises NotFound, UsageError."""
        return keep(self.parts, self.plan_backfill(request), self.parts.clock())

    def backfills(self) -> list[BackfillView]:
        """All of them, newest first."""
        return [self._backfill_view(one) for one in self.parts.backfills.listed()]

    def backfill(self, id_or_prefix: str) -> BackfillView:
        """One of them. Raises NotFound and AmbiguousId."""
        return self._backfill_view(self._backfill(id_or_prefix))

    def pause_backfill(self, id_or_prefix: str) -> BackfillView:
        """Lets no further slot begin; what runs goes on."""
        return self._move(id_or_prefix, {BackfillState.RUNNING}, BackfillState.PAUSED)

    def resume_backfill(self, id_or_prefix: str) -> BackfillView:
        """Goes on with a paused one."""
        return self._move(id_or_prefix, {BackfillState.PAUSED}, BackfillState.RUNNING)

    def cancel_backfill(self, id_or_prefix: str) -> BackfillView:
        """Gives up the slots that have not begun; what runs goes on to its end."""
        live = {BackfillState.RUNNING, BackfillState.PAUSED}
        moved = self._move(id_or_prefix, live, BackfillState.CANCELLED, {SlotState.WAITING: SlotState.CANCELLED})
        settled = self.parts.backfills.settle(moved.backfill.id, self.parts.clock())
        return self._backfill_view(settled or moved.backfill)

    def retry_backfill(self, id_or_prefix: str) -> BackfillView:
        """Tries the failed slots again. Raises UsageError where there is none."""
        view = self.backfill(id_or_prefix)
        if not view.counts.get(SlotState.FAILED):
            raise UsageError(f"backfill {view.backfill.id} has no failed slot", "there is nothing to retry")
        return self._move(
            view.backfill.id, set(BackfillState), BackfillState.RUNNING, {SlotState.FAILED: SlotState.WAITING}
        )

    # ------------------------------------------------------------------ inside

    def _state(self, name: str) -> TriggerState:
        flow, _, trigger_id = name.rpartition(".")
        pieces = flow.split(".")
        for cut in range(len(pieces) - 1, 0, -1):  # a flow's id may have dots of its own
            found = self.parts.triggers.find(".".join(pieces[:cut]), ".".join(pieces[cut:]), trigger_id)
            if found:
                return found
        known = [state.name for state in self.parts.triggers.listed()]
        hint = nearest(name, known) if known else "no flow that is kept has one"
        raise NotFound(f"there is no trigger {name}", hint)

    def _view(self, state: TriggerState) -> TriggerView:
        flow, trigger = self._readable(state)
        last = self.parts.executions.find(state.last_execution_id) if state.last_execution_id else None
        return TriggerView(
            state=state,
            trigger=trigger,
            zone=str(zone_of(trigger)) if trigger else "UTC",
            disabled_by_flow=flow is None or trigger is None or flow.disabled or trigger.disabled,
            running=last if last and not last.state.has_ended else None,
        )

    def _readable(self, state: TriggerState) -> tuple[Flow | None, Trigger | None]:
        try:
            return trigger_of(self.parts, state)
        except PermanentError:
            return None, None

    def _switch(self, name: str, *, enabled: bool) -> TriggerView:
        for _ in range(TRIES):
            state = self._state(name)
            if state.enabled is enabled:
                return self._view(state)
            _, trigger = trigger_of(self.parts, state) if enabled else (None, None)
            next_at = next_time(trigger, self.parts.clock()) if trigger and state.timing else None
            after = replace(state, enabled=enabled, next_at=next_at, waits_for=None, error=None)
            if self.parts.triggers.change([(state, after)]):
                return self._view(self._state(name))
        raise _too_busy(name)

    def _webhook(self, namespace: str, flow_id: str, key: str) -> tuple[Flow, Trigger, TriggerState]:
        now = self.parts.clock()
        try:
            flow: Flow | None = find_flow(self.parts, namespace, flow_id)
        except PermanentError:
            flow = None
        for trigger in flow.triggers if flow else ():
            if flow is None or trigger.name != WEBHOOK:
                continue
            wanted = rendering_of(self.parts, flow, {}, now, secrets=[]).text(trigger.properties["key"])
            state = self.parts.triggers.find(namespace, flow_id, trigger.id)
            if hmac.compare_digest(wanted.encode(), key.encode()) and state:
                return flow, trigger, state
        raise NotFound(f"there is no webhook of {namespace}.{flow_id} with that key", "look at the flow's triggers")

    def _backfill(self, id_or_prefix: str) -> Backfill:
        found = self.parts.backfills.find(id_or_prefix)
        if found is None:
            raise NotFound(f"there is no backfill {id_or_prefix}", "`taxi trigger backfills list` shows them")
        return found

    def _backfill_view(self, backfill: Backfill) -> BackfillView:
        state = self.parts.triggers.find(backfill.namespace, backfill.flow_id, backfill.trigger_id)
        trigger = self._readable(state)[1] if state else None
        slots = tuple(self.parts.backfills.slots(backfill.id))
        return BackfillView(backfill=backfill, slots=slots, zone=str(zone_of(trigger)) if trigger else "UTC")

    def _move(
        self,
        id_or_prefix: str,
        of: set[BackfillState],
        to: BackfillState,
        slots: Mapping[SlotState, SlotState] | None = None,
    ) -> BackfillView:
        for _ in range(TRIES):
            backfill = self._backfill(id_or_prefix)
            if backfill.state not in of:
                states = " or ".join(sorted(of))
                raise UsageError(f"backfill {backfill.id} is {backfill.state}", f"this takes one that is {states}")
            after = replace(backfill, state=to, ended_at=None)
            if self.parts.backfills.change(backfill, after, slots):
                return self._backfill_view(after)
        raise _too_busy(f"backfill {id_or_prefix}")


def _too_busy(what: str) -> StoreBusy:
    return StoreBusy(f"{what} is being changed by somebody else all the time", "try again")
