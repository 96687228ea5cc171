"""The execution contract under kill -9: of the engine, and of its workers, at random moments."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import cast

import pytest

from taxi_pipelines.domain.states import State
from taxi_pipelines.executors.local import LocalExecutor
from tests.support.engines import Bench, parts_of, running
from tests.support.task_functions import TYPES

CHILD = """
id: child
namespace: t
inputs:
  - {id: folder, type: STRING}
  - {id: name, type: STRING}
tasks:
  - {id: inner, type: test.Touch, folder: "{{ inputs.folder }}", name: "child-{{ inputs.name }}", seconds: 0.02}
"""
FLOW = """
id: forty
namespace: t
inputs:
  - {id: folder, type: STRING}
tasks:
  - {id: first, type: test.Touch, folder: "{{ inputs.folder }}", name: first}
  - id: together
    type: parallel
    tasks:
      - id: loop
        type: foreach
        values: [1, 2, 3, 4, 5, 6]
        concurrencyLimit: 2
        tasks:
          - {id: a, type: test.Touch, folder: "{{ inputs.folder }}", name: "a-{{ taskrun.value }}", seconds: 0.03}
          - {id: count, type: kv.set, key: "n-{{ taskrun.value }}", kvType: NUMBER, value: "{{ (kv('n-' ~ taskrun.value, errorOnMissing=false) ?? 0) + 1 }}"}
          - {id: b, type: test.Touch, folder: "{{ inputs.folder }}", name: "b-{{ taskrun.value }}", seconds: 0.03}
      - id: calls
        type: foreach
        values: [x, y, z]
        tasks:
          - {id: call, type: subflow, namespace: t, flowId: child, inputs: {folder: "{{ inputs.folder }}", name: "{{ taskrun.value }}"}}
          - {id: after, type: return, format: "{{ outputs.call[taskrun.value].state }}"}
  - {id: last, type: test.Touch, folder: "{{ inputs.folder }}", name: last}
"""
EXPECTED = {"first", "last", *(f"{letter}-{n}" for letter in "ab" for n in range(1, 7)), *(f"child-{n}" for n in "xyz")}

ENGINE = """
import sys
from datetime import timedelta
from pathlib import Path
from tests.support.engines import running
from tests.support.task_functions import TYPES
with running(Path(sys.argv[1]), catalog=TYPES, workers=3, lease=timedelta(milliseconds=300)) as bench:
    print("ready", flush=True)
    bench.finish(sys.argv[2], seconds=120)
"""


def start(home: Path, execution_id: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", ENGINE, str(home), execution_id]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def submit(home: Path, marks: Path) -> str:
    with running(home, catalog=TYPES) as bench:
        bench.save(CHILD)
        stored = bench.control.save_flow(FLOW)
        flow = bench.control.flow(stored.namespace, stored.id)
        execution = bench.control.make_execution(flow, {"folder": str(marks)})
        bench.control.store_execution(execution)
        return execution.id


def kill_at_random(home: Path, execution_id: str, kills: int, seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(kills):
        with start(home, execution_id) as engine:
            assert engine.stdout is not None and engine.stdout.readline() == "ready\n"
            time.sleep(chance.uniform(0.0, 0.8))
            engine.send_signal(signal.SIGKILL)
    with start(home, execution_id) as engine:
        assert engine.stdout is not None
        engine.stdout.read()
        assert engine.wait(120) == 0


def check(home: Path, marks: Path, execution_id: str) -> None:
    with parts_of(home, catalog=TYPES) as parts:
        execution = parts.executions.find(execution_id)
        runs = parts.executions.task_runs(execution_id)
        counts = [parts.kv.get("t", f"n-{n}", parts.clock()) for n in range(1, 7)]
        parts.executor.close(0)
    assert execution is not None and execution.state is State.SUCCESS, (
        execution,
        [r for r in runs if r.state.has_failed],
    )
    assert {path.name for path in marks.iterdir()} == {*EXPECTED, "begun"}
    assert [entry and entry.value for entry in counts] == [1] * 6
    begun = Counter((marks / "begun").read_text().split())
    attempts = Counter({run.outputs["name"]: len(run.attempts) for run in runs if "name" in run.outputs})
    for name, times in begun.items():
        assert times <= attempts.get(name, times), f"{name} began {times} times in {attempts[name]} attempts"
    assert len(runs) == len({(run.task_id, run.parent_id, run.iteration) for run in runs}) == 1 + 1 + 1 + 18 + 1 + 6 + 1


@pytest.mark.parametrize("kills", [5, pytest.param(50, marks=pytest.mark.slow)])
def test_an_execution_survives_the_kill_of_its_engine_at_any_moment(tmp_path: Path, kills: int) -> None:
    home, marks = tmp_path / "home", tmp_path / "marks"
    marks.mkdir()
    execution_id = submit(home, marks)
    kill_at_random(home, execution_id, kills, seed=kills)
    check(home, marks, execution_id)


def test_an_execution_survives_the_kill_of_its_workers(tmp_path: Path) -> None:
    home, marks = tmp_path / "home", tmp_path / "marks"
    marks.mkdir()
    execution_id = submit(home, marks)
    with running(home, catalog=TYPES, workers=3) as bench:
        killed: set[str] = set()
        while len(killed) < 4:  # each task run's worker once: three times would be the task's own fault
            bench.until(lambda: any(run_id not in killed for run_id in workers(bench)))
            run_id = next(run_id for run_id in workers(bench) if run_id not in killed)
            os.kill(workers(bench)[run_id], signal.SIGKILL)
            killed.add(run_id)
        bench.finish(execution_id, seconds=60)
    check(home, marks, execution_id)


def workers(bench: Bench) -> dict[str, int]:
    """The task runs that are with a worker just now, and its process id."""
    busy = cast("LocalExecutor", bench.parts.executor)._workers
    return {worker.order.task_run_id: worker.process.pid for worker in busy if worker.order and worker.process.pid}
