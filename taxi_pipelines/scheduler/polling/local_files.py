"""Files in a folder: new and changed ones start one execution together. Put files there by a rename, so that they are whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from taxi_pipelines.engine.context import iso
from taxi_pipelines.errors import UsageError
from taxi_pipelines.scheduler.polling.look import Found, Look
from taxi_pipelines.scheduler.polling.seen import matching, remembered, split_by_memory


@dataclass(frozen=True, kw_only=True, slots=True)
class _File:
    path: Path
    bytes: int
    changed_ns: int

    @property
    def mark(self) -> tuple[str, str]:
        return str(self.path), f"{self.changed_ns:x}-{self.bytes:x}"


def look_at_folder(look: Look) -> Found:
    """What is new in the folder. Files that were found are moved or deleted once their execution is stored."""
    properties = look.properties
    act = _action(properties)
    files = matching(properties.reg_exp, _listed(properties), lambda file: (str(file.path), file.path.name))
    new, known = split_by_memory(look, files, lambda file: file.mark)
    new = new[: properties.max_files]
    if act:
        _perform(act, known)  # what a crash kept from being done
    memory = remembered([*known, *new], lambda file: file.mark)
    if not new:
        return Found(memory=memory)
    event = {"files": [_kept(look, file) for file in new]}
    return Found(memory=memory, events=(event,), finish=partial(_perform, act, new) if act else lambda: None)


def _listed(properties: Any) -> list[_File]:
    folder = Path(properties.from_.removeprefix("file://")).expanduser()
    found = []
    try:
        paths = folder.rglob("*") if properties.recursive else folder.iterdir()
        for path in sorted(paths):
            with suppress(FileNotFoundError):  # gone since it was listed
                if path.is_file():
                    status = path.stat()
                    found.append(_File(path=path, bytes=status.st_size, changed_ns=status.st_mtime_ns))
    except OSError as error:
        raise UsageError(f"the folder {folder} cannot be read: {error.strerror}", "make it one you may read") from error
    return found


def _kept(look: Look, file: _File) -> dict[str, Any]:
    try:
        with file.path.open("rb") as opened:
            uri = look.keep_file(file.path.name, opened)
    except OSError as error:
        raise UsageError(f"{file.path} cannot be read: {error.strerror}", "make it a file you may read") from error
    changed = datetime.fromtimestamp(file.changed_ns / 1e9, UTC)
    return {
        "name": file.path.name,
        "localPath": str(file.path),
        "uri": uri,
        "size": file.bytes,
        "modifiedDate": iso(changed),
    }


def _action(properties: Any) -> Callable[[Path], None] | None:
    match properties.action:
        case "DELETE":
            return lambda path: path.unlink(missing_ok=True)
        case "MOVE":
            if not properties.move_directory:
                raise UsageError("action MOVE has no moveDirectory", "say where the files go")
            return partial(_move, Path(properties.move_directory.removeprefix("file://")).expanduser())
    return None


def _move(folder: Path, path: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        shutil.move(os.fspath(path), os.fspath(folder / path.name))


def _perform(act: Callable[[Path], None], files: Sequence[_File]) -> None:
    for file in files:
        try:
            act(file.path)
        except OSError as error:
            raise UsageError(
                f"{file.path} cannot be moved or deleted: {error.strerror}", "give the right to, or use action: NONE"
            ) from error
