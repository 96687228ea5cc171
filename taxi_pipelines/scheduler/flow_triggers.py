"""Flow triggers (S20): what the end of an execution starts, and which triggers it stops (`stopAfter`).

Every ended execution is taken once, in the transaction that stores what it started. A flow is never started by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.domain.flow import Flow, Trigger
from taxi_pipelines.domain.states import State
from taxi_pipelines.domain.text import label_map
from taxi_pipelines.domain.trigger import FLOW, TriggerState
from taxi_pipelines.engine.context import iso
from taxi_pipelines.engine.parts import Parts
from taxi_pipelines.engine.rendering import Rendering, validated
from taxi_pipelines.errors import UsageError
from taxi_pipelines.scheduler.conditions import MULTIPLE, Asked, all_hold, holds
from taxi_pipelines.scheduler.filters import passes
from taxi_pipelines.scheduler.firing import Fired, conditions_of, execution_of, rendering_of, trigger_of, with_started
from taxi_pipelines.scheduler.windows import DAY, Rule, Window
from taxi_pipelines.task_types import Role
from taxi_pipelines.tasks.conditions import Multiple, TimeWindow
from taxi_pipelines.tasks.triggers import FlowTrigger, Preconditions, UpstreamFlow


def react(parts: Parts, state: TriggerState, ended: Execution, now: datetime) -> Fired:
    """What the end of an execution does to a trigger that listens. Raises PipelineError where it cannot be asked."""
    flow, trigger = trigger_of(parts, state)
    if _stops(flow, trigger, ended):
        said = f"stopped, because execution {ended.id} ended {ended.state}"
        return Fired(state=replace(state, enabled=False, next_at=None, error=said))
    if trigger.name != FLOW or (flow.namespace, flow.id) == (ended.namespace, ended.flow_id):
        return Fired(state=state)
    return _fire(parts, flow, trigger, state, ended, now)


def _stops(flow: Flow, trigger: Trigger, ended: Execution) -> bool:
    its_own = (flow.namespace, flow.id) == (ended.namespace, ended.flow_id)
    started_it = (ended.trigger or {}).get("id") == trigger.id
    return its_own and started_it and str(ended.state) in map(str, trigger.properties.get("stopAfter", []))


def _fire(parts: Parts, flow: Flow, trigger: Trigger, state: TriggerState, ended: Execution, now: datetime) -> Fired:
    own = {key: value for key, value in trigger.properties.items() if key in ("states", "preconditions")}
    properties = validated(FlowTrigger, own)
    if ended.state not in properties.states:
        return Fired(state=state)
    variables = {"id": trigger.id, "type": trigger.type, **_variables(parts, ended)}
    asked = Asked(parts=parts, flow=flow, rendering=rendering_of(parts, flow, variables, now), execution=ended)
    conditions = conditions_of(trigger)
    if not all_hold([one for one in conditions if not _is_multiple(parts, one)], asked):
        return Fired(state=state)
    counts = [*_preconditions(properties.preconditions, asked), *_multiples(parts, conditions, asked)]
    if not counts:
        return _started(parts, flow, trigger, state, variables, now)
    counted = [one.count(state.memory.get(one.id, {}), ended, now, asked) for one in counts]
    memory = {one.id: met.memory for one, met in zip(counts, counted, strict=True)}
    kept = replace(state, memory=memory)
    if not (all(met.is_complete for met in counted) and any(met.is_new for met in counted)):
        return Fired(state=kept)
    kept = replace(kept, memory={one.id: {} if one.resets else memory[one.id] for one in counts})
    outputs = _merged(parts, [id for met in counted for id in met.executions], ended)
    return _started(parts, flow, trigger, kept, variables | {"outputs": outputs}, now)


def _started(
    parts: Parts, flow: Flow, trigger: Trigger, state: TriggerState, variables: Mapping[str, Any], now: datetime
) -> Fired:
    execution = execution_of(parts, flow, trigger, variables, now)
    after = with_started(replace(state, last_at=now, error=None), trigger, [execution])
    return Fired(state=replace(after, waits_for=None), executions=(execution,))


def _variables(parts: Parts, ended: Execution) -> dict[str, Any]:
    runs = parts.executions.task_runs(ended.id)
    return {
        "executionId": ended.id,
        "executionLabels": dict(ended.labels),
        "namespace": ended.namespace,
        "flowId": ended.flow_id,
        "flowRevision": ended.flow_revision,
        "state": str(ended.state),
        "startDate": iso(ended.started_at or ended.created_at),
        "endDate": iso(ended.ended_at),
        "firstFailedTaskId": next((run.task_id for run in runs if run.state is State.FAILED), None),
        "lastTaskId": runs[-1].task_id if runs else None,
        "outputs": dict(ended.outputs),
    }


def _merged(parts: Parts, ids: list[str], ended: Execution) -> dict[str, Any]:
    """The outputs of all that were waited for; those of the last one count most."""
    merged: dict[str, Any] = {}
    for id in ids:
        if id != ended.id and (execution := parts.executions.find(id)):
            merged |= execution.outputs
    return merged | dict(ended.outputs)


@dataclass(frozen=True, kw_only=True, slots=True)
class _Met:
    """What has happened of what is counted: `memory` is kept; `is_new`: this execution was one of them."""

    memory: Mapping[str, Any]
    is_complete: bool
    is_new: bool
    executions: list[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Count:
    """Several things to wait for within a window, by name."""

    id: str
    rule: Rule
    resets: bool
    wanted: Mapping[str, Any]  #: name → an upstream flow, a filter or a condition

    def count(self, memory: Mapping[str, Any], ended: Execution, now: datetime, asked: Asked) -> _Met:
        """With an execution that has ended."""
        held = _window(memory)
        window = self.rule.at(now, held, asked.parts.zone)
        if window is None:
            return _Met(memory=memory, is_complete=False, is_new=False, executions=[])
        met = {
            name: one
            for name, one in memory.get("met", {}).items()
            if name in self.wanted and window.holds(datetime.fromisoformat(one["at"]))
        }
        new = {
            name: {"at": now.isoformat(), "execution": ended.id}
            for name, what in self.wanted.items()
            if _matches(what, asked)
        }
        met |= new
        return _Met(
            memory={"start": window.start.isoformat(), "end": window.end.isoformat(), "met": met},
            is_complete=met.keys() == self.wanted.keys(),
            is_new=bool(new),
            executions=[one["execution"] for one in met.values()],
        )


def _window(memory: Mapping[str, Any]) -> Window | None:
    if "start" not in memory:
        return None
    return Window(start=datetime.fromisoformat(memory["start"]), end=datetime.fromisoformat(memory["end"]))


def _matches(what: Any, asked: Asked) -> bool:
    if isinstance(what, UpstreamFlow):
        return _is_of(what, asked.ended)
    return holds(what, asked) if isinstance(what, Mapping) else passes(what, asked)


def _is_of(what: UpstreamFlow, ended: Execution) -> bool:
    return (
        ended.namespace == what.namespace
        and what.flow_id in (None, ended.flow_id)
        and (not what.states or ended.state in what.states)
        and label_map(what.labels).items() <= ended.labels.items()
    )


def _preconditions(given: Preconditions | None, asked: Asked) -> Iterator[_Count]:
    if given is None:
        return
    wanted: dict[str, Any] = {
        f"{number} {one.namespace}.{one.flow_id or '*'}": one for number, one in enumerate(given.flows)
    }
    wanted |= {f"where {one.id}": one for one in given.where}
    if not wanted:
        raise UsageError(f"the preconditions {given.id!r} name nothing to wait for", "give flows, or where")
    rule = _rule(given.time_window, asked.rendering)
    yield _Count(id=given.id, rule=rule, resets=given.reset_on_success, wanted=wanted)


def _multiples(parts: Parts, conditions: list[Mapping[str, Any]], asked: Asked) -> Iterator[_Count]:
    for condition in conditions:
        if _is_multiple(parts, condition):
            own = {key: value for key, value in condition.items() if key != "type" and value is not None}
            it = validated(Multiple, own)
            rule = _rule(it.time_window, asked.rendering)
            if it.window:
                rule = replace(rule, window=asked.rendering.duration(it.window))
            if it.window_advance:
                rule = replace(rule, advance=asked.rendering.duration(it.window_advance))
            yield _Count(id=it.id, rule=rule, resets=it.reset_on_success, wanted=it.conditions)


def _is_multiple(parts: Parts, condition: Mapping[str, Any]) -> bool:
    spec = parts.catalog.find(str(condition["type"]), Role.CONDITION)
    return spec is not None and spec.name == MULTIPLE


def _rule(given: TimeWindow, rendering: Rendering) -> Rule:
    return Rule(
        type=given.type,
        window=rendering.duration(given.window) if given.window else DAY,
        advance=rendering.duration(given.window_advance) if given.window_advance else DAY * 0,
        deadline=given.deadline,
        start_time=given.start_time,
        end_time=given.end_time,
    )
