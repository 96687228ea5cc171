"""Who waits to hear of an execution: told by the engine's thread after each commit, heard in the event loop.

News only say "look again". What happened is read from the store, so that those who follow an execution that another process
drives do the same, only a little later.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from taxi_pipelines.flow_interfaces import Batch

ANY = ""
"""Stands for all executions."""

LOOK_SECONDS = 0.5
"""How often those look who hear nothing, because another process drives what they follow."""


class Listener:
    """One who waits, in the event loop it was made in."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wakes it, from any thread."""
        with suppress(RuntimeError):  # its loop has ended, and it with it
            self._loop.call_soon_threadsafe(self._rung.set)

    async def wait(self, seconds: float = LOOK_SECONDS) -> None:
        """Until there is news, or it is time to look anyway."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._rung.wait(), seconds)
        self._rung.clear()


class News:
    """The listeners, by execution. `is_over` once the service ends: nobody waits any longer then."""

    def __init__(self) -> None:
        self._listeners: dict[str, set[Listener]] = {}
        self._lock = threading.Lock()
        self.is_over = False

    @contextmanager
    def listening(self, execution_id: str) -> Iterator[Listener]:
        """Hears of that execution, or of ANY, while the block lasts. To be entered in the event loop."""
        listener = Listener()
        with self._lock:
            self._listeners.setdefault(execution_id, set()).add(listener)
        try:
            yield listener
        finally:
            with self._lock:
                others = self._listeners[execution_id]
                others.discard(listener)
                if not others:
                    del self._listeners[execution_id]

    def tell(self, batch: Batch) -> None:
        """Of everything in a batch that is stored."""
        with self._lock:
            if self._listeners:
                for execution_id in _touched(batch) & self._listeners.keys():
                    self._ring(execution_id)

    def end(self) -> None:
        """Wakes everybody for the last time."""
        self.is_over = True
        with self._lock:
            for execution_id in self._listeners:
                self._ring(execution_id)

    def _ring(self, execution_id: str) -> None:
        for listener in self._listeners[execution_id]:
            listener.ring()


def _touched(batch: Batch) -> set[str]:
    executions = {one.id for one in (*batch.executions, *batch.new_executions)}
    return (
        executions | {ANY} | {run.execution_id for run in batch.task_runs} | {line.execution_id for line in batch.logs}
    )
