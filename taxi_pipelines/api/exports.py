"""Executions and log lines as files: streamed, so that any number of them takes the same memory."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import replace
from io import StringIO
from typing import Any

from starlette.responses import StreamingResponse

from taxi_pipelines.api.views import started_by
from taxi_pipelines.domain.records import LogLine
from taxi_pipelines.engine.context import iso
from taxi_pipelines.flow_interfaces import ExecutionFilter, LogFilter, Page
from taxi_pipelines.service import Service

CSV: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/csv": {"schema": {"type": "string"}}}, "description": "The rows, under a line of names"}
}
EXECUTION_COLUMNS = (
    *("id", "namespace", "flowId", "flowRevision", "state", "created", "started", "ended", "seconds"),
    *("startedBy", "labels", "inputs", "error"),
)
LINE_COLUMNS = ("timestamp", "level", "namespace", "flowId", "executionId", "taskId", "attempt", "message")

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that a spreadsheet would take for a formula: https://owasp.org/www-community/attacks/CSV_Injection"""

_AT_A_TIME = 500
_LINES_AT_A_TIME = 1_000


def csv_of(name: str, columns: Iterable[str], rows: Iterable[list[object]]) -> StreamingResponse:
    """A file to download."""
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(_csv(columns, rows), media_type="text/csv; charset=utf-8", headers=headers)


def execution_rows(service: Service, wanted: ExecutionFilter) -> Iterator[list[object]]:
    """Of `EXECUTION_COLUMNS`; errors are the first lines of them."""
    statistics = service.orchestrator.parts.statistics
    for part in _parts(statistics.every(wanted), _AT_A_TIME):
        reasons = statistics.reasons([one.id for one in part if one.state.has_failed])
        for one in part:
            took = (one.ended_at - one.started_at).total_seconds() if one.ended_at and one.started_at else None
            by = started_by(one)
            yield [
                *(one.id, one.namespace, one.flow_id, one.flow_revision, str(one.state)),
                *(iso(one.created_at), iso(one.started_at), iso(one.ended_at), took),
                by.id if by else "",
                " ".join(f"{key}:{value}" for key, value in one.labels.items()),
                " ".join(f"{key}={value}" for key, value in one.inputs.items()),
                reasons.get(one.id, "").partition("\n")[0],
            ]


def lines_of(service: Service, wanted: LogFilter) -> Iterator[LogLine]:
    """All that a search finds, the newest first."""
    page = Page(limit=_LINES_AT_A_TIME)
    while lines := service.orchestrator.parts.logs.search_lines(wanted, page):
        yield from lines
        wanted = replace(wanted, before=lines[-1].number)


def line_rows(service: Service, wanted: LogFilter) -> Iterator[list[object]]:
    """Of `LINE_COLUMNS`."""
    statistics = service.orchestrator.parts.statistics
    for part in _parts(lines_of(service, wanted), _LINES_AT_A_TIME):
        found = statistics.found({line.execution_id for line in part})
        for line in part:
            it = found.get(line.execution_id)
            flow = (it.namespace, it.flow_id) if it else ("", "")
            at = (iso(line.logged_at), str(line.level))
            yield [*at, *flow, line.execution_id, line.task_id, line.attempt, line.message]


def _csv(columns: Iterable[str], rows: Iterable[list[object]]) -> Iterator[str]:
    for part in _parts(_with_head(columns, rows), _AT_A_TIME):
        text = StringIO()
        csv.writer(text, lineterminator="\r\n").writerows([[_harmless(cell) for cell in row] for row in part])
        yield text.getvalue()


def _with_head(columns: Iterable[str], rows: Iterable[list[object]]) -> Iterator[list[object]]:
    yield list(columns)
    yield from rows


def _harmless(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def _parts(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    part = []
    for item in items:
        part.append(item)
        if len(part) == size:
            yield part
            part = []
    if part:
        yield part
