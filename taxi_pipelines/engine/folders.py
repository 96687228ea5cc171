"""The folder that the tasks of a WorkingDirectory share: what is put there first, and what is kept in the end (S7).

Done by the engine itself, because no worker is there before the first task and after the last.
"""

from __future__ import annotations

import io
import json
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from taxi_pipelines.disk import writable
from taxi_pipelines.domain.text import plain_text
from taxi_pipelines.errors import UsageError
from taxi_pipelines.flow_interfaces import Files

_SCHEME = "kestra:///"


def put_files(files: Files, folder: Path, input_files: Any) -> None:
    """Makes the folder, and in it the files: name → text, or the URI of a stored file. Raises UsageError and NotFound."""
    shutil.rmtree(folder, ignore_errors=True)
    with writable(folder):
        folder.mkdir(parents=True)
    for name, content in _named(input_files).items():
        target = folder / _inside(name)
        with writable(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            with _source(files, plain_text(content)) as source, target.open("wb") as file:
                shutil.copyfileobj(source, file, 1 << 20)


def keep_files(files: Files, folder: Path, globs: Iterable[str], place: str) -> dict[str, str]:
    """Stores the files that any of the globs names; relative path → URI."""
    kept = {}
    for path in sorted(set(_found(folder, globs))):
        name = path.relative_to(folder).as_posix()
        kept[name] = f"kestra:///{place}/{name}"
        with path.open("rb") as file:
            files.put(kept[name], file)
    return kept


def _found(folder: Path, globs: Iterable[str]) -> Iterator[Path]:
    patterns = [re.compile(_pattern(_inside(glob).as_posix())) for glob in globs]
    root = folder.resolve()
    for path in folder.rglob("*"):
        name = path.relative_to(folder).as_posix()
        inside = path.is_file() and path.resolve().is_relative_to(root)  # a link may lead elsewhere
        if inside and any(pattern.fullmatch(name) for pattern in patterns):
            yield path


_PARTS = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}


def _pattern(glob: str) -> str:
    """As Java matches paths: `*` within a folder, `**` across folders, `{a,b}` one or the other."""
    pieces = re.findall(r"\*\*/|\*\*|\*|\?|\{[^{}]*\}|\[!?[^\]/]+\]|.", glob)
    return "".join(_PARTS.get(piece) or _piece(piece) for piece in pieces)


def _piece(piece: str) -> str:
    if len(piece) > 1 and piece[0] == "{":
        return "(?:" + "|".join(_pattern(part) for part in piece[1:-1].split(",")) + ")"
    if len(piece) > 1 and piece[0] == "[":
        return piece.replace("[!", "[^", 1).replace("\\", "\\\\")
    return re.escape(piece)


def _named(input_files: Any) -> Mapping[str, Any]:
    found = input_files or {}
    if isinstance(found, str):
        try:
            found = json.loads(found)
        except ValueError:
            found = None
    if not isinstance(found, Mapping):
        raise UsageError("inputFiles is not a map", "write a name and what is in the file: months.txt: 2024-01")
    return found


def _inside(name: str) -> PurePosixPath:
    path = PurePosixPath(str(name))
    if path.is_absolute() or ".." in path.parts or not path.parts or "\0" in str(name):
        raise UsageError(f"{name!r} leads out of the working folder", "give a path relative to it")
    return path


def _source(files: Files, content: str) -> BinaryIO:
    if content.startswith(_SCHEME):
        return files.open(content)
    return io.BytesIO(content.encode())
