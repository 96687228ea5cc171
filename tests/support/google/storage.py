"""The JSON API of Cloud Storage, as far as the official client and its users need it.

storage_state.py       what it holds, for tests to look at and to set up
storage_buckets.py     calls on buckets        storage_objects.py    calls on objects
storage_uploads.py     how bytes come in       storage_resources.py  how things look as JSON
"""

from __future__ import annotations

from fastapi import APIRouter

from tests.support.google.storage_buckets import BucketCalls
from tests.support.google.storage_objects import ObjectCalls
from tests.support.google.storage_state import StorageState

__all__ = ["StorageState", "router"]

_BUCKETS = "/storage/v1/b"
_BUCKET = _BUCKETS + "/{bucket}"
_OBJECTS = _BUCKET + "/o"
_OBJECT = _OBJECTS + "/{name}"
_UPLOAD = "/upload" + _OBJECTS


def router(state: StorageState) -> APIRouter:
    """Every path of the API, over one state. Names in paths come quoted, as they were sent."""
    api = APIRouter()
    buckets, objects = BucketCalls(state), ObjectCalls(state)
    for method, path, handler in (
        ("GET", _BUCKETS, buckets.list),
        ("POST", _BUCKETS, buckets.insert),
        ("GET", _BUCKET, buckets.get),
        ("PATCH", _BUCKET, buckets.patch),
        ("DELETE", _BUCKET, buckets.delete),
        ("GET", _BUCKET + "/iam/testPermissions", buckets.test_permissions),
        ("GET", _OBJECTS, objects.list),
        ("GET", _OBJECT, objects.get),
        ("GET", "/download" + _OBJECT, objects.get),
        ("PATCH", _OBJECT, objects.patch),
        ("DELETE", _OBJECT, objects.delete),
        ("POST", _OBJECT + "/compose", objects.compose),
        ("POST", _OBJECT + "/copyTo/b/{target}/o/{copy}", objects.copy),
        ("POST", _OBJECT + "/rewriteTo/b/{target}/o/{copy}", objects.rewrite),
        ("POST", _UPLOAD, objects.upload),
        ("PUT", _UPLOAD, objects.upload_chunk),
        ("DELETE", _UPLOAD, objects.cancel_upload),
    ):
        api.add_api_route(path, handler, methods=[method], response_model=None)
    return api
