"""The inputs of a flow as fields of a form: which control each type has, what it begins with, what it allows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from taxi_pipelines.domain.flow import Input
from taxi_pipelines.domain.text import is_true, plain_text
from taxi_pipelines.flowspec.checking import has_template
from taxi_pipelines.flowspec.input_values import choices, plain

CONTROLS: Mapping[str, str] = {
    "STRING": "text",
    "SECRET": "password",
    "EMAIL": "email",
    "URI": "url",
    "DURATION": "text",
    "INT": "number",
    "FLOAT": "number",
    "DATE": "date",
    "TIME": "time",
    "DATETIME": "datetime-local",
    "BOOLEAN": "checkbox",
    "SELECT": "select",
    "MULTISELECT": "checkboxes",
    "FILE": "file",
    "ARRAY": "textarea",
    "JSON": "textarea",
    "YAML": "textarea",
}
"""Input type → control; those that have an HTML type of their own are called by it."""

HINTS: Mapping[str, str] = {
    "DURATION": "an ISO 8601 duration, such as PT1H or P1D",
    "DATETIME": "in UTC",
    "JSON": "JSON",
    "YAML": "YAML",
    "SECRET": "it is not shown anywhere",
}

_STEPS: Mapping[str, str] = {"INT": "1", "FLOAT": "any", "TIME": "1", "DATETIME": "1"}
_BOUNDS = (("min", "at least"), ("after", "at least"), ("max", "at most"), ("before", "at most"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One control. `value` is what it begins with, `chosen` the same of several boxes."""

    id: str
    name: str
    type: str
    control: str
    required: bool
    description: str
    hints: Sequence[str]
    value: str
    chosen: Sequence[str]
    choices: Sequence[str]
    attributes: Mapping[str, str]
    has_default: bool


def field_of(one: Input, given: Sequence[str] | None) -> Field:
    """Of an input that is asked for, its rules and default rendered where they can be; `given` is what was filled in already."""
    offered = (
        choices(one) if one.type in ("SELECT", "MULTISELECT") and not has_template(one.rules.get("values")) else []
    )
    begins = [*given] if given is not None else _default(one, offered)
    return Field(
        id=one.id,
        name=one.display_name or one.id,
        type=one.type,
        control=_control(one, offered, begins),
        required=one.required and not one.has_defaults,
        description=one.description or "",
        hints=_hints(one),
        value=begins[0] if begins else "",
        chosen=begins,
        choices=offered,
        attributes=_attributes(one),
        has_default=one.defaults is not None,
    )


def _control(one: Input, offered: Sequence[str], begins: Sequence[str]) -> str:
    control = CONTROLS[one.type]
    if one.type == "SELECT" and (not offered or one.rules.get("allowCustomValue") is True):
        return "suggest"
    if one.type == "MULTISELECT" and (not offered or one.rules.get("allowCustomValue") is True):
        return "text"
    if one.type == "SELECT" and one.rules.get("isRadio") is True:
        return "radio"
    if one.type == "BOOLEAN" and not one.required and not one.has_defaults:
        return "yes-no"
    return "textarea" if control == "text" and any("\n" in text for text in begins) else control


def _default(one: Input, offered: Sequence[str]) -> list[str]:
    value = one.defaults
    if value is None:
        return list(offered[:1]) if one.rules.get("autoSelectFirst") is True else []
    match one.type:
        case "MULTISELECT":
            return [plain_text(part) for part in value] if isinstance(value, list) else _listed(str(value))
        case "BOOLEAN":
            return ["true"] if is_true(plain_text(value)) else []
        case "DATETIME":
            return [plain_text(plain(value)).removesuffix("Z")[:19]]
        case "JSON" | "YAML" | "ARRAY" if not isinstance(value, str):
            return [json.dumps(plain(value), indent=2, ensure_ascii=False, default=str)]
        case _:
            return [plain_text(plain(value))]


def _listed(text: str) -> list[str]:
    if text.lstrip().startswith("["):
        try:
            return [plain_text(part) for part in json.loads(text)]
        except ValueError:
            return []
    return [part.strip() for part in text.split(",")]


def _hints(one: Input) -> list[str]:
    found = [HINTS[one.type]] if one.type in HINTS else []
    if one.type == "ARRAY":
        of = str(one.rules.get("itemType", "STRING")).lower()
        example = "[1, 2]" if of in ("int", "float") else '["one", "two"]'
        found.append(f"a JSON list of {of}, such as {example}")
    if one.type == "MULTISELECT" and one.rules.get("allowCustomValue") is True:
        found.append("several with commas between them")
    rules: Mapping[str, Any] = {name: rule for name, rule in one.rules.items() if not has_template(rule)}
    found += [f"{words} {rules[name]}" for name, words in _BOUNDS if name in rules]
    if pattern := rules.get("validator"):
        found.append(f"it must match {pattern}")
    if endings := rules.get("allowedFileExtensions"):
        found.append(f"its name ends with {' or '.join(map(str, endings))}")
    if one.has_defaults and one.defaults is None:
        found.append("if left empty, the flow works it out")
    return found


def _attributes(one: Input) -> dict[str, str]:
    rules = {
        name: str(rule) for name, rule in one.rules.items() if not has_template(rule) and not isinstance(rule, list)
    }
    found = {"step": _STEPS[one.type]} if one.type in _STEPS else {}
    if one.type in ("INT", "FLOAT"):
        found |= {name: rules[name] for name in ("min", "max") if name in rules}
    if one.type == "DATE":
        found |= {ours: rules[theirs] for theirs, ours in (("after", "min"), ("before", "max")) if theirs in rules}
    if one.type == "DURATION":
        found["placeholder"] = "PT1H"
    if endings := one.rules.get("allowedFileExtensions"):
        found["accept"] = ",".join(map(str, endings))
    return found
