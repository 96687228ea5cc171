"""The store fails under a working engine: it says so, waits, and goes on; one that cannot be read at the start is refused."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from taxi_pipelines.domain.records import KvEntry, KvType
from taxi_pipelines.domain.states import State
from taxi_pipelines.errors import DiskFull, StoreCorrupt
from tests.flows.heavy import CATALOG
from tests.support.engines import running

STEPS = """
id: steps
namespace: t
tasks:
  - id: each
    type: foreach
    values: [1, 2, 3, 4, 5]
    tasks:
      - {id: nap, type: sleep, duration: PT0.02S}
      - {id: count, type: kv.set, key: n, kvType: NUMBER, value: "{{ (kv('n', errorOnMissing=false) ?? 0) + 1 }}"}
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small file system cannot be mounted here: needs root")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(disk: Path) -> Path:
    """Takes all there is."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12, 1):
            try:
                while True:
                    file.write(b"x" * size)
            except OSError:
                continue
    return filler


def test_a_full_disk_is_waited_for_and_nothing_is_lost_or_done_twice(small_disk: Path) -> None:
    said: list[str] = []
    with running(small_disk / "home") as bench:
        bench.engine._writing._say = said.append
        execution = bench.submit(STEPS)
        bench.until(lambda: len(bench.parts.executions.task_runs(execution.id)) >= 3)
        filler = fill(small_disk)
        with pytest.raises(DiskFull):
            for _ in range(200):  # until the log of the database needs more than it has
                bench.parts.kv.set(entry("filler", "x" * 4000))
        end = time.monotonic() + 10
        while not said and time.monotonic() < end:
            bench.engine.step(0.05)
        assert "the store cannot be written" in said[0] and "no space left" in said[0] and len(said) == 1
        filler.unlink()
        ran = bench.finish(execution.id)
        assert said[1:] == ["the store can be written again"]
        assert ran.execution.state is State.SUCCESS
        assert [run.state for run in ran.runs] == [State.SUCCESS] * 11
        kept = bench.parts.kv.get("t", "n", bench.parts.clock())
        assert kept is not None and kept.value == 5


def entry(key: str, value: str) -> KvEntry:
    return KvEntry(namespace="other", key=key, type=KvType.STRING, value=value)


def test_a_database_that_somebody_locks_for_a_while_is_waited_for(tmp_path: Path) -> None:
    with running(tmp_path) as bench:
        execution = bench.submit(STEPS)
        locked, release = threading.Event(), threading.Event()

        def hold() -> None:
            connection = sqlite3.connect(tmp_path / "metadata.db", isolation_level=None)
            connection.execute("BEGIN EXCLUSIVE")
            locked.set()
            release.wait(10)
            connection.execute("ROLLBACK")
            connection.close()

        holder = threading.Thread(target=hold)
        holder.start()
        locked.wait(10)
        timer = threading.Timer(0.7, release.set)
        timer.start()
        assert bench.finish(execution.id).execution.state is State.SUCCESS
        holder.join()
        timer.join()


@pytest.mark.parametrize("what", [b"not a database at all" * 400, b"SQLite format 3\0" + b"\xff" * 9000])
def test_a_corrupt_database_is_refused_at_the_start_with_what_to_do(tmp_path: Path, what: bytes) -> None:
    (tmp_path / "metadata.db").write_bytes(what)
    with pytest.raises(StoreCorrupt) as caught, running(tmp_path):
        pass
    assert "metadata.db" in str(caught.value) and caught.value.hint


def test_big_outputs_and_long_lines_are_kept_or_cut(tmp_path: Path) -> None:
    source = """
id: big
namespace: t
tasks:
  - {id: text, type: return, format: "{% for i in range(1, 100000) %}xxxxxxxxxx{% endfor %}", logLevel: INFO}
  - {id: line, type: log, message: "{{ outputs.text.value }}"}
  - {id: size, type: return, format: "{{ outputs.text.value | length }}"}
"""
    with running(tmp_path) as bench:
        ran = bench.run(source)
    assert ran.runs[2].outputs == {"value": "1000000"}
    assert ran.lines[0].endswith("… (900,000 characters more)")


@pytest.mark.parametrize("lines", [20_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_a_flood_of_lines_does_not_hold_up_others(tmp_path: Path, lines: int) -> None:
    flood = f"id: flood\nnamespace: t\ntasks: [{{id: talk, type: test.Flood, lines: {lines}}}]"
    quick = "id: quick\nnamespace: t\ntasks: [{id: hello, type: log, message: hello}]"
    with running(tmp_path, catalog=CATALOG) as bench:
        execution = bench.submit(flood)
        bench.until(lambda: bool(bench.parts.logs.lines(execution.id)))
        slowest = 0.0
        while not bench.control.execution(execution.id).state.has_ended:
            began = time.monotonic()
            assert bench.run(quick).execution.state is State.SUCCESS
            slowest = max(slowest, time.monotonic() - began)
            for _ in range(5):
                bench.engine.step(0.05)
        assert slowest < 5.0
        assert bench.parts.logs.lines(execution.id, limit=200_000)[-1].message == f"line {lines - 1}"
