"""Getting into the store what cycles have decided: again and again while it is busy or its disk full, and in spite of defects."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping

from taxi_pipelines.engine.outbox import Cycle, Outbox, Shipment
from taxi_pipelines.engine.parts import Parts
from taxi_pipelines.errors import DiskFull, PipelineError, TransientError
from taxi_pipelines.flow_interfaces import Batch

WAIT_FOR = (TransientError, DiskFull)
"""What the store may say that will be different in a while."""

PAUSES = (0.1, 0.5, 2.0, 5.0)
"""Seconds between tries, the last of them from then on."""


class Writing:
    """What is not written yet, in order."""

    def __init__(self, parts: Parts, say: Callable[[str], None], on_commit: Callable[[Batch], None]) -> None:
        self._parts = parts
        self._say = say
        self._on_commit = on_commit
        self._waiting: deque[Shipment] = deque()
        self._written = 0  #: batches of this engine: by its number one that is written already is known
        self._pauses: Iterator[float] = iter(PAUSES)
        self._next_try = 0.0
        self._said: str | None = None

    @property
    def is_behind(self) -> bool:
        """Whether something could not be written yet."""
        return bool(self._waiting)

    def seconds_to_next_try(self) -> float:
        """How long until it makes sense to call `write` again."""
        return max(self._next_try - time.monotonic(), 0.0)

    def put(self, cycle: Cycle) -> None:
        """Takes what a cycle has done."""
        if cycle.outboxes():
            self._waiting.append(cycle.shipment())

    def forget(self) -> None:
        """It is somebody else's now, and the engine another one."""
        self._waiting.clear()
        self._written = 0

    def write(
        self, engine_id: str, after: Callable[[Mapping[str, Outbox], Collection[str]], None]
    ) -> dict[str, Exception]:
        """Writes as much as it can; `after` is told of what is stored, and of executions lost to another engine.

        The executions whose changes no database takes, and why; nothing of these is stored.
        """
        broken: dict[str, Exception] = {}
        while self._waiting and not self.seconds_to_next_try():
            shipment = self._waiting[0]
            batch = shipment.batch(self._written + 1)
            try:
                lost = self._parts.engines.commit(engine_id, batch)
            except PipelineError as error:
                self._wait(error)
                break
            except Exception as error:  # a value that the database refuses: whose is it?
                self._waiting.popleft()
                if len(shipment.outboxes) > 1:
                    self._waiting.extendleft(reversed(shipment.split()))
                else:
                    broken |= dict.fromkeys(shipment.outboxes, error)
                continue
            self._waiting.popleft()
            self._written += 1
            self._go_on()
            self._on_commit(batch)
            after(shipment.outboxes, lost)
        return broken

    def _wait(self, error: PipelineError) -> None:
        self._next_try = time.monotonic() + next(self._pauses, PAUSES[-1])
        if str(error) != self._said:
            self._said = str(error)
            self._say(f"the store cannot be written: {error}; trying again")

    def _go_on(self) -> None:
        if self._said is not None:
            self._said = None
            self._pauses = iter(PAUSES)
            self._say("the store can be written again")
