"""Flows as graphs, on Kestra's paths: of what is kept, of a text that is being written, of an execution with its states."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi import Path as InPath
from starlette.concurrency import run_in_threadpool

from taxi_pipelines.api.errors import errors
from taxi_pipelines.api.forms import YAML_BODY, text_of
from taxi_pipelines.api.graph_bodies import GraphBody, graph_body
from taxi_pipelines.api.routing import VIEWER, Revision, TheService, find_execution, sending
from taxi_pipelines.domain.graph import graph_of, progress_of
from taxi_pipelines.flowspec.build import parse_flow

router = APIRouter()


@router.get(
    "/flows/{namespace}/{id}/graph", tags=["Flows"], summary="Get a flow's graph", responses=errors(404), **VIEWER
)
def of_flow(
    service: TheService,
    namespace: Annotated[str, InPath(description="Namespace of the flow.")],
    id: Annotated[str, InPath(description="Id of the flow.")],
    revision: Revision = None,
) -> GraphBody:
    """What is inside of what, and what comes after what."""
    return graph_body(graph_of(service.orchestrator.control.flow(namespace, id, revision)))


@router.post("/flows/graph", tags=["Flows"], summary="Get the graph of a YAML text", **sending(VIEWER, YAML_BODY))
async def of_text(service: TheService, request: Request) -> GraphBody:
    """Nothing is kept. Refused with every problem where the text is not valid."""
    text = await text_of(request)
    flow = await run_in_threadpool(parse_flow, text, service.orchestrator.parts.catalog)
    return graph_body(graph_of(flow))


@router.get(
    "/executions/{execution_id}/graph",
    tags=["Executions"],
    summary="Get the graph of an execution",
    responses=errors(404),
    **VIEWER,
)
def of_execution(
    service: TheService, execution_id: Annotated[str, InPath(description="Id of the execution.")]
) -> GraphBody:
    """That of its flow's revision, with the states of its task runs."""
    execution = find_execution(service, execution_id)
    orchestrator = service.orchestrator
    flow = orchestrator.control.flow(execution.namespace, execution.flow_id, execution.flow_revision)
    return graph_body(graph_of(flow), progress_of(orchestrator.task_runs(execution.id)))
