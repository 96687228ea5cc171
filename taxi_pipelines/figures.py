"""The service's figures for Prometheus: counters of what the engine here has done, gauges of what the store says now."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from taxi_pipelines.domain.month import Month
from taxi_pipelines.domain.receipt import Receipt
from taxi_pipelines.domain.states import ENDED, State
from taxi_pipelines.flow_interfaces import Batch, ExecutionFilter
from taxi_pipelines.orchestrator import Orchestrator

SECONDS = (0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 4 * 3600)

Receipts = Callable[[], list[Receipt]]
"""The latest receipt of every month."""


class Figures:
    """All of them. `see` is to be told of every batch that the engine here has stored."""

    def __init__(self, orchestrator: Orchestrator, receipts: Receipts) -> None:
        self._registry = CollectorRegistry()
        self._ended = Counter(
            "taxi_executions_ended", "Executions that ended.", ["namespace", "flow", "state"], registry=self._registry
        )
        self._seconds = Histogram(
            "taxi_execution_seconds",
            "How long executions took, from their begin to their end.",
            ["namespace", "flow"],
            registry=self._registry,
            buckets=SECONDS,
        )
        self._task_seconds = Histogram(
            "taxi_task_run_seconds",
            "How long task runs took, from their begin to their end.",
            ["state"],
            registry=self._registry,
            buckets=SECONDS,
        )
        self._registry.register(_Now(orchestrator, receipts))

    def see(self, batch: Batch) -> None:
        """Counts what ended in it."""
        for execution in (*batch.new_executions, *batch.executions):
            if execution.state.has_ended and execution.ended_at:
                flow = (execution.namespace, execution.flow_id)
                self._ended.labels(*flow, str(execution.state)).inc()
                if execution.started_at:
                    self._seconds.labels(*flow).observe((execution.ended_at - execution.started_at).total_seconds())
        for run in batch.task_runs:
            if run.state.has_ended and run.ended_at and run.started_at:
                took = (run.ended_at - run.started_at).total_seconds()
                self._task_seconds.labels(str(run.state)).observe(took)

    def text(self) -> str:
        """As Prometheus reads it. Raises PipelineError where the store does not answer."""
        return generate_latest(self._registry).decode()


class _Now(Collector):
    """What is read from the store at each look."""

    def __init__(self, orchestrator: Orchestrator, receipts: Receipts) -> None:
        self._orchestrator = orchestrator
        self._receipts = receipts

    def describe(self) -> Iterator[Metric]:
        """Nothing: registering it is not to look into the store."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client."""
        now = self._orchestrator.parts.clock()
        yield from self._executions()
        yield from self._months(now)
        yield self._lag(now)

    def _executions(self) -> Iterator[Metric]:
        executions = self._orchestrator.parts.executions
        counts = {state: executions.count(ExecutionFilter(states=frozenset({state}))) for state in set(State) - ENDED}
        live = GaugeMetricFamily("taxi_executions", "Executions that have not ended.", labels=["state"])
        for state in sorted(counts):
            live.add_metric([str(state)], counts[state])
        yield live
        waiting = counts[State.CREATED] + counts[State.QUEUED]
        yield GaugeMetricFamily("taxi_queue_depth", "Executions that wait to begin.", value=waiting)
        engines = self._orchestrator.parts.engines.listed()
        yield GaugeMetricFamily("taxi_engines", "Engines that are registered.", value=len(engines))

    def _months(self, now: datetime) -> Iterator[Metric]:
        rows = GaugeMetricFamily("taxi_loaded_rows", "Rows of the months that are loaded.", labels=["type"])
        size = GaugeMetricFamily("taxi_loaded_bytes", "Bytes of the files of those months.", labels=["type"])
        count = GaugeMetricFamily("taxi_loaded_months", "Months that are loaded.", labels=["type"])
        age = GaugeMetricFamily(
            "taxi_newest_month_age_days", "Days since the end of the newest month that is loaded.", labels=["type"]
        )
        receipts = self._receipts()
        for kind in sorted({receipt.type for receipt in receipts}):
            own = [receipt for receipt in receipts if receipt.type == kind]
            rows.add_metric([kind], sum(receipt.rows for receipt in own))
            size.add_metric([kind], sum(receipt.bytes for receipt in own))
            count.add_metric([kind], len(own))
            months = [receipt.month for receipt in own if isinstance(receipt.month, Month)]
            if months:
                age.add_metric([kind], (now.date() - max(months).plus(1).first_day).days)
        yield from (rows, size, count, age)

    def _lag(self, now: datetime) -> Metric:
        due = self._orchestrator.parts.triggers.next_due()
        late = max((now - due).total_seconds(), 0.0) if due else 0.0
        return GaugeMetricFamily("taxi_scheduler_lag_seconds", "How late the oldest slot is that is due.", value=late)
