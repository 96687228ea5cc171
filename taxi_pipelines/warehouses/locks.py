"""Locks between threads and processes: one file per name, `flock`ed, released by the kernel when its holder dies.

Each hold has a `FileLock` of its own, so that two threads of a process exclude each other like two processes do. Nothing
is written into the files, and they stay: a removed lock file would let two holders in.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from taxi_pipelines.disk import writable

_POLL_SECONDS = 0.01


class Locks:
    """The locks of one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @contextmanager
    def hold(self, name: str) -> Iterator[None]:
        """Waits for the lock and holds it. Raises HomeUnwritable."""
        lock = self._fresh(name)
        with writable(self._folder):
            lock.acquire(poll_interval=_POLL_SECONDS)
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def try_hold(self, name: str) -> Iterator[bool]:
        """Holds the lock if that needs no waiting, and says whether it does."""
        lock = self._fresh(name)
        try:
            with writable(self._folder):
                lock.acquire(blocking=False)
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    def is_held(self, name: str) -> bool:
        """Whether anybody holds the lock, this thread included; touches nothing."""
        try:
            descriptor = os.open(self._path(name), os.O_RDONLY)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.lock"

    def _fresh(self, name: str) -> FileLock:
        with writable(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
        return FileLock(self._path(name), thread_local=False)
