"""One month: what is beside the calendar when its cell is chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from taxi_pipelines.api.months import LOADS
from taxi_pipelines.domain.execution import Execution, TaskRun
from taxi_pipelines.domain.month import Month, Partition
from taxi_pipelines.domain.receipt import Receipt, Severity
from taxi_pipelines.domain.records import LogLine
from taxi_pipelines.flow_interfaces import ExecutionFilter, LogFilter, Page
from taxi_pipelines.interfaces import LakeObject
from taxi_pipelines.service import Service
from taxi_pipelines.taxi.types import TaxiType
from taxi_pipelines.web.month_board import read_months
from taxi_pipelines.web.month_cells import Cell, CellState, Months, calendar
from taxi_pipelines.web.month_sentences import what_of
from taxi_pipelines.web.month_steps import Step, StepState, run_of, steps_of, steps_of_receipt, what_was_kept
from taxi_pipelines.web.words import month_name

EXECUTIONS = 6
LINES = 300


@dataclass(frozen=True, kw_only=True, slots=True)
class Panel:
    """All that is known of a month. `latest` is the newest execution of the flow that loads months; `steps` are its, or the
    receipt's where that is newer. `what` and `hint` are why the last attempt failed, `kept` what that left."""

    kind: TaxiType
    cell: Cell
    executions: tuple[Execution, ...]
    latest: Execution | None
    steps: tuple[Step, ...]
    receipt: Receipt | None
    versions: tuple[LakeObject, ...]
    what: str = ""
    hint: str = ""
    kept: str = ""

    @property
    def title(self) -> str:
        """`September 2023`; the table where it is published as a whole."""
        return month_name(self.cell.month) if isinstance(self.cell.month, Month) else self.kind.title

    @property
    def failed(self) -> Step | None:
        """The step that failed, if one did."""
        return next((step for step in self.steps if step.state in (StepState.FAILED, StepState.AGAIN)), None)

    @property
    def warnings(self) -> int:
        """How many checks have something to say."""
        return (
            sum(not check.passed and check.severity is Severity.WARN for check in self.receipt.checks)
            if self.receipt
            else 0
        )

    @property
    def can_roll_back(self) -> bool:
        """Whether there is a version before."""
        return self.cell.is_loaded and len(self.versions) > 1


def read_panel(service: Service, kind: TaxiType, partition: Partition, months: Months | None = None) -> Panel:
    """As it is now, or of what was read already. The month has to be one of the type."""
    cell = next(cell for cell in calendar(kind, months or read_months(service)).cells if cell.month == partition)
    month = str(partition) if isinstance(partition, Month) else None
    receipts = service.pipeline.receipts(kind.name, month)
    receipt = receipts[0] if receipts and cell.is_loaded else None
    versions = tuple(service.pipeline.lake_versions(kind.name, str(partition)))
    executions = _executions(service, cell, receipt)
    latest = next((one for one in executions if (one.namespace, one.flow_id) == LOADS), None)
    runs = service.orchestrator.task_runs(latest.id) if latest else []
    steps = _steps(service, latest, runs, receipt)
    what, hint = _reason(cell, steps)
    return Panel(
        kind=kind,
        cell=cell,
        executions=executions,
        latest=latest,
        steps=steps,
        receipt=receipt,
        versions=versions,
        what=what,
        hint=hint,
        kept=_kept(cell, steps, runs, versions),
    )


def read_log(service: Service, execution_id: str, task_id: str) -> list[LogLine]:
    """The last lines of a task."""
    wanted = LogFilter(execution_id=execution_id, task=task_id)
    return service.orchestrator.parts.logs.search_lines(wanted, Page(limit=LINES))[::-1]


def _executions(service: Service, cell: Cell, receipt: Receipt | None) -> tuple[Execution, ...]:
    """By their labels; and those that other flows have loaded it by, which are known by it or by its receipt."""
    labels = {"taxi": cell.type, "month": str(cell.month)}
    parts = service.orchestrator.parts
    found = {one.id: one for one in parts.executions.search(ExecutionFilter(labels=labels), Page(limit=EXECUTIONS))}
    others = {cell.work.execution_id if cell.work else None, receipt.execution_id if receipt else None}
    if missing := {id for id in others if id} - found.keys():
        found |= parts.statistics.found(missing)
    return tuple(sorted(found.values(), key=lambda one: one.created_at, reverse=True))


def _steps(
    service: Service, latest: Execution | None, runs: Sequence[TaskRun], receipt: Receipt | None
) -> tuple[Step, ...]:
    is_newer = receipt and latest and latest.ended_at and receipt.finished_at > latest.ended_at
    if latest and not is_newer:
        return steps_of(latest, runs, service.orchestrator.parts.clock())
    return steps_of_receipt(receipt) if receipt else ()


def _reason(cell: Cell, steps: Sequence[Step]) -> tuple[str, str]:
    """What happened, and what to do about it."""
    error = next((step.error for step in steps if step.state in (StepState.FAILED, StepState.AGAIN)), "") or cell.reason
    return what_of(error), error.partition("; ")[2]


def _kept(cell: Cell, steps: Sequence[Step], runs: Sequence[TaskRun], versions: Sequence[LakeObject]) -> str:
    if cell.state is not CellState.FAILED:
        return ""
    failed = next((step.name for step in steps if step.state is StepState.FAILED), "")
    extracted = run_of(runs, "extract")
    sha256 = extracted.outputs.get("sha256") if extracted else None
    is_in_lake = any(version.manifest.sha256 == sha256 for version in versions)
    return what_was_kept(failed, is_in_lake=is_in_lake, is_loaded=cell.is_loaded)
