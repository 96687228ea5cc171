"""`/months`: the grid of taxi × month, what is proven of each, and the verbs on one."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi import Path as InPath
from starlette.concurrency import run_in_threadpool

from taxi_pipelines.api.errors import errors
from taxi_pipelines.api.execution_bodies import ExecutionBody
from taxi_pipelines.api.executions import body_of
from taxi_pipelines.api.follow import until_ended
from taxi_pipelines.api.month_bodies import FileVersion, MonthBody, ReceiptBody, VerificationBody
from taxi_pipelines.api.routing import OPERATOR, VIEWER, TheService
from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.service import Service

router = APIRouter(tags=["Months"])

LOADS = ("nyc.taxi", "taxi_month")
"""Namespace and id of the flow that loads a month, where it is kept."""

Type = Annotated[str, InPath(description="yellow, green, fhv, fhvhv, or zones.")]
Month = Annotated[str, InPath(description="As 2024-01; `all` for zones.")]
Force = Annotated[bool, Query(description="Load again what is unchanged.")]


@router.get("/months", summary="Get the grid of taxi × month", **VIEWER)
def grid(
    service: TheService, type: Annotated[str | None, Query(description="Only this type of taxi.")] = None
) -> list[MonthBody]:
    """Every month that is loaded, failed, or being worked on."""
    cells = (MonthBody.model_validate(cell.to_dict()) for cell in service.pipeline.status())
    return [cell for cell in cells if type in (None, cell.type)]


@router.get("/months/{type}/{month}/receipts", summary="Get the receipts of a month", **VIEWER)
def receipts(service: TheService, type: Type, month: Month) -> list[ReceiptBody]:
    """The newest first."""
    return [ReceiptBody.model_validate(one.to_dict()) for one in service.pipeline.receipts(type, _month(month))]


@router.get("/months/{type}/{month}/versions", summary="Get the versions of a month's file", **VIEWER)
def versions(service: TheService, type: Type, month: Month) -> list[FileVersion]:
    """As the lake has them, the newest first."""
    return [
        FileVersion(
            type=it.manifest.type,
            month=str(it.manifest.month),
            sha256=it.manifest.sha256,
            bytes=it.manifest.bytes,
            path=it.location,
            fetched_at=it.manifest.fetched_at,
        )
        for it in service.pipeline.lake_versions(type, month)
    ]


@router.post("/months/{type}/{month}/load", summary="Load a month", responses=errors(404, 409), **OPERATOR)
async def load(
    service: TheService,
    request: Request,
    type: Type,
    month: Month,
    force: Force = False,
    wait: Annotated[bool, Query(description="Where it is an execution: answer when it has ended.")] = False,
) -> ExecutionBody | ReceiptBody:
    """As an execution of the flow `nyc.taxi.taxi_month`, where that is kept; else at once, answered by its receipt."""
    execution = await run_in_threadpool(_begin, service, type, month)
    if execution is None:
        receipt = await run_in_threadpool(service.pipeline.run, type, _month(month), force=force)
        return ReceiptBody.model_validate(receipt.to_dict())
    if wait:
        execution = await until_ended(service, execution.id, request)
    return await run_in_threadpool(body_of, service, request, execution)


@router.post("/months/{type}/{month}/verify", summary="Prove a month", responses=errors(404), **OPERATOR)
def verify(service: TheService, type: Type, month: Month) -> VerificationBody:
    """Compares every row of the table with the file; answered when that is done."""
    (proof,) = service.pipeline.verify(type, [month])
    return VerificationBody.model_validate(proof.to_dict())


@router.post(
    "/months/{type}/{month}/rollback", summary="Put the version before back", responses=errors(404, 409), **OPERATOR
)
def rollback(service: TheService, type: Type, month: Month) -> ReceiptBody:
    """Answered by its receipt when that is done."""
    return ReceiptBody.model_validate(service.pipeline.rollback(type, _month(month)).to_dict())


def _month(given: str) -> str | None:
    return None if given == "all" else given


def _begin(service: Service, type: str, month: str) -> Execution | None:
    control = service.orchestrator.control
    if service.orchestrator.parts.flows.find(*LOADS) is None:
        return None
    execution = control.make_execution(control.flow(*LOADS), {"taxi": type, "month": month})
    service.submit(execution)
    return execution
