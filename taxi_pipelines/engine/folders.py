"""The folder that the tasks of a WorkingDirectory share: what is put there first, and what is kept in the end (S7).

Done by the engine itself, because no worker is there before the first task and after the last. The rules are those of a
task's own working folder.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from taxi_pipelines.disk import writable
from taxi_pipelines.flow_interfaces import Files
from taxi_pipelines.tasks.working_files import output_names, write_files


def put_files(files: Files, folder: Path, input_files: Mapping[str, Any]) -> None:
    """Makes the folder anew, and in it the files: name → text, or the URI of a stored file. Raises UsageError and NotFound."""

    def fetch(uri: str, target: Path) -> None:
        with files.open(uri) as source, target.open("wb") as file:
            shutil.copyfileobj(source, file, 1 << 20)

    shutil.rmtree(folder, ignore_errors=True)
    with writable(folder):
        folder.mkdir(parents=True)
    write_files(folder, input_files, fetch)


def keep_files(
    files: Files, folder: Path, globs: Sequence[str], place: str, warn: Callable[[str], None]
) -> dict[str, str]:
    """Stores the files that the globs mean; relative path → URI. Raises NotFound where one that is named is not there."""
    kept = {}
    for name in output_names(folder, globs, warn):
        kept[name] = f"kestra:///{place}/{quote(name)}"
        with (folder / name).open("rb") as file:
            files.put(kept[name], file)
    return kept
