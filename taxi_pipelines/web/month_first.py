"""A first start: one month that can be loaded by one button, and how that goes."""

from __future__ import annotations

from dataclasses import dataclass

from taxi_pipelines.api.months import LOADS
from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.domain.month import Month
from taxi_pipelines.domain.plan import PlannedAction
from taxi_pipelines.engine.parts import Parts
from taxi_pipelines.flow_interfaces import ExecutionFilter, Page
from taxi_pipelines.outlook import Known
from taxi_pipelines.service import Service
from taxi_pipelines.taxi.types import MONTHLY, TaxiType
from taxi_pipelines.web.month_board import NO_REASON
from taxi_pipelines.web.month_cells import Months
from taxi_pipelines.web.month_sentences import what_of
from taxi_pipelines.web.month_steps import Step, steps_of

USUAL = (MONTHLY["green"], Month(2024, 1))
"""A month of the smallest of the tables."""

TO_LOAD = (PlannedAction.LOAD, PlannedAction.RELOAD)


@dataclass(frozen=True, kw_only=True, slots=True)
class FirstLoad:
    """What is offered; `bytes` where the source said so. `latest` is an execution that tried it, `reason` why that failed."""

    kind: TaxiType
    month: Month
    source: str
    bytes: int | None
    latest: Execution | None
    steps: tuple[Step, ...]
    reason: str


def first_load(service: Service, months: Months, source: str) -> FirstLoad:
    """What to begin with."""
    kind, month = which(months.known)
    labels = {"taxi": kind.name, "month": str(month)}
    wanted = ExecutionFilter(namespace=LOADS[0], flow_id=LOADS[1], labels=labels)
    parts = service.orchestrator.parts
    latest = next(iter(parts.executions.search(wanted, Page(limit=1))), None)
    offered = months.known.months.get((kind.name, str(month)))
    return FirstLoad(
        kind=kind,
        month=month,
        source=source,
        bytes=offered.bytes if offered else None,
        latest=latest,
        steps=steps_of(latest, parts.executions.task_runs(latest.id), parts.clock()) if latest else (),
        reason=_reason(parts, latest) if latest and latest.state.has_failed else "",
    )


def _reason(parts: Parts, failed: Execution) -> str:
    return what_of(parts.statistics.reasons([failed.id]).get(failed.id, NO_REASON))


def which(known: Known) -> tuple[TaxiType, Month]:
    """The usual month, unless the source is known not to have it, but others: then the newest of the first type that has one."""
    there = {key for key, offered in known.months.items() if offered.action in TO_LOAD}
    if not there or (USUAL[0].name, str(USUAL[1])) in there:
        return USUAL
    for kind in (USUAL[0], *MONTHLY.values()):
        if found := [month for name, month in there if name == kind.name]:
            return kind, Month.parse(max(found))
    return USUAL
