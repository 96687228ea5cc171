"""What firing a trigger makes: executions, and the trigger as it stands afterwards. Whoever calls stores them together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.domain.flow import Flow, Trigger
from taxi_pipelines.domain.states import State
from taxi_pipelines.domain.trigger import TriggerState, times_of
from taxi_pipelines.engine.launch import find_flow, new_execution
from taxi_pipelines.engine.lookup import trigger_environment
from taxi_pipelines.engine.parts import Parts
from taxi_pipelines.engine.rendering import Rendering
from taxi_pipelines.engine.slot import given_by, slot_variables
from taxi_pipelines.errors import NotFound, PermanentError
from taxi_pipelines.scheduler.conditions import Asked, all_hold
from taxi_pipelines.scheduler.schedules import due_slots


@dataclass(frozen=True, kw_only=True, slots=True)
class Fired:
    """The trigger afterwards, and what it started."""

    state: TriggerState
    executions: tuple[Execution, ...] = ()


def trigger_of(parts: Parts, state: TriggerState) -> tuple[Flow, Trigger]:
    """The trigger as its flow has it now. Raises NotFound and FlowInvalid."""
    flow = find_flow(parts, state.namespace, state.flow_id)
    return flow, named_trigger(flow, state.trigger_id)


def named_trigger(flow: Flow, id: str) -> Trigger:
    """One of a flow's triggers. Raises NotFound."""
    found = next((trigger for trigger in flow.triggers if trigger.id == id), None)
    if found is None:
        raise NotFound(f"the flow {flow.namespace}.{flow.id} has no trigger {id!r}", "look at: taxi trigger list")
    return found


def rendering_of(
    parts: Parts, flow: Flow, variables: Mapping[str, Any], now: datetime, *, secrets: list[str] | None = None
) -> Rendering:
    """For templates of a trigger; they see what happened as `trigger`."""
    context = {
        "flow": {"id": flow.id, "namespace": flow.namespace, "revision": flow.revision},
        "trigger": variables,
        "vars": flow.variables,
    }
    return Rendering(context, trigger_environment(parts, flow, now, secrets=secrets))


def conditions_of(trigger: Trigger) -> list[Mapping[str, Any]]:
    """What must hold, under either name."""
    return [*trigger.properties.get("conditions", []), *trigger.properties.get("scheduleConditions", [])]


def execution_of(
    parts: Parts,
    flow: Flow,
    trigger: Trigger,
    variables: Mapping[str, Any],
    now: datetime,
    *,
    inputs: Mapping[str, Any] | None = None,
    labels: Mapping[str, str] | None = None,
) -> Execution:
    """The execution that a trigger starts; its own inputs and labels count less than those given.

    Where inputs are missing or wrong, it is FAILED already and says why, so that it is seen and alerts are sent.
    Raises UsageError where the flow is disabled.
    """
    try:
        given = given_by(parts, flow, trigger, variables)
        return new_execution(
            parts,
            flow,
            {**given.inputs, **(inputs or {})},
            now=now,
            labels={**given.labels, **(labels or {})},
            trigger=variables,
        )
    except PermanentError as error:
        if flow.disabled:
            raise
        return Execution(
            id=parts.new_id(),
            namespace=flow.namespace,
            flow_id=flow.id,
            flow_revision=flow.revision,
            state=State.FAILED,
            labels={**flow.labels, **(labels or {})},
            variables=dict(flow.variables),
            trigger=variables,
            error=f"it could not begin: {error}",
            created_at=now,
            started_at=now,
            ended_at=now,
        )


def slot_holds(parts: Parts, flow: Flow, trigger: Trigger, slot: datetime, now: datetime) -> bool:
    """Whether the conditions of a schedule hold for a slot."""
    conditions = conditions_of(trigger)
    if not conditions:
        return True
    rendering = rendering_of(parts, flow, slot_variables(trigger, slot), now)
    return all_hold(conditions, Asked(parts=parts, flow=flow, rendering=rendering))


def slot_execution(
    parts: Parts, flow: Flow, trigger: Trigger, slot: datetime, now: datetime, **more: Mapping[str, Any]
) -> Execution:
    """That of a slot; `next` and `previous` are the slots around it on which the conditions hold."""
    variables = slot_variables(trigger, slot, holds=lambda other: slot_holds(parts, flow, trigger, other, now))
    return execution_of(parts, flow, trigger, variables, now, **more)


def fire_schedule(parts: Parts, flow: Flow, trigger: Trigger, state: TriggerState, now: datetime) -> Fired:
    """What is due of a schedule. One that may not run beside itself starts one slot at a time."""
    times = times_of(trigger)
    assert times is not None and state.next_at is not None
    late = trigger.properties.get("lateMaximumDelay")
    due = due_slots(
        times,
        state.next_at,
        now,
        str(trigger.properties.get("recoverMissedSchedules") or "ALL"),
        rendering_of(parts, flow, {}, now).duration(late) if late else None,
    )
    started: list[tuple[datetime, Execution]] = []
    next_at = due.next_at
    for slot in due.slots:
        if slot_holds(parts, flow, trigger, slot, now):
            started.append((slot, slot_execution(parts, flow, trigger, slot, now)))
            if not trigger.properties.get("allowConcurrent"):
                next_at = next(times.after(slot), None)
                break
    executions = [execution for _, execution in started]
    after = replace(state, next_at=next_at, last_at=started[-1][0] if started else state.last_at, error=None)
    return Fired(state=with_started(after, trigger, executions), executions=tuple(executions))


def with_started(state: TriggerState, trigger: Trigger, executions: Sequence[Execution]) -> TriggerState:
    """The trigger after it started these."""
    if not executions:
        return state
    last = executions[-1]
    waits_for = None if trigger.properties.get("allowConcurrent") else last.id
    return replace(state, last_execution_id=last.id, waits_for=waits_for, error=last.error)
