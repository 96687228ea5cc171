"""What is to happen later: task runs that wake up, executions that begin late, promises that run out."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from datetime import datetime

from taxi_pipelines.domain.states import State
from taxi_pipelines.engine.active import Active


class Timers:
    """A heap of moments. A timer that no longer makes sense is harmless: whoever is woken looks for itself."""

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, str, str]] = []
        self._known: set[tuple[datetime, str, str]] = set()

    def watch(self, active: Active, changed: list[str]) -> None:
        """Sets timers for what changed of an execution, and for the execution itself."""
        for run_id in changed:
            if run_id in active.tree and (at := active.tree.get(run_id).wake_at):
                self._add(at, active.id, run_id)
        started = active.execution.started_at
        if started and active.execution.state in (State.RUNNING, State.PAUSED):
            for sla in active.flow.slas:
                if sla.duration and sla.id not in active.broken:
                    self._add(started + sla.duration, active.id, "")

    def begin_later(self, execution_id: str, at: datetime) -> None:
        """An execution that is not to begin before."""
        self._add(at, execution_id, "")

    def due(self, now: datetime) -> Iterator[tuple[str, str]]:
        """(execution, task run or nothing) whose time has come."""
        while self._heap and self._heap[0][0] <= now:
            timer = heapq.heappop(self._heap)
            self._known.discard(timer)
            yield timer[1], timer[2]

    def seconds_to_next(self, now: datetime) -> float | None:
        """How long until the next one."""
        return max((self._heap[0][0] - now).total_seconds(), 0.0) if self._heap else None

    def _add(self, at: datetime, execution_id: str, run_id: str) -> None:
        timer = (at, execution_id, run_id)
        if timer not in self._known:
            self._known.add(timer)
            heapq.heappush(self._heap, timer)
