"""Watching an execution until something is so, and driving it here where no living engine does.

What happens is known from this process's own commits, or, where another process drives, by looking into the store.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from taxi_pipelines.cli.output import talk
from taxi_pipelines.cli.screens import Screen, showing
from taxi_pipelines.cli.signals import told
from taxi_pipelines.cli.watched import Watched
from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.domain.records import Level, LogLine
from taxi_pipelines.domain.states import State
from taxi_pipelines.engine.engine import Engine
from taxi_pipelines.flow_interfaces import Batch, ExecutionFilter, Page
from taxi_pipelines.orchestrator import Orchestrator

NAMED = 5
SHOWN_LEVELS = (Level.INFO, Level.WARN, Level.ERROR)
"""`taxi execution logs` prints all."""

LOOK_SECONDS = 0.3
"""How often the store is looked into for what another process does."""


@contextmanager
def driving(taxi: Orchestrator, execution: Execution, *, kills: bool = False, quiet: bool = False) -> Iterator[Drive]:
    """Shows the execution for as long as the block lasts, then says what is left unfinished.

    Signals are told to it; the first Ctrl-C `kills`, if so.
    """
    with showing(quiet=quiet) as screen:
        drive = Drive(taxi, execution, screen, kills=kills)
        with told(drive.signals.append):
            yield drive
        screen.end(drive.watched, taxi.parts.clock())
    _say_what_is_left(taxi.unfinished())


class Drive:
    """One execution that is watched, and the engine here, if one is needed. `signals` are those that came."""

    def __init__(self, taxi: Orchestrator, execution: Execution, screen: Screen, *, kills: bool) -> None:
        self.watched = Watched(execution)
        self.signals: list[int] = []
        self.engine: Engine | None = None
        self._taxi = taxi
        self._screen = screen
        self._kills = kills
        self._shown_lines: set[tuple[object, ...]] = set()
        self._read_lines: dict[str, int] = {}
        self._next_look = 0.0

    @property
    def execution(self) -> Execution:
        """As it is now."""
        return self.watched.execution

    def start_engine(self) -> Engine:
        """An engine here; what dead processes left goes on with it."""
        self.engine, taken = self._taxi.start_engine(say=self._screen.say, on_commit=self._see)
        others = [id for id in taken if id != self.execution.id]
        if others:
            count = f"{len(others):,} execution{'' if len(others) == 1 else 's'}"
            named = _named([self._taxi.control.execution(id) for id in others])
            self._screen.say(f"goes on with {count} that a dead process left: {named}")
        return self.engine

    def catch_up(self) -> None:
        """Takes in what has happened so far, without showing it."""
        family = self._family()
        self.watched.take(family, [run for one in family for run in self._taxi.task_runs(one.id)])
        for one in family:
            for line in self._taxi.lines(one.id):
                self._read_lines[one.id] = line.number

    def show(self) -> None:
        """Shows where it stands."""
        self._screen.changed(self.watched, [self.execution], [])

    def until_end(self) -> bool:
        """Until it has ended, or the execution that took its place where it is tried again; False where signals stopped that."""
        return self.until(lambda: self.execution.state.has_ended and self.execution.state is not State.RETRIED)

    def until_changed(self) -> bool:
        """Until the execution, or which of its task runs are paused, is no longer as it was; False where signals stopped that."""
        before = self.execution, self._paused()
        return self.until(lambda: before != (self.execution, self._paused()))

    def _paused(self) -> list[str]:
        return [run.id for run in self.watched.known_runs(self.execution.id) if run.state is State.PAUSED]

    def until(self, is_so: Callable[[], bool]) -> bool:
        """Until that is so. The first Ctrl-C kills, if so; the next one, or SIGTERM, leaves it: False."""
        patience = 1 if self._kills else 0
        killed = False
        while not is_so():
            if signal.SIGTERM in self.signals or len(self.signals) > patience:
                return False
            if self.signals and not killed:
                killed = True
                self._taxi.control.kill(self.execution)
                self._screen.say("killing it; Ctrl-C again leaves it to the next start")
            self._go_on()
            self._screen.tick(self.watched, self._taxi.parts.clock())
        return True

    def look(self) -> None:
        """Looks into the store, at the execution and all it called."""
        family = self._family()
        runs = [run for one in family for run in self._taxi.task_runs(one.id)]
        lines: list[LogLine] = []
        for one in family:
            for line in self._taxi.lines(one.id, after=self._read_lines.get(one.id, 0)):
                self._read_lines[one.id] = line.number
                if line.level in SHOWN_LEVELS and _key(line) not in self._shown_lines:
                    lines.append(line)
        gone = {run.id for one in family for run in self.watched.known_runs(one.id)} - {run.id for run in runs}
        seen = self.watched.take(family, runs, gone)
        if seen or lines:
            self._screen.changed(self.watched, seen, lines)

    def _family(self) -> list[Execution]:
        found = self._taxi.control.execution(self.execution.id)
        if found.state is State.RETRIED:
            found = self._taxi.successor(found) or found
        return [found, *self._called_by(found.id)]

    def _called_by(self, execution_id: str) -> Iterator[Execution]:
        wanted = ExecutionFilter(caller_execution_id=execution_id)
        for child in reversed(self._taxi.control.executions(wanted, Page(limit=1_000))):
            yield child
            yield from self._called_by(child.id)

    def _go_on(self) -> None:
        """One cycle of the engine here, or a moment's wait for that of another process."""
        if self.engine is not None:
            self.engine.step()
            if self.engine.holds(self.execution.id):
                return
        elif time.monotonic() >= self._next_look and not self._taxi.has_living_engine():
            self.start_engine()
            return
        else:
            time.sleep(LOOK_SECONDS / 3)
        if time.monotonic() >= self._next_look:
            self.look()
            self._next_look = time.monotonic() + LOOK_SECONDS

    def _see(self, batch: Batch) -> None:
        """A commit of the engine here."""
        executions = [*batch.new_executions, *batch.executions]
        seen = self.watched.take(executions, batch.task_runs, batch.removed_task_runs)
        lines = [line for line in batch.logs if line.level in SHOWN_LEVELS and self.watched.knows(line.execution_id)]
        self._shown_lines.update(_key(line) for line in lines)
        if seen or lines:
            self._screen.changed(self.watched, seen, lines)


def _key(line: LogLine) -> tuple[object, ...]:
    """By which a line that was shown when it was committed is known again in the store, where it has a number."""
    return line.execution_id, line.task_run_id, line.logged_at, line.message


def _say_what_is_left(unfinished: list[Execution]) -> None:
    if unfinished:
        talk(f"still unfinished: {_named(unfinished)}; go on with: taxi execution follow {unfinished[0].id}")


def _named(executions: list[Execution]) -> str:
    """The first of them, by id and flow."""
    more = ", …" if len(executions) > NAMED else ""
    return ", ".join(f"{one.id} ({one.flow_id})" for one in executions[:NAMED]) + more
