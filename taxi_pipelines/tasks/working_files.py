"""Files of a task's working folder: what is put there before it works, and what is kept of it afterwards (S7)."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote, unquote

from taxi_pipelines.disk import writable
from taxi_pipelines.domain.records import Level
from taxi_pipelines.domain.text import plain_text
from taxi_pipelines.errors import NotFound, UsageError
from taxi_pipelines.task_types import TaskContext
from taxi_pipelines.tasks.globs import PRIVATE, files_below, is_glob, matching

_STORED = re.compile(r"kestra:///[-A-Za-z0-9%._+~#=/]*")


@contextmanager
def private_folder(folder: Path) -> Iterator[Path]:
    """A folder inside the working folder for what is the task type's own; gone afterwards, and never an output."""
    private = Path(tempfile.mkdtemp(prefix=PRIVATE, dir=folder))
    try:
        yield private
    finally:
        shutil.rmtree(private, ignore_errors=True)


def put_input_files(context: TaskContext, files: Mapping[str, Any]) -> None:
    """Writes them into the working folder; see `write_files`."""
    write_files(context.folder, files, context.fetch_file)


def write_files(folder: Path, files: Mapping[str, Any], fetch: Callable[[str, Path], None]) -> None:
    """Writes name → text, or the file that a URI names. Raises UsageError for a name that leads out of the folder."""
    for name, content in files.items():
        if content is None:
            continue
        target = folder / inner_path(name)
        with writable(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, str) and content.startswith("kestra://"):
                fetch(content, target)
            else:
                target.write_text(plain_text(content), encoding="utf-8")


def keep_output_files(context: TaskContext, patterns: Sequence[str], *, strict: bool = True) -> dict[str, str]:
    """Stores the files that the globs mean: relative path → URI. What is missing counts only if `strict`; see `output_names`."""
    warn = partial(context.log, Level.WARN) if strict else None
    names = output_names(context.folder, patterns, warn)
    return {name: context.keep_file(context.folder / name, quote(name)) for name in names}


def output_names(folder: Path, patterns: Sequence[str], warn: Callable[[str], None] | None) -> list[str]:
    """The files of a folder that the globs mean.

    A glob without a file is told to `warn`. Raises NotFound where a file that is named is not there, if somebody is told.
    """
    if not patterns:
        return []
    names = list(files_below(folder))
    found: dict[str, None] = {}
    for pattern in patterns:
        those = matching(names, pattern)
        if not those and warn:
            _missing(warn, pattern, names)
        found |= dict.fromkeys(those)
    return list(found)


def _missing(warn: Callable[[str], None], pattern: str, names: Sequence[str]) -> None:
    there = ", ".join(names[:10]) + (", …" if names[10:] else "") if names else "no file at all"
    if not is_glob(pattern):
        raise NotFound(f"outputFiles names {pattern!r}, but there is no such file", f"there is {there}")
    warn(f"outputFiles: no file is like {pattern!r}; there is {there}")


def with_local_files(context: TaskContext, text: str, private: Path) -> str:
    """The text with every URI of a stored file replaced by the path of a copy of it."""
    paths: dict[str, str] = {}
    for uri in dict.fromkeys(_STORED.findall(text)):
        target = private / str(len(list(private.iterdir()))) / (PurePosixPath(unquote(uri)).name or "file")
        with writable(target):
            context.fetch_file(uri, target)
        paths[uri] = str(target)
    return _STORED.sub(lambda match: paths[match[0]], text)


def inner_path(name: str) -> Path:
    """A relative path that stays inside the folder it is relative to. Raises UsageError."""
    path = PurePosixPath(name)
    if not path.parts or path.is_absolute() or ".." in path.parts or "\0" in name:
        raise UsageError(f"{name!r} is not a name for a file in the working folder", "give a relative path without ..")
    return Path(path)
