"""Measuring whole commands: wall and CPU seconds and peak memory of a process and its children, as the kernel counts them."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.005


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """What one run of a command took."""

    wall: float
    cpu: float
    peak_mb: float


@dataclass(frozen=True, slots=True)
class Figure:
    """One line of the report."""

    what: str
    bound: str
    found: str
    detail: str


def run(command: Sequence[str], env: dict[str, str] | None = None) -> Cost:
    """Runs a command to its end. Raises CalledProcessError with its output where it fails.

    The peak is the kernel's own mark of the process (VmHWM), looked at until it ends: what `wait4` says of a child includes the
    memory that its parent, this process, had when it was started.
    """
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **(env or {})})
        peak = 0
        while True:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            peak = max(peak, _high_water_kb(process.pid))
            time.sleep(POLL_SECONDS)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            output.seek(0)
            raise subprocess.CalledProcessError(process.returncode, command, output.read())
    return Cost(wall=wall, cpu=usage.ru_utime + usage.ru_stime, peak_mb=peak / 1024)


def _high_water_kb(pid: int) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    return 0  # a process that has just ended has no memory any more


def python(code: str, *arguments: str) -> list[str]:
    """The command that runs this code."""
    return [sys.executable, "-c", code, *arguments]


def taxi(*arguments: str) -> list[str]:
    """The command that runs `taxi`, as its console script does."""
    return python("from taxi_pipelines.cli.main import main; main()", *arguments)


def paired(ours: Callable[[], Cost], floor: Callable[[], Cost], rounds: int) -> tuple[list[Cost], list[Cost]]:
    """Both in turn, after one uncounted round: A B A B …, so that a machine that slows down slows both."""
    ours(), floor()
    pairs = [(ours(), floor()) for _ in range(rounds)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return statistics.median(values)
