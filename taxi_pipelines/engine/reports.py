"""What comes back from workers, taken into the execution it is about."""

from __future__ import annotations

from dataclasses import replace

from taxi_pipelines.domain.records import Level, LogLine, Metric
from taxi_pipelines.domain.states import State
from taxi_pipelines.engine.recovery import WORKER_LOST, lose_worker
from taxi_pipelines.engine.storable import line_text
from taxi_pipelines.engine.work import Work
from taxi_pipelines.work_interfaces import Report, WorkEnd


def take_report(work: Work, report: Report) -> None:
    """A log line, a measurement, or the end of an attempt, if it is the one that is under way."""
    match report:
        case LogLine():
            text = line_text(report.message)
            work.keep_line(report if text == report.message else replace(report, message=text))
        case Metric():
            work.outbox.metrics.append(report)
        case WorkEnd():
            _end_work(work, report)


def _end_work(work: Work, end: WorkEnd) -> None:
    if end.task_run_id not in work.active.tree:
        return
    run = work.active.tree.get(end.task_run_id)
    if len(run.attempts) != end.attempt or run.attempts[-1].state.has_ended:
        return
    if end.lost:
        lose_worker(work, run, f"{WORKER_LOST}: {end.error}")
        return
    if end.error and end.state is State.FAILED:
        work.log(Level.ERROR, end.error, run)
    for name, value in (("memory.peak", end.peak_memory), ("cpu.seconds", end.cpu_seconds)):
        if value is not None:
            metric = Metric(
                execution_id=work.active.id, task_run_id=run.id, name=name, value=value, measured_at=work.now
            )
            work.outbox.metrics.append(metric)
    work.put(work.end_attempt(run, end.state, end.error, end.outputs or None))
