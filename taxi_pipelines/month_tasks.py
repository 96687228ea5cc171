"""What the `taxi.…` tasks do, in a worker: a pipeline's verbs, with the settings of the worker's home.

Apart from `tasks/taxi.py`, and above the pipeline: types of tasks know nothing of taxis, and name their work as text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter

from taxi_pipelines.domain.month import Partition
from taxi_pipelines.domain.outcome import Verification
from taxi_pipelines.domain.receipt import Receipt
from taxi_pipelines.domain.records import Level
from taxi_pipelines.errors import TaskFailed
from taxi_pipelines.interfaces import Advance
from taxi_pipelines.months.steps import Extracted, Loaded
from taxi_pipelines.pipeline import Pipeline
from taxi_pipelines.tasks.taxi import ForcedMonth, LoadFile, MergeStaged, OneMonth, Place
from taxi_pipelines.tasks.worker_context import WorkerContext
from taxi_pipelines.taxi.types import find_type
from taxi_pipelines.wiring import import_adapters

Outputs = Mapping[str, Any]
_FILE = TypeAdapter(Extracted)
_LOADED = TypeAdapter(Loaded)


def prepare() -> None:
    """Imports what the tasks need."""
    import_adapters()


def extract(values: Mapping[str, Any], context: WorkerContext) -> Outputs:
    """Brings the file into the lake."""
    it = ForcedMonth.model_validate(values)
    with _pipeline(it, context) as pipeline:
        file = pipeline.extract(it.taxi, it.month or None, force=it.force)
    _measure(context, file.taxi, file.month, bytes=0 if file.unchanged else file.bytes)
    return asdict(file)


def load(values: Mapping[str, Any], context: WorkerContext) -> Outputs:
    """Stages the file."""
    it = LoadFile.model_validate(values)
    with _pipeline(it, context) as pipeline:
        loaded = pipeline.load(_FILE.validate_python(it.file))
    rows = loaded.staged.rows if loaded.staged else None
    _measure(context, loaded.file.taxi, loaded.file.month, rows=rows or 0, bytes=loaded.file.bytes if rows else 0)
    return {"rows": rows, "bytes": loaded.file.bytes} | asdict(loaded)


def merge(values: Mapping[str, Any], context: WorkerContext) -> Outputs:
    """Publishes the staged version."""
    it = MergeStaged.model_validate(values)
    with _pipeline(it, context) as pipeline:
        return _published(context, pipeline.merge(_LOADED.validate_python(it.staged)))


def check(values: Mapping[str, Any], context: WorkerContext) -> Outputs:
    """Proves the published month."""
    it = OneMonth.model_validate(values)
    with _pipeline(it, context) as pipeline:
        receipt, results = pipeline.check(it.taxi, it.month or None)
    _measure(context, receipt.type, str(receipt.month), rows=receipt.rows)
    return {"rows": receipt.rows, "receipt": receipt.to_dict(), "checks": [asdict(result) for result in results]}


def whole_month(values: Mapping[str, Any], context: WorkerContext) -> Outputs:
    """All four in one."""
    it = ForcedMonth.model_validate(values)
    with _pipeline(it, context) as pipeline:
        receipt = pipeline.run(it.taxi, it.month or None, force=it.force)
        _, results = pipeline.check(it.taxi, it.month or None)
    return {**_published(context, receipt), "checks": [asdict(result) for result in results]}


def verify(values: Mapping[str, Any], context: WorkerContext) -> Outputs:
    """Compares every value. Raises TaskFailed where table and file differ, or nothing can be proven."""
    it = OneMonth.model_validate(values)
    with _pipeline(it, context) as pipeline:
        (found,) = pipeline.verify(it.taxi, [it.month] if it.month else ["all"])
    _measure(context, found.type, str(found.month), rows=found.rows_target)
    outputs = {
        "rows": found.rows_target,
        "differing": found.differing_rows,
        "differences": [asdict(difference) for difference in found.differences],
    }
    if not found.ok:
        raise TaskFailed(_what_is_wrong(found), f"run: taxi run {found.type} {found.month} --force", outputs=outputs)
    return outputs


def roll_back(values: Mapping[str, Any], context: WorkerContext) -> Outputs:
    """Puts the version before back."""
    it = OneMonth.model_validate(values)
    with _pipeline(it, context) as pipeline:
        return _published(context, pipeline.rollback(it.taxi, it.month or None))


class _Log:
    """A `Progress` that writes what is done into the task's log."""

    def __init__(self, context: WorkerContext) -> None:
        self._context = context

    def step(self, kind: str, partition: Partition, name: str, unit: str) -> Advance:
        """Nothing is drawn in a log."""
        return lambda done, total: None

    def done(self, kind: str, partition: Partition, message: str) -> None:
        """A line."""
        self._context.log(Level.INFO, f"{kind} {partition}  {message}")

    def say(self, message: str) -> None:
        """A line."""
        self._context.log(Level.INFO, message)


def _pipeline(it: Place, context: WorkerContext) -> Pipeline:
    """With what the task says, and for the rest with the settings; text that is empty says nothing."""
    return Pipeline(
        source=it.source or None,
        target=it.target or None,
        lake=it.lake or None,
        progress=_Log(context),
        execution_id=context.identity["execution_id"],
    )


def _published(context: WorkerContext, receipt: Receipt) -> Outputs:
    _measure(context, receipt.type, str(receipt.month), rows=receipt.rows, added=receipt.added, removed=receipt.removed)
    return {
        "receipt": receipt.to_dict(),
        "action": str(receipt.action),
        "rows": receipt.rows,
        "added": receipt.added,
        "removed": receipt.removed,
        "table": find_type(receipt.type).table,
    }


def _measure(context: WorkerContext, taxi: str, month: str, **values: int) -> None:
    for name, value in values.items():
        context.metric(name, value, tags={"taxi": taxi, "month": month})


def _what_is_wrong(found: Verification) -> str:
    first = f", first {found.differences[0]}" if found.differences else ""
    said = found.unproven or f"{found.differing_rows:,} rows differ{first}"
    return f"{found.type} {found.month}: {said}"
