"""How a file comes with a load job: multipart, or resumable in chunks that may be sent again.

https://cloud.google.com/bigquery/docs/reference/api-uploads
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from typing import Any

from fastapi import Request as HttpRequest
from fastapi.responses import JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from tests.support.google.bigquery_errors import BigQueryError, invalid, own_faults_told
from tests.support.google.bigquery_inserts import check_insert, insert_job
from tests.support.google.bigquery_objects import SourceFile
from tests.support.google.bigquery_state import BigQueryState, Upload
from tests.support.google.storage_uploads import split_multipart

_STEP = 256 * 1024
_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")


async def begin_upload(state: BigQueryState, http: HttpRequest) -> Response:
    """POST: the whole job with its file, or the beginning of a resumable upload of it."""
    project = http.path_params["project"]
    body = await http.body()
    kind = http.query_params.get("uploadType")
    if kind == "multipart":
        resource, content = split_multipart(http.headers.get("content-type", ""), body)
        return JSONResponse(await run_in_threadpool(_insert_whole, state, project, resource, content))
    if kind != "resumable":
        raise invalid(f"Invalid upload type: {kind}")
    session = uuid.uuid4().hex
    job = json.loads(body)
    await run_in_threadpool(_check, state, project, job)
    with state.lock:
        state.uploads[session] = Upload(project=project, resource=job, content=state.new_file("upload"))
        state.uploads[session].content.touch()
    where = http.url.include_query_params(upload_id=session)
    return Response(status_code=200, headers={"Location": str(where), "X-GUploader-UploadID": session})


def _check(state: BigQueryState, project: str, resource: dict[str, Any]) -> None:
    with state.lock, own_faults_told():
        check_insert(state, project, resource)


def _insert_whole(state: BigQueryState, project: str, resource: dict[str, Any], content: bytes) -> dict[str, Any]:
    resource.pop("contentType", None)
    with state.lock, own_faults_told():
        path = state.new_file("upload")
        path.write_bytes(content)
        return insert_job(state, project, resource, SourceFile(path=path, uri=f"prod-scotty-{uuid.uuid4().hex[:8]}"))


async def continue_upload(state: BigQueryState, http: HttpRequest) -> Response:
    """PUT: a chunk, or the question how far it got ("bytes */SIZE")."""
    upload = state.uploads.get(http.query_params.get("upload_id", ""))
    if upload is None:
        raise BigQueryError("notFound", "Upload session not found")
    return await run_in_threadpool(_take, state, upload, http.headers, await http.body())


def _take(state: BigQueryState, upload: Upload, headers: Mapping[str, str], body: bytes) -> Response:
    with state.lock, own_faults_told():
        if upload.answer is None:
            total = _keep(upload, headers.get("content-range"), body)
            if total is None or upload.size < total:
                told = {"Range": f"bytes=0-{upload.size - 1}"} if upload.size else {}
                return Response(status_code=308, headers=told)
            file = SourceFile(path=upload.content, uri=f"prod-scotty-{uuid.uuid4().hex[:8]}")
            upload.answer = insert_job(state, upload.project, upload.resource, file)
        return JSONResponse(upload.answer)


def _keep(upload: Upload, header: str | None, body: bytes) -> int | None:
    """Appends what is new, in whole steps unless it is the end; answers the total where it is told."""
    found = _RANGE.fullmatch(header or "")
    if not found:
        raise invalid(f"Failed to parse Content-Range header: {header}")
    total = None if found[3] == "*" else int(found[3])
    if found[1] is None:
        return total
    start = int(found[1])
    if start > upload.size:
        raise BigQueryError("backendError", f"Invalid request. Expected bytes from {upload.size}, got {start}.")
    fresh = body[upload.size - start :]
    if total is None or start + len(body) < total:
        fresh = fresh[: (upload.size + len(fresh)) // _STEP * _STEP - upload.size]
    with upload.content.open("ab") as file:
        file.write(fresh)
    upload.size += len(fresh)
    return total
