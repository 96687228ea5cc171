"""Shell tasks: what a task costs beside its command."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator

from tests.bench.engine import engine
from tests.bench.measure import Figure, median
from tests.support.engines import Bench

TASKS = 10
ROUNDS = 7
COMMAND = "echo on"
_STEPS = "".join(f"\n  - {{id: t{number}, type: shell.commands, commands: [{COMMAND}]}}" for number in range(TASKS))
FLOW = f"id: shell\nnamespace: bench\ntasks:{_STEPS}"
PRINTING = (
    "id: printing\nnamespace: bench\ntasks:\n  - {id: t, type: shell.commands, commands: [yes | head -c 1000000000]}"
)


def figures() -> Iterator[Figure]:
    """Every figure, measured as it is asked for."""
    with engine() as bench:
        bench.finish(bench.submit(FLOW).id)  # starts the worker
        pairs = [(_of_tasks(bench), _of_commands()) for _ in range(ROUNDS)]
        more = median([tasks - commands for tasks, commands in pairs]) * 1000
        own = median([commands for _, commands in pairs]) * 1000
        detail = f"the command by itself: {own:.1f} ms; {TASKS} tasks one after the other, {ROUNDS} times, in turn"
        yield Figure("a shell task beside its command, stored and logged", "≤ 30 ms", f"{more:.1f} ms", detail)
        begun = time.perf_counter()
        ran = bench.finish(bench.submit(PRINTING).id, 120)
        took = time.perf_counter() - begun
        peak = max(one.value for one in bench.parts.logs.metrics(ran.execution.id) if one.name == "memory.peak")
        detail = f"{took:.1f} s; the first 10,000 lines are in the log, the rest in a file"
        yield Figure(
            "a shell task that prints 1 GB: the worker's peak memory", "≤ 200 MB", f"{peak / 1e6:.0f} MB", detail
        )


def _of_tasks(bench: Bench) -> float:
    """Seconds per task of an execution, from submit to its stored end."""
    begun = time.perf_counter()
    ran = bench.finish(bench.submit(FLOW).id)
    assert set(ran.states.values()) == {"SUCCESS"}
    return (time.perf_counter() - begun) / TASKS


def _of_commands() -> float:
    begun = time.perf_counter()
    for _ in range(TASKS):
        subprocess.run(["/bin/sh", "-c", f"set -e\n{COMMAND}"], capture_output=True, check=True)
    return (time.perf_counter() - begun) / TASKS
