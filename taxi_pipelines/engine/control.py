"""Every verb a user has, for the command line and the API alike. What an engine must do is left for it as a command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from taxi_pipelines.domain.execution import Execution, TaskRun
from taxi_pipelines.domain.flow import Flow
from taxi_pipelines.domain.records import Command, StoredFlow, Verb
from taxi_pipelines.domain.replay import replay
from taxi_pipelines.domain.restart import RESTARTABLE
from taxi_pipelines.domain.states import State
from taxi_pipelines.domain.tree import RunTree
from taxi_pipelines.engine.launch import find_flow, new_execution, resolve
from taxi_pipelines.engine.parts import Parts
from taxi_pipelines.errors import NotFound, UsageError
from taxi_pipelines.flow_interfaces import ExecutionFilter, Page
from taxi_pipelines.flowspec.build import parse_flow
from taxi_pipelines.flowspec.inputs import resume_inputs


@dataclass(frozen=True, slots=True)
class Control:
    """The verbs, on one configuration's stores."""

    parts: Parts

    def save_flow(self, source: str, *, file: str = "flow") -> StoredFlow:
        """Keeps a flow's text as its next revision, if it is valid and has changed. Raises FlowInvalid."""
        flow = parse_flow(source, self.parts.catalog, file=file)
        return self.parts.flows.save(flow.namespace, flow.id, source, self.parts.clock())

    def flow(self, namespace: str, id: str, revision: int | None = None) -> Flow:
        """A flow, parsed. Raises NotFound."""
        return find_flow(self.parts, namespace, id, revision)

    def make_execution(
        self,
        flow: Flow,
        inputs: Mapping[str, object],
        *,
        files: Mapping[str, Path] | None = None,
        labels: Mapping[str, str] | None = None,
        trigger: Mapping[str, Any] | None = None,
    ) -> Execution:
        """A new execution, not yet stored: give it to an engine, or to `store_execution`. Raises InputsInvalid."""
        now, id = self.parts.clock(), self.parts.new_id()
        kept = {name: self._keep_input(flow, id, name, path) for name, path in (files or {}).items()}
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

    def restart(self, execution: Execution) -> None:
        """Asks that what failed is tried again (S18)."""
        if execution.state not in RESTARTABLE:
            states = ", ".join(RESTARTABLE)
            raise _refusal(execution, "restarted", f"only one that is {states} can be; `replay` runs any again")
        self._ask(execution, Verb.RESTART)

    def replay(self, execution: Execution, task: str | None = None) -> Execution:
        """A new execution, from the start or from a task (by its id, or that of a task run)."""
        flow = find_flow(self.parts, execution.namespace, execution.flow_id, execution.flow_revision)
        runs = self.parts.executions.task_runs(execution.id)
        again, copies = replay(
            flow,
            execution,
            RunTree(flow, runs),
            self.parts.clock(),
            execution_id=self.parts.new_id(),
            new_run_id=self.parts.new_id,
            from_run_id=_find_run(runs, task).id if task else None,
        )
        self.store_execution(again, copies)
        return again

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
        """Stores the file given for a FILE input; its URI."""
        place = f"{flow.namespace.replace('.', '/')}/{flow.id}/executions/{execution_id}/inputs/{name}"
        uri = f"kestra:///{place}/{Path(file_name).name}"
        self.parts.files.put(uri, file)
        return uri


def _refusal(execution: Execution, what: str, hint: str) -> UsageError:
    return UsageError(f"execution {execution.id} is {execution.state} and cannot be {what}", hint)


def _find_run(runs: list[TaskRun], task: str) -> TaskRun:
    found = [run for run in runs if task in (run.id, run.task_id)]
    if not found:
        raise NotFound(f"no task run {task!r} in this execution", "`taxi execution show` lists them")
    return found[0]
