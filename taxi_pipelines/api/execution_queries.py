"""What is done to all executions that a search finds: restart, replay, kill, delete, export.

Unlike those by ids, these do it to every one that can be, and say how many could not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from fastapi import APIRouter
from starlette.responses import StreamingResponse

from taxi_pipelines.api.bodies import ProblemBody
from taxi_pipelines.api.execution_bodies import DoneBody
from taxi_pipelines.api.exports import CSV, EXECUTION_COLUMNS, csv_of, execution_rows
from taxi_pipelines.api.filters import TheExecutions
from taxi_pipelines.api.routing import ADMIN, OPERATOR, VIEWER, TheService
from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.domain.restart import RESTARTABLE
from taxi_pipelines.domain.states import ENDED, State
from taxi_pipelines.errors import NotFound, UsageError
from taxi_pipelines.flow_interfaces import ExecutionFilter
from taxi_pipelines.service import Service

router = APIRouter(tags=["Executions"])

MOST = 10_000
"""So many at once, at most: each takes a transaction."""

TOLD = 20
"""So many of those that could not be are told of one by one."""


@router.post("/executions/restart/by-query", summary="Restart all executions of a search", **OPERATOR)
def restart(service: TheService, wanted: TheExecutions) -> DoneBody:
    """What failed in them is tried again."""
    return _to_all(service, wanted, frozenset(RESTARTABLE), service.orchestrator.control.restart)


@router.post("/executions/replay/by-query", summary="Replay all executions of a search", **OPERATOR)
def replay(service: TheService, wanted: TheExecutions) -> DoneBody:
    """Each again, as a new one, from the start."""
    return _to_all(service, wanted, frozenset(State), service.orchestrator.control.replay)


@router.delete("/executions/kill/by-query", summary="Kill all executions of a search", **OPERATOR)
def kill(service: TheService, wanted: TheExecutions) -> DoneBody:
    """And all that runs in them."""
    return _to_all(service, wanted, frozenset(State) - ENDED, service.orchestrator.control.kill)


@router.delete("/executions/by-query", summary="Delete all executions of a search", **ADMIN)
def delete(service: TheService, wanted: TheExecutions) -> DoneBody:
    """With their logs and files; such that have ended."""
    return _to_all(service, wanted, ENDED, service.orchestrator.control.delete_execution)


@router.get(
    "/executions/export/by-query/csv",
    summary="Export all executions of a search",
    response_class=StreamingResponse,
    responses=CSV,
    **VIEWER,
)
def export(service: TheService, wanted: TheExecutions) -> StreamingResponse:
    """As CSV, the newest first. Texts that a spreadsheet would take for a formula begin with `'`."""
    return csv_of("executions.csv", EXECUTION_COLUMNS, execution_rows(service, wanted))


def _to_all(
    service: Service, wanted: ExecutionFilter, possible: frozenset[State], verb: Callable[[Execution], object]
) -> DoneBody:
    if wanted == ExecutionFilter():
        raise UsageError("nothing says which executions are meant", "give a filter: state, flowId, labels, timeRange")
    parts = service.orchestrator.parts
    among = wanted.states if wanted.states is not None else frozenset(State)
    able = replace(wanted, states=among & possible)
    if parts.executions.count(able, MOST + 1) > MOST:
        raise UsageError(f"more than {MOST:,} executions match", "narrow the search, and repeat it")
    counts = {
        state: parts.executions.count(replace(wanted, states=frozenset({state}))) for state in sorted(among - possible)
    }
    problems = [
        ProblemBody(path=str(state), message=f"{count:,} {'is' if count == 1 else 'are'} {state}")
        for state, count in counts.items()
        if count
    ]
    done, refused = 0, sum(counts.values())
    for execution in parts.statistics.every(able):
        try:
            verb(execution)
            done += 1
        except (NotFound, UsageError) as error:
            refused += 1
            if len(problems) < TOLD:
                problems.append(ProblemBody(path=execution.id, message=error.what))
    service.look()
    return DoneBody(count=done, refused=refused, problems=problems)
