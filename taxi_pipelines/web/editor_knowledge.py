"""What the editor knows of the language, as one JSON text: the schema of flows, what there is to say about each type, and what
stands in expressions. From the same sources as `taxi flow validate`, `taxi task show` and the engine."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from taxi_pipelines.flowspec.common import FLOW_KEYS
from taxi_pipelines.flowspec.expressions.library import FILTERS, FUNCTIONS
from taxi_pipelines.flowspec.expressions.operations import Operation
from taxi_pipelines.flowspec.json_schema import json_schema
from taxi_pipelines.flowspec.reference import reference
from taxi_pipelines.flowspec.references import NAMES
from taxi_pipelines.task_types import Role, TypeSpec
from taxi_pipelines.tasks.registry import REGISTRY


@dataclass(frozen=True, kw_only=True, slots=True)
class Knowledge:
    """JSON, and what tells it from that of another version."""

    content: bytes
    etag: str


@cache
def knowledge() -> Knowledge:
    """Made once in a process: it takes a fifth of a second."""
    told = {
        "schema": json_schema(REGISTRY),
        "types": {spec.name: _type(spec) for role in Role for spec in REGISTRY.specs(role)},
        "keys": list(FLOW_KEYS),
        "variables": sorted(NAMES),
        "filters": {name: _takes(operation) for name, operation in sorted(FILTERS.items())},
        "functions": {name: _takes(operation) for name, operation in sorted(FUNCTIONS.items())},
    }
    content = json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode()
    return Knowledge(content=content, etag=f'"{hashlib.sha256(content).hexdigest()[:16]}"')


def _type(spec: TypeSpec) -> dict[str, Any]:
    """`kinds` are the properties' types as readers of flows say them, by path."""
    said = reference(spec)
    return {
        "name": said.name,
        "names": said.names,
        "role": spec.role,
        "title": said.title,
        "kinds": {one.name: one.kind for one in said.properties},
        "required": [one.name for one in said.properties if one.required],
        "outputs": dict(said.outputs),
        "example": said.example,
    }


def _takes(operation: Operation) -> str:
    """The parameters as documentation writes them: those in brackets may be left out."""
    if operation.variadic:
        return "…"
    return ", ".join([*operation.required, *(f"[{name}]" for name in operation.optional)])
