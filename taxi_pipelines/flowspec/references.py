"""Templates of a whole document: their syntax, and whether what they name is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from taxi_pipelines.errors import ExpressionFailed
from taxi_pipelines.flowspec.checking import has_template
from taxi_pipelines.flowspec.document import Document
from taxi_pipelines.flowspec.expressions import compile_template, nodes
from taxi_pipelines.flowspec.expressions.parser import parse
from taxi_pipelines.flowspec.problems import Path, nearest
from taxi_pipelines.task_types import Role, TypeCatalog

NAMES = frozenset(
    {
        "flow", "execution", "task", "taskrun", "trigger", "inputs", "outputs", "vars", "labels", "parent", "parents", "envs",
        "globals", "namespace", "workingDir", "error", "kestra",
    }
)  # fmt: skip
"""What every template may name (section 4 of the language)."""

_NOT_TEMPLATES = frozenset({"description", "displayName"})
_PLACE = re.compile(r" at line \d+, column \d+")
_MEMBER = re.compile(r"""\b(inputs|outputs)\s*(?:\.\s*(\w+)|\[\s*(?:'([^']*)'|"([^"]*)")\s*\])""")
_SETS = re.compile(r"\{%-?\s*(?:set|for)\s+(\w+)")
_DEFAULTING = frozenset({"??", "???"})
_ASKING = frozenset({"defined", "null", "empty"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What templates of a flow may refer to."""

    inputs: frozenset[str]
    tasks: frozenset[str]
    catalog: TypeCatalog

    def members(self, variable: str) -> frozenset[str]:
        """The names below `inputs` or `outputs`."""
        return self.tasks if variable == "outputs" else frozenset(id.partition(".")[0] for id in self.inputs)


def check_templates(document: Document, known: Known) -> None:
    """Notes every template that cannot be compiled, or names what is not there."""
    for path, text in _texts((), document.value, set()):
        if has_template(text) or "{#" in text:
            _check(document, path, text, known)


def _texts(path: Path, value: Any, seen: set[int]) -> Iterator[tuple[Path, str]]:
    """Every text that may be a template; what aliases repeat only once, where its anchor is."""
    if isinstance(value, dict | list):
        if id(value) in seen:
            return
        seen.add(id(value))
    if isinstance(value, str):
        if not path or path[-1] not in _NOT_TEMPLATES:
            yield path, value
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from _texts((*path, key), part, seen)
    elif isinstance(value, list):
        for index, part in enumerate(value):
            yield from _texts((*path, index), part, seen)


def _check(document: Document, path: Path, text: str, known: Known) -> None:
    try:
        names = compile_template(text).names()
    except ExpressionFailed as error:
        at = document.place_inside(path, text, error.line, error.column or 1) if error.line else None
        document.problem(path, _PLACE.sub("", error.what, count=1), error.hint, at=at)
        return
    valid = NAMES | _further_names(document, path, known)
    for name in sorted(names - valid):
        at = _place_of_name(document, path, text, name)
        document.problem(path, f"there is no variable {name!r}", nearest(name, valid, show=len(valid)), at=at)
    if path[0] not in ("triggers", "pluginDefaults", "taskDefaults") and names & {"inputs", "outputs"}:
        _check_members(document, path, text, known)


def _further_names(document: Document, path: Path, known: Known) -> frozenset[str]:
    """What templates at some places see besides: a type may have names of its own, and a variable of the flow may be
    rendered inside a template that has set some."""
    if path[0] == "variables":
        return frozenset([*_SETS.findall(document.text), "loop"])
    role = Role.TRIGGER if path[0] == "triggers" else Role.TASK
    found: frozenset[str] = frozenset()
    value = document.value
    for part in path:
        if isinstance(value, dict) and (spec := known.catalog.find(str(value.get("type")), role)):
            found |= spec.names
        value = value[part]
    return found


def _place_of_name(document: Document, path: Path, text: str, name: str) -> tuple[int, int]:
    """Where the variable stands; the parser is asked again, for a template that is right needs no places."""
    found = next(node for node in nodes.walk(_body(text)) if isinstance(node, nodes.Name) and node.name == name)
    return document.place_inside(path, text, found.line, found.column)


def _check_members(document: Document, path: Path, text: str, known: Known) -> None:
    """`inputs.x` and `outputs.x`, where x is written plainly and nothing says what to do if it is not there."""
    written = ((found[1], found[2] or found[3] or found[4] or "") for found in _MEMBER.finditer(text))
    if all(name in known.members(variable) for variable, name in written):
        return
    for node, variable, name in _members(_body(text)):
        valid = known.members(variable)
        if name not in valid:
            kind = "input" if variable == "inputs" else "task"
            hint = nearest(name, valid) if valid else f"the flow has no {kind}s"
            at = document.place_inside(path, text, node.line, node.column)
            document.problem(path, f"{variable}.{name}: there is no {kind} {name!r}", hint, at=at)


def _members(body: nodes.Body) -> Iterator[tuple[nodes.Node, str, str]]:
    guarded: set[int] = set()
    for node in nodes.walk(body):
        for part in _guarded(node):
            guarded.update(id(inner) for inner in nodes.walk(part))
    for node in nodes.walk(body):
        if id(node) in guarded:
            continue
        match node:
            case nodes.Attribute(target=nodes.Name(name="inputs" | "outputs" as variable), name=name):
                yield node, variable, name
            case nodes.Index(
                target=nodes.Name(name="inputs" | "outputs" as variable), key=nodes.Literal(value=str() as name)
            ):
                yield node, variable, name


def _guarded(node: nodes.Node) -> list[nodes.Node]:
    """What may be undefined: left of `??`, of `| default(…)`, of `is defined`."""
    match node:
        case nodes.Chain(first=first, rest=rest) if any(operand.operator in _DEFAULTING for operand in rest):
            return [first, *rest[:-1]]
        case nodes.Filter(name="default", target=target):
            return [target]
        case nodes.Test(name=name, target=target) if name in _ASKING:
            return [target]
    return []


@lru_cache(maxsize=64)
def _body(text: str) -> nodes.Body:
    return parse(text)
