"""What a task type is: its names, its properties, and what performs it. The contract between flowspec, tasks and engine.

Triggers, conditions and task runners are written the same way, a map with a `type`, and are described the same way: what
a type is for is its `role`.

A *light* type is a pure function from rendered properties and `Facts` to `Effects`; the engine performs it itself, and its
effects are stored in the same transaction as its end: exactly once. A *heavy* one runs in a worker, with a `TaskContext`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Final, Protocol, Union, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    TypeAdapter,
    ValidationInfo,
    field_validator,
)
from pydantic.alias_generators import to_camel

from taxi_pipelines.domain.flow import Kind
from taxi_pipelines.domain.records import KvDeletion, KvEntry, Level
from taxi_pipelines.domain.states import State


class Role(StrEnum):
    """What a type is for. A name belongs to one type of a role."""

    TASK = "task"
    TRIGGER = "trigger"
    CONDITION = "condition"
    TASK_RUNNER = "task runner"


@dataclass(frozen=True, slots=True)
class Typed:
    """Metadata of a property that holds a map with a `type` of this role, or a list of them; `named`: a map of them by name."""

    role: Role
    named: bool = False


@dataclass(frozen=True, slots=True)
class _Fixed:
    """See FIXED."""


FIXED: Final = _Fixed()
"""Metadata of a property that is needed before anything is rendered: no template may stand there."""


def _iso_duration(value: Any) -> Any:
    """Only text such as PT30S: pydantic would take a bare number for seconds."""
    if isinstance(value, timedelta) or (isinstance(value, str) and value.upper().lstrip("-+").startswith("P")):
        return value
    raise ValueError("not an ISO 8601 duration, such as PT30S or P1D")


Duration = Annotated[timedelta, BeforeValidator(_iso_duration)]
"""An ISO 8601 duration, where no template may stand."""

_DURATION: TypeAdapter[timedelta] = TypeAdapter(Duration)


def _duration_text(text: str) -> str:
    if "{{" not in text and "{%" not in text:
        _DURATION.validate_python(text.strip())
    return text


DurationText = Annotated[str, AfterValidator(_duration_text)]
"""An ISO 8601 duration, or a template for one."""


class Properties(BaseModel):
    """Base of every type's own properties: written in camelCase in flows, nothing unknown, numbers as good as text.

    A field's description is its documentation. Values are checked twice: what is no template when the flow is validated, all
    of them after rendering, just before the task runs; so `"{{ inputs.n }}"` may stand for a number, unless the field is FIXED.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True, coerce_numbers_to_str=True
    )

    @field_validator("*", mode="before")
    @classmethod
    def _from_json(cls, value: Any, info: ValidationInfo) -> Any:
        """A template says text: where a list or a map is wanted, that text is read as JSON."""
        if not isinstance(value, str) or value[:1] not in ("[", "{") or _takes_text(cls, str(info.field_name)):
            return value
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value


@cache
def _takes_text(model: type[BaseModel], name: str) -> bool:
    """Whether a property may be text, or anything."""
    waiting: list[Any] = [model.model_fields[name].annotation]
    while waiting:
        part = waiting.pop()
        if part is Any or part is str:
            return True
        if get_origin(part) in (Union, UnionType, Annotated):
            waiting += get_args(part)
    return False


@dataclass(frozen=True, kw_only=True, slots=True)
class Facts:
    """What a light task may know besides its properties. `kv` looks in one namespace only."""

    namespace: str
    flow_id: str
    execution_id: str
    now: datetime
    labels: Mapping[str, str]
    variables: Mapping[str, Any]
    kv: Callable[[str, str], KvEntry | None]
    kv_keys: Callable[[str], Sequence[str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Effects:
    """What a light task does. `exit_state` ends the whole execution. `labels` and `variables` are merged into the execution's."""

    state: State = State.SUCCESS
    outputs: Mapping[str, Any] = field(default_factory=dict)
    logs: tuple[tuple[Level, str], ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, Any] = field(default_factory=dict)
    kv: tuple[KvEntry | KvDeletion, ...] = ()
    removed_files: tuple[str, ...] = ()
    exit_state: State | None = None
    error: str | None = None


class TaskContext(Protocol):
    """What a heavy task sees of the world; never the engine."""

    @property
    def folder(self) -> Path:
        """Its working folder, made at first use, gone afterwards."""
        ...

    def log(self, level: Level, message: str) -> None:
        """Streams a line to the execution's log; secrets are masked."""
        ...

    def metric(self, name: str, value: float, *, type: str = "counter", tags: Mapping[str, str] | None = None) -> None:
        """Keeps a measurement."""
        ...

    def keep_file(self, path: Path, name: str | None = None) -> str:
        """Stores a file with the execution; its URI."""
        ...

    def fetch_file(self, uri: str, target: Path) -> None:
        """Brings a stored file to a path."""
        ...


Perform = Callable[[Any, Facts], Effects]
"""What performs a light type."""


@dataclass(frozen=True, kw_only=True, slots=True)
class TypeSpec:
    """One type. `name` is Kestra's newest name, `aliases` its older ones and the short one.

    `branches` are the properties that hold child tasks. `unrendered` are properties that the type, or the engine, renders
    itself, later. `names` are variables its templates see besides those of all. `perform` is there for light types; `run` is
    `module:function` of a heavy one, imported in the worker only. `repeatable`: an attempt that was lost with its worker may
    simply be made again. `outputs` and `metrics` are names and meanings. `example` is YAML of its own properties and its `type`.
    """

    name: str
    aliases: tuple[str, ...] = ()
    title: str
    role: Role = Role.TASK
    kind: Kind = Kind.WORK
    properties: type[Properties]
    branches: tuple[str, ...] = ()
    unrendered: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()
    outputs: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, str] = field(default_factory=dict)
    example: str = ""
    perform: Perform | None = None
    run: str | None = None
    repeatable: bool = False


class TypeCatalog(Protocol):
    """All types there are."""

    def find(self, name: str, role: Role = Role.TASK) -> TypeSpec | None:
        """By any of its names."""
        ...

    def names(self, role: Role = Role.TASK) -> Iterable[str]:
        """Every name a flow may write, for hints."""
        ...

    def specs(self, role: Role = Role.TASK) -> Sequence[TypeSpec]:
        """Each type once, by name."""
        ...
