"""What a template sees: the context (section 4 of the language) and the environment its functions ask."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from functools import lru_cache, partial
from typing import Any

from taxi_pipelines.domain.execution import TaskRun
from taxi_pipelines.domain.flow import ERRORS, FINALLY
from taxi_pipelines.domain.records import KvDeletion, KvEntry, Level
from taxi_pipelines.domain.states import State
from taxi_pipelines.domain.text import namespace_chain
from taxi_pipelines.engine.active import Active
from taxi_pipelines.engine.launch import find_flow
from taxi_pipelines.engine.lookup import find_secret, no_key, no_secret
from taxi_pipelines.engine.outbox import Outbox
from taxi_pipelines.engine.parts import Parts
from taxi_pipelines.errors import NotFound, PermanentError
from taxi_pipelines.flowspec.expressions import Environment

FLOWS_KEPT = 500

MAX_READ = 10_000_000
"""Bytes `read()` brings into a template at most."""


def iso(moment: datetime | None) -> str | None:
    """A time as templates and outputs have it."""
    return moment.isoformat().replace("+00:00", "Z") if moment else None


def template_context(parts: Parts, active: Active, run: TaskRun | None = None, **more: Any) -> dict[str, Any]:
    """The variables of a template of this execution, or of one of its task runs."""
    execution, flow = active.execution, active.flow
    context: dict[str, Any] = {
        "flow": {"id": flow.id, "namespace": flow.namespace, "revision": flow.revision},
        "execution": {
            "id": execution.id,
            "state": str(execution.state),
            "startDate": iso(execution.started_at or execution.created_at),
            "originalId": execution.parent_id or execution.id,
        },
        "inputs": active.inputs,
        "outputs": active.outputs,
        "labels": execution.labels,
        "vars": execution.variables,
        "envs": _envs(parts.environment),
        "globals": {},
        "namespace": {},
        "kestra": {"url": parts.server_url, "environment": {}},
    }
    if execution.trigger is not None:
        context["trigger"] = execution.trigger
    if run is not None:
        context |= _of_task_run(active, run)
    return context | more


def _of_task_run(active: Active, run: TaskRun) -> dict[str, Any]:
    task = active.task(run)
    parents = [_parent(active, ancestor) for ancestor in active.ancestors(run)]
    found: dict[str, Any] = {
        "task": {"id": task.id, "type": task.type},
        "taskrun": {
            "id": run.id,
            "startDate": iso(run.started_at or run.created_at),
            "attemptsCount": len(run.attempts),
            "parentId": run.parent_id,
        }
        | _loop(run),
    }
    if parents:
        found |= {"parent": parents[0], "parents": parents}
    if failed := _failure(active, run):
        found["error"] = failed
    return found


def _loop(run: TaskRun) -> dict[str, Any]:
    return {} if run.iteration is None else {"value": run.value, "iteration": run.iteration}


def _parent(active: Active, run: TaskRun) -> dict[str, Any]:
    return {"taskrun": {"id": run.id} | _loop(run), "task": {"id": run.task_id}, "outputs": dict(run.outputs)}


def _failure(active: Active, run: TaskRun) -> dict[str, Any] | None:
    """The failure that a task in `errors` or `finally` is told of: the innermost of what these are for."""
    handler = next((one for one in (run, *active.ancestors(run)) if one.branch in (ERRORS, FINALLY)), None)
    if handler is None:
        return None
    scope = active.tree.get(handler.parent_id) if handler.parent_id else None
    failed = _failed_below(active, scope)
    return {"taskId": failed.task_id, "message": failed.error or "", "stackTrace": ""} if failed else None


def _failed_below(active: Active, scope: TaskRun | None) -> TaskRun | None:
    for run in active.tree.body_of(scope):
        if run.state is State.FAILED:
            return _failed_below(active, run) or run
    return None


def _envs(environment: Mapping[str, str]) -> dict[str, str]:
    return {name[4:].lower(): value for name, value in environment.items() if name.startswith("ENV_")}


class Surroundings:
    """Makes environments: what functions of templates ask, answered for one execution at a time. Knows the flows at work."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.flow = lru_cache(maxsize=FLOWS_KEPT)(partial(find_flow, parts))  #: a revision never changes

    def environment(self, active: Active, outbox: Outbox, now: datetime) -> Environment:
        """For templates of this execution, in this cycle."""
        parts = self._parts
        return Environment(
            now=now,
            zone=parts.zone,
            random=parts.random,
            kv=lambda key, namespace, required: self._kv_value(active, outbox, now, key, namespace, required),
            secret=lambda name: self._secret(active, name),
            read=self._read,
            file_size=self._file_size,
            file_exists=lambda uri: parts.files.size(uri) is not None,
            error_logs=lambda: [_error(line.task_id, line.message) for line in active.errors],
            tasks_with_state=lambda state: _with_state(active, State(state)),
            limits=parts.limits,
        )

    def kv_entry(self, outbox: Outbox, now: datetime, namespace: str, key: str) -> KvEntry | None:
        """One namespace's own value, as it is with what this cycle has changed."""
        change = outbox.seen_kv.get((namespace, key))
        if isinstance(change, KvDeletion):
            return None
        return change or self._parts.kv.get(namespace, key, now)

    def kv_keys(self, outbox: Outbox, now: datetime, namespace: str) -> list[str]:
        """The keys of a namespace."""
        keys = {entry.key for entry in self._parts.kv.listed(namespace, now)}
        for (place, key), change in outbox.seen_kv.items():
            if place == namespace:
                (keys.discard if isinstance(change, KvDeletion) else keys.add)(key)
        return sorted(keys)

    def known_secrets(self, namespace: str) -> list[str]:
        """All values a template of that namespace could ask for: what to mask in an execution taken over."""
        names = {key for place in namespace_chain(namespace) for _, key in self._parts.secrets.keys(place)}
        names |= {name.removeprefix("SECRET_") for name in self._parts.environment if name.startswith("SECRET_")}
        found = []
        for name in sorted(names):
            with suppress(PermanentError):  # one that cannot be read was never printed
                found.append(find_secret(self._parts, namespace, name))
        return [value for value in found if value]

    def _kv_value(
        self, active: Active, outbox: Outbox, now: datetime, key: str, namespace: str | None, required: bool
    ) -> object:
        places = [namespace] if namespace else namespace_chain(active.flow.namespace)
        for place in places:
            if entry := self.kv_entry(outbox, now, place, key):
                return entry.value
        if required:
            raise no_key(places, key)
        return None

    def _secret(self, active: Active, name: str) -> str:
        value = find_secret(self._parts, active.flow.namespace, name)
        if value is None:
            raise no_secret(active.flow.namespace, name)
        active.hide(value)
        return value

    def _read(self, uri: str) -> str:
        with self._parts.files.open(uri) as file:
            data = file.read(MAX_READ + 1)
        if len(data) > MAX_READ:
            raise NotFound(f"{uri} has more than {MAX_READ:,} bytes", "give the file to a script task instead")
        return data.decode("utf-8", "replace")

    def _file_size(self, uri: str) -> int:
        size = self._parts.files.size(uri)
        if size is None:
            raise NotFound(f"there is no file {uri}", "look at the outputs of the task that made it")
        return size


def _error(task_id: str | None, message: str) -> object:
    return {"taskId": task_id, "message": message, "level": str(Level.ERROR)}


def _with_state(active: Active, state: State) -> list[object]:
    return [
        {"taskId": run.task_id, "id": run.id, "state": str(run.state), "value": run.value}
        for run in active.tree.in_order()
        if run.state is state
    ]
