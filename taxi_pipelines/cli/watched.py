"""What is known of an execution that somebody watches, with its subflows: kept up to date by commits, or by looking.

And how it is said: names, durations. Free of rich, which most runs outside of a terminal do without.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from taxi_pipelines.domain.execution import Execution, TaskRun

Seen = Execution | TaskRun


@dataclass(slots=True)
class Watched:
    """An execution and those it called. Where it is tried again as a whole, `execution` is the one that took its place."""

    execution: Execution
    subflows: dict[str, Execution] = field(default_factory=dict)
    runs: dict[str, dict[str, TaskRun]] = field(default_factory=dict)  #: by execution, in order of creation

    def take(self, executions: Iterable[Execution], runs: Iterable[TaskRun], removed: Iterable[str] = ()) -> list[Seen]:
        """Takes what is new about any of them, and drops the rest; what has changed its state."""
        changed: list[Seen] = [execution for execution in executions if self._take_execution(execution)]
        changed += [run for run in runs if self._take_run(run)]
        for run_id in removed:
            for known in self.runs.values():
                known.pop(run_id, None)
        return changed

    def knows(self, execution_id: str) -> bool:
        """Whether it belongs here."""
        return execution_id == self.execution.id or execution_id in self.subflows

    def known_runs(self, execution_id: str) -> list[TaskRun]:
        """The task runs of one of them, in order of creation."""
        return list(self.runs.get(execution_id, {}).values())

    def called_by(self, run: TaskRun) -> Iterator[Execution]:
        """The subflows of a task run."""
        return (one for one in self.subflows.values() if one.caller and one.caller.task_run_id == run.id)

    def find_run(self, execution_id: str, run_id: str | None) -> TaskRun | None:
        """One of its task runs, if it is known."""
        return self.runs.get(execution_id, {}).get(run_id or "")

    def _take_execution(self, new: Execution) -> bool:
        if new.id == self.execution.id:
            before, self.execution = self.execution, new
            return before.state is not new.state
        if new.parent_id == self.execution.id and new.attempt == self.execution.attempt + 1:
            self.execution = new
            return True
        if new.caller is None or not self.knows(new.caller.execution_id):
            return False
        old = self.subflows.get(new.id)
        self.subflows[new.id] = new
        return old is None or old.state is not new.state

    def _take_run(self, new: TaskRun) -> bool:
        if not self.knows(new.execution_id):
            return False
        known = self.runs.setdefault(new.execution_id, {})
        old = known.get(new.id)
        known[new.id] = new
        return old is None or old.state is not new.state or len(old.attempts) != len(new.attempts)


def duration(seconds: float) -> str:
    """`0.08 s`, `12.3 s`, `2:05 min`, `3:02 h`."""
    if seconds < 1:
        return f"{seconds:.2f} s"
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02} min" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02} h"


def begun_at(item: Execution | TaskRun) -> datetime | None:
    """When it began: a task run its last attempt, for there may be days between that and the first."""
    return item.attempts[-1].started_at if isinstance(item, TaskRun) and item.attempts else item.started_at


def seconds_of(item: Execution | TaskRun, now: datetime) -> float | None:
    """How long it took, or has taken so far; None before it began."""
    began = begun_at(item)
    return None if began is None else max(((item.ended_at or now) - began).total_seconds(), 0.0)


def run_name(run: TaskRun) -> str:
    """`load`; `load [green]` in a loop."""
    return run.task_id if run.value is None else f"{run.task_id} [{_short(run.value)}]"


def _short(value: str) -> str:
    line = " ".join(value.split())
    return line if len(line) <= 30 else f"{line[:29]}…"
