"""The heartbeat by which other engines know that this one lives. A thread of its own: a long cycle must not cost the lease."""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress

from taxi_pipelines.engine.parts import Parts
from taxi_pipelines.errors import PipelineError


class Heart:
    """Beats while it is started."""

    def __init__(self, parts: Parts, engine_id: str) -> None:
        self._parts = parts
        self._engine_id = engine_id
        self._lease = parts.lease.total_seconds()
        self._beaten_at = 0.0
        self._stopped = threading.Event()
        self._alive = threading.Event()
        self._thread = threading.Thread(target=self._go_on, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Registers the engine and begins to beat."""
        self._parts.engines.register(self._engine_id, self._parts.host, os.getpid(), self._parts.clock())
        self._beaten_at = time.monotonic()
        self._alive.set()
        self._thread.start()

    def stop(self) -> None:
        """Beats no more."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    def is_alive(self) -> bool:
        """False where another engine declared this one dead: everything must be let go of.

        After a silence (a machine that slept, a process that was stopped) the store is asked before anything else is written.
        While it cannot answer, nobody can take over either.
        """
        if self._alive.is_set() and time.monotonic() - self._beaten_at > self._lease / 2:
            with suppress(PipelineError):
                self._beat()
        return self._alive.is_set()

    def _go_on(self) -> None:
        while not self._stopped.wait(self._lease / 5) and self._alive.is_set():
            with suppress(
                PipelineError
            ):  # the store is busy or its disk full: whoever can reach it decides by the last beat
                self._beat()

    def _beat(self) -> None:
        began = time.monotonic()
        if self._parts.engines.beat(self._engine_id, self._parts.clock()):
            self._beaten_at = began
        else:
            self._alive.clear()
