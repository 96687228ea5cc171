"""Progress twice: bars on a terminal, one line per finished month elsewhere. Both may be called from several threads."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import rich.progress as bars
from rich.console import Console
from rich.filesize import decimal
from rich.text import Text

from taxi_pipelines.cli.output import talk
from taxi_pipelines.domain.month import Partition
from taxi_pipelines.interfaces import Advance, Progress


@contextmanager
def showing(*, quiet: bool = False, months: int = 1) -> Iterator[Progress | None]:
    """The progress that suits stderr: bars on a terminal, else lines, or nothing where `quiet`."""
    console = Console(stderr=True, highlight=False)
    if sys.stderr.isatty() and not console.is_dumb_terminal:
        with Bars(console, months) as progress:
            yield progress
    else:
        yield None if quiet else Lines()


class Lines:
    """A line per finished month on stderr."""

    def step(self, kind: str, partition: Partition, name: str, unit: str) -> Advance:
        """Steps pass in silence."""
        return lambda done, total: None

    def done(self, kind: str, partition: Partition, message: str) -> None:
        """Says how the month ended."""
        talk(f"{kind} {partition}  {message}")

    def say(self, message: str) -> None:
        """Says it."""
        talk(message)


class Bars:
    """A bar per running month and, for several months, one over all. They leave the screen when all is done."""

    def __init__(self, console: Console, months: int) -> None:
        self._bars = bars.Progress(
            bars.TextColumn("{task.description}", markup=False),
            bars.BarColumn(bar_width=24, complete_style="cyan", finished_style="green", pulse_style="cyan"),
            _Amount(),
            console=console,
            transient=True,
        )
        self._months = months
        self._lock = threading.Lock()
        self._running: dict[tuple[str, Partition], bars.TaskID] = {}
        self._over_all: bars.TaskID | None = None

    def __enter__(self) -> Bars:
        if self._months > 1:
            self._over_all = self._bars.add_task("all months", total=self._months, unit="months")
        self._bars.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bars.stop()

    def step(self, kind: str, partition: Partition, name: str, unit: str) -> Advance:
        """The month's bar starts anew with this step."""
        description = f"{kind} {partition}  {name:<7}"
        with self._lock:
            task = self._running.get((kind, partition))
            if task is None:
                task = self._bars.add_task(description, total=None, unit=unit)
                self._running[kind, partition] = task
            else:
                self._restart(task, description, unit)

        def advance(done: int, total: int | None) -> None:
            self._bars.update(task, completed=done, total=total)

        return advance

    def _restart(self, task: bars.TaskID, description: str, unit: str) -> None:
        self._bars.reset(task, description=description, unit=unit)
        for shown in self._bars.tasks:
            if shown.id == task:
                shown.total = None  # which `reset` takes for "as before"

    def done(self, kind: str, partition: Partition, message: str) -> None:
        """The month's bar goes; the one over all moves on."""
        with self._lock:
            task = self._running.pop((kind, partition), None)
        if task is not None:
            self._bars.remove_task(task)
        if self._over_all is not None:
            self._bars.advance(self._over_all)

    def say(self, message: str) -> None:
        """A line above the bars."""
        self._bars.console.print(message, markup=False)


class _Amount(bars.ProgressColumn):
    """How much is done, of how much, and how fast where it is bytes."""

    def render(self, task: bars.Task) -> Text:
        return Text(amount(task.fields["unit"], int(task.completed), task.total, task.speed))


def amount(unit: str, done: int, total: float | None, speed: float | None) -> str:
    """`12.3 MB of 48.1 MB, 5.2 MB/s` · `120,000 of 1,369,769 rows`."""
    if unit == "bytes":
        known = f" of {decimal(int(total))}" if total is not None else ""
        return f"{decimal(done)}{known}" + (f", {decimal(int(speed))}/s" if speed else "")
    known = f" of {int(total):,}" if total is not None else ""
    return f"{done:,}{known} {unit}"
