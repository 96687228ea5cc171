"""Calls on objects of the fake Cloud Storage."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

from fastapi import Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from tests.support.google.errors import GoogleError
from tests.support.google.storage_resources import merged, object_resource, selected
from tests.support.google.storage_state import Bucket, StorageState, Stored, check_preconditions, utc_now
from tests.support.google.storage_uploads import Arrival, Session, admit, commit, receive_chunk, split_multipart

_PAGE = 1000
_SLICE = 256 * 1024
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_WRITABLE = {"metadata": "metadata", "contentType": "content_type", "customTime": "custom_time"}


@dataclass(frozen=True)
class ObjectCalls:
    """Handlers over one state."""

    state: StorageState

    async def list(self, request: Request) -> Response:
        query, bucket = request.query_params, _part(request, "bucket")
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter")
        matching = _matching(self.state.bucket(bucket, "storage.objects.list"), query)
        found = [each for each in matching if _folder(each.name, prefix, delimiter) is None]
        folders = {folder for each in matching if (folder := _folder(each.name, prefix, delimiter))}
        most = min(int(query.get("maxResults", _PAGE)), _PAGE)
        page: dict[str, Any] = {"kind": "storage#objects"}
        if found:
            page["items"] = [object_resource(bucket, each, _base(request)) for each in found[:most]]
        if folders and "pageToken" not in query:
            page["prefixes"] = sorted(folders)
        if len(found) > most:
            page["nextPageToken"] = found[most - 1].name
        return _json(request, page)

    async def get(self, request: Request) -> Response:
        media = request.query_params.get("alt") == "media"
        try:
            found = self._object(request, "storage.objects.get")
        except GoogleError as error:
            if not media:
                raise
            return PlainTextResponse(str(error), status_code=error.code)
        check_preconditions(found, request.query_params)
        if media:
            return _media(request, found)
        return _json(request, object_resource(_part(request, "bucket"), found, _base(request)))

    async def patch(self, request: Request) -> Response:
        old = self._object(request, "storage.objects.update")
        check_preconditions(old, request.query_params)
        bucket = _part(request, "bucket")
        now = merged(object_resource(bucket, old, ""), await request.json())
        fields = {field: now.get(key) for key, field in _WRITABLE.items()}
        new = replace(old, metageneration=old.metageneration + 1, updated=utc_now(), **fields)
        self.state.buckets[bucket].change(old, new)
        return _json(request, object_resource(bucket, new, _base(request)))

    async def delete(self, request: Request) -> Response:
        found = self._object(request, "storage.objects.delete")
        check_preconditions(found, request.query_params)
        bucket = self.state.buckets[_part(request, "bucket")]
        if request.query_params.get("generation") and found in bucket.noncurrent:
            bucket.noncurrent.remove(found)
        elif request.query_params.get("generation"):
            del bucket.live[found.name]
        else:
            bucket.retire(found.name)
        return Response(status_code=204)

    async def compose(self, request: Request) -> Response:
        plain, bucket, name = await request.json(), _part(request, "bucket"), _part(request, "name")
        parts = [self.state.object(bucket, each["name"], "storage.objects.get") for each in plain["sourceObjects"]]
        arrival = Arrival(
            bucket=bucket, resource={**plain.get("destination", {}), "name": name}, query=request.query_params
        )
        made = commit(self.state, arrival, b"".join(part.content for part in parts))
        return _json(request, object_resource(bucket, made, _base(request)))

    async def copy(self, request: Request) -> Response:
        return _json(request, await self._copied(request))

    async def rewrite(self, request: Request) -> Response:
        resource = await self._copied(request)
        size = resource["size"]
        return JSONResponse({"done": True, "totalBytesRewritten": size, "objectSize": size, "resource": resource})

    async def upload(self, request: Request) -> Response:
        kind, body = request.query_params["uploadType"], await request.body()
        if len(body) != int(request.headers.get("content-length", len(body))):
            raise GoogleError(400, "badRequest", "the request was cut off")
        resource: dict[str, Any] = {}
        if kind == "multipart":
            resource, body = split_multipart(request.headers["content-type"], body)
        elif kind == "resumable":
            resource = json.loads(body) if body else {}
            resource.setdefault("contentType", request.headers.get("x-upload-content-type"))
        arrival = Arrival(bucket=_part(request, "bucket"), resource=resource, query=dict(request.query_params))
        if kind == "resumable":
            return self._begin(request, arrival)
        made = commit(self.state, arrival, body)
        return _json(request, object_resource(arrival.bucket, made, _base(request)))

    async def upload_chunk(self, request: Request) -> Response:
        session = self._session(request)
        made = receive_chunk(self.state, session, request.headers, await request.body())
        if made:
            return JSONResponse(object_resource(session.arrival.bucket, made, _base(request)))
        told = {"Range": f"bytes=0-{len(session.kept) - 1}"} if session.kept else {}
        return Response(status_code=308, headers=told)

    async def cancel_upload(self, request: Request) -> Response:
        self._session(request)
        del self.state.sessions[request.query_params["upload_id"]]
        return Response(status_code=499)

    def _begin(self, request: Request, arrival: Arrival) -> Response:
        admit(self.state, arrival)
        key = uuid.uuid4().hex
        self.state.sessions[key] = Session(arrival=arrival)
        url = f"{_base(request)}{request.url.path}?uploadType=resumable&upload_id={key}"
        return Response(headers={"Location": url, "X-GUploader-UploadID": key})

    def _session(self, request: Request) -> Session:
        found = self.state.sessions.get(request.query_params.get("upload_id", ""))
        if not isinstance(found, Session):
            raise GoogleError(404, "notFound", "The resumable upload session is not known any more.")
        return found

    def _object(self, request: Request, permission: str) -> Stored:
        generation = request.query_params.get("generation")
        return self.state.object(_part(request, "bucket"), _part(request, "name"), permission, generation)

    async def _copied(self, request: Request) -> dict[str, Any]:
        query = dict(request.query_params)
        source = self.state.object(
            _part(request, "bucket"), _part(request, "name"), "storage.objects.get", query.get("sourceGeneration")
        )
        check_preconditions(source, {key.replace("Source", ""): query[key] for key in query if "Source" in key})
        same = {"contentType": source.content_type, "metadata": source.metadata}
        body = await request.body()
        resource = same | (json.loads(body) if body else {}) | {"name": _part(request, "copy")}
        arrival = Arrival(bucket=_part(request, "target"), resource=resource, query=query)
        made = commit(self.state, arrival, source.content)
        return object_resource(arrival.bucket, made, _base(request))


def _matching(bucket: Bucket, query: Mapping[str, str]) -> list[Stored]:
    """What a listing is about, in order, from its page on. A page ends with a name and all its generations."""
    every = [*bucket.live.values(), *(bucket.noncurrent if query.get("versions", "").lower() == "true" else [])]
    after, start, end = query.get("pageToken", ""), query.get("startOffset", ""), query.get("endOffset", "\U0010ffff")
    found = [each for each in every if each.name.startswith(query.get("prefix", ""))]
    found = [each for each in found if max(start, each.name) == each.name and after < each.name < end]
    return sorted(found, key=lambda each: (each.name, each.generation))


def _media(request: Request, found: Stored) -> Response:
    size = len(found.content)
    headers = {
        "X-Goog-Hash": f"crc32c={found.crc32c},md5={found.md5}",
        "X-Goog-Generation": str(found.generation),
        "X-Goog-Metageneration": str(found.metageneration),
        "X-Goog-Stored-Content-Length": str(size),
        "X-Goog-Stored-Content-Encoding": "identity",
        "X-Goog-Storage-Class": "STANDARD",
        "ETag": found.md5,
    }
    asked = _RANGE.fullmatch(request.headers.get("range", "").replace(" ", ""))
    start, end = 0, size
    if asked and asked[1]:
        start, end = int(asked[1]), min(int(asked[2] or size) + 1, size)
    elif asked and asked[2]:
        start = max(size - int(asked[2]), 0)
    if asked and start >= size:
        return Response(status_code=416, headers={"Content-Range": f"bytes */{size}"})
    headers["Content-Length"] = str(end - start)
    if asked:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    slices = _slices(memoryview(found.content)[start:end])
    return StreamingResponse(slices, status_code=206 if asked else 200, headers=headers, media_type=found.content_type)


def _slices(content: memoryview) -> Iterator[bytes]:
    for start in range(0, len(content), _SLICE):
        yield bytes(content[start : start + _SLICE])


def _folder(name: str, prefix: str, delimiter: str | None) -> str | None:
    """The common prefix under which a listing with a delimiter shows a name, or None where it shows the name."""
    if not delimiter:
        return None
    head, found, _ = name[len(prefix) :].partition(delimiter)
    return prefix + head + found if found else None


def _part(request: Request, name: str) -> str:
    return unquote(request.path_params[name])


def _base(request: Request) -> str:
    return str(request.base_url).rstrip("/")


def _json(request: Request, resource: dict[str, Any]) -> JSONResponse:
    return JSONResponse(selected(resource, request.query_params.get("fields")))
