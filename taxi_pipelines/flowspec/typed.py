"""Maps with a `type`: their type is looked up, pluginDefaults are merged in, their own properties are checked.

Tasks, triggers, conditions and task runners are such maps; some stand inside others' properties (`Typed` says which).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from taxi_pipelines.flowspec.checking import check_model, fields_of
from taxi_pipelines.flowspec.common import PluginDefault
from taxi_pipelines.flowspec.defaults import apply_defaults
from taxi_pipelines.flowspec.document import Document
from taxi_pipelines.flowspec.problems import Path, nearest
from taxi_pipelines.task_types import Role, TypeCatalog, Typed, TypeSpec


@dataclass(frozen=True, kw_only=True, slots=True)
class Types:
    """The types a document may use, and its defaults for them."""

    document: Document
    catalog: TypeCatalog
    defaults: Sequence[PluginDefault]

    def find(self, path: Path, value: Mapping[str, Any], role: Role) -> TypeSpec | None:
        """The type of a map; None where it is unknown, which is noted, or no text."""
        name = value.get("type")
        if not isinstance(name, str):
            return None
        spec = self.catalog.find(name, role)
        if spec is None:
            self.document.problem(
                (*path, "type"), f"unknown {role} type {name!r}", nearest_type(name, self.catalog.names(role))
            )
        return spec

    def filled(self, value: Mapping[str, Any], spec: TypeSpec, known: Iterable[str]) -> dict[str, Any]:
        """With the defaults for its type, of properties that are known."""
        return apply_defaults(value, (str(value["type"]), spec.name, *spec.aliases), self.defaults, known)

    def check(self, path: Path, own: Mapping[str, Any], spec: TypeSpec, also: Sequence[str] = ()) -> dict[str, Any]:
        """Checks a type's own properties; the same with what is typed inside them filled."""
        check_model(self.document, path, own, spec.properties, also=also)
        return self.with_nested(path, own, spec.properties)

    def with_nested(self, path: Path, values: Mapping[str, Any], model: Any) -> dict[str, Any]:
        """The same values, what is typed inside them checked and filled."""
        fields = fields_of(model)
        result = dict(values)
        for key, part in values.items():
            typed = (
                next((one for one in fields[key].metadata if isinstance(one, Typed)), None) if key in fields else None
            )
            if typed:
                result[key] = self._nested((*path, key), part, typed)
        return result

    def _nested(self, path: Path, value: Any, typed: Typed) -> Any:
        if isinstance(value, list):
            return [self._one((*path, index), item, typed.role) for index, item in enumerate(value)]
        if typed.named and isinstance(value, dict):
            return {name: self._one((*path, name), item, typed.role) for name, item in value.items()}
        return self._one(path, value, typed.role)

    def _one(self, path: Path, value: Any, role: Role) -> Any:
        if not isinstance(value, dict):
            return value  # noted already where it is wrong
        if "type" not in value:
            self.document.problem(path, "'type' is missing", f"which {role} it is")
        spec = self.find(path, value, role)
        if spec is None:
            return value
        filled = self.filled(value, spec, fields_of(spec.properties))
        own = {key: part for key, part in filled.items() if key != "type"}
        return {"type": value["type"], **self.check(path, own, spec, ("type",))}


def nearest_type(given: str, known: Iterable[str]) -> str:
    """A hint for an unknown type. Long names are alike for their beginnings, so only their last two parts are compared."""
    by_end: dict[str, str] = {}
    for name in known:
        by_end.setdefault(_end(name), name)
    if near := get_close_matches(_end(given), by_end, n=1, cutoff=0.75):
        return f"did you mean {by_end[near[0]]!r}?"
    return nearest(given, [name for name in by_end.values() if not name.startswith("io.")] or by_end.values())


def _end(name: str) -> str:
    return ".".join(name.lower().split(".")[-2:])
