"""Webhooks: executions begun by a call whose path has the trigger's key. No login is asked for: the key is one."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Request, Response
from fastapi import Path as InPath
from starlette.concurrency import run_in_threadpool

from taxi_pipelines.api.bodies import writable
from taxi_pipelines.api.errors import conflicts, errors
from taxi_pipelines.api.execution_bodies import ExecutionBody
from taxi_pipelines.api.executions import body_of
from taxi_pipelines.api.follow import until_ended
from taxi_pipelines.api.routing import PUBLIC, TheService
from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.service import Service

router = APIRouter(tags=["Executions"])

NEVER_KEPT = frozenset({"authorization", "cookie", "proxy-authorization"})
"""Headers that are the caller's secrets."""

NOTHING: dict[int | str, dict[str, Any]] = {204: {"description": "The trigger's conditions do not hold"}}
Word = Annotated[str, InPath()]
_ANSWER = ExecutionBody | dict[str, Any]


@router.post(
    "/executions/webhook/{namespace}/{id}/{key}",
    summary="Call a webhook by POST",
    responses=errors(404, 409) | NOTHING,
    **PUBLIC,
)
async def post(service: TheService, request: Request, namespace: Word, id: Word, key: Word) -> _ANSWER:
    """Begins an execution; `trigger` has body, headers and parameters. The outputs, where the trigger says so."""
    return await _call(service, request, namespace, id, key)


@router.put(
    "/executions/webhook/{namespace}/{id}/{key}",
    summary="Call a webhook by PUT",
    responses=errors(404, 409) | NOTHING,
    **PUBLIC,
)
async def put(service: TheService, request: Request, namespace: Word, id: Word, key: Word) -> _ANSWER:
    """As by POST."""
    return await _call(service, request, namespace, id, key)


@router.get(
    "/executions/webhook/{namespace}/{id}/{key}",
    summary="Call a webhook by GET",
    responses=errors(404, 409) | NOTHING,
    **PUBLIC,
)
async def get(service: TheService, request: Request, namespace: Word, id: Word, key: Word) -> _ANSWER:
    """As by POST, without a body."""
    return await _call(service, request, namespace, id, key)


async def _call(service: Service, request: Request, namespace: str, id: str, key: str) -> Any:
    call = _described(request, await request.body())
    trigger = await run_in_threadpool(service.orchestrator.triggers.find_webhook, namespace, id, key)
    execution = await run_in_threadpool(_begin, service, namespace, id, key, call)
    if execution is None:
        return Response(status_code=204)
    if trigger.properties.get("wait"):
        execution = await until_ended(service, execution.id, request)
        if trigger.properties.get("returnOutputs"):
            return dict(execution.outputs)
    return await run_in_threadpool(body_of, service, request, execution)


def _begin(service: Service, namespace: str, id: str, key: str, call: dict[str, Any]) -> Execution | None:
    """The execution; None where the trigger's conditions do not hold."""
    with conflicts():
        execution = service.orchestrator.triggers.webhook(namespace, id, key, call)
    service.look()
    return execution


def _described(request: Request, body: bytes) -> dict[str, Any]:
    """What the flow sees as `trigger`: headers and parameters with lists of values, as Kestra has them."""
    headers = request.headers
    return {
        "body": _read(body),
        "headers": {name: headers.getlist(name) for name in headers if name.lower() not in NEVER_KEPT},
        "parameters": {name: request.query_params.getlist(name) for name in request.query_params},
    }


def _read(body: bytes) -> Any:
    """JSON as its value, other text as text."""
    text = body.decode(errors="replace")
    try:
        return writable(json.loads(text))
    except (ValueError, RecursionError):
        return text or None
