"""The tasks of a document → `Task`s: types looked up, defaults applied, properties checked, children built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from taxi_pipelines.domain.flow import DEFAULTS, MAIN, Kind, Task, case_branch
from taxi_pipelines.domain.text import plain_text
from taxi_pipelines.flowspec.checking import check_model, fields_of
from taxi_pipelines.flowspec.common import DagItem, TaskCommon
from taxi_pipelines.flowspec.document import Document
from taxi_pipelines.flowspec.inputs import build_inputs
from taxi_pipelines.flowspec.problems import Path, nearest, path_text
from taxi_pipelines.flowspec.typed import Types
from taxi_pipelines.task_types import Role, TypeSpec

CASES = "cases"
_COMMON = tuple(fields_of(TaskCommon))
NEEDS_TASKS = frozenset(
    {
        Kind.SEQUENTIAL,
        Kind.PARALLEL,
        Kind.DAG,
        Kind.FOREACH,
        Kind.LOOP_UNTIL,
        Kind.ALLOW_FAILURE,
        Kind.WORKING_DIRECTORY,
    }
)
"""Kinds that make no sense without child tasks."""


class TaskBuilder:
    """Builds the tasks of one flow."""

    def __init__(self, document: Document, types: Types) -> None:
        self._document = document
        self._types = types
        self._seen: dict[str, list[Path]] = {}

    def build_all(self, path: Path, value: Any) -> tuple[Task, ...]:
        """The tasks of a list; none where there is nothing."""
        if value is None:
            return ()
        if not isinstance(value, list):
            self._document.problem(path, f"{path[-1]!r} is a list of tasks", "begin each task with a dash")
            return ()
        return tuple(task for index, item in enumerate(value) if (task := self._build((*path, index), item)))

    def ids(self) -> frozenset[str]:
        """The ids of all tasks so far, of those with problems, too."""
        return frozenset(self._seen)

    def check_ids(self) -> None:
        """Notes ids that stand more than once; to be called when all tasks are built."""
        for name, paths in self._seen.items():
            first = self._document.place(paths[0])[0]
            for path in paths[1:]:
                message = f"the id {name!r} is taken already, by the task in line {first}"
                self._document.problem((*path, "id"), message, "every task of a flow has its own id")

    def _build(self, path: Path, value: Any, depends_on: tuple[str, ...] = ()) -> Task | None:
        if not isinstance(value, dict):
            self._document.problem(path, "a task is a map", "it has at least id and type")
            return None
        if isinstance(value.get("id"), str | int):
            self._seen.setdefault(str(value["id"]), []).append(path)
        spec = self._types.find(path, value, Role.TASK)
        if spec is None:
            check_model(self._document, path, _shared(value), TaskCommon)
            return None
        own = fields_of(spec.properties)
        known = (*_COMMON, *own)
        filled = self._types.filled(value, spec, known)
        common = check_model(self._document, path, _shared(filled), TaskCommon)
        rest = {
            key: part for key, part in filled.items() if key not in spec.branches and (key in own or key not in _COMMON)
        }
        properties = self._types.check(path, rest, spec, (*spec.branches, *_COMMON))
        if spec.kind is Kind.PAUSE:
            build_inputs(self._document, (*path, "onResume"), properties.get("onResume"))
        branches = self._branches(path, value, spec)
        return self._task(path, common, spec, properties, branches, depends_on) if common else None

    def _task(
        self,
        path: Path,
        common: TaskCommon,
        spec: TypeSpec,
        properties: Mapping[str, Any],
        branches: Mapping[str, tuple[Task, ...]],
        depends_on: tuple[str, ...],
    ) -> Task:
        return Task(
            id=common.id,
            type=common.type,
            name=spec.name,
            kind=spec.kind,
            properties=properties,
            branches=branches,
            depends_on=depends_on,
            description=common.description,
            disabled=common.disabled,
            timeout=common.timeout,
            retry=common.retry.policy() if common.retry else None,
            run_if=None if common.run_if is None else plain_text(common.run_if),
            allow_failure=common.allow_failure,
            allow_warning=common.allow_warning,
            log_level=common.log_level,
            log_to_file=common.log_to_file,
            path=path_text(path),
            line=self._document.place(path)[0],
        )

    def _branches(self, path: Path, value: Mapping[str, Any], spec: TypeSpec) -> dict[str, tuple[Task, ...]]:
        branches: dict[str, tuple[Task, ...]] = {}
        for key in spec.branches:
            part = value.get(key)
            if part is None:
                continue
            if key == CASES:
                branches |= self._cases((*path, key), part)
            elif spec.kind is Kind.DAG and key == MAIN:
                branches[key] = self._dag((*path, key), part)
            else:
                branches[key] = self.build_all((*path, key), part)
        if spec.kind in NEEDS_TASKS and not value.get(MAIN):
            self._document.problem(path, "'tasks' is missing", "a list of at least one task")
        if spec.kind is Kind.IF and not value.get("then"):
            self._document.problem(path, "'then' is missing", "a list of at least one task")
        if spec.kind is Kind.SWITCH and not value.get(CASES) and not value.get(DEFAULTS):
            self._document.problem(path, "'cases' is missing", "a map of value to list of tasks")
        return branches

    def _cases(self, path: Path, value: Any) -> dict[str, tuple[Task, ...]]:
        if not isinstance(value, dict):
            self._document.problem(path, "cases are a map of value to list of tasks")
            return {}
        return {case_branch(case): self.build_all((*path, case), tasks) for case, tasks in value.items()}

    def _dag(self, path: Path, value: Any) -> tuple[Task, ...]:
        if not isinstance(value, list):
            self._document.problem(path, "tasks of a Dag are a list of {task, dependsOn}")
            return ()
        tasks: dict[int, Task] = {}
        for index, item in enumerate(value):
            here = (*path, index)
            check_model(self._document, here, item, DagItem)
            if isinstance(item, dict) and "task" in item:
                listed = item.get("dependsOn")
                depends_on = tuple(map(str, listed)) if isinstance(listed, list) else ()
                if task := self._build((*here, "task"), item["task"], depends_on):
                    tasks[index] = task
        if len(tasks) == len(value):
            self._check_dag(path, list(tasks.values()))
        return tuple(tasks.values())

    def _check_dag(self, path: Path, tasks: Sequence[Task]) -> None:
        needs = {task.id: set(task.depends_on) for task in tasks}
        for index, task in enumerate(tasks):
            for number, name in enumerate(task.depends_on):
                if name not in needs:
                    message = f"{task.id!r} depends on {name!r}, which is not in this Dag"
                    self._document.problem((*path, index, "dependsOn", number), message, nearest(name, needs))
        while ready := [name for name, wanted in needs.items() if not wanted & needs.keys()]:
            for name in ready:
                del needs[name]
        if needs:
            message = f"these tasks wait for each other in a circle: {', '.join(sorted(needs))}"
            self._document.problem(path, message, "remove one of their dependsOn")


def _shared(value: Mapping[str, Any]) -> dict[str, Any]:
    """What every task may say."""
    return {key: part for key, part in value.items() if key in _COMMON}
