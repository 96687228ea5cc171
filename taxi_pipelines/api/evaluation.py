"""`/executions/{id}/eval/{taskRunId}`: an expression tried with what a task run knew, as Kestra has it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi import Path as InPath
from starlette.concurrency import run_in_threadpool

from taxi_pipelines.api.bodies import Body, with_example
from taxi_pipelines.api.errors import errors
from taxi_pipelines.api.executions import Id
from taxi_pipelines.api.forms import text_of
from taxi_pipelines.api.routing import OPERATOR, TheService, find_execution, sending
from taxi_pipelines.engine.evaluation import evaluate
from taxi_pipelines.errors import ExpressionFailed
from taxi_pipelines.service import Service

router = APIRouter(tags=["Executions"])

EXPRESSION_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"text/plain": {"schema": {"type": "string"}, "example": "{{ outputs.fetch.uri }}"}},
    }
}


class EvaluatedBody(Body):
    """What an expression gave, or why it gave nothing: in words, with the place in it."""

    model_config = with_example(result="kestra:///demo/hello/trips.csv", error=None)

    result: str | None = None
    error: str | None = None


@router.post(
    "/executions/{execution_id}/eval/{task_run_id}",
    summary="Try an expression",
    responses=errors(404),
    **sending(OPERATOR, EXPRESSION_BODY),
)
async def try_expression(
    service: TheService,
    request: Request,
    execution_id: Id,
    task_run_id: Annotated[str, InPath(description="Id of a task run of it.")],
) -> EvaluatedBody:
    """With inputs, outputs, and variables as they are stored; secrets are masked, nothing is changed."""
    return await run_in_threadpool(_evaluated, service, execution_id, task_run_id, await text_of(request))


def _evaluated(service: Service, execution_id: str, task_run_id: str, expression: str) -> EvaluatedBody:
    execution = find_execution(service, execution_id)
    try:
        return EvaluatedBody(result=evaluate(service.orchestrator.parts, execution, task_run_id, expression))
    except ExpressionFailed as error:
        return EvaluatedBody(error="; ".join(part for part in (error.what, error.hint) if part))
