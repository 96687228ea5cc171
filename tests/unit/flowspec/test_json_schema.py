"""The JSON schema says of shapes what validation says."""

from __future__ import annotations

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from taxi_pipelines.flowspec.build import read_flow
from taxi_pipelines.flowspec.json_schema import json_schema
from taxi_pipelines.flowspec.yaml_text import read_document
from taxi_pipelines.task_types import Role
from tests.support.data import ROOT
from tests.support.plugins import CATALOG, postgres_flow

SCHEMA = json_schema(CATALOG)
VALIDATOR = Draft202012Validator(SCHEMA)
HEAD = "id: f\nnamespace: taxi\n"
TASKS = "tasks: [{id: a, type: log, message: hi}]\n"


def fits(text: str) -> bool:
    return bool(VALIDATOR.is_valid(read_document(text).value))


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA


@pytest.mark.parametrize("spec", [spec for role in Role for spec in CATALOG.specs(role)], ids=lambda spec: spec.name)
def test_every_type_is_in_it_with_its_documentation(spec: Any) -> None:
    found = SCHEMA["$defs"][spec.name]
    assert found["title"] == spec.title
    assert found["properties"]["type"]["enum"] == [spec.name, *spec.aliases]
    assert all(
        "description" in part or "$ref" in part or key in spec.branches for key, part in found["properties"].items()
    )


def test_flows_of_the_course_fit() -> None:
    assert fits(postgres_flow(rounds=2))


FILES = sorted((ROOT / "tests" / "flows").rglob("*.yaml"))
FLOWS = [(path, text) for path in FILES if "tasks:" in (text := path.read_text(encoding="utf-8"))]


@pytest.mark.parametrize("text", [text for _, text in FLOWS], ids=[path.name for path, _ in FLOWS])
def test_a_flow_that_validates_fits(text: str) -> None:
    if read_flow(text, CATALOG)[0] is not None:
        assert [error.message for error in VALIDATOR.iter_errors(read_document(text).value)] == []


FIT = [
    TASKS + "labels: {a: 1}\ninputs:\nvariables: {x: [1]}\nretry: {type: constant, maxAttempt: 3}\n",
    TASKS + "inputs: [{id: a, type: SELECT, values: [1, b]}, {name: b, type: BOOL, defaults: true}]\n",
    TASKS
    + "triggers: [{id: t, type: schedule, cron: '@daily', conditions: [{type: not, conditions: [{type: weekend}]}]}]\n",
    TASKS + "pluginDefaults: [{type: io.kestra, values: {a: 1}, forced: true}]\n",
    TASKS
    + "outputs: [{id: o, type: STRING, value: '{{ 1 }}'}]\nsla: [{id: s, type: MAX_DURATION, duration: PT1H, behavior: FAIL}]\n",
    "tasks: [{id: a, type: if, condition: true, then: [{id: b, type: fail}], errors: [{id: c, type: fail}]}]\n",
    "tasks: [{id: a, type: switch, value: x, cases: {y: [{id: b, type: fail}]}}]\n",
    "tasks: [{id: a, type: dag, tasks: [{task: {id: b, type: fail}, dependsOn: [a]}]}]\n",
    "tasks: [{id: a, type: forEach, values: '{{ x }}', concurrencyLimit: '{{ x }}', tasks: [{id: b, type: fail}]}]\n",
    "tasks: [{id: a, type: kv.set, key: 5, value: {a: b}, overwrite: '{{ x }}'}]\n",
    "tasks: [{id: a, type: pause, onResume: [{id: x, type: INT}]}]\n",
]

UNFIT = [
    "",
    TASKS + "trigers: []\n",
    TASKS + "concurrency: {limit: 0}\n",
    TASKS + "retry: {type: constant, maxAttemps: 3}\n",
    TASKS + "retry: {type: '{{ x }}'}\n",
    TASKS + "inputs: [{id: a, type: TEXT}]\n",
    TASKS + "inputs: [{id: a, type: INT, values: [1]}]\n",
    TASKS + "inputs: [{type: INT}]\n",
    TASKS + "triggers: [{id: t, type: schedul}]\n",
    TASKS + "triggers: [{id: t, type: schedule, cron: '@daily', conditions: [{type: weekendd}]}]\n",
    TASKS + "disabled: '{{ x }}'\n",
    "tasks: []\n",
    "tasks: [{id: a, type: lg}]\n",
    "tasks: [{id: a b, type: fail}]\n",
    "tasks: [{type: fail}]\n",
    "tasks: [{id: a, type: fail, timout: PT1S}]\n",
    "tasks: [{id: a, type: log, message: x, level: LOUD}]\n",
    "tasks: [{id: a, type: fail, disabled: '{{ x }}'}]\n",
    "tasks: [{id: a, type: forEach, values: [1]}]\n",
    "tasks: [{id: a, type: sequential, tasks: [{id: b, type: lg}]}]\n",
    "tasks: [{id: a, type: dag, tasks: [{id: b, type: fail}]}]\n",
    "tasks: [{id: a, type: kv.set, key: k, value: v, overwrite: often}]\n",
    "tasks: [{id: a, type: loopUntil, condition: x, checkFrequency: {intervall: PT1S}, tasks: [{id: b, type: fail}]}]\n",
]


@pytest.mark.parametrize("text", FIT)
def test_what_is_right_fits(text: str) -> None:
    found = HEAD + text
    assert [error.message for error in VALIDATOR.iter_errors(read_document(found).value)] == []


@pytest.mark.parametrize("text", UNFIT)
def test_what_is_wrong_does_not_fit_and_does_not_validate(text: str) -> None:
    assert not fits(HEAD + text)
    assert read_flow(HEAD + text, CATALOG)[0] is None
