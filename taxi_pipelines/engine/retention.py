"""Retention: ended executions go for good, with task runs, logs, metrics, files and secrets of their own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.domain.states import ENDED, State
from taxi_pipelines.engine.context import iso
from taxi_pipelines.engine.parts import Parts
from taxi_pipelines.flow_interfaces import ExecutionFilter, Page

_AT_A_TIME = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Purged:
    """What was removed, or would be."""

    execution: Execution
    files: int | None  #: None where nothing was done yet

    def to_dict(self) -> dict[str, Any]:
        """The line `taxi purge --json` prints."""
        it = self.execution
        return {
            "id": it.id,
            "namespace": it.namespace,
            "flowId": it.flow_id,
            "state": str(it.state),
            "endDate": iso(it.ended_at),
            "files": self.files,
        }


def purge(
    parts: Parts,
    *,
    ended_before: datetime,
    namespace: str | None = None,
    states: frozenset[State] = ENDED,
    dry_run: bool = False,
) -> Iterator[Purged]:
    """Removes executions that ended before, one by one, as it is asked for the next; never one that goes on.

    Nor one whose caller goes on: that may still want its files. Safe to break off, and to repeat: the files go first.
    """
    wanted = ExecutionFilter(namespace=namespace, states=states & ENDED, until=ended_before)
    kept = 0
    while page := parts.executions.search(wanted, Page(limit=_AT_A_TIME, offset=kept)):
        for execution in page:
            if not _may_go(parts, execution, ended_before):
                kept += 1
            elif dry_run:
                kept += 1
                yield Purged(execution=execution, files=None)
            else:
                yield Purged(execution=execution, files=_remove(parts, execution))


def _may_go(parts: Parts, execution: Execution, ended_before: datetime) -> bool:
    """Looks once more: it may have been restarted since it was listed."""
    now = parts.executions.find(execution.id)
    if now is None or not now.state.has_ended or now.ended_at is None or now.ended_at >= ended_before:
        return False
    caller = parts.executions.find(now.caller.execution_id) if now.caller else None
    return caller is None or caller.state.has_ended


def _remove(parts: Parts, execution: Execution) -> int:
    place = f"kestra:///{execution.namespace.replace('.', '/')}/{execution.flow_id}/executions/{execution.id}"
    files = parts.files.delete(place)
    shutil.rmtree(parts.folder / execution.id, ignore_errors=True)
    parts.executions.delete(execution.id)
    return files
