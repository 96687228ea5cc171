"""How an execution is shown while it runs: a live tree on a terminal, a line per change elsewhere, or nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from taxi_pipelines.cli.output import talk
from taxi_pipelines.cli.watched import Seen, Watched, begun_at, duration, run_name, seconds_of
from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.domain.records import LogLine
from taxi_pipelines.domain.states import State

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

REDRAW_SECONDS = 0.1
TICK_SECONDS = 0.5
LAST_TREE_LINES = 60
"""The tree that stays when all is done is shortened to so many lines; `taxi execution show` prints all."""


class Screen(Protocol):
    """Where an execution is shown."""

    def changed(self, watched: Watched, seen: Sequence[Seen], lines: Sequence[LogLine]) -> None:
        """States changed, lines came."""
        ...

    def tick(self, watched: Watched, now: datetime) -> None:
        """Some time passed."""
        ...

    def say(self, message: str) -> None:
        """Says something that is not the execution's."""
        ...

    def end(self, watched: Watched, now: datetime) -> None:
        """Nothing more comes."""
        ...


@contextmanager
def showing(*, quiet: bool = False) -> Iterator[Screen]:
    """The screen that suits stderr: the tree on a terminal, else lines, or nothing where `quiet`."""
    if not sys.stderr.isatty():
        yield Quiet() if quiet else Lines()
        return
    from rich.console import Console

    console = Console(stderr=True, highlight=False, markup=False, emoji=False)
    if console.is_dumb_terminal:
        yield Quiet() if quiet else Lines()
        return
    tree = LiveTree(console)
    try:
        yield tree
    finally:
        tree.close()


class Quiet:
    """Shows nothing of the execution."""

    def changed(self, watched: Watched, seen: Sequence[Seen], lines: Sequence[LogLine]) -> None:
        """Passes in silence."""

    def tick(self, watched: Watched, now: datetime) -> None:
        """Passes in silence."""

    def say(self, message: str) -> None:
        """Says it on stderr."""
        talk(message)

    def end(self, watched: Watched, now: datetime) -> None:
        """Passes in silence."""


class Lines:
    """A line on stderr per change of a state and per line of a log: `09:30:01 load [green]  RUNNING`."""

    def changed(self, watched: Watched, seen: Sequence[Seen], lines: Sequence[LogLine]) -> None:
        """What begins, then the log, then what ended."""
        for item in seen:
            if not item.state.has_ended and item.state is not State.CREATED:
                self._state(watched, item)
        for line in lines:
            talk(f"{line.logged_at.astimezone(UTC):%H:%M:%S} {_who(watched, line)}  {line.level}  {line.message}")
        for item in sorted(seen, key=lambda item: isinstance(item, Execution)):
            if item.state.has_ended:
                is_said = any(item.error and item.error in line.message for line in lines)
                self._state(watched, item, reason="" if is_said else item.error or "")

    def tick(self, watched: Watched, now: datetime) -> None:
        """Time alone is no news."""

    def say(self, message: str) -> None:
        """Says it."""
        talk(message)

    def end(self, watched: Watched, now: datetime) -> None:
        """The last line said it."""

    def _state(self, watched: Watched, item: Seen, reason: str = "") -> None:
        at = item.ended_at or begun_at(item)
        if isinstance(item, Execution):
            at, name = at or item.created_at, f"{item.namespace}.{item.flow_id} {item.id}"
        else:
            name = _inside(watched, item.execution_id) + run_name(item)
        clock = "" if at is None else f"{at.astimezone(UTC):%H:%M:%S} "
        took = seconds_of(item, at) if at and item.state.has_ended else None
        said = [f"{clock}{name}", str(item.state), "" if took is None else duration(took), " ".join(reason.split())]
        talk("  ".join(part for part in said if part))


class LiveTree:
    """The tree, redrawn in place, log lines above it."""

    def __init__(self, console: Console) -> None:
        from rich.live import Live

        self._console = console
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._next_draw = 0.0
        self._is_stale = True

    def changed(self, watched: Watched, seen: Sequence[Seen], lines: Sequence[LogLine]) -> None:
        """Log lines are printed above; the tree follows with the next tick."""
        from rich.text import Text

        styles = {"ERROR": "bold red", "WARN": "yellow", "DEBUG": "dim", "TRACE": "dim"}
        for line in lines:
            self._console.print(
                Text.assemble(
                    (f"{line.logged_at.astimezone(UTC):%H:%M:%S} {_who(watched, line)}  ", "dim"),
                    (str(line.level), styles.get(line.level, "")),
                    f"  {line.message}",
                ),
                soft_wrap=True,
            )
        self._is_stale = True

    def tick(self, watched: Watched, now: datetime) -> None:
        """Redraws where something changed, or durations did; never so often that drawing is most of the work."""
        clock = time.monotonic()
        if clock < self._next_draw or not (self._is_stale or clock >= self._next_draw + TICK_SECONDS):
            return
        self._draw(watched, now, self._console.height - 2)
        self._next_draw = time.monotonic() + max(REDRAW_SECONDS, 5 * (time.monotonic() - clock))

    def say(self, message: str) -> None:
        """A line above the tree."""
        self._console.print(message, soft_wrap=True)

    def end(self, watched: Watched, now: datetime) -> None:
        """The tree as it stays: no longer bound to the terminal's height."""
        self.close()
        self._console.print(self._tree(watched, now, LAST_TREE_LINES))

    def close(self) -> None:
        """Lets the terminal go."""
        if self._live.is_started:
            self._live.stop()

    def _draw(self, watched: Watched, now: datetime, most: int) -> None:
        if not self._live.is_started:
            self._live.start()
        self._live.update(self._tree(watched, now, most), refresh=True)
        self._is_stale = False

    def _tree(self, watched: Watched, now: datetime, most: int) -> RenderableType:
        from rich.console import Group

        from taxi_pipelines.cli.tree import lines

        return Group(*lines(watched, now, most=most, width=self._console.width - 1))


def _who(watched: Watched, line: LogLine) -> str:
    """The task whose line it is, or the flow."""
    run = watched.find_run(line.execution_id, line.task_run_id)
    if run is not None or line.task_id:
        return _inside(watched, line.execution_id) + (run_name(run) if run else str(line.task_id))
    execution = watched.subflows.get(line.execution_id, watched.execution)
    return f"{execution.namespace}.{execution.flow_id}"


def _inside(watched: Watched, execution_id: str) -> str:
    """Which subflow something is of."""
    subflow = watched.subflows.get(execution_id)
    return f"{subflow.flow_id}/" if subflow else ""
