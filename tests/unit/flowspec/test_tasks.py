"""Tasks: what every task may say, defaults, children, Dags, and where problems are found."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from taxi_pipelines.domain.flow import Kind, Task
from taxi_pipelines.flowspec.build import parse_flow, read_flow
from tests.support.plugins import CATALOG

HEAD = "id: f\nnamespace: taxi\ntasks:\n"


def flow_of(*tasks: str, more: str = "") -> str:
    """Each task from line 4 on, indented as an item."""
    return HEAD + "".join(f"  - {task.strip().replace(chr(10), chr(10) + '    ')}\n" for task in tasks) + more


def task(text: str, more: str = "") -> Task:
    return parse_flow(flow_of(text, more=more), CATALOG).branches["tasks"][0]


def problems(*tasks: str, more: str = "") -> list[str]:
    return [str(one).removeprefix("flow:") for one in read_flow(flow_of(*tasks, more=more), CATALOG)[1]]


def test_what_every_task_may_say() -> None:
    found = task(
        """
id: a
type: io.kestra.core.tasks.log.Log
message: 5
description: what for
disabled: "true"
timeout: "{{ 'PT1H' }}"
retry: {type: exponential, interval: PT1S, maxInterval: PT1M, delayFactor: 3, maxAttempts: 5, maxDuration: PT1H, warningOnRetry: true}
runIf: false
allowFailure: true
allowWarning: true
logLevel: WARN
logToFile: true
workerGroup: {key: x}
"""
    )
    assert (found.id, found.type, found.name) == ("a", "io.kestra.core.tasks.log.Log", "io.kestra.plugin.core.log.Log")
    assert found.properties == {"message": 5}
    assert (found.disabled, found.timeout, found.run_if, found.log_level) == (True, "{{ 'PT1H' }}", "false", "WARN")
    assert (found.allow_failure, found.allow_warning, found.log_to_file) == (True, True, True)
    assert found.retry and (found.retry.max_attempts, found.retry.max_duration) == (5, timedelta(hours=1))
    assert (found.path, found.line) == ("tasks[0]", 4)


def test_older_spellings_of_retries() -> None:
    retry = task("id: a\ntype: fail\nretry: {type: random, minInterval: PT1S, maxInterval: PT2S, maxAttempt: 2}").retry
    assert retry and (retry.interval, retry.max_attempts) == (timedelta(seconds=1), 2)


@pytest.mark.parametrize(
    ("text", "branches"),
    [
        ("type: if\ncondition: x\nthen: [LOG]\nelse: [LOG]", ["then", "else"]),
        ("type: switch\nvalue: x\ncases: {1: [LOG], b: [LOG]}\ndefaults: [LOG]", ["cases.1", "cases.b", "defaults"]),
        ("type: foreach\nvalues: [1]\ntasks: [LOG]\nerrors: [LOG]\nfinally: [LOG]", ["tasks", "errors", "finally"]),
        ("type: dag\ntasks: [{task: LOG}]", ["tasks"]),
        ("type: pause\ntasks: [LOG]", ["tasks"]),
        ("type: io.kestra.plugin.core.flow.WaitFor\ncondition: x\ntasks: [LOG]", ["tasks"]),
    ],
)
def test_children_of_flow_control(text: str, branches: list[str]) -> None:
    count = 0
    while "LOG" in text:
        text = text.replace("LOG", f"{{id: c{count}, type: log, message: x}}", 1)
        count += 1
    found = task(f"id: a\n{text}")
    assert list(found.branches) == branches
    assert [child.id for child in found.walk()] == ["a", *(f"c{number}" for number in range(count))]


def test_a_dag_knows_what_its_tasks_wait_for() -> None:
    found = task(
        "id: a\ntype: dag\ntasks:\n  - {task: {id: b, type: fail}, dependsOn: [c]}\n  - task: {id: c, type: fail}"
    )
    assert [(child.id, child.depends_on) for child in found.branches["tasks"]] == [("b", ("c",)), ("c", ())]
    assert found.kind is Kind.DAG


WRONG = [
    ("id: a", "4:5: tasks[0]: 'type' is missing; What it does."),
    ("a", "4:5: tasks[0]: a task is a map; it has at least id and type"),
    ("id: a\ntype: log\nmesage: x", "6:5: tasks[0].mesage: unknown property 'mesage'; did you mean 'message'?"),
    ("id: a\ntype: log\nmessage: x\nlogLvel: x", "7:5: tasks[0].logLvel: unknown property 'logLvel'; did you mean 'logLevel'?"),
    ("id: a\ntype: log\nmessage: x\nmax_attempts: x", "7:5: tasks[0].max_attempts: unknown property 'max_attempts'; valid are allowFailure, allowWarning, description, disabled, id, level, logLevel, logToFile, message, retry, runIf, timeout, …"),
    ("id: a\ntype: log\nmessage: x\nlevel: LOUD", "7:12: tasks[0].level: 'LOUD': input should be 'TRACE', 'DEBUG', 'INFO', 'WARN' or 'ERROR'; TRACE, DEBUG, INFO, WARN or ERROR."),
    ("id: a b\ntype: fail", "4:9: tasks[0].id: 'a b': string should match pattern '^[a-zA-Z0-9][a-zA-Z0-9_-]*$'; Name of the task, unique in the flow."),
    ('id: a\ntype: fail\ndisabled: "{{ inputs }}"', "6:15: tasks[0].disabled: no template can stand here; it is needed before anything is rendered"),
    ("id: a\ntype: fail\ntimeout: 5 s", "6:14: tasks[0].timeout: '5 s': not an ISO 8601 duration, such as PT30S or P1D; How long an attempt may take, as an ISO 8601 duration."),
    ("id: a\ntype: fail\nretry: {type: constant, interval: 5}", "6:39: tasks[0].retry.interval: 5: not an ISO 8601 duration, such as PT30S or P1D; Pause before the next attempt; the first one, or the shortest."),
    ("id: a\ntype: fail\nretry: {interval: PT1S}", "6:12: tasks[0].retry: 'type' is missing; constant, exponential or random."),
    ("id: a\ntype: fail\nretry: {type: constant, maxAttemps: 3}", "6:29: tasks[0].retry.maxAttemps: unknown property 'maxAttemps'; did you mean 'maxAttempts'?"),
    ("id: a\ntype: sequential", "4:5: tasks[0]: 'tasks' is missing; a list of at least one task"),
    ("id: a\ntype: if\ncondition: x", "4:5: tasks[0]: 'then' is missing; a list of at least one task"),
    ("id: a\ntype: switch\nvalue: x", "4:5: tasks[0]: 'cases' is missing; a map of value to list of tasks"),
    ("id: a\ntype: switch\nvalue: x\ncases: [1]", "7:12: tasks[0].cases: cases are a map of value to list of tasks"),
    ("id: a\ntype: switch\nvalue: x\ncases: {x: 1}", "7:16: tasks[0].cases.x: 'x' is a list of tasks; begin each task with a dash"),
    ("id: a\ntype: sequential\ntasks:\n  - {id: a, type: fail}", "7:14: tasks[0].tasks[0].id: the id 'a' is taken already, by the task in line 4; every task of a flow has its own id"),
    ("id: a\ntype: dag\ntasks: [{id: b, type: fail}]", "6:13: tasks[0].tasks[0]: 'task' is missing; The task."),
    ("id: a\ntype: dag\ntasks: [{task: {id: b, type: fail}, dependsOn: [c]}]", "6:53: tasks[0].tasks[0].dependsOn[0]: 'b' depends on 'c', which is not in this Dag; valid are b"),
    ("id: a\ntype: dag\ntasks:\n- {task: {id: b, type: fail}, dependsOn: [c]}\n- {task: {id: c, type: fail}, dependsOn: [b]}", "7:5: tasks[0].tasks: these tasks wait for each other in a circle: b, c; remove one of their dependsOn"),
    ("id: a\ntype: loopUntil\ncondition: x\ncheckFrequency: {intervall: PT1S}\ntasks: [{id: b, type: fail}]", "7:22: tasks[0].checkFrequency.intervall: unknown property 'intervall'; did you mean 'interval'?"),
    ("id: a\ntype: pause\nonResume: [{id: x, type: INTT}]", "6:30: tasks[0].onResume[0].type: unknown input type 'INTT'; did you mean 'INT'?"),
    ("id: a\ntype: subflow\nnamespace: x\nflowid: y", "7:5: tasks[0].flowid: unknown property 'flowid'; did you mean 'flowId'?"),
    ("id: a\ntype: io.kestra.plugin.core.kv.Gett", "5:11: tasks[0].type: unknown task type 'io.kestra.plugin.core.kv.Gett'; did you mean 'io.kestra.plugin.core.kv.Get'?"),
    ("id: a\ntype: Log", "5:11: tasks[0].type: unknown task type 'Log'; did you mean 'log'?"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "problem"), WRONG)
def test_what_is_wrong_with_a_task(text: str, problem: str) -> None:
    assert problem in problems(text)


def test_a_template_may_stand_for_any_value_of_a_property() -> None:
    assert not problems(
        'id: a\ntype: forEach\nvalues: "{{ inputs.all }}"\nconcurrencyLimit: "{{ inputs.n }}"\ntasks: [{id: b, type: fail}]',
        'id: c\ntype: kv.set\nkey: k\nvalue: 1\noverwrite: "{{ inputs.n }}"\nttl: "{{ inputs.n }}"',
        more="inputs: [{id: n, type: INT}, {id: all, type: JSON}]\n",
    )


DOCKER = "io.kestra.plugin.scripts.runner.docker.Docker"


def shell(more: str, defaults: str) -> Any:
    text = f"id: a\ntype: io.kestra.plugin.scripts.shell.Commands\ncommands: [x]\n{more}"
    return task(text, f"pluginDefaults:\n{defaults}").properties


def test_plugin_defaults_are_merged_deeply_and_the_task_wins() -> None:
    defaults = "  - {type: io.kestra.plugin.scripts, values: {env: {A: 1, B: 1}, commands: [x], timeout: PT1H}}\n"
    found = task(
        "id: a\ntype: io.kestra.plugin.scripts.shell.Commands\nenv: {B: 2}\ncommands: [y]",
        f"pluginDefaults:\n{defaults}",
    )
    assert found.properties == {"env": {"A": 1, "B": 2}, "commands": ["y"]}
    assert found.timeout == "PT1H"


def test_forced_defaults_win() -> None:
    defaults = "  - {type: io.kestra.plugin.scripts, forced: true, values: {failFast: false}}\n"
    assert shell("failFast: true", defaults) == {"commands": ["x"], "failFast": False}


def test_defaults_fill_task_runners() -> None:
    defaults = f"  - {{type: {DOCKER}, values: {{pullPolicy: NEVER, unknown: 1}}}}\n"
    runner = shell(f"taskRunner: {{type: {DOCKER}, networkMode: host}}", defaults)["taskRunner"]
    assert runner == {"type": DOCKER, "pullPolicy": "NEVER", "networkMode": "host"}


def test_a_default_that_a_type_does_not_know_is_ignored_but_the_tasks_own_is_not() -> None:
    default = "pluginDefaults: [{type: io.kestra.plugin.core, values: {bucket: b}}]\n"
    assert not problems("id: a\ntype: io.kestra.plugin.core.execution.Fail", more=default)
    assert problems("id: a\ntype: fail\nbucket: b") == [
        (
            "6:5: tasks[0].bucket: unknown property 'bucket'; valid are allowFailure, allowWarning, condition, description, "
            "disabled, errorMessage, id, logLevel, logToFile, retry, runIf, timeout, …"
        )
    ]


def test_a_runner_that_nobody_knows_is_a_problem() -> None:
    found = problems(
        "id: a\ntype: io.kestra.plugin.scripts.shell.Script\nscript: x\n"
        "taskRunner: {type: io.kestra.plugin.core.runner.Proces}"
    )
    assert found == [
        (
            "7:24: tasks[0].taskRunner.type: unknown task runner type 'io.kestra.plugin.core.runner.Proces'; "
            "did you mean 'io.kestra.plugin.core.runner.Process'?"
        )
    ]
