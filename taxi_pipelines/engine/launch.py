"""New executions: a flow is found and parsed, inputs are resolved, and the first value of an execution is made."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, cast

from taxi_pipelines.domain.execution import Caller, Execution
from taxi_pipelines.domain.flow import Flow, Input
from taxi_pipelines.domain.records import StoredFlow
from taxi_pipelines.domain.states import State
from taxi_pipelines.engine.parts import Parts
from taxi_pipelines.engine.rendering import Rendering
from taxi_pipelines.engine.secret_inputs import hide
from taxi_pipelines.errors import NotFound, UsageError
from taxi_pipelines.flowspec.build import parse_flow
from taxi_pipelines.flowspec.expressions import Environment
from taxi_pipelines.flowspec.input_values import plain
from taxi_pipelines.flowspec.inputs import Render, resolve_inputs
from taxi_pipelines.flowspec.problems import nearest
from taxi_pipelines.task_types import TypeCatalog


def find_flow(parts: Parts, namespace: str, id: str, revision: int | None = None) -> Flow:
    """The flow of that revision, or the newest. Raises NotFound, naming the nearest, and FlowInvalid."""
    stored = parts.flows.find(namespace, id, revision)
    if stored is None:
        known = [f"{flow.namespace}.{flow.id}" for flow in parts.flows.listed()]
        which = f" of revision {revision}" if revision else ""
        raise NotFound(
            f"there is no flow {namespace}.{id}{which}", nearest(f"{namespace}.{id}", known) if known else "import one"
        )
    return parsed(parts, stored)


def parsed(parts: Parts, stored: StoredFlow) -> Flow:
    """The flow of a text that is kept; texts of late are not read again. Raises FlowInvalid: rules may have changed since."""
    name = f"{stored.namespace}.{stored.id}"
    return _parsed(stored.source, cast("Hashable", parts.catalog), name, stored.revision)


@lru_cache(maxsize=512)
def _parsed(source: str, catalog: Hashable, file: str, revision: int) -> Flow:
    return parse_flow(source, cast("TypeCatalog", catalog), file=file, revision=revision)


def resolve(
    parts: Parts,
    flow: Flow,
    inputs: tuple[Input, ...],
    given: Mapping[str, object],
    *,
    now: datetime,
    trigger: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The values of a flow's inputs, or of those a pause asks for, as an execution keeps them. Raises InputsInvalid."""
    render = input_render(parts, flow, now=now, trigger=trigger)
    return {name: plain(value) for name, value in resolve_inputs(inputs, given, render).items()}


def input_render(parts: Parts, flow: Flow, *, now: datetime, trigger: Mapping[str, Any] | None = None) -> Render:
    """How templates in a flow's inputs are rendered: with the flow, its variables, and the inputs known so far."""
    context: dict[str, object] = {"flow": {"id": flow.id, "namespace": flow.namespace, "revision": flow.revision}}
    if trigger is not None:
        context["trigger"] = trigger

    def render(value: object, values: Mapping[str, object]) -> object:
        shown = {name: plain(part) for name, part in values.items()}
        environment = Environment(now=now, zone=parts.zone, random=parts.random, limits=parts.limits)
        return Rendering({**context, "inputs": shown, "vars": flow.variables}, environment).deep(value)

    return render


def new_execution(
    parts: Parts,
    flow: Flow,
    given: Mapping[str, object],
    *,
    now: datetime,
    labels: Mapping[str, str] | None = None,
    trigger: Mapping[str, Any] | None = None,
    caller: Caller | None = None,
    parent_id: str | None = None,
    id: str | None = None,
) -> Execution:
    """An execution's first value, CREATED, its SECRET inputs put away. Raises InputsInvalid; UsageError where it is disabled."""
    if flow.disabled:
        raise UsageError(f"the flow {flow.namespace}.{flow.id} is disabled", "remove `disabled: true` from it")
    values = resolve(parts, flow, flow.inputs, given, now=now, trigger=trigger)
    id = id or parts.new_id()
    return Execution(
        id=id,
        namespace=flow.namespace,
        flow_id=flow.id,
        flow_revision=flow.revision,
        state=State.CREATED,
        inputs=hide(parts, flow, id, values),
        labels={**flow.labels, **(labels or {})},
        variables=dict(flow.variables),
        trigger=trigger,
        caller=caller,
        parent_id=parent_id,
        created_at=now,
    )
