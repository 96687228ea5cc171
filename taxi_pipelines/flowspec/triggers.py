"""The triggers of a document → `Trigger`s."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from taxi_pipelines.domain.flow import Trigger
from taxi_pipelines.domain.text import label_map, reserved_labels
from taxi_pipelines.flowspec.checking import check_model, fields_of
from taxi_pipelines.flowspec.common import TriggerCommon
from taxi_pipelines.flowspec.document import Document
from taxi_pipelines.flowspec.problems import Path, nearest
from taxi_pipelines.flowspec.typed import Types
from taxi_pipelines.task_types import Role

_COMMON = tuple(fields_of(TriggerCommon))
_IDENTITY = frozenset({"id", "type", "description", "disabled"})


@dataclass(frozen=True, kw_only=True, slots=True)
class TriggerBuilder:
    """Builds the triggers of one flow; `inputs` are the ids of the flow's."""

    document: Document
    types: Types
    inputs: frozenset[str]

    def build_all(self, items: Iterable[tuple[Path, Any]]) -> tuple[Trigger, ...]:
        """The triggers at those paths."""
        found: list[Trigger] = []
        for path, item in items:
            if trigger := self._build(path, item):
                if any(other.id == trigger.id for other in found):
                    self.document.problem((*path, "id"), f"the id {trigger.id!r} is taken already")
                found.append(trigger)
        return tuple(found)

    def _build(self, path: Path, value: Any) -> Trigger | None:
        if not isinstance(value, dict):
            self.document.problem(path, "a trigger is a map", "it has at least id and type")
            return None
        spec = self.types.find(path, value, Role.TRIGGER)
        if spec is None:
            written = {key: part for key, part in value.items() if key in _COMMON}
            check_model(self.document, path, written, TriggerCommon)
            return None
        filled = self.types.filled(value, spec, (*_COMMON, *fields_of(spec.properties)))
        shared = {key: part for key, part in filled.items() if key in _COMMON}
        common = check_model(self.document, path, shared, TriggerCommon)
        own = {key: part for key, part in filled.items() if key not in _COMMON}
        properties = self.types.with_nested(path, shared, TriggerCommon) | self.types.check(path, own, spec, _COMMON)
        if common is None:
            return None
        self._check_inputs(path, common)
        self._check_labels(path, common)
        return Trigger(
            id=common.id,
            type=common.type,
            name=spec.name,
            properties={key: part for key, part in properties.items() if key not in _IDENTITY},
            disabled=common.disabled,
        )

    def _check_inputs(self, path: Path, common: TriggerCommon) -> None:
        roots = {id.partition(".")[0] for id in self.inputs}
        for name in common.inputs:
            if name not in self.inputs and name not in roots:
                hint = nearest(name, self.inputs) if self.inputs else "the flow has no inputs"
                self.document.problem((*path, "inputs", name), f"there is no input {name!r}", hint, at_key=True)

    def _check_labels(self, path: Path, common: TriggerCommon) -> None:
        try:
            reserved = reserved_labels(label_map(common.labels))
        except ValueError as error:
            self.document.problem((*path, "labels"), str(error))
            return
        for key in reserved:
            self.document.problem((*path, "labels"), f"{key!r}: labels that begin with `system.` are reserved")
