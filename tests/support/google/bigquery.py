"""The REST API of BigQuery, as far as the official client and this project need it, over a DuckDB in memory.

    state = fake.bigquery            # a BigQueryState
    state.jobs                       # polls, faults, what was cancelled: bigquery_jobs.py
    state.projects                   # services and permissions that are missing: bigquery_project.py
    state.clock = lambda: 0.0        # the time, in seconds since 1970
    state.page_rows = 2              # the most rows in one page

It refuses what Google refuses, in Google's words where they are known; what it does not model is answered with 501, so that
nothing passes here by silence. One file per part, all named bigquery_….py:

    schema, layout      columns; partitions, clusters, names          catalog, data     what there is; its rows, in DuckDB
    tables              datasets.*, tables.*, tabledata.list          project           what is granted
    jobs, inserts       life and faults of jobs; jobs.*               upload, results   files that come; jobs.query and results
    write, parquet, csv dispositions; what goes into which column     load, copy        the two free kinds of job
    objects, external   files in the fake storage; tables made of them
    sql, scan, run      GoogleSQL by sqlglot; bytes and filters; DuckDB      query, ddl, views      query jobs, DDL, INFORMATION_SCHEMA
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter
from fastapi import Request as HttpRequest
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from tests.support.google import bigquery_inserts as jobs
from tests.support.google import bigquery_results as results
from tests.support.google import bigquery_tables as tables
from tests.support.google.bigquery_errors import invalid, own_faults_told
from tests.support.google.bigquery_project import test_permissions
from tests.support.google.bigquery_state import BigQueryState, Request
from tests.support.google.bigquery_upload import begin_upload, continue_upload

__all__ = ["BigQueryState", "router"]

Handler = Callable[[BigQueryState, Request], dict[str, Any] | None]
_API = "/bigquery/v2/projects/{project}"
_DATASET = _API + "/datasets/{dataset}"
_TABLE = _DATASET + "/tables/{table}"
_JOB = _API + "/jobs/{job}"
_QUERY = _API + "/queries"
_ROUTES: tuple[tuple[str, str, Handler, str], ...] = (
    ("GET", _API + "/datasets", tables.list_datasets, ""),
    ("POST", _API + "/datasets", tables.insert_dataset, "datasets.create"),
    ("GET", _DATASET, tables.get_dataset, "datasets.get"),
    ("PATCH", _DATASET, tables.update_dataset, "datasets.update"),
    ("DELETE", _DATASET, tables.delete_dataset, "datasets.delete"),
    ("GET", _DATASET + "/tables", tables.list_tables, "tables.list"),
    ("POST", _DATASET + "/tables", tables.insert_table, "tables.create"),
    ("POST", _TABLE + ":testIamPermissions", test_permissions, ""),
    ("GET", _TABLE, tables.get_table, "tables.get"),
    ("PATCH", _TABLE, tables.update_table, "tables.update"),
    ("DELETE", _TABLE, tables.delete_table, "tables.delete"),
    ("GET", _TABLE + "/data", tables.list_rows, "tables.getData"),
    ("POST", _API + "/jobs", jobs.insert, "jobs.create"),
    ("GET", _API + "/jobs", jobs.list_jobs, "jobs.list"),
    ("GET", _JOB, jobs.get, ""),
    ("POST", _JOB + "/cancel", jobs.cancel, ""),
    ("DELETE", _JOB + "/delete", jobs.forget, "jobs.delete"),
    ("POST", _QUERY, results.query, "jobs.create"),
    ("GET", _QUERY + "/{job}", results.get_results, ""),
)
"""Method, path, handler, and the permission it needs (after "bigquery."; "": none of those a test may deny)."""
_UPLOAD = "/upload/bigquery/v2/projects/{project}/jobs"


def router(state: BigQueryState) -> APIRouter:
    """Every path of the API, over one state."""
    api = APIRouter()
    for method, path, handler, permission in _ROUTES:
        api.add_api_route(path, _endpoint(state, handler, permission), methods=[method], response_model=None)
    for prefix in ("", "/resumable"):
        api.add_api_route(prefix + _UPLOAD, _upload(state, begin_upload), methods=["POST"], response_model=None)
        api.add_api_route(prefix + _UPLOAD, _upload(state, continue_upload), methods=["PUT"], response_model=None)
    return api


def _endpoint(state: BigQueryState, handler: Handler, permission: str) -> Callable[[HttpRequest], Awaitable[Response]]:
    async def endpoint(http: HttpRequest) -> Response:
        request = await _read(http)
        answer = await run_in_threadpool(_locked, state, handler, permission, request)
        return Response(status_code=204) if answer is None else JSONResponse(answer)

    return endpoint


def _locked(state: BigQueryState, handler: Handler, permission: str, request: Request) -> dict[str, Any] | None:
    with state.lock, own_faults_told():
        state.projects.check_enabled(request.project)
        place = (request.path.get("dataset"), request.path.get("table"))
        state.projects.check_granted(f"bigquery.{permission}", request.project, *place)
        return handler(state, request)


async def _read(http: HttpRequest) -> Request:
    content = await http.body()
    try:
        body = json.loads(content) if content else {}
    except ValueError as error:
        raise invalid("Parse Error") from error
    configuration = body.get("configuration") or {}
    http.scope["call"].note = next((kind for kind in ("load", "copy", "query") if kind in configuration), "")
    return Request(path=dict(http.path_params), query=dict(http.query_params), headers=dict(http.headers), body=body)


def _upload(
    state: BigQueryState, handler: Callable[[BigQueryState, HttpRequest], Awaitable[Response]]
) -> Callable[[HttpRequest], Awaitable[Response]]:
    async def endpoint(http: HttpRequest) -> Response:
        http.scope["call"].note = "load"
        return await handler(state, http)

    return endpoint
