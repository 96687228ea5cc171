"""Files of executions in a folder: a file per file, below the root."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path
from typing import BinaryIO

from taxi_pipelines.disk import writable
from taxi_pipelines.files.uris import missing, name_of

_CHUNK = 1 << 20


class LocalFiles:
    """`Files` below a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def put(self, uri: str, source: BinaryIO) -> int:
        """See `Files.put`."""
        path = self._path(uri)
        draft = path.with_name(f".{uuid.uuid4().hex}")
        with writable(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with draft.open("wb") as file:
                    shutil.copyfileobj(source, file, _CHUNK)
                    size = file.tell()
                draft.replace(path)
            finally:
                draft.unlink(missing_ok=True)
        return size

    def open(self, uri: str) -> BinaryIO:
        """See `Files.open`. Raises NotFound."""
        try:
            return self._path(uri).open("rb")
        except (FileNotFoundError, IsADirectoryError) as error:
            raise missing(uri) from error

    def size(self, uri: str) -> int | None:
        """See `Files.size`."""
        path = self._path(uri)
        return path.stat().st_size if path.is_file() else None

    def delete(self, prefix: str) -> int:
        """See `Files.delete`."""
        path = self._path(prefix)
        if path.is_file():
            path.unlink()
            return 1
        found = [file for file in path.rglob("*") if file.is_file()]
        shutil.rmtree(path, ignore_errors=True)
        return len(found)

    def _path(self, uri: str) -> Path:
        return self._root / name_of(uri)
