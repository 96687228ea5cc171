"""One execution worked on in one cycle. Every change goes through here, to memory and outbox alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from taxi_pipelines.domain.changes import attempt_ended, begun
from taxi_pipelines.domain.execution import Execution, TaskRun
from taxi_pipelines.domain.records import Command, Level, LogLine, Verb
from taxi_pipelines.domain.states import State
from taxi_pipelines.domain.verbs import Change
from taxi_pipelines.engine.active import Active
from taxi_pipelines.engine.capacity import Capacity
from taxi_pipelines.engine.context import Surroundings, template_context
from taxi_pipelines.engine.outbox import Cycle, Outbox
from taxi_pipelines.engine.parts import Parts
from taxi_pipelines.engine.rendering import Rendering
from taxi_pipelines.engine.storable import line_text, storable
from taxi_pipelines.task_types import Facts

_LEVELS = list(Level)


@dataclass(frozen=True, slots=True)
class Work:
    """An execution, the cycle it is worked on in, and the workers there are."""

    parts: Parts
    surroundings: Surroundings
    capacity: Capacity
    active: Active
    cycle: Cycle

    @property
    def execution(self) -> Execution:
        """As it is now."""
        return self.active.execution

    @property
    def outbox(self) -> Outbox:
        """What it is about to write."""
        return self.cycle.outbox(self.active.id)

    @property
    def now(self) -> datetime:
        """The time it is in this cycle."""
        return self.cycle.now

    def put(self, run: TaskRun) -> None:
        """A task run's next value."""
        self.active.tree.put(run)
        self.outbox.task_runs[run.id] = run
        self.active.touch(run.id)

    def move(self, **changes: Any) -> None:
        """The execution's next value."""
        self.active.move(replace(self.execution, **changes))
        self.outbox.execution = self.execution
        self.active.touch(None)

    def end(self, state: State, error: str | None = None, outputs: Mapping[str, Any] | None = None) -> None:
        """The execution's end: whoever called it is told, and the engine lets go of it."""
        kept = storable(outputs or {}, self.active.secrets)
        self.move(state=state, ended_at=self.now, outputs=kept, error=error and self.hidden(error))
        self.outbox.released = True
        if told := tell_caller(self.execution, self.now):
            self.outbox.commands.append(told)

    def log(self, level: Level, message: str, run: TaskRun | None = None) -> None:
        """A line in the execution's log, secrets masked; one that is quieter than the task's `logLevel` is dropped."""
        if (
            run
            and (quietest := self.active.task(run).log_level)
            and _LEVELS.index(level) < _LEVELS.index(Level(quietest))
        ):
            return
        line = LogLine(
            execution_id=self.execution.id,
            level=level,
            message=line_text(message, self.active.secrets),
            logged_at=self.now,
            task_run_id=run.id if run else None,
            task_id=run.task_id if run else None,
            attempt=max(len(run.attempts), 1) if run else None,
        )
        self.keep_line(line)

    def keep_line(self, line: LogLine) -> None:
        """A line that is as it is to be kept."""
        self.outbox.logs.append(line)
        self.active.note_line(line)

    def hidden(self, text: str) -> str:
        """Text that may be stored and shown."""
        return str(storable(text, self.active.secrets))

    def rendering(self, run: TaskRun | None = None, **more: Any) -> Rendering:
        """For templates of the execution, or of one of its task runs."""
        context = template_context(self.parts, self.active, run, **more)
        return Rendering(context, self.surroundings.environment(self.active, self.outbox, self.now))

    def facts(self) -> Facts:
        """What light tasks may know."""
        return Facts(
            namespace=self.execution.namespace,
            flow_id=self.execution.flow_id,
            execution_id=self.execution.id,
            now=self.now,
            labels=self.execution.labels,
            variables=self.execution.variables,
            kv=lambda namespace, key: self.surroundings.kv_entry(self.outbox, self.now, namespace, key),
            kv_keys=lambda namespace: self.surroundings.kv_keys(self.outbox, self.now, namespace),
        )

    def begin(self, run: TaskRun, state: State = State.RUNNING, **changes: Any) -> TaskRun:
        """The task run with a new attempt, at work."""
        return replace(begun(run, self.now, state), **changes)

    def end_attempt(
        self, run: TaskRun, state: State, error: str | None = None, outputs: Mapping[str, Any] | None = None
    ) -> TaskRun:
        """The task run with its last attempt ended, secrets masked; what becomes of it is decided by `advance`."""
        kept = None if outputs is None else storable(outputs, self.active.secrets)
        return attempt_ended(run, state, self.now, error=error and self.hidden(error), outputs=kept)

    def place(self, run: TaskRun) -> str:
        """Where stored files of a task run stand."""
        it = self.execution
        return f"{it.namespace.replace('.', '/')}/{it.flow_id}/executions/{it.id}/tasks/{run.task_id}/{run.id}"

    def change(self, change: Change) -> None:
        """What a verb does, as a whole."""
        self.active.move(change.execution)
        self.outbox.execution = change.execution
        change.apply_to(self.active.tree)
        self.outbox.removed_task_runs.extend(change.removed)
        for run_id in change.removed:
            self.outbox.task_runs.pop(run_id, None)
        for run in change.runs:
            self.outbox.task_runs[run.id] = run
            self.active.note_outputs(run)
        self.active.touch(*change.changed)
        for cancel in change.cancels:
            self.cancel(self.active.tree.get(cancel.run_id))

    def cancel(self, run: TaskRun) -> None:
        """Stops the work of a task run: its process, or the subflow it waits for."""
        children = children_of(run)
        for child in children:
            self.outbox.commands.append(Command(execution_id=child, verb=Verb.KILL, asked_at=self.now))
        if not children:
            self.outbox.cancels.append(run.id)

    def fail(self, run: TaskRun, error: str) -> None:
        """A new attempt that failed before it could do anything."""
        failed = self.begin(run)
        self.log(Level.ERROR, error, failed)
        self.put(self.end_attempt(failed, State.FAILED, error))


def children_of(run: TaskRun) -> list[str]:
    """The executions that a task run waits for."""
    children = [child for child, state in run.resolved.get("children", {}).items() if state is None]
    return children if run.child_execution_id is None else [*children, run.child_execution_id]


def tell_caller(ended: Execution, now: datetime) -> Command | None:
    """The news for a task run that waits for an execution's end. One that is RETRIED has not ended for its caller."""
    caller = ended.caller
    if caller is None or not caller.waits or ended.state is State.RETRIED:
        return None
    arguments = {"task_run_id": caller.task_run_id, "child_execution_id": ended.id}
    return Command(execution_id=caller.execution_id, verb=Verb.CHILD_ENDED, arguments=arguments, asked_at=now)
