"""The scheduler: from a slot to the first task, how fast backfills go, and what waiting costs."""

from __future__ import annotations

import resource
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.domain.states import ENDED
from taxi_pipelines.engine.control import Control
from taxi_pipelines.flow_interfaces import ExecutionFilter, Page
from taxi_pipelines.scheduler.backfills import BackfillDriver, BackfillRequest
from taxi_pipelines.scheduler.control import TriggerControl
from taxi_pipelines.scheduler.scheduler import Scheduler
from tests.bench.measure import Figure, median
from tests.support.engines import Bench, parts_of, running

EVERY_SECOND = """
id: clockwork
namespace: bench
tasks: [{id: t, type: return, format: x}]
triggers: [{id: t, type: schedule, cron: "* * * * * *", allowConcurrent: true}]
"""
MONTHLY = """
id: monthly
namespace: bench
tasks: [{id: t, type: return, format: x}]
triggers: [{id: t, type: schedule, cron: "0 9 1 * *"}]
"""
SECONDS = 15
MANY = 1_000


def figures() -> Iterator[Figure]:
    """Every figure, measured as it is asked for."""
    yield slot_to_task()
    yield backfill()
    yield many_triggers()


@contextmanager
def engine() -> Iterator[Bench]:
    """One on a SQLite home of its own."""
    with tempfile.TemporaryDirectory(prefix="taxi-bench-") as home, running(Path(home)) as bench:
        yield bench


def slot_to_task() -> Figure:
    """Engine and scheduler at work, a slot each second: how long after it the first task begins."""
    with engine() as bench:
        bench.save(EVERY_SECOND)
        scheduler = Scheduler(bench.parts, {}, on_fired=lambda executions: bench.engine.look())
        done = threading.Event()
        thread = threading.Thread(target=scheduler.run_until, args=(done.is_set,))
        thread.start()
        bench.engine.run_until(lambda: len(_ended(bench)) >= SECONDS)
        done.set()
        scheduler.wake()
        thread.join()
        waits = sorted(_wait(bench, execution) for execution in _ended(bench))
    detail = f"{len(waits)} slots, one a second; SQLite, engine and scheduler in one process"
    return Figure(
        "slot to first task start: p50, max",
        "≤ 100 ms, ≤ 1 s",
        f"{median(waits) * 1e3:.0f} ms, {waits[-1] * 1e3:.0f} ms",
        detail,
    )


def backfill() -> Figure:
    """Twelve months, one at a time."""
    with engine() as bench:
        bench.save(MONTHLY)
        begun = time.perf_counter()
        started = TriggerControl(bench.parts).start_backfill(
            BackfillRequest(trigger="bench.monthly.t", start="2021-01", end="2021-12")
        )
        driver = BackfillDriver(bench.parts, lambda executions: bench.engine.look())
        while started.ended_at is None:
            started = driver.step(bench.parts.clock(), started)
            bench.engine.step()
        taken = time.perf_counter() - begun
    return Figure("12-month backfill of a no-op flow", "≤ 2 s", f"{taken:.2f} s", "one slot at a time, SQLite")


def many_triggers() -> Figure:
    """A thousand schedules, none of them due: what a minute of waiting costs, and a minute in which all of them are due."""
    with tempfile.TemporaryDirectory(prefix="taxi-bench-") as home, parts_of(Path(home)) as parts:
        control = Control(parts)
        for number in range(MANY):
            control.save_flow(MONTHLY.replace("id: monthly", f"id: monthly{number}", 1))
        scheduler = Scheduler(parts, {})
        now = datetime.now(UTC)
        scheduler.step(now)
        before = _cpu()
        for _ in range(60):
            scheduler.step(now)
        idle = (_cpu() - before) / 60
        due = parts.triggers.next_due()
        assert due is not None
        begun = time.perf_counter()
        while parts.triggers.next_due() == due:
            scheduler.step(due)
        taken = time.perf_counter() - begun
    return Figure(
        f"{MANY:,} schedules: idle CPU; all due at once",
        "≤ 1 %; -",
        f"{idle:.2%}; {taken:.1f} s",
        f"{MANY / taken:,.0f} slots a second, each in a transaction of its own",
    )


def _ended(bench: Bench) -> list[Execution]:
    return bench.parts.executions.search(ExecutionFilter(states=ENDED), Page(limit=SECONDS))


def _wait(bench: Bench, execution: Execution) -> float:
    slot = datetime.fromisoformat((execution.trigger or {})["date"])
    [run] = bench.parts.executions.task_runs(execution.id)
    assert run.started_at is not None
    return (run.started_at - slot).total_seconds()


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
