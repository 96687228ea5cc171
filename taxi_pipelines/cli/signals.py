"""Ctrl-C and SIGTERM: the work is asked to stop, and made to where it does not hear.

Python tells the main thread of a signal only between two of its own instructions. A driver that computes for minutes
without returning would not hear; then the process ends anyway after a grace, which is as safe as a kill: nothing half-done
is ever visible.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from taxi_pipelines.cli.output import one_line

GRACE_SECONDS = 3.0
STOPPING = (signal.SIGINT, signal.SIGTERM)
LINE = one_line("interrupted", "stopped; nothing half-done is visible, run the same command again")


class Stopped(BaseException):
    """A signal asked us to stop; not an Exception, so that nothing on the way takes it for a failure."""


class Signals:
    """What has been caught: a driver that is interrupted may answer with an error of its own."""

    def __init__(self) -> None:
        self.caught: int | None = None
        self._ended = threading.Event()

    @property
    def exit_code(self) -> int:
        """What a shell expects of a process that a signal ended."""
        return 128 + (self.caught or 0)

    def stop(self, number: int, frame: FrameType | None) -> NoReturn:
        """The handler in the main thread."""
        self.caught = number
        raise Stopped

    def end(self) -> None:
        """The work has ended by itself."""
        self._ended.set()

    def watch(self, reading: int) -> None:
        """Waits for a signal, then for the end of the work, and ends the process if that does not come."""
        numbers = os.read(reading, 1)
        if numbers and not self._ended.wait(GRACE_SECONDS):
            sys.stderr.write(f"{LINE}\n")
            sys.stderr.flush()
            os._exit(128 + numbers[0])


@contextmanager
def listening() -> Iterator[Signals]:
    """Signals raise Stopped in this, the main thread, as long as the context lasts."""
    signals = Signals()
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    watcher = threading.Thread(target=signals.watch, args=(reading,), name="signals", daemon=True)
    watcher.start()
    before = [signal.signal(number, signals.stop) for number in STOPPING]
    wakeup = signal.set_wakeup_fd(writing)
    try:
        yield signals
    finally:
        signal.set_wakeup_fd(wakeup)
        for number, handler in zip(STOPPING, before, strict=True):
            signal.signal(number, handler)
        signals.end()
        os.close(writing)
        watcher.join()
        os.close(reading)


@contextmanager
def told(hear: Callable[[int], None]) -> Iterator[None]:
    """Signals are told to `hear`, between two instructions of the main thread, and end nothing: for work that ends itself."""
    wakeup = signal.set_wakeup_fd(-1)
    before = [signal.signal(number, lambda number, frame: hear(number)) for number in STOPPING]
    try:
        yield
    finally:
        for number, handler in zip(STOPPING, before, strict=True):
            signal.signal(number, handler)
        signal.set_wakeup_fd(wakeup)
