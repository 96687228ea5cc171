"""What can be asked of executions: kill, pause, resume, restart, replay, label, delete; one by one, or several by their ids.

Several: all of them or none, where one cannot be. What an engine must do is asked of it, and done a moment later.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Body, Query, Request
from starlette.concurrency import run_in_threadpool

from taxi_pipelines.api.bodies import CountBody, Label, ProblemBody
from taxi_pipelines.api.errors import BulkRefused, conflicts, errors
from taxi_pipelines.api.execution_bodies import ExecutionBody, LabelsByIds
from taxi_pipelines.api.executions import Id, body_of
from taxi_pipelines.api.forms import INPUTS_BODY, inputs_of
from taxi_pipelines.api.routing import ADMIN, OPERATOR, Revision, TheService, find_execution, sending
from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.domain.restart import RESTARTABLE
from taxi_pipelines.domain.states import State
from taxi_pipelines.errors import NotFound
from taxi_pipelines.service import Service

router = APIRouter(tags=["Executions"])

Ids = Annotated[
    list[str], Body(max_length=10_000, description="Ids of executions.", examples=[["k3v9q0c2m7x1a5b8d4fz"]])
]


@router.delete("/executions/kill/by-ids", summary="Kill executions", **OPERATOR)
def kill_by_ids(service: TheService, ids: Ids) -> CountBody:
    """And all that runs in them."""
    return _each(service, ids, lambda it: not it.state.has_ended, "has ended", service.orchestrator.control.kill)


@router.post("/executions/pause/by-ids", summary="Pause executions", **OPERATOR)
def pause_by_ids(service: TheService, ids: Ids) -> CountBody:
    """Nothing more begins in them; what runs goes on."""
    control = service.orchestrator.control
    return _each(service, ids, lambda it: it.state is State.RUNNING, "is not RUNNING", control.pause)


@router.post("/executions/resume/by-ids", summary="Resume executions", **OPERATOR)
def resume_by_ids(service: TheService, ids: Ids) -> CountBody:
    """Without inputs."""
    control = service.orchestrator.control
    return _each(service, ids, lambda it: it.state is State.PAUSED, "is not PAUSED", control.resume)


@router.post("/executions/restart/by-ids", summary="Restart executions", **OPERATOR)
def restart_by_ids(service: TheService, ids: Ids) -> CountBody:
    """What failed in them is tried again."""
    control = service.orchestrator.control
    return _each(service, ids, lambda it: it.state in RESTARTABLE, "cannot be restarted", control.restart)


@router.post("/executions/replay/by-ids", summary="Replay executions", **OPERATOR)
def replay_by_ids(service: TheService, ids: Ids) -> CountBody:
    """Each again, as a new one, from the start."""

    def replay(execution: Execution) -> None:
        service.orchestrator.control.replay(execution)

    return _each(service, ids, lambda it: True, "", replay)


@router.post("/executions/labels/by-ids", summary="Set labels of executions", **OPERATOR)
def label_by_ids(service: TheService, wanted: LabelsByIds) -> CountBody:
    """Of such that have ended; other labels stay."""
    labels = {label.key: label.value for label in wanted.execution_labels}

    def relabel(execution: Execution) -> None:
        service.orchestrator.control.relabel(execution, labels)

    return _each(service, wanted.executions_id, lambda it: it.state.has_ended, "has not ended", relabel)


@router.delete("/executions/by-ids", summary="Delete executions", **ADMIN)
def delete_by_ids(service: TheService, ids: Ids) -> CountBody:
    """With their logs and files; such that have ended."""
    control = service.orchestrator.control
    return _each(service, ids, lambda it: it.state.has_ended, "has not ended", control.delete_execution)


@router.delete(
    "/executions/{execution_id}/kill",
    summary="Kill an execution",
    status_code=202,
    responses=errors(404, 409),
    **OPERATOR,
)
def kill(service: TheService, request: Request, execution_id: Id) -> ExecutionBody:
    """And all that runs in it, subflows included."""
    return _ask(service, request, execution_id, service.orchestrator.control.kill)


@router.post("/executions/{execution_id}/pause", summary="Pause an execution", responses=errors(404, 409), **OPERATOR)
def pause(service: TheService, request: Request, execution_id: Id) -> ExecutionBody:
    """Nothing more begins; what runs goes on."""
    return _ask(service, request, execution_id, service.orchestrator.control.pause)


@router.post(
    "/executions/{execution_id}/resume",
    summary="Resume an execution",
    responses=errors(404, 409),
    **sending(OPERATOR, INPUTS_BODY),
)
async def resume(service: TheService, request: Request, execution_id: Id) -> ExecutionBody:
    """With the inputs that its pause asks for."""
    async with inputs_of(request) as given:
        control = service.orchestrator.control
        return await run_in_threadpool(
            _ask, service, request, execution_id, lambda execution: control.resume(execution, given.values)
        )


@router.post(
    "/executions/{execution_id}/restart", summary="Restart an execution", responses=errors(404, 409), **OPERATOR
)
def restart(service: TheService, request: Request, execution_id: Id, revision: Revision = None) -> ExecutionBody:
    """What failed in it is tried again, what ended well is kept; with that revision of its flow, or the same."""
    control = service.orchestrator.control
    return _ask(service, request, execution_id, lambda execution: control.restart(execution, revision))


@router.post("/executions/{execution_id}/replay", summary="Replay an execution", responses=errors(404), **OPERATOR)
def replay(
    service: TheService,
    request: Request,
    execution_id: Id,
    task_run_id: Annotated[
        str | None, Query(alias="taskRunId", description="Begin here; what came before is kept.")
    ] = None,
    revision: Revision = None,
) -> ExecutionBody:
    """A new execution, from the start or from a task run; with that revision of its flow, or the same."""
    again = service.orchestrator.control.replay(find_execution(service, execution_id), task_run_id, revision)
    service.look()
    return body_of(service, request, again)


@router.post(
    "/executions/{execution_id}/labels", summary="Set labels of an execution", responses=errors(404, 409), **OPERATOR
)
def label(service: TheService, request: Request, execution_id: Id, labels: list[Label]) -> ExecutionBody:
    """Of one that has ended; other labels stay."""
    execution = find_execution(service, execution_id)
    with conflicts():
        changed = service.orchestrator.control.relabel(execution, {one.key: one.value for one in labels})
    return body_of(service, request, changed)


@router.delete(
    "/executions/{execution_id}", summary="Delete an execution", status_code=204, responses=errors(404, 409), **ADMIN
)
def delete(service: TheService, execution_id: Id) -> None:
    """With its logs and files; one that has ended."""
    execution = find_execution(service, execution_id)
    with conflicts():
        service.orchestrator.control.delete_execution(execution)


def _ask(service: Service, request: Request, execution_id: str, verb: Callable[[Execution], None]) -> ExecutionBody:
    execution = find_execution(service, execution_id)
    with conflicts():
        verb(execution)
    service.look()
    return body_of(service, request, execution)


def _each(
    service: Service,
    ids: list[str],
    can_be: Callable[[Execution], bool],
    why_not: str,
    verb: Callable[[Execution], None],
) -> CountBody:
    found, problems = [], []
    for id in dict.fromkeys(ids):
        try:
            execution = find_execution(service, id)
        except NotFound as error:
            problems.append(ProblemBody(path=id, message=error.what))
            continue
        if can_be(execution):
            found.append(execution)
        else:
            problems.append(ProblemBody(path=id, message=f"execution {id} {why_not}: it is {execution.state}"))
    if problems:
        raise BulkRefused(problems)
    with conflicts():
        for execution in found:
            verb(execution)
    service.look()
    return CountBody(count=len(found))
