"""Measuring whole commands: wall and CPU seconds and peak memory of a process and its children, as the kernel counts them."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """What one run of a command took."""

    wall: float
    cpu: float
    peak_mb: float


def run(command: Sequence[str], env: dict[str, str] | None = None) -> Cost:
    """Runs a command to its end. Raises CalledProcessError with its output where it fails."""
    start = time.perf_counter()
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={**os.environ, **(env or {})}
    )
    assert process.stdout is not None
    output = process.stdout.read()
    process.stdout.close()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, output)
    wall = time.perf_counter() - start
    return Cost(wall=wall, cpu=usage.ru_utime + usage.ru_stime, peak_mb=usage.ru_maxrss / 1024)


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
