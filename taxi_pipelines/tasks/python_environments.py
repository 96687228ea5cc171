"""Virtual environments with the packages that a task asks for, one for each set of them, made once and kept."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from taxi_pipelines.disk import writable
from taxi_pipelines.errors import PermanentError, UsageError
from taxi_pipelines.tasks.script_process import run_command

_READY = "ready"


class _Tail:
    """The end of what an installer says."""

    def __init__(self) -> None:
        self._pieces: deque[bytes] = deque(maxlen=16)

    def feed(self, data: bytes) -> None:
        self._pieces.append(data)

    def lines(self) -> list[str]:
        return [line for line in b"".join(self._pieces).decode("utf-8", "replace").splitlines() if line.strip()]


@contextmanager
def python_environment(
    cache: Path,
    packages: Sequence[str],
    *,
    version: str | None,
    with_uv: bool,
    shared: bool,
    variables: Mapping[str, str],
    say: Callable[[str], None],
) -> Iterator[Path]:
    """The folder of an environment with these packages; one that is not `shared` is nobody else's, and gone afterwards.

    Made by uv where it is wanted and there, by venv and pip otherwise. Raises PermanentError where a package cannot be
    installed, UsageError where there is no such Python.
    """
    uv = shutil.which("uv", path=variables.get("PATH")) if with_uv else None
    python = _interpreter(version, variables)
    with writable(cache):
        cache.mkdir(parents=True, exist_ok=True)
    if not shared:
        with tempfile.TemporaryDirectory(dir=cache, prefix="own-", ignore_cleanup_errors=True) as own:
            _make(Path(own), packages, python, uv, variables, say)
            yield Path(own)
        return
    folder = cache / _key(packages, python)
    if not (folder / _READY).exists():
        with FileLock(f"{folder}.lock"):
            if not (folder / _READY).exists():
                shutil.rmtree(folder, ignore_errors=True)  # what somebody left who was killed
                _make(folder, packages, python, uv, variables, say)
                with writable(folder):
                    (folder / _READY).touch()
    yield folder


def activated(folder: Path, variables: Mapping[str, str]) -> dict[str, str]:
    """The variables with the environment's programs first."""
    found = {
        **variables,
        "VIRTUAL_ENV": str(folder),
        "PATH": f"{folder / 'bin'}{os.pathsep}{variables.get('PATH', '')}",
    }
    found.pop("PYTHONHOME", None)
    return found


def _make(
    folder: Path,
    packages: Sequence[str],
    python: str,
    uv: str | None,
    variables: Mapping[str, str],
    say: Callable[[str], None],
) -> None:
    begun = time.monotonic()
    wanted = ", ".join(packages) or "no packages"
    say(f"making a Python environment with {wanted}")
    inner = str(folder / "bin" / "python")
    if uv:
        commands = [[uv, "venv", "--quiet", "--allow-existing", "--seed", "--python", python, str(folder)]]
        install = [uv, "pip", "install", "--quiet", "--python", inner, "--"]
    else:
        commands = [[python, "-m", "venv", str(folder)]]
        install = [inner, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input", "--"]
    for command in [*commands, *([[*install, *packages]] if packages else [])]:
        tail = _Tail()
        if run_command(command, folder=folder.parent, environment=variables, output=tail, errors=tail):
            raise PermanentError(
                f"a Python environment with {wanted} cannot be made: {_reason(tail.lines())}",
                "check the names and versions in `dependencies`, and that their index can be reached",
            )
    say(f"made it in {time.monotonic() - begun:.1f} s")


def _reason(lines: Sequence[str]) -> str:
    """What an installer says is wrong: its last complaint, or its last line."""
    complaints = [line for line in lines if line.lower().lstrip(" ×╰─▶").startswith(("error", "cause", "because"))]
    return (complaints or lines or ["it says nothing"])[-1].strip()


def _interpreter(version: str | None, variables: Mapping[str, str]) -> str:
    if version is None:
        return sys.executable
    found = shutil.which(f"python{version}", path=variables.get("PATH"))
    if found is None and not f"{sys.version_info.major}.{sys.version_info.minor}".startswith(version):
        raise UsageError(f"there is no Python {version} on this machine", "leave `pythonVersion` out, or install it")
    return found or sys.executable


def _key(packages: Sequence[str], python: str) -> str:
    said = json.dumps([sorted(packages), python, sys.version if python == sys.executable else ""])
    return hashlib.sha256(said.encode()).hexdigest()[:20]
