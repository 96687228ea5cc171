"""A command as a process of its own session: streamed while it runs, ended with everything it started.

What leaves the session becomes a child of the worker when its parent ends (a worker is a "subreaper"), and is found there.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Protocol

from taxi_pipelines.errors import UsageError

GRACE = 4.0
"""Seconds between SIGTERM and SIGKILL; the executor's own grace is a second longer."""
LINGER = 0.5
"""Seconds that what still prints has to end by itself, after the command has."""

_CHUNK = 256 << 10
_PIPE = 1 << 20
_TICK = 0.02
_PR_SET_CHILD_SUBREAPER = 36


class Sink(Protocol):
    """Takes what a stream says."""

    def feed(self, data: bytes) -> None:
        """The next piece, never empty."""
        ...


def run_command(
    arguments: Sequence[str], *, folder: Path, environment: Mapping[str, str], output: Sink, errors: Sink
) -> int:
    """Runs it to its end; its exit code, 128 + the signal's number where a signal ended it. Raises UsageError.

    Whatever is raised meanwhile ends the command first: SIGTERM, and SIGKILL after GRACE.
    """
    _adopt_orphans()
    with _started(arguments, folder, environment) as process, _Run(process, output, errors) as run:
        try:
            run.until_ended()
            run.until_silent(LINGER)
        except BaseException:
            run.signal(signal.SIGTERM)
            run.until_ended(GRACE)
            raise
        finally:
            run.signal(signal.SIGKILL)
            code = process.wait()
            _end_orphans()
            run.take_the_rest()
    return code if code >= 0 else 128 - code


def _started(arguments: Sequence[str], folder: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    try:
        return subprocess.Popen(
            arguments,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:  # ValueError: a NUL in a command or a variable
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        hint = "give a long script as an input file" if "too long" in reason else "see `interpreter` and `env`"
        raise UsageError(f"{arguments[0]} cannot be started: {reason}", hint) from error


class _Run:
    """A process and its streams."""

    def __init__(self, process: subprocess.Popen[bytes], output: Sink, errors: Sink) -> None:
        self._process = process
        self._selector = selectors.DefaultSelector()
        self._sinks: dict[int, Sink | None] = {}
        self._listen(process.stdout, output)
        self._listen(process.stderr, errors)
        self._notice = _exit_notice(process.pid)
        if self._notice is not None:
            self._selector.register(self._notice, selectors.EVENT_READ)

    def __enter__(self) -> _Run:
        return self

    def __exit__(self, *_: object) -> None:
        self._selector.close()
        if self._notice is not None:
            os.close(self._notice)

    def signal(self, number: signal.Signals) -> None:
        """To the command and its session; as long as an ended command is not waited for, nobody else has its number."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def until_ended(self, seconds: float = 1e9) -> None:
        """Hands on what is printed, until the command itself has ended, or so long."""
        end = time.monotonic() + seconds
        longest = 60.0 if self._notice is not None else _TICK
        while not self._has_ended() and (left := end - time.monotonic()) > 0:
            self._hand_on(min(longest, left))

    def until_silent(self, seconds: float) -> None:
        """Hands on what is printed, until nobody is left who could print, or so long."""
        end = time.monotonic() + seconds
        if self._notice is not None:
            self._selector.unregister(self._notice)
        while self._sinks and (left := end - time.monotonic()) > 0:
            self._hand_on(left)

    def take_the_rest(self) -> None:
        """What is still in the pipes. Bounded, for there may be a writer that we have no right to kill."""
        for _ in range(8):
            self._hand_on(0.0)

    def _listen(self, stream: IO[bytes] | None, sink: Sink) -> None:
        assert stream is not None
        os.set_blocking(stream.fileno(), False)
        if sys.platform == "linux":
            with suppress(OSError):  # more than this user may have: the usual size does as well
                fcntl.fcntl(stream.fileno(), fcntl.F_SETPIPE_SZ, _PIPE)
        self._sinks[stream.fileno()] = sink
        self._selector.register(stream.fileno(), selectors.EVENT_READ)

    def _has_ended(self) -> bool:
        return os.waitid(os.P_PID, self._process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _hand_on(self, wait: float) -> None:
        for key, _ in self._selector.select(wait):
            if key.fd == self._notice:
                continue
            with suppress(BlockingIOError):
                self._read(key.fd)

    def _read(self, place: int) -> None:
        data = os.read(place, _CHUNK)
        if not data:
            self._selector.unregister(place)
            del self._sinks[place]
        elif (sink := self._sinks[place]) is not None:
            try:
                sink.feed(data)
            except Exception:
                self._sinks[place] = None  # it cannot take more; the command is being ended
                raise


def _exit_notice(pid: int) -> int | None:
    """Something to wait for that tells of the process's end, where the system has it."""
    if sys.platform == "linux":
        with suppress(OSError):  # Linux before 5.3
            return os.pidfd_open(pid)
    return None


def _adopt_orphans() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _end_orphans() -> None:
    """Kills what is left, and what that leaves, until there is nothing. A worker has no children but its task's."""
    while True:
        try:
            ended, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not ended:
            for child in _children():
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(child, signal.SIGKILL)
            time.sleep(0.001)


def _children() -> Iterator[int]:
    for place in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(place.read_text().rpartition(")")[2].split()[1]) == os.getpid():
                yield int(place.parent.name)
