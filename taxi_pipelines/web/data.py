"""`/data`: the target's tables and a box to ask them in SQL; `/data/{table}`: one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response

from taxi_pipelines.api.routing import VIEWER, TheService
from taxi_pipelines.errors import NotFound
from taxi_pipelines.taxi.types import MONTHLY
from taxi_pipelines.web.data_examples import Loaded, examples, preview
from taxi_pipelines.web.pages import ThePages

if TYPE_CHECKING:  # brings pyarrow, which the other pages do without
    from taxi_pipelines.months.tables import Table

router = APIRouter()

TARGETS = {"duckdb": "DuckDB file", "postgres": "PostgreSQL", "bigquery": "BigQuery dataset"}


@router.get("/data", **VIEWER)
def show(request: Request, pages: ThePages, service: TheService) -> Response:
    """All tables. The statement in the box may stand in the address, as `?sql=`."""
    tables = service.pipeline.tables()
    target, place = service.pipeline.target
    return pages.show(
        request,
        "data.html",
        tables=tables,
        target=TARGETS[target],
        place=place,
        bills=target == "bigquery",
        loaded=any(table.parts for table in tables),
        monthly=set(MONTHLY),
        examples=examples(target, [_loaded(table) for table in tables if table.parts]),
    )


@router.get("/data/{table}", **VIEWER)
def show_table(request: Request, pages: ThePages, service: TheService, table: str) -> Response:
    """Its columns, its months, a few of its rows."""
    tables = {it.kind.table: it for it in service.pipeline.tables()}
    if table not in tables:
        raise NotFound(f"there is no table {table}", f"the tables are {', '.join(tables)}")
    found = tables[table]
    target, _ = service.pipeline.target
    return pages.show(
        request,
        "data_table.html",
        table=found,
        is_monthly=found.kind.name in MONTHLY,
        bills=target == "bigquery",
        preview=preview(target, _loaded(found)) if found.parts else "",
    )


def _loaded(table: Table) -> Loaded:
    return Loaded(table.kind, str(table.parts[0].month), str(table.parts[-1].month))
