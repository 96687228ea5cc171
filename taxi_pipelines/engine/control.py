"""Every verb a user has, for the command line and the API alike. What an engine must do is left for it as a command."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

from taxi_pipelines.domain.execution import Execution, TaskRun
from taxi_pipelines.domain.flow import Flow
from taxi_pipelines.domain.outline import Outline
from taxi_pipelines.domain.records import Command, StoredFlow, Verb
from taxi_pipelines.domain.replay import replay
from taxi_pipelines.domain.restart import RESTARTABLE
from taxi_pipelines.domain.states import State
from taxi_pipelines.domain.text import reserved_labels
from taxi_pipelines.domain.tree import RunTree
from taxi_pipelines.domain.trigger import states_of
from taxi_pipelines.engine.launch import find_flow, new_execution, resolve
from taxi_pipelines.engine.parts import Parts
from taxi_pipelines.engine.secret_inputs import place_of
from taxi_pipelines.errors import NotFound, UsageError
from taxi_pipelines.flow_interfaces import ExecutionFilter, Page
from taxi_pipelines.flowspec.build import parse_flow
from taxi_pipelines.flowspec.inputs import resume_inputs
from taxi_pipelines.flowspec.problems import nearest

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]")
_LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class Control:
    """The verbs, on one configuration's stores."""

    parts: Parts

    def save_flow(self, source: str, *, file: str = "flow") -> StoredFlow:
        """Keeps a flow's text as its next revision, if it is valid and has changed. Raises FlowInvalid."""
        return self.keep_flow(parse_flow(source, self.parts.catalog, file=file), source)

    def keep_flow(self, flow: Flow, source: str) -> StoredFlow:
        """Keeps a flow's text, and its triggers with it."""
        now = self.parts.clock()
        return self.parts.flows.save(flow.namespace, flow.id, source, now, states_of(flow, now))

    def delete_flow(self, namespace: str, id: str) -> None:
        """Forgets a flow, and its triggers with it; executions go on. Raises NotFound."""
        if not self.parts.flows.delete(namespace, id, self.parts.clock()):
            find_flow(self.parts, namespace, id)

    def flow(self, namespace: str, id: str, revision: int | None = None) -> Flow:
        """A flow, parsed. Raises NotFound."""
        return find_flow(self.parts, namespace, id, revision)

    def make_execution(
        self,
        flow: Flow,
        inputs: Mapping[str, object],
        *,
        files: Mapping[str, Path] | None = None,
        uploads: Mapping[str, tuple[str, BinaryIO]] | None = None,
        labels: Mapping[str, str] | None = None,
        trigger: Mapping[str, Any] | None = None,
    ) -> Execution:
        """A new execution, not yet stored: give it to an engine, or to `store_execution`. Raises InputsInvalid.

        `files` are paths on this machine, `uploads` the names and contents of files sent, by inputs of type FILE.
        """
        now, id = self.parts.clock(), self.parts.new_id()
        _check_files(flow, uploads or {})
        kept = {name: self._keep_input(flow, id, name, path) for name, path in (files or {}).items()}
        kept |= {name: self.keep_input(flow, id, name, *upload) for name, upload in (uploads or {}).items()}
        return new_execution(self.parts, flow, {**inputs, **kept}, now=now, labels=labels, trigger=trigger, id=id)

    def store_execution(self, execution: Execution, task_runs: list[TaskRun] | None = None) -> None:
        """Accepts an execution; some engine goes on with it."""
        self.parts.executions.create(execution, task_runs or [])

    def execution(self, id_or_prefix: str) -> Execution:
        """An execution. Raises NotFound and AmbiguousId."""
        found = self.parts.executions.find(id_or_prefix)
        if found is None:
            raise NotFound(f"there is no execution {id_or_prefix}", "`taxi execution list` shows the newest")
        return found

    def executions(self, wanted: ExecutionFilter, page: Page) -> list[Execution]:
        """A page of executions, newest first."""
        return self.parts.executions.search(wanted, page)

    def kill(self, execution: Execution) -> None:
        """Asks for its end."""
        if execution.state.has_ended:
            raise UsageError(f"execution {execution.id} has ended {execution.state}", "there is nothing to kill")
        self._ask(execution, Verb.KILL)

    def pause(self, execution: Execution) -> None:
        """Asks that nothing more begins."""
        if execution.state is not State.RUNNING:
            raise _refusal(execution, "paused", "only a RUNNING one can be")
        self._ask(execution, Verb.PAUSE)

    def resume(self, execution: Execution, inputs: Mapping[str, object] | None = None) -> None:
        """Asks that it goes on, with the inputs its pause wants. Raises InputsInvalid."""
        if execution.state is not State.PAUSED:
            raise _refusal(execution, "resumed", "only a PAUSED one can be")
        flow = find_flow(self.parts, execution.namespace, execution.flow_id, execution.flow_revision)
        tree = RunTree(flow, self.parts.executions.task_runs(execution.id))
        paused = next((run for run in tree.in_order() if run.state is State.PAUSED), None)
        wanted = resume_inputs(tree.task(paused).properties) if paused else ()
        values = resolve(self.parts, flow, wanted, inputs or {}, now=self.parts.clock())
        arguments: dict[str, Any] = {"inputs": values}
        if paused:
            arguments["task_run_id"] = paused.id
        self._ask(execution, Verb.RESUME, arguments)

    def restart(self, execution: Execution, revision: int | None = None) -> None:
        """Asks that what failed is tried again (S18), with another revision of its flow if so. Raises UsageError."""
        if execution.state not in RESTARTABLE:
            states = ", ".join(RESTARTABLE)
            raise _refusal(execution, "restarted", f"only one that is {states} can be; `replay` runs any again")
        if revision is not None:
            self._runs_in(execution, revision)
        self._ask(execution, Verb.RESTART, None if revision is None else {"revision": revision})

    def replay(self, execution: Execution, task: str | None = None, revision: int | None = None) -> Execution:
        """A new execution, from the start or from a task (by its id, or that of a task run), of that revision or the same."""
        revision = revision or execution.flow_revision
        flow = find_flow(self.parts, execution.namespace, execution.flow_id, revision)
        runs = self._runs_in(execution, revision) if task else []
        again, copies = replay(
            flow,
            replace(execution, flow_revision=revision),
            RunTree(flow, runs),
            self.parts.clock(),
            execution_id=self.parts.new_id(),
            new_run_id=self.parts.new_id,
            from_run_id=_find_run(runs, task).id if task else None,
        )
        self.store_execution(again, copies)
        return again

    def _runs_in(self, execution: Execution, revision: int) -> list[TaskRun]:
        """Its task runs. Raises UsageError where one of their tasks is gone, or stands elsewhere, in that revision."""
        runs = self.parts.executions.task_runs(execution.id)
        outline = Outline(find_flow(self.parts, execution.namespace, execution.flow_id, revision))
        tasks = {run.id: run.task_id for run in runs}
        for run in runs:
            siblings = outline.children(tasks.get(run.parent_id or ""), run.branch)
            if run.task_id not in {task.id for task in siblings}:
                what = (
                    f"the task {run.task_id!r} of execution {execution.id} is not where it was in revision {revision}"
                )
                raise UsageError(what, "replay it from the start instead")
        return runs

    def _ask(self, execution: Execution, verb: Verb, arguments: Mapping[str, Any] | None = None) -> None:
        asked = Command(execution_id=execution.id, verb=verb, arguments=arguments or {}, asked_at=self.parts.clock())
        self.parts.engines.ask(asked)

    def _keep_input(self, flow: Flow, execution_id: str, name: str, path: Path) -> str:
        try:
            with path.open("rb") as file:
                return self.keep_input(flow, execution_id, name, path.name, file)
        except OSError as error:
            raise UsageError(
                f"input {name!r}: {path} cannot be read: {error.strerror}", "give the path of a file"
            ) from error

    def keep_input(self, flow: Flow, execution_id: str, name: str, file_name: str, file: BinaryIO) -> str:
        """Stores the file given for a FILE input; its URI. Of its name only what is harmless in a path is kept."""
        safe = _UNSAFE.sub("_", file_name.replace("\\", "/").rpartition("/")[2])[-_LONGEST_NAME:].lstrip(".") or "file"
        uri = f"{_files_of(flow.namespace, flow.id, execution_id)}/inputs/{name}/{safe}"
        self.parts.files.put(uri, file)
        return uri

    def files_of(self, execution: Execution) -> str:
        """What the URIs of an execution's files begin with."""
        return _files_of(execution.namespace, execution.flow_id, execution.id)

    def delete_execution(self, execution: Execution) -> None:
        """Removes it with its logs, files and secret inputs. Raises UsageError where it has not ended."""
        if not execution.state.has_ended:
            raise _refusal(execution, "deleted", "kill it first")
        self.parts.files.delete(self.files_of(execution))
        for _, key in self.parts.secrets.keys(place_of(execution.id)):
            self.parts.secrets.delete(place_of(execution.id), key)
        self.parts.executions.delete(execution.id)

    def relabel(self, execution: Execution, labels: Mapping[str, str]) -> Execution:
        """Sets labels of an execution that has ended; others stay. Raises UsageError."""
        changed = replace(execution, labels={**execution.labels, **labels})
        if reserved := reserved_labels(labels):
            raise UsageError(f"label {reserved[0]!r} cannot be set", "labels that begin with `system.` are reserved")
        if not (execution.state.has_ended and self.parts.executions.relabel(changed)):
            raise _refusal(execution, "labelled", "only one that has ended can be")
        return changed


def _files_of(namespace: str, flow_id: str, execution_id: str) -> str:
    return f"kestra:///{namespace.replace('.', '/')}/{flow_id}/executions/{execution_id}"


def _check_files(flow: Flow, uploads: Mapping[str, object]) -> None:
    """Names of inputs become parts of paths: only those that the flow has declared may."""
    known = [one.id for one in flow.inputs if one.type == "FILE"]
    for name in uploads:
        if name not in known:
            raise UsageError(f"{name!r} is no input of type FILE", nearest(name, known))


def _refusal(execution: Execution, what: str, hint: str) -> UsageError:
    return UsageError(f"execution {execution.id} is {execution.state} and cannot be {what}", hint)


def _find_run(runs: list[TaskRun], task: str) -> TaskRun:
    found = [run for run in runs if task in (run.id, run.task_id)]
    if not found:
        raise NotFound(f"no task run {task!r} in this execution", "`taxi execution show` lists them")
    return found[0]
