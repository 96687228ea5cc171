"""A statement that somebody asks of the warehouse without being trusted: what it may take, and how it is ended from outside."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What a statement may take. `bytes`: of its result, as Arrow holds it."""

    rows: int
    bytes: int
    seconds: float


class Asking:
    """A statement under way. `ended`: why it was ended from outside; empty where it was not."""

    def __init__(self) -> None:
        self.ended = ""
        self._end: Callable[[], None] | None = None
        self._lock = threading.Lock()

    @contextmanager
    def ended_by(self, end: Callable[[], None]) -> Iterator[None]:
        """In the block `end` is called, at most once and by any thread, where the statement shall not go on."""
        with self._lock:
            self._end = None if self.ended else end
        if self.ended:
            end()
        try:
            yield
        finally:
            with self._lock:
                self._end = None

    def stop(self, reason: str) -> None:
        """Ends it; the first reason counts."""
        with self._lock:
            self.ended = self.ended or reason
            end, self._end = self._end, None
            if end:
                end()
