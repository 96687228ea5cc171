"""Values of SECRET inputs: kept encrypted among the secrets, in a place of their execution's own; all else holds a mask."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from taxi_pipelines.domain.execution import PRIVATE, Execution
from taxi_pipelines.domain.flow import Flow
from taxi_pipelines.engine.parts import Parts
from taxi_pipelines.engine.storable import MASK
from taxi_pipelines.errors import NotFound


def place_of(execution_id: str) -> str:
    """The namespace among the secrets; it goes with the execution."""
    return f"{PRIVATE}{execution_id}"


def hide(parts: Parts, flow: Flow, execution_id: str, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    """The inputs as an execution keeps them, the secret ones put away."""
    for id in _secret_ids(flow):
        value = _value(inputs, id)
        if value not in (None, ""):
            parts.secrets.set(place_of(execution_id), id, str(value))
            inputs = _with(inputs, id, MASK)
    return inputs


def reveal(parts: Parts, flow: Flow, execution: Execution) -> tuple[Mapping[str, Any], list[str]]:
    """The inputs as templates see them, and the secret values among them. Raises NotFound where one is gone.

    A replay, or an execution tried again, has those of the execution it came from.
    """
    inputs, values = execution.inputs, []
    for id in _secret_ids(flow):
        if _value(inputs, id) == MASK:
            values.append(_kept(parts, execution, id))
            inputs = _with(inputs, id, values[-1])
    return inputs, values


def _kept(parts: Parts, execution: Execution, id: str) -> str:
    for execution_id in _origins(parts, execution):
        if (value := parts.secrets.get(place_of(execution_id), id)) is not None:
            return value
    raise NotFound(f"the value of the secret input {id!r} is gone", "begin a new execution, and give it again")


def _origins(parts: Parts, execution: Execution) -> Iterator[str]:
    found: Execution | None = execution
    while found is not None:
        yield found.id
        found = parts.executions.find(found.parent_id) if found.parent_id else None


def _secret_ids(flow: Flow) -> list[str]:
    return [one.id for one in flow.inputs if one.type == "SECRET"]


def _value(inputs: Any, id: str) -> Any:
    """`request.key` stands below `request`."""
    for part in id.split("."):
        inputs = inputs.get(part) if isinstance(inputs, Mapping) else None
    return inputs


def _with(inputs: Mapping[str, Any], id: str, value: Any) -> Mapping[str, Any]:
    first, _, rest = id.partition(".")
    return {**inputs, first: _with(inputs[first], rest, value) if rest else value}
