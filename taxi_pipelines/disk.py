"""What every adapter that writes to a disk needs: renames that last, and errors that say what to do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from taxi_pipelines.errors import from_os_error


def sync_folder(folder: Path) -> None:
    """Makes the renames in a folder last."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def writable(place: Path) -> Iterator[None]:
    """Translates what goes wrong when writing there into DiskFull and HomeUnwritable."""
    try:
        yield
    except OSError as error:
        if translated := from_os_error(error, place):
            raise translated from error
        raise
