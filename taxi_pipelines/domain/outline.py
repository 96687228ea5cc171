"""A flow looked up by task id: children, dependencies and retry policies, worked out once per flow, not once per decision."""

from __future__ import annotations

from taxi_pipelines.domain.flow import Flow, RetryPolicy, Task


class Outline:
    """The index of one flow. Disabled tasks are not in it: they get no task run and nothing waits for them."""

    def __init__(self, flow: Flow) -> None:
        self._tasks: dict[str, Task] = {}
        self._children: dict[tuple[str | None, str], tuple[Task, ...]] = {}
        self._branches: dict[str | None, list[str]] = {}
        self._policies: dict[str, RetryPolicy | None] = {}
        self._dependencies: dict[str, frozenset[str]] = {}
        self._add(None, flow, flow.retry)

    def task(self, task_id: str) -> Task:
        """The task of that id, disabled or not."""
        return self._tasks[task_id]

    def children(self, task_id: str | None, branch: str) -> tuple[Task, ...]:
        """The enabled tasks of a branch, in order; None is the flow itself."""
        return self._children.get((task_id, branch), ())

    def branches(self, task_id: str | None) -> list[str]:
        """The names of a task's branches; None is the flow itself."""
        return self._branches[task_id]

    def policy(self, task_id: str) -> RetryPolicy | None:
        """The task's own retry policy, or that of the nearest flowable around it that has one, or the flow's."""
        return self._policies[task_id]

    def dependencies(self, task_id: str) -> frozenset[str]:
        """The enabled tasks that a Dag's task waits for; those behind a disabled one count as its own."""
        return self._dependencies.get(task_id, frozenset())

    def _add(self, parent_id: str | None, node: Flow | Task, policy: RetryPolicy | None) -> None:
        self._branches[parent_id] = list(node.branches)
        for branch, tasks in node.branches.items():
            self._children[parent_id, branch] = tuple(task for task in tasks if not task.disabled)
            for task in tasks:
                self._tasks[task.id] = task
                self._policies[task.id] = task.retry or policy
                self._add(task.id, task, task.retry or policy)
            for task in tasks:
                if task.depends_on:
                    self._dependencies[task.id] = self._enabled(task.depends_on)

    def _enabled(self, task_ids: tuple[str, ...]) -> frozenset[str]:
        found: set[str] = set()
        for task in map(self.task, task_ids):
            found |= self._enabled(task.depends_on) if task.disabled else {task.id}
        return frozenset(found)
