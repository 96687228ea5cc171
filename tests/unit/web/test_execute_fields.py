"""Inputs as fields of a form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from taxi_pipelines.domain.flow import Input
from taxi_pipelines.flowspec.input_types import INPUT_TYPES
from taxi_pipelines.flowspec.inputs import asked_for
from taxi_pipelines.web.execute_fields import CONTROLS, field_of


def as_it_is(value: object, values: Mapping[str, object]) -> object:
    """Stands for rendering: a text names an input, or is itself; a missing one is an error, as in a flow."""
    if isinstance(value, str) and value.startswith("{{"):
        found = values.get(value.strip("{} "))
        if found is None:
            raise ValueError(f"{value} is not known")
        return found
    return value


def test_every_type_of_input_has_a_control() -> None:
    assert CONTROLS.keys() == INPUT_TYPES.keys()


@pytest.mark.parametrize(
    ("type", "default", "rules", "control", "chosen"),
    [
        ("STRING", "a\nb", {}, "textarea", ["a\nb"]),
        ("BOOLEAN", False, {}, "checkbox", []),
        ("BOOLEAN", None, {}, "yes-no", []),
        ("DATETIME", "2024-03-01T09:00:00Z", {}, "datetime-local", ["2024-03-01T09:00:00"]),
        ("SELECT", None, {"values": ["a", "b"], "autoSelectFirst": True}, "select", ["a"]),
        ("SELECT", 1, {"values": [1, 2], "isRadio": True}, "radio", ["1"]),
        ("SELECT", "c", {"values": ["a"], "allowCustomValue": True}, "suggest", ["c"]),
        ("SELECT", None, {"values": "{{ others }}"}, "suggest", []),
        ("MULTISELECT", "a, b", {"values": ["a", "b", "c"]}, "checkboxes", ["a", "b"]),
        ("ARRAY", [1], {}, "textarea", ["[\n  1\n]"]),
    ],
)
def test_a_field_begins_with_the_default(
    type: str, default: object, rules: dict[str, Any], control: str, chosen: list[str]
) -> None:
    one = Input(id="i", type=type, required=False, defaults=default, has_defaults=default is not None, rules=rules)
    field = field_of(one, None)
    assert (field.control, list(field.chosen)) == (control, chosen)
    assert list(field_of(one, ["given"]).chosen) == ["given"]


def test_what_is_asked_for_follows_from_what_is_given_so_far() -> None:
    inputs = (
        Input(id="force", type="BOOLEAN", defaults=True, has_defaults=True),
        Input(id="why", type="STRING", depends_on=("force",), depends_condition="{{ force }}"),
        Input(id="rows", type="INT"),
        Input(id="same", type="INT", defaults="{{ rows }}", has_defaults=True),
    )
    asked = asked_for(inputs, {}, as_it_is)
    assert list(asked) == ["force", "why", "rows", "same"]
    assert asked["same"].defaults is None
    asked = asked_for(inputs, {"force": "false", "rows": "7"}, as_it_is)
    assert list(asked) == ["force", "rows", "same"]
    assert asked["same"].defaults == 7
    assert "the flow works it out" in " ".join(field_of(asked_for(inputs, {}, as_it_is)["same"], None).hints)
