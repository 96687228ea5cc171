"""`/executions/{id}`: one execution, tab by tab: its chart of time, log, topology, outputs, metrics, and all else known of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response
from starlette.responses import StreamingResponse

from taxi_pipelines.api.graph_bodies import graph_body
from taxi_pipelines.api.previews import preview_of
from taxi_pipelines.api.routing import VIEWER, TheService
from taxi_pipelines.domain.execution import TaskRun
from taxi_pipelines.domain.graph import graph_of, progress_of
from taxi_pipelines.domain.records import Level, LogLine
from taxi_pipelines.errors import NotFound, PipelineError
from taxi_pipelines.flow_interfaces import ExecutionFilter, LogFilter, Page
from taxi_pipelines.service import Service
from taxi_pipelines.web import execution_logs as logs
from taxi_pipelines.web.execution_head import Seen, asked_on_resume, execution_of, look_at, origin_of, reason_of
from taxi_pipelines.web.execution_outputs import StoredFile, file_of, files_in, sums_of
from taxi_pipelines.web.execution_words import title_of
from taxi_pipelines.web.gantt import Chart, chart
from taxi_pipelines.web.list_filters import LeastLevel
from taxi_pipelines.web.live import live
from taxi_pipelines.web.pages import Pages, ThePages

router = APIRouter()

TABS = ("gantt", "logs", "topology", "outputs", "metrics", "overview")
LINES_OF_A_RUN = 200
MOST_CHILDREN = 200

_LIVELY, _QUIET = 0.5, 10.0
"""Seconds after which the page of an execution that goes on, or has ended, looks again unasked."""

Expand = Annotated[list[str], Query(default_factory=list)]


@router.get("/executions/{execution_id}", **VIEWER)
@router.get("/executions/{execution_id}/gantt", **VIEWER)
def gantt(request: Request, pages: ThePages, service: TheService, execution_id: str, expand: Expand) -> Response:
    """The chart of time."""
    seen = look_at(service, execution_id)
    return _tab(request, pages, service, seen, "gantt", expand=expand, chart=_chart(pages, seen, expand))


@router.get("/executions/{execution_id}/live", **VIEWER)
def follow(
    request: Request,
    pages: ThePages,
    service: TheService,
    execution_id: str,
    expand: Expand,
    tab: str = "gantt",
    quiet: bool = False,
) -> StreamingResponse:
    """The parts that change: state, buttons, reason, and what the tab shows of the task runs."""

    def look() -> Mapping[str, str]:
        try:
            seen = look_at(service, execution_id)
        except NotFound:  # deleted under the eyes of whoever looks
            return {"exec-reason": pages.block(request, "execution.html", "gone")}
        context = _common(service, seen)
        found = pages.parts(request, "execution.html", ["state", "marks", "buttons", "reason"], **context)
        parts = {f"exec-{name}": html for name, html in found.items()}
        if tab == "gantt":
            context |= {"expand": expand, "chart": _chart(pages, seen, expand)}
            parts["exec-chart"] = pages.block(request, "execution_gantt.html", "chart", **context)
        elif tab == "topology":
            parts["exec-states"] = json.dumps(_states(seen))
        return parts

    execution_of(service, execution_id)
    return live(service.news, look, of=execution_id, every=_QUIET if quiet else _LIVELY)


@router.get("/executions/{execution_id}/runs/{run_id}", **VIEWER)
def run(request: Request, pages: ThePages, service: TheService, execution_id: str, run_id: str) -> Response:
    """What is known of a task run: the part that opens in its row."""
    seen = look_at(service, execution_id)
    it = _run(seen.runs, run_id)
    parts = service.orchestrator.parts
    wanted = LogFilter(execution_id=execution_id, task=run_id)
    lines = parts.logs.search_lines(wanted, Page(limit=LINES_OF_A_RUN + 1))
    return pages.part(
        request,
        "execution_run.html",
        "run",
        **_common(service, seen),
        run=it,
        files=files_in(it.outputs, parts.files),
        entries=logs.entries(lines[:LINES_OF_A_RUN][::-1], parts.zone),
        has_more_lines=len(lines) > LINES_OF_A_RUN,
    )


@router.get("/executions/{execution_id}/resume", **VIEWER)
def resume(request: Request, pages: ThePages, service: TheService, execution_id: str) -> Response:
    """The inside of the form that resumes it."""
    seen = look_at(service, execution_id)
    return pages.part(request, "execution_resume.html", "resume", title=seen.title, asked=asked_on_resume(seen))


class WantedLines:
    """The filters of a log, as the address has them."""

    def __init__(self, execution_id: str, level: LeastLevel = None, task: str = "", q: str = "") -> None:
        self.q, self.task = q.strip(), task
        self.level = level
        self.filter = LogFilter(execution_id=execution_id, level=self.level, task=task or None, text=self.q or None)

    @property
    def query(self) -> str:
        """As part of an address."""
        given = {"level": self.level or "", "task": self.task, "q": self.q}
        return urlencode({name: value for name, value in given.items() if value})

    @property
    def is_any(self) -> bool:
        """Whether all lines are wanted."""
        return not self.query


TheWanted = Annotated[WantedLines, Depends()]


@router.get("/executions/{execution_id}/logs", **VIEWER)
def log(
    request: Request,
    pages: ThePages,
    service: TheService,
    execution_id: str,
    wanted: TheWanted,
    at: Annotated[int | None, Query(ge=0)] = None,
) -> Response:
    """The log: its end, or around a line; of a failure around what went wrong first."""
    seen = look_at(service, execution_id)
    parts = service.orchestrator.parts
    if at is None and wanted.is_any and seen.execution.state.has_failed:
        at = logs.first_error(parts.logs, execution_id)
    found = logs.window(parts.logs, wanted.filter, at=at)
    return _tab(
        request,
        pages,
        service,
        seen,
        "logs",
        wanted=wanted,
        levels=list(Level),
        task_ids=list(dict.fromkeys(one.task_id for one in seen.runs)),
        window=found,
        entries=logs.entries(found.lines, parts.zone, wanted.q),
        last=found.lines[-1].number if found.lines else 0,
    )


@router.get("/executions/{execution_id}/logs/before/{number}", **VIEWER)
def earlier(
    request: Request, pages: ThePages, service: TheService, execution_id: str, number: int, wanted: TheWanted
) -> Response:
    """The lines before one, above which they are put."""
    parts = service.orchestrator.parts
    found = logs.window(parts.logs, replace(wanted.filter, before=number))
    context = {"window": found, "entries": logs.entries(found.lines, parts.zone, wanted.q)}
    return pages.part(
        request,
        "execution_logs.html",
        "above",
        execution=execution_of(service, execution_id),
        wanted=wanted,
        **context,
    )


@router.get("/executions/{execution_id}/logs/live", **VIEWER)
def tail(
    request: Request, pages: ThePages, service: TheService, execution_id: str, wanted: TheWanted, after: int = 0
) -> StreamingResponse:
    """The lines as they come, after one."""
    execution = execution_of(service, execution_id)
    zone = service.orchestrator.parts.zone

    def render(lines: Sequence[LogLine]) -> str:
        context = {"entries": logs.entries(lines, zone, wanted.q), "execution": execution}
        return pages.block(request, "execution_tail.html", "lines", **context)

    return logs.tail(service, wanted.filter, after, render)


@router.get("/executions/{execution_id}/topology", **VIEWER)
def topology(request: Request, pages: ThePages, service: TheService, execution_id: str) -> Response:
    """The graph of its flow's revision, with states."""
    seen = look_at(service, execution_id)
    graph = graph_body(graph_of(seen.flow), progress_of(seen.runs)).model_dump(mode="json")
    return _tab(request, pages, service, seen, "topology", graph=graph, states=_states(seen))


@router.get("/executions/{execution_id}/outputs", **VIEWER)
def outputs(
    request: Request,
    pages: ThePages,
    service: TheService,
    execution_id: str,
    preview: str = "",
    encoding: str = "utf-8",
) -> Response:
    """What it and its task runs put out, and the beginning of one of the files."""
    seen = look_at(service, execution_id)
    return _tab(
        request,
        pages,
        service,
        seen,
        "outputs",
        files=files_in(seen.execution.outputs, service.orchestrator.parts.files),
        previewed=_previewed(service, execution_id, preview, encoding) if preview else None,
        file_of=file_of,
    )


def _previewed(service: Service, execution_id: str, uri: str, encoding: str) -> dict[str, Any]:
    file = StoredFile(uri=uri, execution_id=execution_id)
    try:
        return {"file": file, "preview": preview_of(service, execution_id, uri, encoding=encoding), "error": None}
    except PipelineError as error:
        return {"file": file, "preview": None, "error": error}


@router.get("/executions/{execution_id}/outputs/{run_id}", **VIEWER)
def outputs_of_run(request: Request, pages: ThePages, service: TheService, execution_id: str, run_id: str) -> Response:
    """The part with the outputs of one task run."""
    it = _run(service.orchestrator.task_runs(execution_id), run_id)
    files = files_in(it.outputs, service.orchestrator.parts.files)
    return pages.part(request, "execution_run.html", "outputs", run=it, files=files)


@router.get("/executions/{execution_id}/metrics", **VIEWER)
def metrics(request: Request, pages: ThePages, service: TheService, execution_id: str) -> Response:
    """What its tasks counted and timed, summed up."""
    seen = look_at(service, execution_id)
    sums = sums_of(service.orchestrator.parts.logs.metrics(execution_id), seen.runs)
    return _tab(request, pages, service, seen, "metrics", sums=sums)


@router.get("/executions/{execution_id}/overview", **VIEWER)
def overview(request: Request, pages: ThePages, service: TheService, execution_id: str) -> Response:
    """All facts, and what belongs to it: executions that it called, and that repeat it."""
    seen = look_at(service, execution_id)
    parts = service.orchestrator.parts
    search = parts.executions.search
    children = search(ExecutionFilter(caller_execution_id=execution_id), Page(limit=MOST_CHILDREN + 1))
    repeats = search(ExecutionFilter(parent_id=execution_id), Page(limit=MOST_CHILDREN))
    return _tab(
        request,
        pages,
        service,
        seen,
        "overview",
        files=files_in([seen.execution.inputs, seen.execution.outputs], parts.files),
        children=children[:MOST_CHILDREN],
        has_more_children=len(children) > MOST_CHILDREN,
        repeats=repeats,
        title_of=title_of,
    )


def _tab(
    request: Request,
    pages: Pages,
    service: Service,
    seen: Seen,
    tab: str,
    *,
    expand: Sequence[str] = (),
    **context: Any,
) -> Response:
    execution = seen.execution
    base = f"/executions/{execution.id}"
    following = urlencode([("tab", tab), *(("expand", one) for one in expand)])
    common = _common(service, seen) | {
        "tab": tab,
        "tabs": [(name.capitalize(), base if name == "gantt" else f"{base}/{name}", name == tab) for name in TABS],
        "live_url": f"{base}/live?{following}",
        "origins": origin_of(service, execution, service.orchestrator.parts.zone),
        "expand": expand,
    }
    return pages.show(request, f"execution_{tab}.html", **(common | context))


def _run(runs: Sequence[TaskRun], run_id: str) -> TaskRun:
    found = next((one for one in runs if one.id == run_id), None)
    if found is None:
        raise NotFound("this task run is not there any more", "a restart began it anew; load the page again")
    return found


def _common(service: Service, seen: Seen) -> dict[str, Any]:
    reason = reason_of(seen, service.orchestrator.parts.logs)
    return {"seen": seen, "execution": seen.execution, "reason": reason, "title": seen.title}


def _chart(pages: Pages, seen: Seen, expand: Sequence[str]) -> Chart:
    return chart(seen.flow, seen.execution, seen.runs, pages.now(), expanded=expand)


def _states(seen: Seen) -> dict[str, Any]:
    """By task id, as topology.js takes them; and the task run that a click shows: one that failed, else the last."""
    shown: dict[str, TaskRun] = {}
    for one in seen.runs:
        if one.task_id not in shown or not shown[one.task_id].state.has_failed:
            shown[one.task_id] = one
    return {
        task_id: {
            "state": str(one.state),
            "runs": {str(state): count for state, count in one.runs.items()},
            "seconds": one.seconds,
            "run": shown[task_id].id,
        }
        for task_id, one in progress_of(seen.runs).items()
    }
