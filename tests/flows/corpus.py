"""Flows with their expected outcome beside them: `NAME.yaml` and `NAME.expected.yaml`, a folder per section of the dialect.

The expected file says how the flow is run, and what becomes of it; every key may be left out, but for the outcome:

    inputs, labels, trigger   what the execution is given
    kv, secrets               {namespace: {key: value}}: what is there before; `environment` are variables
    files                     {URI: text}: what is in the storage before
    do                        what somebody does each time the execution has come to rest: resume (or {resume: inputs}), kill,
                              restart, replay (or {replay: task id})
    state                     how it ends
    error                     what stands in its error
    runs                      `task [value] STATE` in order of creation; `#n` for a loop without values, `xN` after N attempts
    outputs, variables        the execution's; `labels_after` its labels
    task_outputs              {task id: outputs of its last run}
    logs                      `LEVEL task: message`, all of them, in order; `says`: parts of some of them
    problems                  instead of all these, where the flow is not valid: parts of the lines, one each, in order
    refused                   where no execution comes to be: what stands in the reason

Flows it calls stand in `NAME.calls.yaml`, one document each. Random ids read as ID, times of the run as NOW.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from taxi_pipelines.domain.execution import Execution, TaskRun
from taxi_pipelines.domain.records import KvEntry
from taxi_pipelines.domain.states import State
from taxi_pipelines.errors import PipelineError
from taxi_pipelines.flow_interfaces import ExecutionFilter, Page
from taxi_pipelines.flowspec.problems import FlowInvalid
from taxi_pipelines.tasks.kv import typed_value
from tests.support.engines import Bench

ROOT = Path(__file__).parent
_ID = re.compile(r"\b[a-z0-9]{20}\b")
_MOMENT = re.compile(r"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC")


@dataclass(frozen=True, slots=True)
class Case:
    """One flow of the corpus."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path.relative_to(ROOT).with_suffix(""))

    @property
    def source(self) -> str:
        return self.path.read_text()

    @property
    def expected(self) -> dict[str, Any]:
        return dict(yaml.safe_load(self.path.with_suffix(".expected.yaml").read_text()) or {})

    @property
    def called(self) -> Iterator[str]:
        """The flows it calls."""
        path = self.path.with_suffix(".calls.yaml")
        return iter(re.split(r"^---\n", path.read_text(), flags=re.M) if path.exists() else ())


def cases() -> list[Case]:
    """All of them."""
    return [Case(path) for path in sorted(ROOT.rglob("*.yaml")) if path.name.count(".") == 1]


def outcome(bench: Bench, case: Case) -> dict[str, Any]:
    """What becomes of a flow, run as its expected file says, in the same words."""
    how = case.expected
    _prepare(bench, how)
    try:
        bench.save(*case.called)
        stored = bench.control.save_flow(case.source, file=case.path.name)
        flow = bench.control.flow(stored.namespace, stored.id)
        given = {name: how[name] for name in ("labels", "trigger") if name in how}
        execution = bench.control.make_execution(flow, how.get("inputs", {}), **given)
    except FlowInvalid as error:
        return {"problems": [str(problem) for problem in error.problems]}
    except PipelineError as error:
        return {"refused": str(error)}
    bench.engine.submit(execution)
    id = execution.id
    for action in how.get("do", ()):
        bench.until(partial(_rests, bench, id))
        id = _act(bench, bench.control.execution(id), action)
    bench.until(lambda: bench.control.execution(id).state.has_ended)
    return _described(bench, last_try(bench, bench.control.execution(id)))


def last_try(bench: Bench, execution: Execution) -> Execution:
    """The execution that took its place in the end, where it was tried again as a whole."""
    while execution.state is State.RETRIED:
        execution = bench.control.executions(ExecutionFilter(parent_id=execution.id), Page())[0]
        execution = bench.finish(execution.id).execution
    return execution


def _prepare(bench: Bench, how: Mapping[str, Any]) -> None:
    for namespace, entries in how.get("kv", {}).items():
        for key, value in entries.items():
            kind, kept = typed_value(value, None)
            bench.parts.kv.set(KvEntry(namespace=namespace, key=key, type=kind, value=kept))
    for namespace, entries in how.get("secrets", {}).items():
        for key, value in entries.items():
            bench.parts.secrets.set(namespace, key, value)
    for uri, text in how.get("files", {}).items():
        bench.parts.files.put(uri, io.BytesIO(text.encode()))
    environment = bench.parts.environment
    assert isinstance(environment, dict)
    environment.clear()
    environment.update(how.get("environment", {}))


def _rests(bench: Bench, id: str) -> bool:
    state = bench.control.execution(id).state
    return state.has_ended or state is State.PAUSED


def _act(bench: Bench, execution: Execution, action: Any) -> str:
    verb, argument = next(iter(action.items())) if isinstance(action, dict) else (action, None)
    match verb:
        case "resume":
            bench.control.resume(execution, argument or {})
        case "kill":
            bench.control.kill(execution)
        case "restart":
            bench.control.restart(execution)
        case "replay":
            return bench.control.replay(execution, argument).id
    bench.until(lambda: not bench.parts.engines.commands(bench.engine.id))
    return execution.id


def _described(bench: Bench, execution: Execution) -> dict[str, Any]:
    ran = bench.look(execution.id)
    found = {
        "state": str(execution.state),
        "error": execution.error,
        "runs": [_run(run) for run in ran.runs],
        "outputs": dict(execution.outputs),
        "variables": dict(execution.variables),
        "labels_after": dict(execution.labels),
        "task_outputs": {run.task_id: dict(run.outputs) for run in ran.runs},
        "logs": ran.lines,
    }
    text = yaml.safe_dump(found, allow_unicode=True, width=10**6)
    return dict(yaml.safe_load(_MOMENT.sub("NOW", _ID.sub("ID", text))))


def _run(run: TaskRun) -> str:
    value = "" if run.value is None else f" [{run.value}]"
    if run.value is None and run.iteration is not None:
        value = f" #{run.iteration}"
    attempts = f" x{len(run.attempts)}" if len(run.attempts) > 1 else ""
    return f"{run.task_id}{value} {run.state}{attempts}"
