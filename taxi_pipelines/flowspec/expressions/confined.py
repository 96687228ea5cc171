"""Runs jq programs and regular expressions in a process of its own, with a time limit: in this one neither can be interrupted.

`[range(1e12)]` in jq or `(a+)+$` as a pattern would hold the engine for ever or eat its memory. One small process is started when
it is first needed (about 60 ms), asked over a pipe (about 0.2 ms), ended when it takes too long, and leaves after a minute's
idling.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import subprocess
import sys
import threading
import time
from pathlib import Path

from taxi_pipelines.flowspec.expressions.failures import Refused

SECONDS = 2.0
LONGEST_ANSWER = 64_000_000
WORKER = Path(__file__).with_name("confined_worker.py")


class Confined:
    """The process and the one line of talk with it; safe for threads, and after a fork each process has its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner = os.getpid()
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, task: str, **request: str) -> object:
        """The task's value. Raises Refused where it fails, or takes more time or memory than it may."""
        line = json.dumps({"task": task, **request}).encode() + b"\n"
        with self._lock:
            answer = self._talk(line, time.monotonic() + SECONDS)
        if answer is None:
            raise Refused(
                f"{task} takes more than {SECONDS:g} seconds, or more memory than it may have",
                "make it simpler or its input smaller",
            )
        parsed = json.loads(answer)
        if "error" in parsed:
            raise Refused(f"{task}: {parsed['error']}")
        return parsed["value"]

    def close(self) -> None:
        """Ends the process, if there is one of ours."""
        process, self._process = self._process, None
        if process is None or self._owner != os.getpid():
            return
        process.kill()
        process.communicate()

    def _talk(self, line: bytes, deadline: float) -> bytes | None:
        """None where the process did not answer in time, or died over the request."""
        process = self._running()
        assert process.stdin is not None
        try:
            process.stdin.write(line)
            process.stdin.flush()
            answer = _read_line(process, deadline)
        except BrokenPipeError:
            answer = None
        if answer is None:
            self.close()
        return answer

    def _running(self) -> subprocess.Popen[bytes]:
        """The process; a new one where it has gone, or belongs to the process that forked us."""
        if self._owner != os.getpid():
            self._owner, self._process = os.getpid(), None
        if self._process is not None and self._process.poll() is not None:
            self.close()
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(WORKER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={"PYTHONPATH": os.pathsep.join(sys.path)},
            )
        return self._process


def _read_line(process: subprocess.Popen[bytes], deadline: float) -> bytes | None:
    assert process.stdout is not None
    pipe, chunks, length = process.stdout.fileno(), [], 0
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([pipe], [], [], left)[0]:
            return None
        chunk = os.read(pipe, 1 << 16)
        length += len(chunk)
        if not chunk or length > LONGEST_ANSWER:
            return None
        chunks.append(chunk)
        if chunk.endswith(b"\n"):
            return b"".join(chunks)


CONFINED = Confined()
atexit.register(CONFINED.close)
