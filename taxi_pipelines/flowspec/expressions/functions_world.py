"""Functions that ask the environment or the run's context."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from taxi_pipelines.flowspec.expressions.environment import Frame
from taxi_pipelines.flowspec.expressions.failures import Missing, Refused
from taxi_pipelines.flowspec.expressions.operations import Operation
from taxi_pipelines.flowspec.expressions.values import item, kind, string

P = ParamSpec("P")
R = TypeVar("R")


def _present(call: Callable[P, R] | None, name: str) -> Callable[P, R]:
    if call is None:
        raise Refused(f"{name}() cannot be used here", "it is known while a task runs", name=name)
    return call


def kv(frame: Frame, key: object, namespace: object, error_on_missing: object) -> object:
    """The stored value, with its type; a missing key is an error unless `errorOnMissing=false`."""
    if error_on_missing is not None and not isinstance(error_on_missing, bool):
        raise Refused("'errorOnMissing' must be true or false")
    where = None if namespace is None else string(namespace, "namespace")
    return _present(frame.environment.kv, "kv")(string(key, "key"), where, error_on_missing is not False)


def secret(frame: Frame, key: object) -> str:
    """The secret's text; masked in every log."""
    return _present(frame.environment.secret, "secret")(string(key, "key"))


def read(frame: Frame, path: object) -> str:
    """The text of a file in storage, or of a file of the flow's namespace."""
    return _present(frame.environment.read, "read")(string(path, "path"))


def file_size(frame: Frame, path: object) -> int:
    """In bytes."""
    return _present(frame.environment.file_size, "fileSize")(string(path, "path"))


def file_exists(frame: Frame, path: object) -> bool:
    """Whether the storage has it."""
    return _present(frame.environment.file_exists, "fileExists")(string(path, "path"))


def error_logs(frame: Frame) -> list[object]:
    """The run's log lines of level ERROR."""
    return _present(frame.environment.error_logs, "errorLogs")()


def tasks_with_state(frame: Frame, state: object) -> list[object]:
    """A map for each task run in that state."""
    return _present(frame.environment.tasks_with_state, "tasksWithState")(string(state, "state").upper())


def file_uri(frame: Frame, path: object) -> str:
    """The storage address of a file of the flow's namespace."""
    name = string(path, "path").removeprefix("/")
    if ".." in name.split("/"):
        raise Refused("'path' must not contain '..'")
    namespace = _of_context(frame, "flow", "namespace")
    return f"kestra:///{string(namespace, 'flow.namespace').replace('.', '/')}/_files/{name}"


def current_each_output(frame: Frame, outputs: object) -> object:
    """The outputs of a sibling task in this very iteration: `outputs` looked into by the value of every enclosing loop."""
    if not isinstance(outputs, dict):
        raise Refused(f"'outputs' must be a map, not {kind(outputs)}", "as in currentEachOutput(outputs.sibling)")
    parents = frame.context.get("parents")
    found: object = outputs
    for parent in reversed(parents if isinstance(parents, list) else []):
        task_run = parent.get("taskrun") if isinstance(parent, dict) else None
        if isinstance(task_run, dict) and task_run.get("value") is not None:
            found = item(found, task_run["value"])
    return item(found, _of_context(frame, "taskrun", "value"))


def print_context(frame: Frame) -> dict[str, object]:
    """Every variable that is visible here."""
    return dict(frame.variables())


def _of_context(frame: Frame, name: str, key: str) -> object:
    value = frame.context.get(name)
    if not isinstance(value, dict) or value.get(key) is None:
        raise Missing(f"'{name}.{key}' is not known here", name=f"{name}.{key}")
    return value[key]


FUNCTIONS = {
    "kv": Operation(kv, required=("key",), optional=("namespace", "errorOnMissing")),
    "secret": Operation(secret, required=("key",)),
    "read": Operation(read, required=("path",)),
    "fileSize": Operation(file_size, required=("path",)),
    "fileExists": Operation(file_exists, required=("path",)),
    "fileURI": Operation(file_uri, required=("path",)),
    "errorLogs": Operation(error_logs),
    "tasksWithState": Operation(tasks_with_state, required=("state",)),
    "currentEachOutput": Operation(current_each_output, required=("outputs",)),
    "printContext": Operation(print_context),
}
