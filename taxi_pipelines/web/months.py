"""`/`: the months, by type of taxi and month of the data; `/months/{type}/{month}`: the same page with one of them open."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.responses import StreamingResponse

from taxi_pipelines.api.routing import VIEWER, TheService
from taxi_pipelines.domain.month import Month, Partition
from taxi_pipelines.domain.plan import PlannedAction
from taxi_pipelines.errors import NotFound
from taxi_pipelines.news import ANY
from taxi_pipelines.service import Service
from taxi_pipelines.settings import Target
from taxi_pipelines.taxi.types import ALL, TaxiType, find_type
from taxi_pipelines.web.execution_head import execution_of
from taxi_pipelines.web.live import live
from taxi_pipelines.web.month_board import Board, read_board
from taxi_pipelines.web.month_first import first_load
from taxi_pipelines.web.month_panel import read_log, read_panel
from taxi_pipelines.web.month_rows import row_id, rows_of
from taxi_pipelines.web.month_sentences import source_name
from taxi_pipelines.web.pages import Pages, ThePages, wants_part
from taxi_pipelines.web.words import MONTHS

router = APIRouter()

Which = tuple[TaxiType, Partition]
Taxi = Annotated[str | None, Query(description="Only this type.")]
LOOK_SECONDS = 2.0
"""Seconds between two looks at what no engine here tells of: other processes, the source."""

TEMPLATE = "months.html"
WAREHOUSES = {Target.DUCKDB: "DuckDB", Target.POSTGRES: "PostgreSQL", Target.BIGQUERY: "BigQuery"}
LIVE_BLOCKS = {"m-lines": "lines", "m-first": "first", "m-overview": "overview"}


@router.get("/", **VIEWER)
def show(request: Request, pages: ThePages, service: TheService, taxi: Taxi = None) -> Response:
    """All tables, or one."""
    return _page(request, pages, service, taxi, None)


@router.get("/months/live", **VIEWER)
def follow(request: Request, pages: ThePages, service: TheService, taxi: Taxi = None, v: str = "") -> StreamingResponse:
    """What changes of the calendars; `v` are the rows that the page has already."""
    kinds = _kinds(taxi)
    has: dict[str, str] = {}

    def look() -> Mapping[str, str]:
        nonlocal v
        board = read_board(service, kinds)
        rows = _rows(service, board, taxi)
        if v and v == _version(rows):
            has.update(rows)
        v = ""
        blocks = pages.parts(request, TEMPLATE, LIVE_BLOCKS.values(), **_context(service, board, taxi))
        changed = {id: html for id, html in rows.items() if has.get(id) != html}
        for id in changed:
            has.pop(id, None)
        return {id: blocks[block] for id, block in LIVE_BLOCKS.items()} | changed

    return live(service.news, look, of=ANY, every=LOOK_SECONDS)


@router.get("/months/{type}/{month}", **VIEWER)
def show_month(
    request: Request, pages: ThePages, service: TheService, type: str, month: str, taxi: Taxi = None
) -> Response:
    """One month, beside all of them."""
    which = _month(service, type, month)
    if wants_part(request, "m-panel"):
        return pages.part(request, "month.html", "panel", panel=read_panel(service, *which))
    return _page(request, pages, service, taxi, which)


@router.get("/months/{type}/{month}/live", **VIEWER)
def follow_month(request: Request, pages: ThePages, service: TheService, type: str, month: str) -> StreamingResponse:
    """What changes of one month."""
    which = _month(service, type, month)

    def look() -> Mapping[str, str]:
        panel = read_panel(service, *which)
        return {"m-panel": pages.block(request, "month.html", "panel", panel=panel)}

    return live(service.news, look, of=ANY, every=LOOK_SECONDS)


@router.get("/months/{type}/{month}/log", **VIEWER)
def log(
    request: Request, pages: ThePages, service: TheService, type: str, month: str, execution: str, task: str
) -> Response:
    """The end of a step's log."""
    lines = read_log(service, execution_of(service, execution).id, task)
    return pages.part(request, "month.html", "log", lines=lines)


def _page(request: Request, pages: Pages, service: Service, taxi: str | None, which: Which | None) -> Response:
    service.outlook.ask_if_old()
    board = read_board(service, _kinds(taxi))
    panel = read_panel(service, *which, board.months) if which else None
    rows = _rows(service, board, taxi)
    return pages.show(
        request,
        TEMPLATE,
        **_context(service, board, taxi),
        rows=rows,
        rows_version=_version(rows),
        row_id=row_id,
        month_names=MONTHS,
        panel=panel,
    )


def _context(service: Service, board: Board, taxi: str | None) -> dict[str, Any]:
    settings = service.settings
    source = source_name(settings.source, is_default=settings.source_is_default)
    return {
        "board": board,
        "taxi": taxi,
        "known": board.months.known,
        "published": sum(one.action is not PlannedAction.WAIT for one in board.months.known.months.values()),
        "source": source,
        "first": first_load(service, board.months, source) if board.is_empty and taxi is None else None,
        "warehouse": WAREHOUSES[settings.target],
    }


def _rows(service: Service, board: Board, taxi: str | None) -> dict[str, str]:
    zone = service.orchestrator.parts.zone
    return {
        id: str(html)
        for table in board.tables
        for id, html in rows_of(table.calendar, zone, with_numbers=bool(taxi)).items()
    }


def _version(rows: Mapping[str, str]) -> str:
    return hashlib.sha256("".join(rows.values()).encode()).hexdigest()[:12]


def _kinds(taxi: str | None) -> list[TaxiType]:
    return [find_type(taxi)] if taxi else list(ALL.values())


def _month(service: Service, type: str, month: str) -> Which:
    """Raises NotFound where there is no such cell."""
    kind = find_type(type)
    partition = kind.partition(month)
    if isinstance(partition, Month) and partition > Month.of(service.orchestrator.parts.clock().date()):
        raise NotFound(f"{kind.name} {partition} is yet to come", "the calendar ends with the month we are in")
    return kind, partition
