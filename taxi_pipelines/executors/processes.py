"""Processes and their descendants: marked by a variable that all of them inherit, so that none is left behind.

A process group is not enough: a shell task may start sessions of its own, or go into the background. Found by
/proc (Linux); elsewhere only the worker itself is ended.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

MARK = "TAXI_TASK_RUN_ID"
"""The variable by which the processes of a task run are known."""

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """This process is killed when its parent dies, however that dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def kill_marked(task_run_id: str) -> int:
    """Kills every process of a task run but this one, again until there is none; how many."""
    killed = 0
    while found := [pid for pid in marked(task_run_id) if pid != os.getpid()]:
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
                killed += 1
        if killed > 10_000:
            break
    return killed


def marked(task_run_id: str) -> Iterator[int]:
    """The living processes of a task run."""
    wanted = f"{MARK}={task_run_id}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (folder / "environ").read_bytes().split(b"\0") and not _is_zombie(folder):
                yield int(folder.name)
        except (FileNotFoundError, PermissionError, ProcessLookupError):
            continue  # it has ended, or is somebody else's


def _is_zombie(folder: Path) -> bool:
    return (folder / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
