"""The fake of Google (tests/support/google) as a process of its own, so that neither its memory nor its CPU is taken for ours.

It prints its address, and for every line on its standard input what was asked of it since the line before, as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from tests.support.data import ROOT
from tests.support.google.faults import Call


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Calls; `chunks` are pieces of uploads, after the call that began each."""

    bigquery: int
    storage: int
    chunks: int


@dataclass(frozen=True)
class FakeProcess:
    """The running one."""

    url: str
    process: subprocess.Popen[str]

    def asked(self) -> Asked:
        """Since this was asked before."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return Asked(**json.loads(self.process.stdout.readline()))


@contextmanager
def fake_process() -> Iterator[FakeProcess]:
    """Runs it; killed in the end."""
    command = [sys.executable, "-m", "tests.bench.fake_google"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert url, "the fake did not start"
            yield FakeProcess(url, process)
        finally:
            process.kill()


def _serve() -> None:
    from tests.support.google.server import start_fake

    fake = start_fake()
    print(fake.url, flush=True)
    for _ in sys.stdin:
        print(json.dumps(asdict(_count(fake.calls))), flush=True)
        fake.calls.clear()


def _count(calls: Sequence[Call]) -> Asked:
    chunks = [call for call in calls if call.method == "PUT" and "upload_id=" in call.query]
    whole = [call for call in calls if call not in chunks]
    bigquery = sum("/bigquery/" in call.path for call in whole)
    return Asked(bigquery=bigquery, storage=len(whole) - bigquery, chunks=len(chunks))


if __name__ == "__main__":
    _serve()
