"""Folders for what exceeds DuckDB's memory: one per connection, because two in one folder would share file names.

A folder is `flock`ed for as long as it is used, by which `sweep_spill` tells those of dead processes.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from taxi_pipelines.disk import writable

_PREFIX = "spill-"


@contextmanager
def spill_folder(parent: Path) -> Iterator[str]:
    """A new folder, gone afterwards. Raises DiskFull, HomeUnwritable."""
    with writable(parent):
        parent.mkdir(parents=True, exist_ok=True)
        folder, descriptor = _claimed(parent)
    try:
        yield str(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def sweep_spill(parent: Path) -> int:
    """Removes the folders of dead processes; how many."""
    return sum(_removed_if_dead(folder) for folder in parent.glob(f"{_PREFIX}*"))


def _claimed(parent: Path) -> tuple[Path, int]:
    """A sweep may take a folder away before it is locked: then another is made."""
    while True:
        folder = Path(tempfile.mkdtemp(dir=parent, prefix=_PREFIX))
        with suppress(FileNotFoundError):
            descriptor = os.open(folder, os.O_RDONLY)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if folder.exists():
                return folder, descriptor
            os.close(descriptor)


def _removed_if_dead(folder: Path) -> int:
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return 0
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return 0
    else:
        shutil.rmtree(folder, ignore_errors=True)
        return 1
    finally:
        os.close(descriptor)
