"""`/flows`: texts of flows and their revisions, as Kestra's API has them. An import is taken as a whole, or not at all."""

from __future__ import annotations

import io
import re
import zipfile
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request, Response
from fastapi import Path as InPath
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from taxi_pipelines.api.bodies import CountBody, ProblemBody
from taxi_pipelines.api.errors import Conflict, errors
from taxi_pipelines.api.flow_bodies import FlowBody, FlowName, FlowPage, Validation
from taxi_pipelines.api.forms import UPLOAD_BODY, YAML_BODY, form_of, text_of
from taxi_pipelines.api.routing import ADMIN, VIEWER, Revision, ThePage, TheService, parse_labels, sending
from taxi_pipelines.api.views import flow_body
from taxi_pipelines.domain.records import StoredFlow
from taxi_pipelines.errors import NotFound, UsageError
from taxi_pipelines.flow_files import ENDINGS
from taxi_pipelines.flowspec.build import parse_flow, read_flow
from taxi_pipelines.flowspec.json_schema import json_schema
from taxi_pipelines.flowspec.problems import FlowInvalid, nearest
from taxi_pipelines.service import Service

router = APIRouter(tags=["Flows"])

LARGEST_ARCHIVE = 100 << 20
MOST_ENTRIES = 1_000
MOST_PROBLEMS = 200
"""Of one text; nobody mends more at a time."""

ZIP: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
        "description": "The archive",
    }
}

_BETWEEN_DOCUMENTS = re.compile(r"(?m)^---[ \t]*\r?$")

Namespace = Annotated[str, InPath(description="Namespace of the flow.")]
Id = Annotated[str, InPath(description="Id of the flow.")]
Text = Annotated[str | None, Query(alias="q", description="What namespace or id contain.")]
Below = Annotated[str | None, Query(alias="namespace", description="This namespace, and those below it.")]
Names = Annotated[list[FlowName], Body(max_length=1_000, description="Names of flows.")]
Labels = Annotated[list[str], Query(default_factory=list, description="Labels it must have, each as KEY:VALUE.")]


@router.get("/flows/search", summary="Search flows", **VIEWER)
def search(service: TheService, page: ThePage, labels: Labels, q: Text = None, namespace: Below = None) -> FlowPage:
    """By name; the newest revision of each."""
    found = _matching(service, q, namespace, labels)
    part = found[page.offset : page.offset + page.limit]
    return FlowPage(results=[flow_body(flow) for flow in part], total=len(found))


@router.get("/flows/distinct-namespaces", summary="List the namespaces that have flows", **VIEWER)
def distinct_namespaces(service: TheService, q: Text = None) -> list[str]:
    """By name."""
    found = {flow.namespace for flow in service.orchestrator.parts.flows.listed()}
    return sorted(name for name in found if (q or "").lower() in name.lower())


@router.get("/plugins/schemas/flow", summary="Get the JSON schema of flows, for editors", **VIEWER)
def schema(service: TheService) -> dict[str, Any]:
    """Every type of task, trigger and condition with its properties."""
    return json_schema(service.orchestrator.parts.catalog)


@router.get(
    "/flows/export/by-query",
    summary="Export flows as a ZIP archive",
    response_class=Response,
    responses=ZIP,
    **VIEWER,
)
def export_by_query(service: TheService, labels: Labels, q: Text = None, namespace: Below = None) -> Response:
    """A file per flow, as it was written."""
    return _archive(_matching(service, q, namespace, labels))


@router.post(
    "/flows/export/by-ids",
    summary="Export these flows as a ZIP archive",
    response_class=Response,
    responses=errors(404) | ZIP,
    **VIEWER,
)
def export_by_ids(service: TheService, names: Names) -> Response:
    """A file per flow, as it was written."""
    return _archive([_find(service, *name) for name in dict.fromkeys((one.namespace, one.id) for one in names)])


@router.get("/flows/{namespace}", summary="List the flows of a namespace", **VIEWER)
def list_namespace(service: TheService, namespace: Namespace) -> list[FlowBody]:
    """Of that namespace alone, by id."""
    flows = service.orchestrator.parts.flows.listed(namespace)
    return [flow_body(flow) for flow in flows if flow.namespace == namespace]


@router.get("/flows/{namespace}/{id}", summary="Get a flow", responses=errors(404), **VIEWER)
def get(
    service: TheService,
    namespace: Namespace,
    id: Id,
    source: Annotated[bool, Query(description="With its text.")] = False,
    revision: Revision = None,
) -> FlowBody:
    """As it was written, and what is known of it besides."""
    return flow_body(_find(service, namespace, id, revision), source=source)


@router.get(
    "/flows/{namespace}/{id}/revisions", summary="List the revisions of a flow", responses=errors(404), **VIEWER
)
def revisions(service: TheService, namespace: Namespace, id: Id) -> list[FlowBody]:
    """The oldest first, with their texts."""
    found = service.orchestrator.parts.flows.revisions(namespace, id)
    if not found:
        raise _missing(service, namespace, id)
    return [flow_body(flow, source=True) for flow in found]


@router.post("/flows", summary="Create a flow from YAML", responses=errors(409), **sending(ADMIN, YAML_BODY))
async def create(service: TheService, request: Request) -> FlowBody:
    """Refused where there is one of that name: that one is updated by PUT."""
    text = await text_of(request)
    return await run_in_threadpool(_create, service, text)


@router.put(
    "/flows/{namespace}/{id}", summary="Update a flow from YAML", responses=errors(404), **sending(ADMIN, YAML_BODY)
)
async def update(service: TheService, request: Request, namespace: Namespace, id: Id) -> FlowBody:
    """A changed text is a new revision."""
    text = await text_of(request)
    return await run_in_threadpool(_update, service, namespace, id, text)


@router.post("/flows/validate", summary="Validate flows", **sending(VIEWER, YAML_BODY))
async def validate(service: TheService, request: Request) -> list[Validation]:
    """Several are parted by a line `---`. Every problem of each, with its line and column."""
    text = await text_of(request)
    return await run_in_threadpool(
        lambda: [_validation(service, number, part) for number, part in enumerate(_documents(text))]
    )


@router.post(
    "/flows/import",
    summary="Import flows from a YAML file or a ZIP archive",
    **sending(ADMIN, UPLOAD_BODY),
)
async def import_flows(service: TheService, request: Request) -> list[str]:
    """All of them, or none where one is wrong. What Kestra lists here, the files it left out, is therefore empty."""
    async with form_of(request) as form:
        upload = form.get("fileUpload")
        if not isinstance(upload, UploadFile):
            raise UsageError("there is no file `fileUpload`", "send it as multipart: curl -F fileUpload=@flow.yaml …")
        data = await upload.read()
    await run_in_threadpool(_import, service, upload.filename or "", data)
    return []


@router.delete("/flows/delete/by-ids", summary="Delete these flows", responses=errors(404), **ADMIN)
def delete_by_ids(service: TheService, names: Names) -> CountBody:
    """All of them, or none where one is not there. Their executions stay."""
    found = [_find(service, *name) for name in dict.fromkeys((one.namespace, one.id) for one in names)]
    for flow in found:
        _delete(service, flow)
    return CountBody(count=len(found))


@router.delete("/flows/{namespace}/{id}", summary="Delete a flow", status_code=204, responses=errors(404), **ADMIN)
def delete(service: TheService, namespace: Namespace, id: Id) -> None:
    """Its executions and older revisions stay."""
    _delete(service, _find(service, namespace, id))


def _matching(service: Service, q: str | None, namespace: str | None, labels: list[str]) -> list[StoredFlow]:
    wanted = parse_labels(labels).items()
    return [
        flow
        for flow in service.orchestrator.parts.flows.listed(namespace)
        if (q or "").lower() in f"{flow.namespace}.{flow.id}".lower()
        and (not wanted or wanted <= service.orchestrator.control.flow(flow.namespace, flow.id).labels.items())
    ]


def _find(service: Service, namespace: str, id: str, revision: int | None = None) -> StoredFlow:
    found = service.orchestrator.parts.flows.find(namespace, id, revision)
    if found is None:
        raise _missing(service, namespace, id, f" of revision {revision}" if revision else "")
    return found


def _missing(service: Service, namespace: str, id: str, which: str = "") -> NotFound:
    known = [f"{flow.namespace}.{flow.id}" for flow in service.orchestrator.parts.flows.listed()]
    name = f"{namespace}.{id}"
    return NotFound(f"there is no flow {name}{which}", nearest(name, known) if known else "import one")


def _create(service: Service, text: str) -> FlowBody:
    orchestrator = service.orchestrator
    flow = parse_flow(text, orchestrator.parts.catalog)
    if orchestrator.parts.flows.find(flow.namespace, flow.id):
        raise Conflict(f"there is a flow {flow.namespace}.{flow.id} already", "update it: PUT /flows/NAMESPACE/ID")
    return _kept(service, orchestrator.control.save_flow(text))


def _update(service: Service, namespace: str, id: str, text: str) -> FlowBody:
    _find(service, namespace, id)
    flow = parse_flow(text, service.orchestrator.parts.catalog)
    if (flow.namespace, flow.id) != (namespace, id):
        said = f"the text is of {flow.namespace}.{flow.id}, the path of {namespace}.{id}"
        raise UsageError(said, "a flow keeps its name: create another one, and delete this one")
    return _kept(service, service.orchestrator.control.save_flow(text))


def _kept(service: Service, flow: StoredFlow) -> FlowBody:
    service.triggers_changed()
    return flow_body(flow, source=True)


def _validation(service: Service, index: int, text: str) -> Validation:
    flow, found = read_flow(text, service.orchestrator.parts.catalog)
    problems = found[:MOST_PROBLEMS]
    return Validation(
        index=index,
        namespace=flow.namespace if flow else None,
        flow=flow.id if flow else None,
        constraints="\n".join(str(problem) for problem in problems) or None,
        outdated=False,
        deprecation_paths=[],
        warnings=[],
        infos=[],
        problems=[ProblemBody(**problem.to_dict()) for problem in problems],
    )


def _import(service: Service, file_name: str, data: bytes) -> None:
    texts = _texts(file_name, data)
    problems = [
        problem for name, text in texts for problem in read_flow(text, service.orchestrator.parts.catalog, file=name)[1]
    ]
    if problems:
        raise FlowInvalid(problems)
    for name, text in texts:
        service.orchestrator.control.save_flow(text, file=name)
    service.triggers_changed()


def _texts(file_name: str, data: bytes) -> list[tuple[str, str]]:
    """(name, text) of every flow in a file. Names are only said, never used as paths."""
    if file_name.lower().endswith(ENDINGS):
        return [(file_name, part) for part in _documents(_decoded(file_name, data))]
    if not file_name.lower().endswith(".zip"):
        raise UsageError(f"{file_name!r} is neither YAML nor a ZIP archive", "its name ends in .yaml, .yml or .zip")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = [entry for entry in archive.infolist() if entry.filename.lower().endswith(ENDINGS)]
            if len(entries) > MOST_ENTRIES or sum(entry.file_size for entry in entries) > LARGEST_ARCHIVE:
                raise UsageError(f"{file_name!r} holds too much", f"at most {MOST_ENTRIES:,} flows, 100 MB in all")
            return [(entry.filename, _decoded(entry.filename, archive.read(entry))) for entry in entries]
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise UsageError(f"{file_name!r} is not a readable ZIP archive", "make it anew, without a password") from error


def _decoded(name: str, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"{name!r} is not UTF-8 text", "save it as UTF-8") from error


def _documents(text: str) -> list[str]:
    """The flows of a text; one that is empty stands for itself, so that its problem is told."""
    parts = [part for part in _BETWEEN_DOCUMENTS.split(text) if part.strip()]
    if len(parts) > MOST_ENTRIES:
        raise UsageError(f"these are {len(parts):,} flows", f"at most {MOST_ENTRIES:,} are read at a time")
    return parts if len(parts) > 1 else [text]


def _archive(flows: list[StoredFlow]) -> Response:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for flow in flows:
            archive.writestr(f"{flow.namespace}.{flow.id}.yml", flow.source)
    headers = {"Content-Disposition": 'attachment; filename="flows.zip"'}
    return Response(buffer.getvalue(), media_type="application/zip", headers=headers)


def _delete(service: Service, flow: StoredFlow) -> None:
    service.orchestrator.control.delete_flow(flow.namespace, flow.id)
