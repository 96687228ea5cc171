"""How stored files are named: `kestra:///a/b.csv` is `a/b.csv` below the root, in a folder and in a bucket alike."""

from __future__ import annotations

from pathlib import PurePosixPath
from urllib.parse import unquote

from taxi_pipelines.errors import NotFound, UsageError

SCHEME = "kestra://"


def name_of(uri: str) -> str:
    """The name below the root. Raises UsageError for a URI of another kind, or one that leads out of the root."""
    name = unquote(uri.removeprefix(SCHEME)).lstrip("/")
    if not uri.startswith(f"{SCHEME}/") or not name or ".." in PurePosixPath(name).parts or "\0" in name:
        raise UsageError(f"{uri!r} is not the URI of a stored file", f"such a URI begins with {SCHEME}/")
    return name


def missing(uri: str) -> NotFound:
    """The error for a file that is not there."""
    return NotFound(f"there is no file {uri}", "look at the outputs of the task that made it")
