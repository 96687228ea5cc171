"""What the page of the months reads: the warehouse's months, the executions at work on some, what the source offers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from taxi_pipelines.api.months import LOADS
from taxi_pipelines.domain.execution import Execution, TaskRun
from taxi_pipelines.domain.month import Month, Partition, parse_partition
from taxi_pipelines.domain.states import ENDED, State
from taxi_pipelines.errors import InvalidMonth
from taxi_pipelines.flow_interfaces import ExecutionFilter, Page
from taxi_pipelines.service import Service
from taxi_pipelines.taxi.types import ALL, TaxiType
from taxi_pipelines.web.month_cells import Calendar, Months, Work, calendar
from taxi_pipelines.web.month_schedule import next_loads
from taxi_pipelines.web.month_sentences import Phrase, sentences
from taxi_pipelines.web.month_steps import STEPS, run_of

MOST_AT_WORK = 500
FOLLOWED = 24
"""Of so many executions the steps are looked at; there are not more workers than that."""

RECENT = timedelta(hours=1)
"""So long a month that was never loaded counts as failed because its last execution did: the source might not have had it yet."""

MOST_RECENT = 20
NO_REASON = "no reason is known"

COLUMNS = (("yellow",), ("green", "zones"), ("fhv", "fhvhv"))


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A calendar with the line that says how it stands."""

    calendar: Calendar
    phrases: tuple[Phrase, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Board:
    """The whole page. `is_empty`: nothing was ever loaded, and nothing is at work."""

    months: Months
    tables: tuple[Table, ...]

    @property
    def is_empty(self) -> bool:
        """Whether this is a first start."""
        return not any(status.rows is not None for status in self.months.statuses.values())

    @property
    def columns(self) -> list[list[Table]]:
        """Side by side, so that they are about as long as each other."""
        of = {table.calendar.kind.name: table for table in self.tables}
        return [found for names in COLUMNS if (found := [of[name] for name in names if name in of])]


def read_board(service: Service, kinds: Sequence[TaxiType] = tuple(ALL.values())) -> Board:
    """As it is now."""
    months = read_months(service)
    loads = next_loads(service.orchestrator.parts)
    tables = []
    for kind in kinds:
        found = calendar(kind, months)
        tables.append(Table(calendar=found, phrases=sentences(found, loads.get(kind.name))))
    return Board(months=months, tables=tuple(tables))


def read_months(service: Service) -> Months:
    """What is known of all of them."""
    statuses = {(status.type, status.month): status for status in service.pipeline.status()}
    works = _works(service)
    return Months(
        today=Month.of(service.orchestrator.parts.clock().date()),
        statuses=statuses,
        works=works,
        failures=_failures(
            service, {key for key, status in statuses.items() if status.rows is not None} | works.keys()
        ),
        known=service.outlook.known,
    )


def cell_of(execution: Execution) -> tuple[str, Partition] | None:
    """The cell that an execution is about, by its inputs; None where it is about none, or several."""
    taxi, month = execution.inputs.get("taxi"), execution.inputs.get("month")
    if taxi not in ALL or not isinstance(month, str):
        return None
    try:
        return str(taxi), parse_partition(month)
    except InvalidMonth:
        return None


def _works(service: Service) -> Mapping[tuple[str, Partition], Work]:
    executions = service.orchestrator.parts.executions
    wanted = ExecutionFilter(namespace=LOADS[0], states=frozenset(State) - ENDED)
    found: dict[tuple[str, Partition], Work] = {}
    followed = 0
    for execution in reversed(executions.search(wanted, Page(limit=MOST_AT_WORK))):
        key = cell_of(execution)
        if key is None:
            continue
        runs: Sequence[TaskRun] = ()
        if execution.state not in (State.CREATED, State.QUEUED) and followed < FOLLOWED:
            followed += 1
            runs = executions.task_runs(execution.id)
        found[key] = work_of(execution, runs)
    return found


def work_of(execution: Execution, runs: Sequence[TaskRun]) -> Work:
    """How far it is, by the steps that months have. Pure."""
    steps = [(name, run_of(runs, name)) for name in STEPS]
    begun = [(name, run) for name, run in steps if run and run.started_at]
    done = sum(run.state is State.SUCCESS for _, run in begun)
    current = next((name for name, run in reversed(begun) if not run.state.has_ended), "")
    other = any(run.state is State.RUNNING for run in runs)
    share = round(100 * (done + (0.5 if current else 0)) / len(STEPS)) if begun else None
    return Work(execution_id=execution.id, has_begun=bool(begun) or other, share=share, step=current)


def _failures(service: Service, known: set[tuple[str, Partition]]) -> Mapping[tuple[str, Partition], str]:
    """Why loading months failed a moment ago that are neither loaded nor being loaded."""
    parts = service.orchestrator.parts
    since = parts.clock() - RECENT
    wanted = ExecutionFilter(namespace=LOADS[0], flow_id=LOADS[1], states=frozenset({State.FAILED}), since=since)
    failed: dict[tuple[str, Partition], Execution] = {}
    for execution in parts.executions.search(wanted, Page(limit=MOST_RECENT)):
        key = cell_of(execution)
        if key and key not in known:
            failed.setdefault(key, execution)
    reasons = parts.statistics.reasons([one.id for one in failed.values()]) if failed else {}
    return {key: reasons.get(one.id, NO_REASON) for key, one in failed.items()}
