"""The file for what the log does not show."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from taxi_pipelines.errors import DiskFull
from taxi_pipelines.tasks.script_rest import Rest


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a disk that is always full")
def test_a_full_disk_is_said_as_such() -> None:
    rest = Rest(Path("/dev/full"))
    with pytest.raises(DiskFull, match="no space left on the disk of /dev/full"):
        for _ in range(100):
            rest.write(os.urandom(1 << 20))
