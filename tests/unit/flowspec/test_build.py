"""Whole flows: what is read, and that every problem comes at once, with its place and what is valid."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from taxi_pipelines.domain.flow import ConcurrencyBehavior, Flow, RetryType
from taxi_pipelines.flowspec.build import parse_flow, read_flow
from taxi_pipelines.flowspec.problems import FlowInvalid, Problem
from taxi_pipelines.tasks.registry import REGISTRY
from tests.support.plugins import CATALOG, postgres_flow

HEAD = "id: f\nnamespace: taxi\n"
TASKS = "tasks:\n  - {id: a, type: log, message: hi}\n"
"""Stands in lines 3 and 4."""


def problems(text: str) -> list[str]:
    flow, found = read_flow(text, CATALOG, file="f.yaml")
    assert (flow is None) == bool(found)
    return [str(one).removeprefix("f.yaml:") for one in found]


def test_a_flow_with_everything_is_read() -> None:
    flow = parse_flow(
        HEAD
        + TASKS
        + """\
description: all of it
labels:
  team: taxi
  year: 2024
variables: {a: "{{ inputs.x }}"}
inputs: [{id: x, type: INT, defaults: 1}]
outputs: [{id: o, type: STRING, value: "{{ outputs.a }}"}]
errors: [{id: e, type: log, message: failed}]
finally: [{id: z, type: log, message: done}]
concurrency: {limit: 2, behavior: CANCEL}
retry: {type: constant, interval: PT1M, maxAttempt: 3, behavior: CREATE_NEW_EXECUTION}
sla: [{id: s, type: MAX_DURATION, duration: PT1H, behavior: FAIL, labels: {late: true}}]
disabled: true
revision: 7
""",
        REGISTRY,
        revision=3,
    )
    assert (flow.id, flow.namespace, flow.revision, flow.disabled) == ("f", "taxi", 3, True)
    assert flow.labels == {"team": "taxi", "year": "2024"}
    assert [task.id for task in flow.walk()] == ["a", "e", "z"]
    assert flow.concurrency and flow.concurrency.behavior is ConcurrencyBehavior.CANCEL
    assert flow.retry and (flow.retry.type, flow.retry.max_attempts) == (RetryType.CONSTANT, 3)
    assert (flow.slas[0].duration, flow.slas[0].labels) == (timedelta(hours=1), {"late": "true"})
    assert flow.outputs[0].value == "{{ outputs.a }}"


def test_labels_may_be_a_list_of_keys_and_values() -> None:
    assert parse_flow(HEAD + TASKS + "labels: [{key: a, value: 1}]\n", REGISTRY).labels == {"a": "1"}


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_line_endings_make_no_difference(ending: str) -> None:
    text = postgres_flow().replace("\n", ending)
    assert parse_flow(text, CATALOG).branches == parse_flow(postgres_flow(), CATALOG).branches


FLOWS = [
    ("hello", "1:1: a flow is a map; it has at least id, namespace and tasks"),
    ("namespace: taxi\n" + TASKS, "1:1: 'id' is missing; Name of the flow, unique in its namespace."),
    ("id: a b\nnamespace: taxi\n" + TASKS, "1:5: id: 'a b' is not a valid id; it must match ^[a-zA-Z0-9][a-zA-Z0-9._-]*$"),
    ("id: f\nnamespace: Taxi\n" + TASKS, "2:12: namespace: 'Taxi' is not a valid namespace; it must match ^[a-z0-9][a-z0-9._-]*$"),
    (HEAD, "1:1: a flow needs at least one task under 'tasks'"),
    (HEAD + "tasks: []\n", "3:8: tasks: a flow needs at least one task under 'tasks'"),
    (HEAD + TASKS + "trigers: []\n", "5:1: trigers: unknown property 'trigers'; did you mean 'triggers'?"),
    (HEAD + TASKS + "disabled: maybe\n", "5:11: disabled: 'maybe' is neither true nor false"),
    (HEAD + TASKS + "labels: {system.a: 1}\n", "5:20: labels.system.a: 'system.a': labels that begin with `system.` are reserved"),
    (HEAD + TASKS + "labels: [a]\n", "5:9: labels: labels are a map, or a list of {key, value}"),
    (HEAD + TASKS + "variables: [a]\n", "5:12: variables: variables are a map of names to values"),
    (HEAD + TASKS + "errors: {a: 1}\n", "5:9: errors: 'errors' is a list of tasks; begin each task with a dash"),
    (HEAD + TASKS + "outputs: {a: 1}\n", "5:10: outputs: 'outputs' is a list; begin each item with a dash"),
    (HEAD + TASKS + "outputs: [{id: o, type: STRNG, value: 1}]\n", "5:25: outputs[0].type: unknown output type 'STRNG'; did you mean 'STRING'?"),
    (HEAD + TASKS + "concurrency: {limit: 0}\n", "5:22: concurrency.limit: 0: input should be greater than or equal to 1; How many executions may be live at a time."),
    (HEAD + TASKS + "concurrency: 3\n", "5:14: concurrency: a map is expected here; with limit, behavior"),
    (HEAD + TASKS + 'retry: {type: constant, interval: "{{ x }}"}\n', "5:35: retry.interval: no template can stand here; it is needed before anything is rendered"),
    (HEAD + TASKS + "sla: [{id: s, type: MAX_DURATION, behavior: FAIL}]\n", "5:7: sla[0]: 'duration' is missing: it belongs to MAX_DURATION"),
    (HEAD + TASKS + "listeners: []\n", "5:1: listeners: unknown property 'listeners'; Kestra removed listeners: use `errors`, `finally`, or another flow with a Flow trigger"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "problem"), FLOWS)
def test_what_is_wrong_with_a_flow(text: str, problem: str) -> None:
    assert problem in problems(text)


def test_every_problem_comes_at_once_in_the_order_of_the_text() -> None:
    text = HEAD + "inputs: [{id: x, type: INTT}]\ntasks:\n  - {id: a, type: lg}\n  - {id: a, type: log}\nlabls: {}\n"
    assert problems(text) == [
        "3:24: inputs[0].type: unknown input type 'INTT'; did you mean 'INT'?",
        "5:19: tasks[0].type: unknown task type 'lg'; did you mean 'log'?",
        "6:5: tasks[1]: 'message' is missing; One line, or a list of several.",
        "6:10: tasks[1].id: the id 'a' is taken already, by the task in line 5; every task of a flow has its own id",
        "7:1: labls: unknown property 'labls'; did you mean 'labels'?",
    ]


def test_an_invalid_flow_carries_its_problems() -> None:
    with pytest.raises(FlowInvalid, match=r"f\.yaml:1:1: .*and 1 more problems") as caught:
        parse_flow("id: f\n", REGISTRY, file="f.yaml")
    assert caught.value.problems[0].to_dict() == {
        "file": "f.yaml",
        "line": 1,
        "column": 1,
        "path": "",
        "message": "'namespace' is missing",
        "hint": "Dotted name of the group it belongs to.",
    }


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
PIECES = st.sampled_from(
    [
        "id: ",
        "tasks:\n",
        "  - ",
        "type: log\n",
        "message: ",
        "{{ inputs.",
        " }}",
        "{% for",
        "&a ",
        "*a",
        "<<: ",
        "\t",
        "|\n",
        "? ",
    ]
)


@given(st.text() | st.lists(PIECES | st.text(max_size=5), max_size=40).map("".join))
@example(
    "id: f\nnamespace: n\ntasks: [{id: 1, type: 2}]\ntriggers: [[]]\ninputs: [1]\noutputs: [1]\npluginDefaults: [1]"
)
@example("? {a: b}\n: c")
@example("triggers: {a: 1}\ninputs: {a: 1}\nid: [1]\nnamespace: {}\ntasks: {a: '{{ x }}'}\nlabels: 5\nvariables: 5\n")
@settings(max_examples=300, deadline=None, derandomize=True)
def test_any_text_is_a_flow_or_a_list_of_problems(text: str) -> None:
    flow, found = read_flow(text, CATALOG)
    assert isinstance(flow, Flow) if flow else all(isinstance(one, Problem) and one.line >= 1 for one in found)


KEYS = st.sampled_from(
    [
        "id",
        "type",
        "tasks",
        "then",
        "else",
        "cases",
        "errors",
        "condition",
        "values",
        "retry",
        "timeout",
        "runIf",
        "disabled",
        "message",
        "taskRunner",
        "conditions",
        "cron",
        "inputs",
    ]
)
TREES = st.recursive(
    SCALARS | st.sampled_from(["log", "if", "forEach", "dag", "pause", "schedule", "{{ inputs.x }}", "{{", "switch"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=15,
)


@given(
    st.dictionaries(
        st.sampled_from(["tasks", "errors", "triggers", "inputs", "outputs", "sla", "pluginDefaults", "retry"]), TREES
    )
)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_any_structure_is_a_flow_or_a_list_of_problems(tree: dict[str, object]) -> None:
    import json

    flow, found = read_flow(json.dumps({"id": "f", "namespace": "taxi", **tree}), CATALOG)
    assert flow or found
