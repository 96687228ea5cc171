"""Inputs: how they are declared, and what becomes of what is given."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from taxi_pipelines.flowspec.build import parse_flow, read_flow
from taxi_pipelines.flowspec.inputs import InputsInvalid, resolve_inputs, resume_inputs
from taxi_pipelines.tasks.registry import REGISTRY

HEAD = "id: f\nnamespace: n\ntasks: [{id: a, type: fail}]\ninputs:\n"


def text(*inputs: str) -> str:
    return HEAD + "".join(f"  - {one}\n" for one in inputs)


def rendered(value: object, values: Mapping[str, object]) -> object:
    """As templates would be, for the one that the tests here use."""
    if isinstance(value, list):
        return [rendered(part, values) for part in value]
    return value.replace("{{ inputs.a }}", str(values.get("a"))) if isinstance(value, str) else value


def resolved(*inputs: str, given: Mapping[str, object] | None = None) -> dict[str, object]:
    return resolve_inputs(parse_flow(text(*inputs), REGISTRY).inputs, given or {}, rendered)


WRONG = [
    ("a", "5:5: inputs[0]: an input is a map; it has at least id and type"),
    ("{id: a}", "5:5: inputs[0]: 'type' is missing; STRING, INT, SELECT, …"),
    ("{type: INT}", "5:5: inputs[0]: 'id' is missing; Name of the input; dots make it part of a map, as in `request.name`."),
    ("{id: a b, type: INT}", "5:10: inputs[0].id: 'a b': string should match pattern '^[a-zA-Z0-9][.a-zA-Z0-9_-]*$'; Name of the input; dots make it part of a map, as in `request.name`."),
    ("{id: a, type: INTEGER}", "5:19: inputs[0].type: unknown input type 'INTEGER'; did you mean 'INT'?"),
    ("{id: a, type: INT, mn: 1}", "5:24: inputs[0].mn: unknown property 'mn'; did you mean 'min'?"),
    ("{id: a, type: INT, min: x}", "5:29: inputs[0].min: 'x': input should be a valid integer, unable to parse string as an integer; The smallest value."),
    ("{id: a, type: INT, defaults: x}", "5:34: inputs[0].defaults: 'x' is not a whole number; the default must be a valid value"),
    ("{id: a, type: INT, min: 3, defaults: 2}", "5:42: inputs[0].defaults: 2 is below min = 3; the default must be a valid value"),
    ("{id: a, type: STRING, validator: '('}", "5:38: inputs[0].validator: '(': not a regular expression: missing ), unterminated subpattern at position 0; A regular expression that the whole value must match."),
    ("{id: a, type: SELECT}", "5:5: inputs[0]: 'values' is missing; the list to choose from"),
    ("{id: a, type: SELECT, values: [x], defaults: y}", "5:50: inputs[0].defaults: 'y' is not one of x; the default must be a valid value"),
    ("{id: a, type: ARRAY}", "5:5: inputs[0]: 'itemType' is missing; Type of each item."),
    ("{id: a, type: DATE, after: soon}", "5:32: inputs[0].after: 'soon' is not a date such as 2024-01-31"),
    ("{id: a, type: INT, dependsOn: {inputs: [b]}}", "5:35: inputs[0].dependsOn: there is no input 'b'; nothing is valid here"),
    ('{id: a, type: INT, required: "{{ x }}"}', "5:34: inputs[0].required: no template can stand here; it is needed before anything is rendered"),
]  # fmt: skip


@pytest.mark.parametrize(("declared", "problem"), WRONG)
def test_what_is_wrong_with_an_input(declared: str, problem: str) -> None:
    assert problem in [str(one).removeprefix("flow:") for one in read_flow(text(declared), REGISTRY)[1]]


def test_every_input_has_its_own_id() -> None:
    found = read_flow(text("{id: a, type: INT}", "{name: a, type: INT}"), REGISTRY)[1]
    assert [one.message for one in found] == ["the id 'a' is taken already"]


VALUES = [
    ("STRING", 5, "5"),
    ("INT", "7", 7),
    ("FLOAT", "1.5", 1.5),
    ("BOOLEAN", "True", True),
    ("BOOL", False, False),
    ("JSON", '{"a": [1]}', {"a": [1]}),
    ("JSON", [1], [1]),
    ("YAML", "a: yes", {"a": "yes"}),
    ("URI", "kestra:///a.csv", "kestra:///a.csv"),
    ("EMAIL", "a@example.com", "a@example.com"),
    ("FILE", "kestra:///a.csv", "kestra:///a.csv"),
    ("SECRET", "s", "s"),
    ("ARRAY, itemType: INT", "[1, 2]", [1, 2]),
    ("ARRAY, itemType: STRING", ["a"], ["a"]),
    ("SELECT, values: [2019, '04']", "2019", "2019"),
    ("SELECT, values: [2019, '04']", "04", "04"),
    ("ENUM, values: [a]", "a", "a"),
    ("SELECT, values: [a], allowCustomValue: true", "b", "b"),
    ("MULTISELECT, values: [a, b]", "a, b", ["a", "b"]),
    ("MULTISELECT, options: [a, b]", ["b"], ["b"]),
    ("STRING, validator: '[a-z]+'", "abc", "abc"),
    ("FILE, allowedFileExtensions: [.csv]", "kestra:///A.CSV", "kestra:///A.CSV"),
]


@pytest.mark.parametrize(("kind", "given", "value"), VALUES)
def test_what_is_given_becomes_a_value_of_the_type(kind: str, given: object, value: object) -> None:
    assert resolved(f"{{id: a, type: {kind}}}", given={"a": given}) == {"a": value}


REFUSED = [
    ("INT", "1.5", "'1.5' is not a whole number"),
    ("INT", True, "True is not a whole number"),
    ("INT, max: 3", 4, "4 is above max = 3"),
    ("FLOAT", "NaN", "'NaN' is not a number"),
    ("BOOLEAN", "yes", "'yes' is neither true nor false"),
    ("DATE", "31.1.2024", "'31.1.2024' is not a date such as 2024-01-31"),
    ("DATE, after: 2024-01-01", "2023-12-31", "2023-12-31 is below after = 2024-01-01"),
    ("TIME", "9:3", "'9:3' is not a time such as 09:30:00"),
    ("DATETIME", "now", "'now' is not a time such as 2024-01-31T09:30:00Z"),
    ("DATETIME", "0001-01-01T00:00:00+14:00", "is not a time"),
    ("DURATION", "5 s", "'5 s' is not an ISO 8601 duration such as PT1H"),
    ("DURATION, max: PT1H", "PT2H", "PT2H is above max = PT1H"),
    ("JSON", "{", "not valid JSON: "),
    ("JSON", "[NaN]", "not valid JSON: NaN is no number"),
    ("JSON", "[" * 100 + "]" * 100, "nested more than 60 levels deep"),
    ("JSON", "[" * 100_000, "nested too deeply"),
    ("YAML", "[" * 100_000, "nested more than 60 levels deep"),
    ("YAML", "a: a: a", "not valid YAML: mapping values are not allowed"),
    ("EMAIL", "nobody", "'nobody' is not a mail address"),
    ("URI", "nowhere", "'nowhere' is not a URI such as"),
    ("STRING", [1], "text is expected"),
    ("STRING, validator: '[a-z]+'", "A", "'A' does not match [a-z]+"),
    ("SECRET, validator: '[a-z]+'", "A", "it does not match [a-z]+"),
    ("SELECT, values: [a, b]", "c", "'c' is not one of a, b"),
    ("ARRAY, itemType: INT", "[x]", "not valid JSON"),
    ("ARRAY, itemType: INT", ["x"], "'x' is not a whole number"),
    ("ARRAY, itemType: INT", "5", "a list is expected, such as [1, 2]"),
    ("FILE, allowedFileExtensions: [.csv]", "a.txt", "'a.txt' does not end with .csv"),
    ("STRING", None, "a value is needed"),
]


@pytest.mark.parametrize(("kind", "given", "said"), REFUSED)
def test_what_does_not_fit_is_refused(kind: str, given: object, said: str) -> None:
    with pytest.raises(InputsInvalid) as caught:
        resolved(f"{{id: a, type: {kind}}}", given={"a": given})
    assert said in str(caught.value)
    assert "'A'" not in str(caught.value) or "SECRET" not in kind


def test_every_wrong_input_is_named_at_once() -> None:
    with pytest.raises(
        InputsInvalid,
        match=r"input 'c': there is no such input, valid are a, b; input 'a': .*; input 'b': a value is needed",
    ):
        resolved("{id: a, type: INT}", "{id: b, type: INT}", given={"a": "x", "c": 1})


def test_defaults_are_templates_of_earlier_inputs() -> None:
    inputs = (
        "{id: a, type: STRING, defaults: x}",
        "{id: b, type: STRING, defaults: '{{ inputs.a }}y', dependsOn: {inputs: [a]}}",
    )
    assert resolved(*inputs) == {"a": "x", "b": "xy"}


def test_an_input_that_is_not_asked_for_has_no_value() -> None:
    inputs = (
        "{id: a, type: STRING, defaults: 'false'}",
        "{id: b, type: STRING, dependsOn: {inputs: [a], condition: '{{ inputs.a }}'}}",
    )
    assert resolved(*inputs) == {"a": "false"}
    assert resolved(*inputs, given={"a": "yes", "b": "z"}) == {"a": "yes", "b": "z"}


def test_choices_may_come_from_a_template() -> None:
    inputs = (
        "{id: a, type: STRING, defaults: x}",
        "{id: b, type: SELECT, autoSelectFirst: true, expression: '[\"{{ inputs.a }}1\"]', dependsOn: {inputs: [a]}}",
    )
    assert resolved(*inputs) == {"a": "x", "b": "x1"}


def test_what_is_not_required_may_be_missing() -> None:
    assert resolved("{id: a, type: INT, required: false}") == {"a": None}


@pytest.mark.parametrize("given", [{"request.name": "x", "request.size": "2"}, {"request": {"name": "x", "size": 2}}])
def test_ids_with_dots_are_maps(given: dict[str, Any]) -> None:
    inputs = ("{id: request.name, type: STRING}", "{id: request.size, type: INT}")
    assert resolved(*inputs, given=given) == {"request": {"name": "x", "size": 2}}


def test_a_pause_asks_for_inputs() -> None:
    asked = resume_inputs({"onResume": [{"id": "approved", "type": "BOOLEAN", "defaults": True}]})
    assert resolve_inputs(asked, {"approved": "false"}, rendered) == {"approved": False}
