"""Which engines of this machine and home are dead: each holds a file lock for as long as its process lives.

So the next start takes over at once what a killed process left, without waiting for its lease to run out.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from taxi_pipelines.disk import writable
from taxi_pipelines.flow_interfaces import Engines


class Liveness:
    """The locks of the engines of one home."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._handle: int | None = None

    def hold(self, engine_id: str) -> None:
        """Takes the engine's lock; the kernel gives it back when the process dies."""
        with writable(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            self._handle = os.open(self._folder / engine_id, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(self._handle, fcntl.LOCK_EX)

    def release(self, engine_id: str) -> None:
        """Gives it back."""
        if self._handle is not None:
            (self._folder / engine_id).unlink(missing_ok=True)
            os.close(self._handle)
            self._handle = None

    def known_dead(self, engines: Engines, host: str) -> list[str]:
        """The registered engines of this host and home whose lock is free."""
        return [
            engine_id for engine_id, its_host, _, _ in engines.listed() if its_host == host and self._is_free(engine_id)
        ]

    def _is_free(self, engine_id: str) -> bool:
        path = self._folder / engine_id.partition(".")[0]  # an engine that began anew has the lock of its first life
        try:
            handle = os.open(path, os.O_RDWR)
        except FileNotFoundError:
            return True
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        else:
            with suppress(FileNotFoundError):
                path.unlink()
            return True
        finally:
            os.close(handle)
