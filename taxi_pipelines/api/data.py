"""`/data`: the warehouse's tables, and statements that read them: safely, within limits, while somebody waits for the answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Generator
from contextlib import suppress
from typing import Annotated, Any, Literal, TypeVar

from fastapi import APIRouter, Form, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from taxi_pipelines.api.data_bodies import (
    LONGEST_STATEMENT,
    DataColumn,
    DataTable,
    ExportForm,
    PriceBody,
    QuestionBody,
    ResultBody,
    ResultColumn,
)
from taxi_pipelines.api.routing import VIEWER, TheService
from taxi_pipelines.domain.asking import Asking, Limits
from taxi_pipelines.errors import PipelineError
from taxi_pipelines.service import Service

router = APIRouter(tags=["Data"])

SHOWN_SECONDS, SHOWN_BYTES = 30.0, 8 << 20
FILE_LIMITS = Limits(rows=1_000_000, bytes=1 << 30, seconds=300.0)

_LOOK_SECONDS = 0.2
_LAST_SECONDS = 10.0  # to send what was computed in time
_GONE = "nobody waits for the statement any more"
_FILES: dict[str, str] = {"csv": "text/csv; charset=utf-8", "parquet": "application/vnd.apache.parquet"}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {kind.partition(";")[0]: {"schema": {"type": "string"}} for kind in _FILES.values()},
        "description": "The file",
    }
}

FILE: dict[str, Any] = {"response_class": StreamingResponse, "responses": _ANSWERS, **VIEWER}

Format = Annotated[Literal["csv", "parquet"], Query(description="What kind of file.")]
T = TypeVar("T")
Chunks = Generator[bytes, None, None]


@router.get("/data/tables", summary="Get the tables", **VIEWER)
def tables(service: TheService) -> list[DataTable]:
    """All that a month can be loaded into, also those that nothing is loaded into; their rows are not looked at."""
    return [
        DataTable(
            name=it.kind.table,
            title=it.kind.title,
            months=len(it.parts),
            first_month=str(it.parts[0].month) if it.parts else None,
            last_month=str(it.parts[-1].month) if it.parts else None,
            rows=it.rows,
            bytes=it.bytes,
            last_loaded=it.loaded_at,
            columns=[DataColumn(name=c.name, type=c.type, description=c.description) for c in it.columns],
        )
        for it in service.pipeline.tables()
    ]


@router.post("/data/query", summary="Ask the warehouse", **VIEWER)
async def query(service: TheService, request: Request, body: QuestionBody) -> ResultBody:
    """One statement that reads the published tables, and nothing else. It ends after 30 seconds, or when nobody waits."""
    asking = Asking()
    return await _while_wanted(request, asking, lambda: _result(service, body, asking))


@router.post("/data/price", summary="Get what a statement would be billed for", **VIEWER)
def price(service: TheService, body: QuestionBody) -> PriceBody:
    """Checked as `/data/query` would, where the target bills by bytes; not run."""
    return PriceBody(bytes=service.pipeline.price(body.sql))


@router.get("/data/export", summary="Download a result", **FILE)
async def export(
    service: TheService,
    request: Request,
    sql: Annotated[
        str, Query(min_length=1, max_length=LONGEST_STATEMENT, description="One statement, as for a query.")
    ],
    format: Format = "csv",
) -> StreamingResponse:
    """As a file of at most 1,000,000 rows, streamed for at most 5 minutes. In CSV, texts that a spreadsheet would take for
    formulas begin with an apostrophe."""
    return await _file(service, request, sql, format)


@router.post("/data/export", summary="Download the result of a long statement", **FILE)
async def export_long(
    service: TheService,
    request: Request,
    form: Annotated[ExportForm, Form()],
    format: Format = "csv",
) -> StreamingResponse:
    """The same, where the statement is too long for an address."""
    return await _file(service, request, form.sql, format)


async def _while_wanted(request: Request, asking: Asking, work: Callable[[], T]) -> T:
    """Does the work in a thread; ends the statement where the one who asked has gone."""
    working = asyncio.ensure_future(run_in_threadpool(work))
    try:
        while not (await asyncio.wait({working}, timeout=_LOOK_SECONDS))[0]:
            if not asking.ended and await request.is_disconnected():
                await run_in_threadpool(asking.stop, _GONE)
    finally:
        if not working.done():
            await asyncio.shield(run_in_threadpool(asking.stop, _GONE))
    return await working


def _result(service: Service, body: QuestionBody, asking: Asking) -> ResultBody:
    from taxi_pipelines.api.data_values import kind_of, rows_of  # noqa: PLC0415 - pyarrow takes long

    limits = Limits(rows=body.limit, bytes=SHOWN_BYTES, seconds=SHOWN_SECONDS)
    began = time.perf_counter()
    with service.pipeline.ask(body.sql, limits, asking) as asked:
        columns = [ResultColumn(name=it.name, type=str(it.type), kind=kind_of(it.type)) for it in asked.schema]
        rows = [row for batch in asked.batches() for row in rows_of(batch)]
        return ResultBody(
            columns=columns,
            rows=rows,
            truncated=asked.was_cut,
            seconds=round(time.perf_counter() - began, 3),
            bytes_billed=asked.bytes_billed,
        )


def _chunks(service: Service, sql: str, format: str, asking: Asking) -> Chunks:
    from taxi_pipelines.api.data_values import WRITERS  # noqa: PLC0415 - pyarrow takes long

    with service.pipeline.ask(sql, FILE_LIMITS, asking) as asked:
        yield from WRITERS[format](asked)


async def _file(service: Service, request: Request, sql: str, format: str) -> StreamingResponse:
    asking = Asking()
    chunks = _chunks(service, sql, format, asking)
    first = await _while_wanted(request, asking, lambda: next(chunks, b""))  # from here on it is too late for an error
    headers = {"Content-Disposition": f'attachment; filename="result.{format}"'}
    return _Download(_streamed(first, chunks, asking), media_type=_FILES[format], headers=headers)


class _Download(StreamingResponse):
    """Ends also where the one who asked does not read on: statements are few at a time. What goes wrong after its first bytes
    breaks it off, which is all that can be said then."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        with suppress(TimeoutError, PipelineError):
            async with asyncio.timeout(FILE_LIMITS.seconds + _LAST_SECONDS):
                await super().__call__(scope, receive, send)


async def _streamed(first: bytes, rest: Chunks, asking: Asking) -> AsyncIterator[bytes]:
    chunk: bytes | None = first
    working: asyncio.Future[bytes | None] | None = None
    try:
        while chunk is not None:
            yield chunk
            working = asyncio.ensure_future(run_in_threadpool(next, rest, None))
            chunk = await asyncio.shield(working)
    finally:  # also where the download was broken off, by which we are cancelled at once
        await asyncio.shield(_ended(working, rest, asking))


async def _ended(working: asyncio.Future[bytes | None] | None, rest: Chunks, asking: Asking) -> None:
    """Nothing of the statement is left: one whose chunks are only forgotten would keep its place for hours."""
    await run_in_threadpool(asking.stop, _GONE)
    if working:
        await asyncio.wait({working})
        working.exception()  # was told, or there is nobody to tell
    await run_in_threadpool(rest.close)
