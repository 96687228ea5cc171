"""What there is to say about a type, read from its class: for `taxi task show` and docs/tasks/, which say the same."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from taxi_pipelines.domain.flow import Kind
from taxi_pipelines.domain.states import State
from taxi_pipelines.flowspec.checking import models_in, written_names
from taxi_pipelines.task_types import Duration, DurationText, Role, Typed, TypeSpec

_DURATIONS = (*get_args(DurationText)[1:], *get_args(Duration)[1:])
_NAMES = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "boolean",
    list: "list",
    dict: "map",
    Any: "anything",
    State: "state",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class PropertyReference:
    """One property. `name` is a path, `options.auth.type`, with `[]` after a list. `default` is JSON, None if there is none."""

    name: str
    kind: str
    required: bool
    default: str | None
    description: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TypeReference:
    """One type. `name` is the short one; `names` are all of them, Kestra's newest first. `example` is YAML."""

    name: str
    names: tuple[str, ...]
    role: Role
    title: str
    properties: tuple[PropertyReference, ...]
    outputs: tuple[tuple[str, str], ...]
    metrics: tuple[tuple[str, str], ...]
    example: str


def reference(spec: TypeSpec) -> TypeReference:
    """All that can be said about it."""
    names = (spec.name, *spec.aliases)
    return TypeReference(
        name=names[-1],
        names=names,
        role=spec.role,
        title=spec.title,
        properties=(*_properties(spec.properties), *_branches(spec)),
        outputs=tuple(spec.outputs.items()),
        metrics=tuple(spec.metrics.items()),
        example=spec.example,
    )


def _properties(model: type[BaseModel], above: str = "") -> Iterator[PropertyReference]:
    """Those of a model, the required ones first, each followed by what is inside it."""
    for field_name, field in sorted(model.model_fields.items(), key=lambda item: not item[1].is_required()):
        name, *others = written_names(field_name, field)
        also = f" Also written `{'`, `'.join(others)}`." if others else ""
        yield PropertyReference(
            name=f"{above}{name}",
            kind=_kind(Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation),
            required=field.is_required(),
            default=_default(field),
            description=(field.description or "") + also,
        )
        for inner in models_in(field.annotation):
            mark = "[]." if _is_list(field.annotation) else "."
            yield from _properties(inner, f"{above}{name}{mark}")


def _branches(spec: TypeSpec) -> Iterator[PropertyReference]:
    for name in spec.branches:
        is_map = spec.kind is Kind.SWITCH and name == "cases"
        yield PropertyReference(
            name=name, kind="map of list of tasks" if is_map else "list of tasks", required=False, default=None,
            description=_BRANCHES.get(name, "Tasks."),
        )  # fmt: skip


_BRANCHES = {
    "tasks": "The tasks it runs.",
    "then": "Tasks for a condition that is true.",
    "else": "Tasks for one that is not.",
    "cases": "Tasks by value.",
    "defaults": "Tasks for a value that is no case.",
    "errors": "Tasks to run after one of them has failed.",
    "finally": "Tasks to run in the end, whatever happened.",
}


def _default(field: FieldInfo) -> str | None:
    found = field.get_default(call_default_factory=True)
    if found is PydanticUndefined or found is None or isinstance(found, BaseModel):
        return None
    return json.dumps(found, default=str, ensure_ascii=False)


def _kind(annotation: Any) -> str:
    """A type as a reader of flows says it."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _annotated(inner[0], inner[1:])
    if origin in (Union, UnionType):
        kinds = dict.fromkeys(_kind(part) for part in inner if part is not type(None))
        return " or ".join(kinds)
    if origin is Literal:
        return ", ".join(str(part) for part in inner)
    if origin is list and inner[0] is not Any:
        return f"list of {_kind(inner[0])}"
    if origin is dict and inner[1] is not Any:
        return f"map of {_kind(inner[1])}"
    if isinstance(annotation, type) and issubclass(annotation, Enum) and annotation not in _NAMES:
        return ", ".join(str(part.value) for part in annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "map"
    return _NAMES.get(origin or annotation, "text")


def _annotated(annotation: Any, metadata: tuple[Any, ...]) -> str:
    typed = next((one for one in metadata if isinstance(one, Typed)), None)
    if typed:
        return f"{typed.role}s by name" if typed.named else str(typed.role)
    if any(one in _DURATIONS for one in metadata):
        return "duration"
    return _kind(annotation)


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) is list or any(_is_list(part) for part in get_args(annotation))
