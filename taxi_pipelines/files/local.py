"""Files of executions in a folder. `kestra:///a/b.csv` is `a/b.csv` below the root; names never lead out of it."""

from __future__ import annotations

import shutil
import uuid
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from urllib.parse import unquote

from taxi_pipelines.disk import writable
from taxi_pipelines.errors import NotFound, UsageError

SCHEME = "kestra://"
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
            raise NotFound(f"there is no file {uri}", "look at the outputs of the task that made it") from error

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
        """Where a URI lies. Raises UsageError for one of another kind, or one that leads out of the root."""
        name = unquote(uri.removeprefix(SCHEME)).lstrip("/")
        if not uri.startswith(f"{SCHEME}/") or not name or ".." in PurePosixPath(name).parts or "\0" in name:
            raise UsageError(f"{uri!r} is not the URI of a stored file", f"such a URI begins with {SCHEME}/")
        return self._root / name
