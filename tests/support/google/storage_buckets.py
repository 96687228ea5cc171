"""Calls on buckets of the fake Cloud Storage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from fastapi import Request
from fastapi.responses import JSONResponse, Response

from tests.support.google.errors import GoogleError
from tests.support.google.storage_resources import bucket_resource, merged, selected
from tests.support.google.storage_state import Bucket, StorageState, time_text, utc_now

_TAKEN = (
    "The requested bucket name is not available. The bucket namespace is shared by all users of the system."
    " Please select a different name and try again."
)
_OURS = "Your previous request to create the named bucket succeeded and you already own it."


@dataclass(frozen=True)
class BucketCalls:
    """Handlers over one state."""

    state: StorageState

    async def list(self, request: Request) -> Response:
        found = [bucket_resource(each, _base(request)) for each in self.state.buckets.values()]
        page = {"kind": "storage#buckets", "items": found} if found else {"kind": "storage#buckets"}
        return _json(request, page)

    async def insert(self, request: Request) -> Response:
        resource = await request.json()
        name = resource["name"]
        if not request.query_params.get("project"):
            raise GoogleError(400, "required", "Required parameter: project")
        if name in self.state.taken | self.state.buckets.keys():
            raise GoogleError(409, "conflict", _TAKEN if name in self.state.taken else _OURS)
        resource["location"] = resource.get("location", "US").upper()
        return _json(request, bucket_resource(self.state.make_bucket(**resource), _base(request)))

    async def get(self, request: Request) -> Response:
        return _json(request, bucket_resource(self._bucket(request, "storage.buckets.get"), _base(request)))

    async def patch(self, request: Request) -> Response:
        bucket = self._bucket(request, "storage.buckets.update")
        wanted = request.query_params.get("ifMetagenerationMatch")
        if wanted not in (None, bucket.resource["metageneration"]):
            raise GoogleError(412, "conditionNotMet", "At least one of the pre-conditions you specified did not hold.")
        changed: dict[str, Any] = {
            "metageneration": str(int(bucket.resource["metageneration"]) + 1),
            "updated": time_text(utc_now()),
        }
        bucket.resource = merged(bucket.resource, await request.json()) | changed
        return _json(request, bucket_resource(bucket, _base(request)))

    async def delete(self, request: Request) -> Response:
        bucket = self._bucket(request, "storage.buckets.delete")
        if bucket.live or bucket.noncurrent:
            raise GoogleError(409, "conflict", "The bucket you tried to delete is not empty.")
        del self.state.buckets[bucket.resource["name"]]
        return Response(status_code=204)

    async def test_permissions(self, request: Request) -> Response:
        name = unquote(request.path_params["bucket"])
        asked = request.query_params.getlist("permissions")
        if name in self.state.taken:
            return _json(request, {"kind": "storage#testIamPermissionsResponse"})
        denied = self.state.bucket(name, "").denied
        granted = [each for each in asked if each not in denied]
        answer: dict[str, Any] = {"kind": "storage#testIamPermissionsResponse"}
        return _json(request, answer | ({"permissions": granted} if granted else {}))

    def _bucket(self, request: Request, permission: str) -> Bucket:
        return self.state.bucket(unquote(request.path_params["bucket"]), permission)


def _base(request: Request) -> str:
    return str(request.base_url).rstrip("/")


def _json(request: Request, resource: dict[str, Any]) -> JSONResponse:
    return JSONResponse(selected(resource, request.query_params.get("fields")))
