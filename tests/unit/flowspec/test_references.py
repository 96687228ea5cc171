"""Templates of a flow: their syntax, and whether what they name is there."""

from __future__ import annotations

import pytest

from taxi_pipelines.flowspec.build import read_flow
from taxi_pipelines.tasks.registry import REGISTRY

FLOW = """\
id: f
namespace: taxi
inputs: [{id: taxi, type: STRING}, {id: request.name, type: STRING}]
tasks:
  - id: load
    type: log
    message: hi
  - id: last-one
    type: log
    message: %s
"""


def problems(message: str, more: str = "") -> list[str]:
    return [str(one).removeprefix("flow:") for one in read_flow(FLOW % message + more, REGISTRY)[1]]


FINE = [
    "{{ inputs.taxi }} {{ inputs['taxi'] }} {{ inputs.request.name }}",
    "{{ outputs.load.value }} {{ outputs['last-one'].x }} {{ outputs[inputs.taxi] }}",
    "{{ flow.id }} {{ execution.id }} {{ task.id }} {{ taskrun.value }} {{ trigger.date }} {{ vars.x }} {{ labels.x }}",
    "{{ parent.taskrun.value }} {{ parents[0] }} {{ envs.x }} {{ globals.x }} {{ namespace.x }} {{ workingDir }} {{ error }} {{ kestra.url }}",
    "{% set x = 1 %}{{ x }}{% for y in [1] %}{{ y }}{{ loop.index }}{% endfor %}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1) }}",
    "{{ inputs.gone ?? outputs.gone ?? 'x' }} {{ inputs.gone | default('x') }} {{ inputs.gone is defined }}",
    "{% raw %}{{ inputs.gone }} {{ nothing }}{% endraw %}",
    "{{ 'see inputs.gone' }} {# inputs.gone #} {{ trigger.outputs.gone }}",
    "{{ kv('k') }} {{ secret('S') }} {{ now() }}",
]


@pytest.mark.parametrize("message", FINE)
def test_what_is_there_may_be_named(message: str) -> None:
    assert problems(f"|\n      {message}") == []


WRONG = [
    ('"{{ 1 + }}"', "10:22: tasks[1].message: syntax error: unexpected `}}` in {{ 1 + }}; expected a value"),
    ('"{{ inptus.taxi }}"', "10:18: tasks[1].message: there is no variable 'inptus'; did you mean 'inputs'?"),
    ('"{{ a | uper }}"', "10:22: tasks[1].message: {{ a | uper }}: there is no filter 'uper'; did you mean 'upper'?"),
    ("|\n      one\n      two {{ inputs.taxii }}", "12:21: tasks[1].message: inputs.taxii: there is no input 'taxii'; did you mean 'taxi'?"),
    ("|\n      {{ inputs.taxi }}\n\n      {{ outputs.laod.x }}", "13:18: tasks[1].message: outputs.laod: there is no task 'laod'; did you mean 'load'?"),
    (">\n      one\n      {{ outputs['laod'].x }}", "12:18: tasks[1].message: outputs.laod: there is no task 'laod'; did you mean 'load'?"),
    ("{a: ['{{ gone }}']}", "10:23: tasks[1].message.a[0]: there is no variable 'gone'; valid are envs, error, execution, flow, globals, inputs, kestra, labels, namespace, outputs, parent, parents, task, taskrun, trigger, vars, workingDir"),
    ('"{{ \'x\' ?? inputs.gone }}"', "10:32: tasks[1].message: inputs.gone: there is no input 'gone'; valid are request, taxi"),
]  # fmt: skip


@pytest.mark.parametrize(("message", "problem"), WRONG)
def test_what_is_wrong_stands_at_its_own_line_and_column(message: str, problem: str) -> None:
    assert problem in problems(message)


def test_descriptions_are_no_templates() -> None:
    assert problems("hi", more='description: "{{ not a template"\n') == []


def test_what_aliases_repeat_is_wrong_only_once() -> None:
    found = problems("hi", 'variables:\n  a: &a ["{{ 1 + }}"]\n  b: *a\n  c: [*a, *a]\n')
    assert [problem.partition(": ")[0] for problem in found] == ["12:18"]


def test_a_flow_without_inputs_says_so() -> None:
    text = "id: f\nnamespace: n\ntasks: [{id: a, type: log, message: '{{ inputs.x }}'}]\n"
    assert [one.hint for one in read_flow(text, REGISTRY)[1]] == ["the flow has no inputs"]


def test_variables_may_name_what_a_template_around_them_sets() -> None:
    assert (
        problems('"{% for row in [1] %}{{ render(vars.line) }}{% endfor %}"', 'variables: {line: "{{ row }}"}\n') == []
    )
    assert problems("hi", 'variables: {line: "{{ row }}"}\n')[0].startswith(
        "11:23: variables.line: there is no variable 'row'"
    )


def test_triggers_see_what_set_them_off() -> None:
    trigger = "triggers:\n  - id: t\n    type: {}\n    {}\n"
    http = 'uri: https://example.com\n    responseCondition: "{{ response.statusCode == 200 }}"'
    assert problems("hi", trigger.format("http.trigger", http)) == []
    assert problems("hi", trigger.format("flow", 'inputs: {taxi: "{{ outputs.others.uri }}"}')) == []
    assert "no variable 'response'" in problems("hi", trigger.format("flow", 'inputs: {taxi: "{{ response }}"}'))[0]
