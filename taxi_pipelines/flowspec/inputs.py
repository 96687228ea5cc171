"""Inputs: how they are declared, and how what somebody gives becomes their values."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from taxi_pipelines.domain.flow import Input
from taxi_pipelines.domain.text import is_true
from taxi_pipelines.errors import PipelineError, UsageError
from taxi_pipelines.flowspec.checking import check_model, fields_of, has_template
from taxi_pipelines.flowspec.document import Document
from taxi_pipelines.flowspec.input_types import INPUT_TYPES, SAME_AS, DependsOn, InputShape
from taxi_pipelines.flowspec.input_values import check_rules, choices, convert
from taxi_pipelines.flowspec.problems import Path, nearest

Render = Callable[[object, Mapping[str, object]], object]
"""Renders a template, or a structure of them, with the inputs known so far."""


class InputsInvalid(UsageError):
    """What was given does not fit the flow's inputs."""

    code = "inputs-invalid"

    def __init__(self, problems: list[str]) -> None:
        super().__init__(f"input {'; input '.join(problems)}")
        self.problems = tuple(problems)


def build_inputs(document: Document, path: Path, value: Any) -> tuple[Input, ...]:
    """The inputs declared there, every problem noted."""
    if value is None:
        return ()
    if not isinstance(value, list):
        document.problem(path, "inputs are a list", "begin each input with a dash")
        return ()
    found: list[tuple[Path, Input]] = []
    for index, item in enumerate(value):
        here = (*path, index)
        if built := _build(document, here, item):
            if any(other.id == built.id for _, other in found):
                document.problem((*here, "id"), f"the id {built.id!r} is taken already", "every input has its own id")
            found.append((here, built))
    for here, one in found:
        known = {other.id for _, other in found} - {one.id}
        for name in one.depends_on:
            if name not in known:
                document.problem((*here, "dependsOn"), f"there is no input {name!r}", nearest(name, known))
    return tuple(one for _, one in found)


def resume_inputs(properties: Mapping[str, Any]) -> tuple[Input, ...]:
    """What a Pause asks for when somebody resumes it: its `onResume`, validated with its flow already."""
    return build_inputs(Document(), ("onResume",), properties.get("onResume"))


def _build(document: Document, path: Path, item: Any) -> Input | None:
    if not isinstance(item, dict):
        document.problem(path, "an input is a map", "it has at least id and type")
        return None
    written = item.get("type")
    kind = SAME_AS.get(str(written), str(written))
    if written is not None and kind not in INPUT_TYPES:
        known = [*INPUT_TYPES, *SAME_AS]
        document.problem((*path, "type"), f"unknown input type {written!r}", nearest(kind, known, show=len(known)))
        return None
    before = len(document.problems)
    model = INPUT_TYPES.get(kind, InputShape)
    check_model(document, path, item, model)
    if len(document.problems) > before:
        return None
    depends = DependsOn.model_validate(item["dependsOn"]) if item.get("dependsOn") else DependsOn()
    built = Input(
        id=str(item.get("id", item.get("name"))),
        type=kind,
        required=item.get("required", True) in (True, "true"),
        defaults=item.get("defaults"),
        has_defaults=item.get("defaults") is not None,
        display_name=item.get("displayName"),
        description=item.get("description"),
        depends_on=tuple(depends.inputs),
        depends_condition=None if depends.condition is None else str(depends.condition),
        rules={key: part for key, part in item.items() if key not in fields_of(InputShape) and part is not None},
    )
    _check_values(document, path, built)
    return built


def _check_values(document: Document, path: Path, built: Input) -> None:
    """Whether the input's own rules, and its default under them, make sense."""
    if built.type == "SELECT" and not built.rules.keys() & {"values", "expression"}:
        document.problem(path, "'values' is missing", "the list to choose from")
        return
    if has_template(dict(built.rules)):
        return
    for rule, said in check_rules(built):
        document.problem((*path, rule), said)
        return
    if built.has_defaults and not has_template(built.defaults):
        try:
            convert(built, built.defaults)
        except ValueError as error:
            document.problem((*path, "defaults"), str(error), "the default must be a valid value")


def resolve_inputs(inputs: tuple[Input, ...], given: Mapping[str, object], render: Render) -> dict[str, object]:
    """The values an execution gets: what is given, else the defaults, converted and checked, in the order declared.

    An input whose condition (`dependsOn`) is false gets none. An input `request.name` is given by that name or within a map
    `request`, and its value is found as `inputs.request.name`. Raises InputsInvalid naming every input that is wrong.
    """
    flat = _flat(inputs, given)
    known = {one.id for one in inputs}
    problems = [
        f"{name!r}: there is no such input" + (f", {nearest(name, known)}" if known else "")
        for name in flat
        if name not in known
    ]
    values: dict[str, object] = {}
    for one in _in_order(inputs):
        try:
            if _is_wanted(one, values, render):
                values[one.id] = _value(one, flat, values, render)
        except (ValueError, PipelineError) as error:
            problems.append(f"{one.id!r}: {error}")
    if problems:
        raise InputsInvalid(problems)
    return _nested({one.id: values[one.id] for one in inputs if one.id in values})


def asked_for(inputs: tuple[Input, ...], given: Mapping[str, object], render: Render) -> dict[str, Input]:
    """Which inputs are asked for after what is given so far, by id, in the order declared; their rules and defaults rendered.

    For forms: what is wrong or still missing has no value here, and a default that follows from it is left out.
    """
    flat = _flat(inputs, given)
    values: dict[str, object] = {}
    asked: dict[str, Input] = {}
    for one in _in_order(inputs):
        known = _nested(values)
        try:
            if not _is_wanted(one, values, render):
                continue
            asked[one.id] = _with_rendered_rules(one, known, render)
            asked[one.id] = replace(asked[one.id], defaults=render(one.defaults, known))
            values[one.id] = _value(one, flat, values, render)
        except (ValueError, PipelineError):
            if one.id not in asked or has_template(asked[one.id].defaults):
                asked[one.id] = replace(asked.get(one.id, one), defaults=None)
    return {one.id: asked[one.id] for one in inputs if one.id in asked}


def _flat(inputs: tuple[Input, ...], given: Mapping[str, object]) -> dict[str, object]:
    """What is given by the ids of the inputs, however deep in maps."""
    ids = {one.id for one in inputs}
    flat: dict[str, object] = {}
    waiting = list(given.items())
    while waiting:
        name, value = waiting.pop(0)
        if name not in ids and isinstance(value, Mapping) and any(id.startswith(f"{name}.") for id in ids):
            waiting += [(f"{name}.{key}", part) for key, part in value.items()]
        else:
            flat[name] = value
    return flat


def _nested(values: Mapping[str, object]) -> dict[str, object]:
    """`{"request.name": …}` → `{"request": {"name": …}}`."""
    result: dict[str, Any] = {}
    for id, value in values.items():
        *above, last = id.split(".")
        here = result
        for part in above:
            inner = here.get(part)
            here[part] = here = inner if isinstance(inner, dict) else {}
        here[last] = value
    return result


def _in_order(inputs: tuple[Input, ...]) -> list[Input]:
    """Those that others depend on first."""
    left, done, ordered = list(inputs), set[str](), list[Input]()
    while left:
        ready = [one for one in left if set(one.depends_on) <= done] or left[:1]
        ordered += ready
        done |= {one.id for one in ready}
        left = [one for one in left if one.id not in done]
    return ordered


def _is_wanted(one: Input, values: Mapping[str, object], render: Render) -> bool:
    if not set(one.depends_on) <= values.keys():
        return False
    return one.depends_condition is None or is_true(render(one.depends_condition, _nested(values)))


def _value(one: Input, given: Mapping[str, object], values: Mapping[str, object], render: Render) -> object:
    known = _nested(values)
    ruled = _with_rendered_rules(one, known, render)
    if given.get(one.id) is not None:
        return convert(ruled, given[one.id])
    if one.has_defaults:
        return convert(ruled, render(one.defaults, known))
    if one.rules.get("autoSelectFirst") is True and (first := choices(ruled)[:1]):
        return convert(ruled, first[0])
    if one.required:
        raise ValueError("a value is needed")
    return None


def _with_rendered_rules(one: Input, values: Mapping[str, object], render: Render) -> Input:
    if not has_template(dict(one.rules)):
        return one
    rules: dict[str, Any] = {key: render(part, values) for key, part in one.rules.items()}
    if isinstance(rules.get("expression"), str):
        found = json.loads(rules["expression"])
        if not isinstance(found, list):
            raise ValueError(f"expression gives {rules['expression'][:60]!r}, which is no list")
        rules["values"] = found
    return replace(one, rules=rules)
