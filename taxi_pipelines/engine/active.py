"""An execution that an engine holds, in memory: its flow, its task runs, their outputs as templates see them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from taxi_pipelines.domain.execution import Execution, TaskRun
from taxi_pipelines.domain.flow import Flow, Kind, Task
from taxi_pipelines.domain.records import Level, LogLine
from taxi_pipelines.domain.states import EXECUTION_TRANSITIONS, State, check_transition
from taxi_pipelines.domain.tree import RunTree
from taxi_pipelines.engine.storable import forms_of

MOST_ERRORS = 1_000
"""How many lines `errorLogs()` gives at most."""


@dataclass(slots=True)
class Active:
    """One execution at work. `changed` is what `advance` must look at next (None: the execution itself)."""

    flow: Flow
    execution: Execution
    tree: RunTree
    changed: dict[str | None, None] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)  #: what is to be masked
    errors: list[LogLine] = field(default_factory=list)
    inputs: Mapping[str, Any] = field(default_factory=dict)  #: as templates see them, the SECRET ones in the clear
    broken: set[str] = field(default_factory=set)  #: promises (`sla`) found broken
    outputs: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, flow: Flow, execution: Execution, runs: Iterable[TaskRun] = ()) -> Active:
        """As it is stored; everything open is to be looked at."""
        active = cls(flow=flow, execution=execution, tree=RunTree(flow, runs), inputs=execution.inputs)
        for run in active.tree.in_order():
            active.note_outputs(run)
        active.touch(*active.tree.open_ids())
        return active

    @property
    def id(self) -> str:
        """The execution's."""
        return self.execution.id

    @property
    def has_work_out(self) -> bool:
        """Whether a worker is busy for it."""
        at_work = (run for run in self.tree.in_order() if run.state in (State.RUNNING, State.KILLING))
        return any(self.task(run).kind is Kind.WORK for run in at_work)

    def touch(self, *run_ids: str | None) -> None:
        """These changed."""
        self.changed.update(dict.fromkeys(run_ids))

    def take_changed(self) -> list[str | None]:
        """What changed since the last call."""
        changed = [run_id for run_id in self.changed if run_id is None or run_id in self.tree]
        self.changed.clear()
        return changed

    def move(self, execution: Execution) -> None:
        """The execution's next value. Raises InternalError where its state may not follow."""
        what = f"execution {execution.id}"
        check_transition(EXECUTION_TRANSITIONS, what, self.execution.state, execution.state)
        self.execution = execution

    def hide(self, secret: str) -> None:
        """From here on this value, in whatever form, is masked."""
        self.secrets |= forms_of(secret)

    def note_line(self, line: LogLine) -> None:
        """A line of the log: what has gone wrong so far is what `errorLogs()` gives."""
        if line.level is Level.ERROR and len(self.errors) < MOST_ERRORS:
            self.errors.append(line)

    def ancestors(self, run: TaskRun) -> Iterator[TaskRun]:
        """The flowables around it, the nearest first."""
        while run.parent_id is not None:
            run = self.tree.get(run.parent_id)
            yield run

    def task(self, run: TaskRun) -> Task:
        """The task it is a run of."""
        return self.tree.task(run)

    def note_outputs(self, run: TaskRun) -> None:
        """Outputs stand under the task's id and one level per loop around it: `outputs.count['green'].value` (S6)."""
        if not run.outputs:
            return
        place = self.outputs.setdefault(run.task_id, {})
        for value in self.loop_values(run):
            place = place.setdefault(value, {})
        place.update(run.outputs)

    def loop_values(self, run: TaskRun) -> list[str]:
        """The values of the loops around it, the outermost first."""
        chain = [run, *self.ancestors(run)]
        return [one.value for one in reversed(chain) if one.value is not None]
