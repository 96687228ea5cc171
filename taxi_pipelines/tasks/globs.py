"""Globs of output files, as Java reads them: `*` stays within a folder, `**` does not, `{a,b}` is either.

But `**/` may also mean no folder at all, as everywhere else.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from taxi_pipelines.errors import UsageError

PRIVATE = ".taxi-"
"""How the names of folders begin that task types make in working folders for themselves."""

_SPECIAL = "*?[{\\"


def is_glob(pattern: str) -> bool:
    """Whether it may name more than one file."""
    return any(sign in pattern for sign in _SPECIAL)


def files_below(folder: Path) -> Iterator[str]:
    """The files of a working folder, by relative path in order; links that lead out of it, and what is ours, are left out."""
    root = folder.resolve()
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if Path(place) != folder or not name.startswith(PRIVATE))
        for name in sorted(names):
            path = Path(place, name)
            if path.is_file() and (not path.is_symlink() or path.resolve().is_relative_to(root)):
                yield path.relative_to(folder).as_posix()


def matching(names: Iterable[str], pattern: str) -> list[str]:
    """Those that the glob means. Raises UsageError for a glob that cannot be read, or leads out of the folder."""
    if pattern.startswith("/") or ".." in pattern.split("/"):
        raise UsageError(f"{pattern!r} leads out of the working folder", "name files relative to the working folder")
    expression = _expression(pattern.removeprefix("./"))
    return [name for name in names if expression.fullmatch(name)]


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile("".join(_translated(pattern)))
    except re.error as error:
        raise UsageError(f"{pattern!r} is not a glob: {error}", "globs know *, **, ?, [a-z] and {a,b}") from error


def _translated(pattern: str) -> Iterator[str]:
    """Parts of a regular expression; https://docs.oracle.com/javase/8/docs/api/java/nio/file/FileSystem.html#getPathMatcher-java.lang.String-"""
    depth = 0
    for part in re.findall(r"\*\*/|\*\*|\\.|\[[^\]]*\]|.", pattern, re.DOTALL):
        match part:
            case "**/":
                yield "(?:.*/)?"
            case "**":
                yield ".*"
            case "*":
                yield "[^/]*"
            case "?":
                yield "[^/]"
            case "{":
                depth += 1
                yield "(?:"
            case "}" if depth:
                depth -= 1
                yield ")"
            case "," if depth:
                yield "|"
            case _ if part.startswith("[") and len(part) > 2:
                inside = part[1:-1].replace("\\", "\\\\").replace("[", "\\[").replace("&&", "\\&\\&")
                yield f"(?!/)[{'^' + inside[1:] if inside[0] in '!^' else inside}]"
            case _:
                yield re.escape(part[-1])
