"""What one cycle of an engine is about to write, execution by execution, and what it does once that is written.

Each execution has an outbox of its own, so that a defect met in one of them throws away what that one did in this cycle, and
nothing else. Only the key-value store is shared: what one sets, the others of the cycle see.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import TypeVar

from taxi_pipelines.domain.execution import Execution, TaskRun
from taxi_pipelines.domain.records import Command, KvDeletion, KvEntry, LogLine, Metric
from taxi_pipelines.flow_interfaces import Batch
from taxi_pipelines.work_interfaces import WorkOrder

T = TypeVar("T")

KvChanges = dict[tuple[str, str], KvEntry | KvDeletion]


@dataclass(slots=True)
class Outbox:
    """Collected changes of one execution; the last value of each counts. What follows `released` is done after the commit.

    `seen_kv` are the changes of all executions in this cycle.
    """

    seen_kv: KvChanges = field(default_factory=dict)
    execution: Execution | None = None
    new_executions: dict[str, Execution] = field(default_factory=dict)
    task_runs: dict[str, TaskRun] = field(default_factory=dict)
    removed_task_runs: list[str] = field(default_factory=list)
    logs: list[LogLine] = field(default_factory=list)
    metrics: list[Metric] = field(default_factory=list)
    kv: KvChanges = field(default_factory=dict)
    commands: list[Command] = field(default_factory=list)
    taken_commands: list[int] = field(default_factory=list)
    released: bool = False
    orders: list[WorkOrder] = field(default_factory=list)
    cancels: list[str] = field(default_factory=list)
    removed_files: list[str] = field(default_factory=list)
    removed_folders: list[Path] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write or do."""
        return not any(getattr(self, name) for name in self.__slots__ if name != "seen_kv")

    def put_kv(self, change: KvEntry | KvDeletion) -> None:
        """A change of the key-value store."""
        self.kv[change.namespace, change.key] = self.seen_kv[change.namespace, change.key] = change


class Cycle:
    """The outboxes of one cycle of an engine, by execution, and the time it is in it."""

    def __init__(self, engine_id: str, now: datetime) -> None:
        self.engine_id = engine_id
        self.now = now
        self._seen_kv: KvChanges = {}
        self._outboxes: dict[str, Outbox] = {}

    def outbox(self, execution_id: str) -> Outbox:
        """That of an execution."""
        if execution_id not in self._outboxes:
            self._outboxes[execution_id] = Outbox(self._seen_kv)
        return self._outboxes[execution_id]

    def outboxes(self) -> dict[str, Outbox]:
        """Those with anything in them."""
        return {id: outbox for id, outbox in self._outboxes.items() if not outbox.is_empty}

    def put(self, execution_id: str, outbox: Outbox) -> None:
        """Instead of what that execution has done so far."""
        self._outboxes[execution_id] = outbox

    def drop(self, execution_id: str) -> Outbox:
        """Forgets what one execution did."""
        return self._outboxes.pop(execution_id, None) or Outbox()

    def shipment(self) -> Shipment:
        """All of it, to be written at once."""
        kv = {key: self._seen_kv[key] for outbox in self._outboxes.values() for key in outbox.kv}
        return Shipment(self.outboxes(), kv)


@dataclass(frozen=True, slots=True)
class Shipment:
    """Outboxes that are written in one transaction."""

    outboxes: dict[str, Outbox]
    kv: KvChanges

    def split(self) -> list[Shipment]:
        """Each execution by itself."""
        return [Shipment({id: outbox}, outbox.kv) for id, outbox in self.outboxes.items()]

    def batch(self, number: int) -> Batch:
        """What is to be written, the engine's batch of that number."""
        all_of = self.outboxes.values()
        return Batch(
            number=number,
            executions=tuple(outbox.execution for outbox in all_of if outbox.execution),
            new_executions=_joined(outbox.new_executions.values() for outbox in all_of),
            task_runs=_joined(outbox.task_runs.values() for outbox in all_of),
            removed_task_runs=_joined(outbox.removed_task_runs for outbox in all_of),
            logs=_joined(outbox.logs for outbox in all_of),
            metrics=_joined(outbox.metrics for outbox in all_of),
            kv=tuple(self.kv.values()),
            commands=_joined(outbox.commands for outbox in all_of),
            taken_commands=_joined(outbox.taken_commands for outbox in all_of),
            released=tuple(id for id, outbox in self.outboxes.items() if outbox.released),
        )


def _joined(parts: Iterable[Iterable[T]]) -> tuple[T, ...]:
    return tuple(chain.from_iterable(parts))
