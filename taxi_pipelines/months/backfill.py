"""Backfill: performs a plan, several months at a time, and goes on past a failed one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace

from taxi_pipelines.domain.month import Partition
from taxi_pipelines.domain.outcome import Outcome
from taxi_pipelines.domain.plan import PlannedAction, PlannedMonth
from taxi_pipelines.errors import PipelineError
from taxi_pipelines.interfaces import Advance, Progress
from taxi_pipelines.months.resources import Resources
from taxi_pipelines.months.run import run_month
from taxi_pipelines.taxi.types import TaxiType


class _Stopped(BaseException):
    """Breaks off a month in a worker thread; no user sees it."""


@dataclass(frozen=True, slots=True)
class _Stoppable:
    """A progress through which running months are stopped at their next step forward."""

    inner: Progress
    stop: threading.Event

    def step(self, kind: str, partition: Partition, name: str, unit: str) -> Advance:
        """As the inner one, unless stopped."""
        advance = self.inner.step(kind, partition, name, unit)

        def checked(done: int, total: int | None) -> None:
            if self.stop.is_set():
                raise _Stopped
            advance(done, total)

        return checked

    def done(self, kind: str, partition: Partition, message: str) -> None:
        """As the inner one."""
        self.inner.done(kind, partition, message)

    def say(self, message: str) -> None:
        """As the inner one."""
        self.inner.say(message)


def backfill(
    res: Resources,
    kind: TaxiType,
    planned: Sequence[PlannedMonth],
    *,
    parallel: int,
    force: bool,
    on_outcome: Callable[[Outcome], None],
) -> list[Outcome]:
    """Performs the plan; the outcomes in its order. `on_outcome` is called, in this thread, as each month ends."""
    stop = threading.Event()
    stoppable = replace(res, progress=_Stoppable(res.progress, stop))
    with ThreadPoolExecutor(parallel) as pool:
        futures = {pool.submit(_perform, stoppable, kind, line, force=force): line for line in planned}
        try:
            outcomes = dict(_collect(futures, on_outcome))
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return [outcomes[line.month] for line in planned]


def _collect(
    futures: dict[Future[Outcome], PlannedMonth], on_outcome: Callable[[Outcome], None]
) -> Iterator[tuple[Partition, Outcome]]:
    for future in as_completed(futures):
        outcome = future.result()
        on_outcome(outcome)
        yield outcome.planned.month, outcome


def _perform(res: Resources, kind: TaxiType, planned: PlannedMonth, *, force: bool) -> Outcome:
    try:
        if planned.error:
            raise planned.error
        if planned.action is PlannedAction.WAIT:
            res.progress.done(kind.name, planned.month, planned.reason)
            return Outcome(planned=planned)
        receipt = run_month(res, kind, planned.month, force=force, offer=planned.offer)
    except PipelineError as error:
        res.progress.done(kind.name, planned.month, f"failed, {error.code}")
        return Outcome(planned=planned, error=error)
    return Outcome(planned=planned, receipt=receipt)
