"""The task runs of one execution, indexed: the one mutable thing among the decisions. A change costs O(1), whatever the width."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from taxi_pipelines.domain.execution import TaskRun
from taxi_pipelines.domain.flow import ERRORS, FINALLY, MAIN, Flow, Kind, Task
from taxi_pipelines.domain.outline import Outline
from taxi_pipelines.domain.ready import Ready
from taxi_pipelines.domain.states import TASK_RUN_TRANSITIONS, State, check_transition
from taxi_pipelines.domain.tally import Tally

Place = tuple[str | None, str, int | None]
"""Where siblings stand: their parent's id (None: the flow), the branch, the iteration of the loop right above."""


class Group:
    """The task runs of one place: one per task, in order of creation."""

    __slots__ = ("runs", "tally")

    def __init__(self) -> None:
        self.runs: dict[str, str] = {}  #: task id → task run id
        self.tally = Tally()

    def is_open(self, tasks: int) -> bool:
        """Whether something runs or, of so many tasks, is still to come."""
        return bool(self.tally.live) or (not self.tally.failed and len(self.runs) < tasks)


class Branch:
    """All iterations of a branch together (just one where it is no loop's)."""

    __slots__ = ("begun", "open", "tally")

    def __init__(self) -> None:
        self.tally = Tally()
        self.begun = 0  #: iterations that have task runs
        self.open = 0  #: of these, the ones not complete


_NO_GROUP = Group()
_NO_BRANCH = Branch()


class RunTree:
    """An execution's task runs by id, by place and by state. Give it those stored, in the order of their creation."""

    def __init__(self, flow: Flow, runs: Iterable[TaskRun] = ()) -> None:
        self.outline = Outline(flow)
        self.tally = Tally()  #: of the whole execution
        self._runs: dict[str, TaskRun] = {}
        self._groups: dict[Place, Group] = {}
        self._branches: dict[tuple[str | None, str], Branch] = {}
        self._ready: dict[str, Ready] = {}
        for run in runs:
            self._insert(run)

    def __len__(self) -> int:
        return len(self._runs)

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._runs

    def get(self, run_id: str) -> TaskRun:
        """The task run of that id, as it is now."""
        return self._runs[run_id]

    def task(self, run: TaskRun) -> Task:
        """The task it is a run of."""
        return self.outline.task(run.task_id)

    def put(self, run: TaskRun) -> None:
        """Takes a new task run, or the next value of one it has. Raises InternalError where the state may not follow."""
        old = self._runs.get(run.id)
        if old is None:
            self._insert(run)
            return
        check_transition(TASK_RUN_TRANSITIONS, f"task run {run.id} of task {run.task_id!r}", old.state, run.state)
        self._runs[run.id] = run
        if old.state is not run.state:
            self._count(run, (old.state, -1), (run.state, 1))

    def remove(self, run_ids: Iterable[str]) -> None:
        """Forgets task runs: a restart makes room for new ones."""
        for run_id in run_ids:
            run = self._runs.pop(run_id)
            self._count(run, (run.state, -1))
            self._ready.pop(run.parent_id or "", None)

    def in_order(self) -> Iterator[TaskRun]:
        """All of them, in the order of their creation."""
        return iter(self._runs.values())

    def group(self, parent_id: str | None, branch: str, iteration: int | None = None) -> Group:
        """The siblings of one place."""
        return self._groups.get((parent_id, branch, iteration), _NO_GROUP)

    def branch(self, parent_id: str | None, branch: str) -> Branch:
        """All iterations of a branch."""
        return self._branches.get((parent_id, branch), _NO_BRANCH)

    def children(self, parent_id: str | None, branch: str, iteration: int | None = None) -> list[TaskRun]:
        """The task runs of one place, in the order of their creation."""
        return [self._runs[run_id] for run_id in self.group(parent_id, branch, iteration).runs.values()]

    def body_of(self, parent: TaskRun | None) -> Iterator[TaskRun]:
        """All children of a task run (None: of the execution), its `errors` and `finally` apart."""
        parent_id, parent_task = (parent.id, parent.task_id) if parent else (None, None)
        for branch in self.outline.branches(parent_task):
            if branch in (ERRORS, FINALLY):
                continue
            for iteration in (None, *range(self.branch(parent_id, branch).begun)):
                yield from self.children(parent_id, branch, iteration)

    def find(self, parent_id: str | None, branch: str, task_id: str, iteration: int | None = None) -> TaskRun | None:
        """The run of that task in that place, if there is one."""
        run_id = self.group(parent_id, branch, iteration).runs.get(task_id)
        return None if run_id is None else self._runs[run_id]

    def ready(self, run: TaskRun) -> Ready:
        """The tasks of a Dag that may begin."""
        if run.id not in self._ready:
            runs = (self.get(run_id) for run_id in self.group(run.id, MAIN).runs.values())
            self._ready[run.id] = Ready(self.outline, run.task_id, {child.task_id: child.state for child in runs})
        return self._ready[run.id]

    def has_children(self, run: TaskRun) -> bool:
        """Whether its task is control of the flow with child tasks: a Pause may have some or not."""
        kind = self.task(run).kind
        return self.task(run).is_flowable or (kind is Kind.PAUSE and bool(self.outline.children(run.task_id, MAIN)))

    def is_parent(self, run: TaskRun) -> bool:
        """Whether it goes on by its children now: it has begun and is one of those that have them."""
        return run.state in (State.RUNNING, State.KILLING) and self.has_children(run)

    def live_below(self, run: TaskRun | None) -> bool:
        """Whether any child of it (None: of the execution) has not ended."""
        if run is None:
            return bool(self.tally.live)
        return any(self.branch(run.id, branch).tally.live for branch in self.task(run).branches)

    def open_ids(self) -> list[str | None]:
        """What `advance` is to look at when nothing is known: every task run not ended, and the execution."""
        return [*(run.id for run in self._runs.values() if not run.state.has_ended), None]

    def _insert(self, run: TaskRun) -> None:
        self._runs[run.id] = run
        self._count(run, (run.state, 1))

    def _count(self, run: TaskRun, *changes: tuple[State, int]) -> None:
        place = (run.parent_id, run.branch, run.iteration)
        group = self._groups.setdefault(place, Group())
        branch = self._branches.setdefault(place[:2], Branch())
        tasks = len(self._siblings(run))
        was_begun, was_open = bool(group.runs), group.is_open(tasks)
        for state, count in changes:
            for tally in (self.tally, group.tally, branch.tally):
                tally.add(state, count)
        if run.id in self._runs:
            group.runs[run.task_id] = run.id
        else:
            del group.runs[run.task_id]
        branch.begun += bool(group.runs) - was_begun
        branch.open += (bool(group.runs) and group.is_open(tasks)) - (was_begun and was_open)
        if run.parent_id in self._ready and run.branch == MAIN:
            self._ready[run.parent_id].note(run.task_id, run.state)

    def _siblings(self, run: TaskRun) -> tuple[Task, ...]:
        parent_task = None if run.parent_id is None else self._runs[run.parent_id].task_id
        return self.outline.children(parent_task, run.branch)
