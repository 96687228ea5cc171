"""The engine: how long executions take, what a task costs in a small and a large store, what waiting costs."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

from taxi_pipelines.domain.flow import Flow
from taxi_pipelines.domain.states import ENDED
from taxi_pipelines.flow_interfaces import ExecutionFilter, Page
from tests.bench.measure import Figure, median
from tests.support.engines import Bench, running

NOOPS = 10
AT_ONCE = 100
WIDTH = 200
PAUSED = 2_000
LARGE = 50_000
_TASKS = "".join(f"\n  - {{id: t{number}, type: return, format: x}}" for number in range(NOOPS))
SEQUENCE = f"id: sequence\nnamespace: bench\ntasks:{_TASKS}"
FAN_OUT = """
id: fan-out
namespace: bench
tasks:
  - id: all
    type: parallel
    tasks:
""" + "".join(f"      - {{id: t{number}, type: return, format: x}}\n" for number in range(WIDTH))
WAITING = "id: waiting\nnamespace: bench\ntasks: [{id: wait, type: pause}]"
LOOP = """
id: loop
namespace: bench
tasks:
  - id: each
    type: foreach
    values: "{{ range(1, 1000) }}"
    concurrencyLimit: 0
    tasks: [{id: t, type: return, format: x}]
"""


def figures() -> Iterator[Figure]:
    """Every figure, measured as it is asked for."""
    yield sequence()
    yield many_at_once()
    yield fan_out()
    yield from large_store()
    yield waiting()


@contextmanager
def engine() -> Iterator[Bench]:
    """One on a SQLite home of its own."""
    with tempfile.TemporaryDirectory(prefix="taxi-bench-") as home, running(Path(home)) as bench:
        yield bench


def _seconds(bench: Bench, source: str, times: int = 1) -> float:
    """From the first submit to the last end, durable."""
    flow = _flow(bench, source)
    made = [bench.control.make_execution(flow, {}) for _ in range(times)]
    start = time.perf_counter()
    for execution in made:
        bench.engine.submit(execution)
    bench.engine.run_until(lambda: not any(bench.engine.holds(execution.id) for execution in made))
    took = time.perf_counter() - start
    assert all(bench.control.execution(execution.id).state in ENDED for execution in made)
    return took


def _flow(bench: Bench, source: str) -> Flow:
    stored = bench.control.save_flow(source)
    return bench.control.flow(stored.namespace, stored.id)


def sequence() -> Figure:
    """Ten no-ops, one after the other."""
    with engine() as bench:
        _seconds(bench, SEQUENCE)
        took = [_seconds(bench, SEQUENCE) * 1000 for _ in range(20)]
    detail = f"slowest of 20: {max(took):.0f} ms"
    return Figure(
        "10 no-op tasks in sequence, submit to SUCCESS in SQLite", "≤ 60 ms", f"{median(took):.0f} ms", detail
    )


def many_at_once() -> Figure:
    """A hundred of these together."""
    with engine() as bench:
        _seconds(bench, SEQUENCE)
        took = median([_seconds(bench, SEQUENCE, AT_ONCE) for _ in range(3)])
    rate = AT_ONCE * NOOPS / took
    return Figure(
        "100 such executions at once", "≥ 500 tasks/s", f"{rate:,.0f} tasks/s", f"{took:.2f} s, submits included"
    )


def fan_out() -> Figure:
    """Two hundred tasks of one Parallel."""
    with engine() as bench:
        _seconds(bench, FAN_OUT)
        took = median([_seconds(bench, FAN_OUT) for _ in range(5)])
    return Figure("a fan-out of 200 tasks", "≤ 0.6 s", f"{took:.2f} s", "")


def large_store() -> Iterator[Figure]:
    """The same sequence with few and with many task runs in the store."""
    with engine() as bench:
        before = psutil.Process().memory_info().rss
        small = [_seconds(bench, SEQUENCE) for _ in range(40)]
        for _ in range(LARGE // 5_000):
            _seconds(bench, LOOP, 5)
        large = [_seconds(bench, SEQUENCE) for _ in range(40)]
        start = time.perf_counter()
        bench.parts.executions.search(ExecutionFilter(), Page())
        listing = (time.perf_counter() - start) * 1000
        grown = (psutil.Process().memory_info().rss - before) / (1 << 20)
    ratio = median(large) / median(small[2:])
    detail = f"{median(small[2:]) * 100:.2f} ms and {median(large) * 100:.2f} ms per task; listing executions: {listing:.1f} ms"
    yield Figure("cost per task with 50,000 task runs in the store, against 100", "0.8-1.2", f"{ratio:.2f}", detail)
    yield Figure(
        "what 50,000 task runs leave in the engine's memory",
        "",
        f"{grown:.0f} MB",
        "1,000 an execution, five at a time",
    )


def waiting() -> Figure:
    """Executions that are PAUSED cost nothing but memory."""
    with engine() as bench:
        flow = _flow(bench, WAITING)
        before = psutil.Process().memory_info().rss
        for _ in range(PAUSED):
            bench.engine.submit(bench.control.make_execution(flow, {}))
        bench.until(lambda: not bench.engine._ready, 120)
        held = (psutil.Process().memory_info().rss - before) / 1024 / PAUSED
        start, cpu = time.perf_counter(), time.process_time()
        while time.perf_counter() - start < 3:
            bench.engine.step()
        share = (time.process_time() - cpu) / (time.perf_counter() - start) * 100
    return Figure(
        f"CPU of an engine that holds {PAUSED:,} PAUSED executions", "≤ 5 %", f"{share:.1f} %", f"{held:.0f} KB each"
    )
