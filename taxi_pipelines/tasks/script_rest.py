"""The file for what a command prints beyond the log's limits: compressed, because the disk is slower than most commands.

Apart because of pyarrow: it takes longer to import than most scripts take to run, and few print so much.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from taxi_pipelines.disk import writable

ENDING = ".zst"


class Rest:
    """A zstd file that is written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        with writable(path):
            self._file = pa.CompressedOutputStream(str(path), "zstd")

    def write(self, block: bytes | memoryview) -> None:
        """Raises DiskFull."""
        self.size += len(block)
        with writable(self.path):
            self._file.write(block)

    def close(self) -> None:
        """Raises DiskFull."""
        with writable(self.path):
            self._file.close()
