"""`/months`: the grid of taxi × month, what is proven of each, and the verbs on one."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi import Path as InPath
from starlette.concurrency import run_in_threadpool

from taxi_pipelines.api.errors import errors
from taxi_pipelines.api.execution_bodies import ExecutionBody
from taxi_pipelines.api.executions import body_of
from taxi_pipelines.api.follow import until_ended
from taxi_pipelines.api.month_bodies import (
    FileVersion,
    LoadBegun,
    MonthBody,
    MonthsToLoad,
    OfferedMonth,
    OutlookBody,
    ReceiptBody,
    VerificationBody,
)
from taxi_pipelines.api.routing import OPERATOR, VIEWER, TheService
from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.domain.flow import Flow
from taxi_pipelines.domain.month import Whole
from taxi_pipelines.service import Service
from taxi_pipelines.settings import Target
from taxi_pipelines.taxi.types import find_monthly, find_type

router = APIRouter(tags=["Months"])

LOADS = ("nyc.taxi", "taxi_month")
"""Namespace and id of the flow that loads a month."""

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


@router.get("/months/outlook", summary="Get what the source offers", **VIEWER)
def outlook(service: TheService) -> OutlookBody:
    """As it was when it was asked last; nobody is asked."""
    known = service.outlook.known
    return OutlookBody(
        asked_at=known.asked_at,
        asking=known.is_asking,
        trouble="; ".join(known.trouble) if known.trouble else None,
        months=[
            OfferedMonth(type=name, month=month, action=offered.action, bytes=offered.bytes)
            for (name, month), offered in sorted(known.months.items())
        ],
    )


@router.post("/months/outlook", summary="Ask the source what it offers", **OPERATOR)
def ask(service: TheService) -> OutlookBody:
    """Answered at once, with what is known so far; asking goes on for a while."""
    service.outlook.ask()
    return outlook(service)


@router.post("/months/{type}/load", summary="Load several months", responses=errors(404, 409), **OPERATOR)
def load_several(service: TheService, type: Type, wanted: MonthsToLoad) -> list[LoadBegun]:
    """One execution of the flow `nyc.taxi.taxi_month` for each; as many work at a time as there are workers."""
    kind = find_monthly(type)
    months = list(dict.fromkeys(str(kind.partition(month)) for month in wanted.months))
    flow = _loading_flow(service)
    begun = [(month, _begin(service, flow, type, month, force=wanted.force)) for month in months]
    return [LoadBegun(month=month, execution_id=execution.id) for month, execution in begun]


@router.post("/months/{type}/{month}/load", summary="Load a month", responses=errors(404, 409), **OPERATOR)
async def load(
    service: TheService,
    request: Request,
    type: Type,
    month: Month,
    force: Force = False,
    wait: Annotated[bool, Query(description="Answer when it has ended.")] = False,
) -> ExecutionBody | ReceiptBody:
    """As an execution of the flow `nyc.taxi.taxi_month`, labelled `taxi` and `month`; the flow that comes with the package is
    kept first where there is none. Zones, which no flow of months loads, are loaded at once, and answered by their receipt."""
    if isinstance(find_type(type).partition(_month(month)), Whole):
        receipt = await run_in_threadpool(service.pipeline.run, type, force=force)
        return ReceiptBody.model_validate(receipt.to_dict())
    flow = await run_in_threadpool(_loading_flow, service)
    execution = await run_in_threadpool(_begin, service, flow, type, month, force=force)
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


def _loading_flow(service: Service) -> Flow:
    """The flow that loads a month, kept first where there is none."""
    control = service.orchestrator.control
    if service.orchestrator.parts.flows.find(*LOADS) is None:
        shipped = files("taxi_pipelines") / "shipped_flows" / f"{LOADS[1]}.yaml"
        control.save_flow(shipped.read_text(encoding="utf-8"), file=shipped.name)
        service.triggers_changed()
    return control.flow(*LOADS)


def _begin(service: Service, flow: Flow, type: str, month: str, *, force: bool) -> Execution:
    """With the source and the target that the service has, where its workers might know others."""
    settings = service.settings
    given: dict[str, object] = {"taxi": type, "month": month}
    more: dict[str, object] = {
        "force": force,
        "source": None if settings.source_is_default else _address(settings.source),
        "target": None if settings.target is Target.DUCKDB else str(settings.target),
    }
    known = {one.id for one in flow.inputs}
    given |= {name: value for name, value in more.items() if value and name in known}
    control = service.orchestrator.control
    execution = control.make_execution(flow, given, labels={"taxi": type, "month": month})
    service.submit(execution)
    return execution


def _address(source: str) -> str:
    """A worker's folder is another one."""
    return source if "://" in source else str(Path(source).expanduser().absolute())
