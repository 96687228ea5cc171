"""`/executions`: begin one, look at them, follow one, fetch its files, as Kestra's API has them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import PurePosixPath
from typing import Annotated, Any, BinaryIO

from fastapi import APIRouter, Query, Request
from fastapi import Path as InPath
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from taxi_pipelines.api.errors import Conflict, errors
from taxi_pipelines.api.execution_bodies import ExecutionBody, ExecutionPage, FileSize
from taxi_pipelines.api.filters import TheExecutions
from taxi_pipelines.api.follow import EVENTS, follow_execution, until_ended
from taxi_pipelines.api.forms import INPUTS_BODY, Given, inputs_of
from taxi_pipelines.api.routing import (
    OPERATOR,
    VIEWER,
    Revision,
    ThePage,
    TheService,
    aware,
    find_execution,
    parse_labels,
    sending,
)
from taxi_pipelines.api.views import execution_body
from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.domain.text import reserved_labels
from taxi_pipelines.engine.slot import find_slot
from taxi_pipelines.errors import NotFound, UsageError
from taxi_pipelines.service import Service

router = APIRouter(tags=["Executions"])

Id = Annotated[str, InPath(description="Id of the execution.")]
Labels = Annotated[list[str], Query(default_factory=list, description="Labels, each as KEY:VALUE.")]
Uri = Annotated[str, Query(max_length=2_000, description="URI of a file of the execution, `kestra:///…`.")]
FILE: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
        "description": "The file",
    }
}

_CHUNK = 1 << 18
_LONGEST_NAME = 255  # bytes; the system's own error for a longer one is no answer


@router.get("/executions/search", summary="Search executions", **VIEWER)
@router.get("/executions", summary="List executions", **VIEWER)
def search(service: TheService, request: Request, page: ThePage, wanted: TheExecutions) -> ExecutionPage:
    """The newest first. Kestra's newer form, `filters[flowId][EQUALS]=…`, is understood as well."""
    found = service.orchestrator.control.executions(wanted, page)
    return ExecutionPage(
        results=[body_of(service, request, one, full=False) for one in found],
        total=service.orchestrator.parts.executions.count(wanted),
    )


@router.get("/executions/{execution_id}", summary="Get an execution", responses=errors(404), **VIEWER)
def get(service: TheService, request: Request, execution_id: Id) -> ExecutionBody:
    """With its task runs."""
    return body_of(service, request, find_execution(service, execution_id))


@router.get(
    "/executions/{execution_id}/follow",
    summary="Follow an execution",
    response_class=StreamingResponse,
    responses=errors(404) | EVENTS,
    **VIEWER,
)
def follow(service: TheService, request: Request, execution_id: Id) -> StreamingResponse:
    """Server-sent events: `progress` with the whole execution at every change, `end` with the last."""
    return follow_execution(service, find_execution(service, execution_id), str(request.base_url).rstrip("/"))


@router.get(
    "/executions/{execution_id}/file",
    summary="Download a file of an execution",
    response_class=StreamingResponse,
    responses=errors(404) | FILE,
    **VIEWER,
)
def download(service: TheService, execution_id: Id, path: Uri) -> StreamingResponse:
    """What a task stored, or was given."""
    size = find_file(service, execution_id, path)
    name = re.sub(r"[^A-Za-z0-9._-]", "_", PurePosixPath(path).name)
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Content-Length": str(size)}
    file = service.orchestrator.parts.files.open(path)
    return _Download(file, headers)


@router.get("/executions/{execution_id}/file/metas", summary="Get the size of a file", responses=errors(404), **VIEWER)
def file_size(service: TheService, execution_id: Id, path: Uri) -> FileSize:
    """In bytes."""
    return FileSize(size=find_file(service, execution_id, path))


@router.post(
    "/executions/trigger/{namespace}/{id}",
    summary="Begin an execution (older path)",
    deprecated=True,
    responses=errors(404, 409),
    **sending(OPERATOR, INPUTS_BODY),
)
@router.post(
    "/executions/{namespace}/{id}",
    summary="Begin an execution",
    responses=errors(404, 409),
    **sending(OPERATOR, INPUTS_BODY),
)
async def create(
    service: TheService,
    request: Request,
    namespace: Annotated[str, InPath(description="Namespace of the flow.")],
    id: Annotated[str, InPath(description="Id of the flow.")],
    labels: Labels,
    wait: Annotated[bool, Query(description="Answer when it has ended.")] = False,
    revision: Revision = None,
    schedule_date: Annotated[datetime | None, Query(alias="scheduleDate", description="Not before then.")] = None,
    slot: Annotated[
        str | None,
        Query(
            description="As its schedule would: `trigger` is the first slot from then on, 2021-03 or 2021-03-01T09:00."
        ),
    ] = None,
) -> ExecutionBody:
    """Inputs as a form, with files for inputs of type FILE, or as JSON. Once this is answered, it will not be lost."""
    async with inputs_of(request) as given:
        order = _Order(
            flow=(namespace, id, revision),
            given=given,
            labels=parse_labels(labels),
            begin_at=aware(schedule_date, service),
            slot=slot,
        )
        execution = await run_in_threadpool(_begin, service, order)
    if wait:
        execution = await until_ended(service, execution.id, request)
    return await run_in_threadpool(body_of, service, request, execution)


def body_of(service: Service, request: Request, execution: Execution, *, full: bool = True) -> ExecutionBody:
    """An execution as it is answered; in full with its task runs."""
    runs = service.orchestrator.task_runs(execution.id) if full else None
    url = str(request.base_url).rstrip("/")
    return execution_body(execution, runs, url=url, now=service.orchestrator.parts.clock())


@dataclass(frozen=True, kw_only=True, slots=True)
class _Order:
    """An execution to begin; the flow by namespace, id and revision."""

    flow: tuple[str, str, int | None]
    given: Given
    labels: dict[str, str]
    begin_at: datetime | None
    slot: str | None


def _begin(service: Service, order: _Order) -> Execution:
    control = service.orchestrator.control
    flow = control.flow(*order.flow)
    if flow.disabled:
        raise Conflict(f"the flow {flow.namespace}.{flow.id} is disabled", "remove `disabled: true` from it")
    if reserved := reserved_labels(order.labels):
        raise UsageError(f"label {reserved[0]!r} cannot be set", "labels that begin with `system.` are reserved")
    uploads = {name: (file.filename or name, file.file) for name, file in order.given.files.items()}
    values, labels, trigger = order.given.values, order.labels, None
    if order.slot:
        found = find_slot(service.orchestrator.parts, flow, order.slot, values)
        values, labels, trigger = {**found.inputs, **values}, {**found.labels, **labels}, found.trigger
    execution = control.make_execution(flow, values, uploads=uploads, labels=labels, trigger=trigger)
    execution = replace(execution, begin_at=order.begin_at)
    service.submit(execution)
    return execution


def find_file(service: Service, execution_id: str, uri: str) -> int:
    """The bytes of a file of this very execution. Raises NotFound, UsageError."""
    execution = find_execution(service, execution_id)
    if len(uri.rpartition("/")[2].encode()) > _LONGEST_NAME:
        raise NotFound(f"there is no file {uri[:100]}…", "no name is that long")
    if not uri.startswith(f"{service.orchestrator.control.files_of(execution)}/"):
        raise UsageError(f"{uri} is no file of the execution {execution_id}", "take a URI from its inputs or outputs")
    size = service.orchestrator.parts.files.size(uri)
    if size is None:
        raise NotFound(f"there is no file {uri}", "it may have been purged")
    return size


class _Download(StreamingResponse):
    """A file, closed as soon as nobody takes it any more: a generator that is only forgotten may keep it open for hours."""

    def __init__(self, file: BinaryIO, headers: Mapping[str, str]) -> None:
        super().__init__(iter(partial(file.read, _CHUNK), b""), media_type="application/octet-stream", headers=headers)
        self._file = file

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        with self._file:
            await super().__call__(scope, receive, send)
