"""A process that does its work when it is told to, so that it can be killed at a moment of that work and not of its imports."""

from __future__ import annotations

import subprocess
import sys


def waiting_process(code: str, *arguments: str) -> subprocess.Popen[str]:
    """Runs Python that prints "ready" once it has imported everything, and then waits for a line on its standard input."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def go(process: subprocess.Popen[str]) -> None:
    """Tells it to start."""
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()
