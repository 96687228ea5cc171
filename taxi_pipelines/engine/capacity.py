"""Heavy task runs wait here until a worker is free: only then are they rendered, stored as RUNNING and handed over.

What is still waiting when an engine dies has not begun, so the next engine begins it, whatever its type; and a queue within
the executor would be lost with its process.
"""

from __future__ import annotations

from taxi_pipelines.work_interfaces import Executor


class Capacity:
    """Who waits for a worker, the first come first."""

    def __init__(self, workers: Executor) -> None:
        self._workers = workers
        self._free = 0
        self._is_closed = False
        self._called: set[str] = set()
        self._waiting: dict[str, str] = {}  #: task run → execution

    def close(self) -> None:
        """From now on nobody gets a worker."""
        self._is_closed = True

    def begin_cycle(self) -> list[tuple[str, str]]:
        """Looks how many workers are free, and calls as many of those that wait: (execution, task run)."""
        self._free = 0 if self._is_closed else self._workers.free()
        first = list(self._waiting)[: self._free]
        self._called = set(first)
        return [(self._waiting.pop(run_id), run_id) for run_id in first]

    def take(self, execution_id: str, run_id: str) -> bool:
        """Whether there is a worker for a task run now; if not, it waits to be called."""
        has_turn = run_id in self._called or (not self._waiting and self._free > len(self._called))
        if not has_turn:
            self._waiting[run_id] = execution_id
            return False
        self._called.discard(run_id)
        self._free -= 1
        return True
