"""Following an execution: until its end for who waits, step by step for who listens (server-sent events)."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from typing import Any, ClassVar, TypeVar

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from taxi_pipelines.api.errors import TooMany
from taxi_pipelines.api.execution_bodies import ExecutionBody, LogBody
from taxi_pipelines.api.views import execution_body, log_body
from taxi_pipelines.domain.execution import Execution, TaskRun
from taxi_pipelines.domain.records import Level
from taxi_pipelines.domain.states import State
from taxi_pipelines.service import Service

MOST_STREAMS = 200
"""At a time, of all who follow: each costs a look at every change, and a connection."""

QUIET_SECONDS = 15.0
"""After so long without an event a comment is sent: proxies close what is silent, and we learn who has gone."""

EVENTS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}, "description": "The events"}
}

T = TypeVar("T")


async def until_ended(service: Service, execution_id: str, request: Request) -> Execution:
    """The execution, ended, or the one that took its place where it is tried again; as it is where nobody waits any more."""
    while True:
        execution = await _until_rest(service, execution_id, request)
        successor = None
        if execution.state is State.RETRIED:
            successor = await run_in_threadpool(service.orchestrator.successor, execution)
        if successor is None:
            return execution
        execution_id = successor.id


async def _until_rest(service: Service, execution_id: str, request: Request) -> Execution:
    with service.news.listening(execution_id) as listener:
        while True:
            execution = await run_in_threadpool(_find, service, execution_id)
            if execution.state.has_ended or service.news.is_over or await request.is_disconnected():
                return execution
            await listener.wait()


def follow_execution(service: Service, execution: Execution, url: str) -> StreamingResponse:
    """An event `progress` for every change, `end` for the last: Kestra's ids, the whole execution as data."""
    parts = service.orchestrator.parts

    def look() -> tuple[Execution, list[TaskRun]]:
        return _find(service, execution.id), parts.executions.task_runs(execution.id)

    async def events() -> AsyncIterator[str | None]:
        seen = None
        async for found in _looks(service, execution.id, look):
            if found == seen:
                yield None
                continue
            seen = found
            body = execution_body(*found, url=url, now=parts.clock())
            yield _event("end" if found[0].state.has_ended else "progress", body)
            if found[0].state.has_ended:
                return

    return event_stream(events())


def follow_log(service: Service, execution: Execution, level: Level | None) -> StreamingResponse:
    """An event for every line, those so far first."""
    after = 0

    def look() -> tuple[bool, list[LogBody]]:
        nonlocal after
        has_ended = _find(service, execution.id).state.has_ended  # before the lines: none comes after its end
        lines = list(service.orchestrator.lines(execution.id, after=after, level=level))
        after = lines[-1].number if lines else after
        return has_ended, [log_body(line, execution.namespace, execution.flow_id) for line in lines]

    async def events() -> AsyncIterator[str | None]:
        async for has_ended, lines in _looks(service, execution.id, look):
            for line in lines:
                yield _event("progress", line)
            if has_ended:
                yield "id: end\ndata: {}\n\n"
                return
            yield None

    return event_stream(events())


async def _looks(service: Service, execution_id: str, look: Callable[[], T]) -> AsyncIterator[T]:
    """What there is now, and again whenever there may be news, until nobody asks or the service ends."""
    with service.news.listening(execution_id) as listener:
        while True:
            yield await run_in_threadpool(look)
            if service.news.is_over:
                return
            await listener.wait()


def _find(service: Service, execution_id: str) -> Execution:
    return service.orchestrator.control.execution(execution_id)


def _event(id: str, body: ExecutionBody | LogBody) -> str:
    return f"id: {id}\ndata: {body.model_dump_json()}\n\n"


class _EventStream(StreamingResponse):
    _open: ClassVar[set[_EventStream]] = set()

    @classmethod
    def refuse_more(cls) -> None:
        if len(cls._open) >= MOST_STREAMS:
            raise TooMany(f"{MOST_STREAMS} event streams are open already", "close pages that nobody looks at")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        self._open.add(self)
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._open.discard(self)


def event_stream(events: AsyncIterator[str | None]) -> StreamingResponse:
    """Server-sent events; None stands for a look that found nothing new. Raises TooMany."""
    _EventStream.refuse_more()

    async def with_signs_of_life() -> AsyncIterator[str]:
        quiet_since = time.monotonic()
        async for event in events:
            if event is not None or time.monotonic() - quiet_since > QUIET_SECONDS:
                quiet_since = time.monotonic()
                yield event or ": still here\n\n"

    return _EventStream(with_signs_of_life(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})
