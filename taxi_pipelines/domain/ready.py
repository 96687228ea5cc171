"""Which tasks of a Dag may begin, kept up to date as others end: looking at all of them each time would be quadratic."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from itertools import islice

from taxi_pipelines.domain.flow import MAIN, Task
from taxi_pipelines.domain.outline import Outline
from taxi_pipelines.domain.states import State


class Ready:
    """The tasks of one Dag run whose dependencies have all ended well and that have no task run yet; oldest first."""

    def __init__(self, outline: Outline, dag_id: str, states: Mapping[str, State]) -> None:
        tasks = outline.children(dag_id, MAIN)
        self._tasks = {task.id: task for task in tasks}
        self._missing = {task.id: set(outline.dependencies(task.id)) for task in tasks}
        self._dependents: dict[str, list[str]] = {task.id: [] for task in tasks}
        for task_id, dependencies in self._missing.items():
            for dependency in dependencies:
                self._dependents[dependency].append(task_id)
        self._begun: set[str] = set()
        self._waiting = deque(task_id for task_id, missing in self._missing.items() if not missing)
        for task_id, state in states.items():
            self.note(task_id, state)

    def note(self, task_id: str, state: State) -> None:
        """A task run of that task is now in that state."""
        if task_id not in self._begun:
            self._begun.add(task_id)
            with suppress(ValueError):  # those stored may be told in any order
                self._waiting.remove(task_id)  # nearly always the first
        if state.has_ended and not state.has_failed:
            for dependent in self._dependents[task_id]:
                missing = self._missing[dependent]
                missing.discard(task_id)
                if not missing and dependent not in self._begun:
                    self._waiting.append(dependent)

    def first(self, count: int) -> list[Task]:
        """Up to so many of them."""
        return [self._tasks[task_id] for task_id in islice(self._waiting, count)]
