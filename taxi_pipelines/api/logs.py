"""`/logs`: the log of an execution, read, downloaded or followed; a search through all of them, and what it finds as a file."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import StreamingResponse

from taxi_pipelines.api.errors import errors
from taxi_pipelines.api.execution_bodies import LogBody, LogPage
from taxi_pipelines.api.executions import Id
from taxi_pipelines.api.exports import CSV, LINE_COLUMNS, csv_of, line_rows, lines_of
from taxi_pipelines.api.filters import MinLevel, TheLines
from taxi_pipelines.api.follow import EVENTS, follow_log
from taxi_pipelines.api.routing import VIEWER, ThePage, TheService, find_execution
from taxi_pipelines.api.views import log_body
from taxi_pipelines.domain.records import LogLine
from taxi_pipelines.engine.context import iso
from taxi_pipelines.flow_interfaces import Page

router = APIRouter(tags=["Logs"])

TaskId = Annotated[str | None, Query(alias="taskId", description="Only of this task.")]
TEXT: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "The log"}
}


@router.get("/logs/search", summary="Search all logs", **VIEWER)
def search(service: TheService, page: ThePage, wanted: TheLines) -> LogPage:
    """The newest first."""
    parts = service.orchestrator.parts
    lines = parts.logs.search_lines(wanted, Page(limit=page.limit + 1, offset=page.offset))
    shown = lines[: page.limit]
    found = parts.statistics.found({line.execution_id for line in shown})
    return LogPage(
        results=[log_body(line, it.namespace, it.flow_id) for line in shown if (it := found.get(line.execution_id))],
        total=page.offset + len(lines),
    )


@router.get(
    "/logs/export/csv",
    summary="Export log lines",
    response_class=StreamingResponse,
    responses=CSV,
    **VIEWER,
)
def export(service: TheService, wanted: TheLines) -> StreamingResponse:
    """All lines that a search finds, the newest first, as CSV."""
    return csv_of("logs.csv", LINE_COLUMNS, line_rows(service, wanted))


@router.get(
    "/logs/export/text",
    summary="Export log lines as text",
    response_class=StreamingResponse,
    responses=TEXT,
    **VIEWER,
)
def export_text(service: TheService, wanted: TheLines) -> StreamingResponse:
    """All lines that a search finds, the newest first."""
    headers = {"Content-Disposition": 'attachment; filename="logs.log"'}
    return StreamingResponse(_texts(lines_of(service, wanted)), media_type="text/plain", headers=headers)


@router.get("/logs/{execution_id}", summary="Get the log of an execution", responses=errors(404), **VIEWER)
def get(service: TheService, execution_id: Id, min_level: MinLevel = None, task_id: TaskId = None) -> list[LogBody]:
    """All of it, in order."""
    it = find_execution(service, execution_id)
    lines = service.orchestrator.lines(it.id, level=min_level, task_id=task_id)
    return [log_body(line, it.namespace, it.flow_id) for line in lines]


@router.get(
    "/logs/{execution_id}/download",
    summary="Download the log of an execution",
    response_class=StreamingResponse,
    responses=errors(404) | TEXT,
    **VIEWER,
)
def download(
    service: TheService, execution_id: Id, min_level: MinLevel = None, task_id: TaskId = None
) -> StreamingResponse:
    """As text, a line for each."""
    it = find_execution(service, execution_id)
    lines = service.orchestrator.lines(it.id, level=min_level, task_id=task_id)
    headers = {"Content-Disposition": f'attachment; filename="{it.id}.log"'}
    return StreamingResponse(_texts(lines), media_type="text/plain", headers=headers)


@router.get(
    "/logs/{execution_id}/follow",
    summary="Follow the log of an execution",
    response_class=StreamingResponse,
    responses=errors(404) | EVENTS,
    **VIEWER,
)
def follow(service: TheService, execution_id: Id, min_level: MinLevel = None) -> StreamingResponse:
    """Server-sent events: one for every line, those so far first, `end` when the execution has ended."""
    return follow_log(service, find_execution(service, execution_id), min_level)


def _texts(lines: Iterator[LogLine]) -> Iterator[str]:
    for line in lines:
        yield f"{iso(line.logged_at)} {line.level} {line.message}\n"
