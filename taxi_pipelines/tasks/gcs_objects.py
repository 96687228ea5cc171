"""Objects of Cloud Storage, in a worker: files go in and out in pieces, every one proven by its checksum."""

from __future__ import annotations

import json
import mimetypes
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote, unquote

import urllib3
from google.api_core import exceptions as api
from google.cloud import storage
from google.cloud.storage.exceptions import DataCorruption
from google.cloud.storage.retry import DEFAULT_RETRY

from taxi_pipelines.disk import writable
from taxi_pipelines.domain.records import Level
from taxi_pipelines.errors import LakeRefused, LakeUnavailable, NotFound, UsageError
from taxi_pipelines.gcp.errors import google_errors
from taxi_pipelines.tasks.gcs_properties import Deletion, Download, Listing, ObjectCopy, Upload
from taxi_pipelines.tasks.google_access import HINT, google_clients
from taxi_pipelines.tasks.worker_context import WorkerContext
from taxi_pipelines.tasks.working_files import private_folder

RETRY = DEFAULT_RETRY
"""For every call: those that change something come to the same if they are made twice."""

_CHUNK = 8 << 20
_OBJECT = re.compile(r"gs://(?P<bucket>[^/]+)(?:/(?P<name>.*))?", re.DOTALL)

Outputs = Mapping[str, Any]


def upload(values: Mapping[str, Any], context: WorkerContext) -> Outputs:
    """Sends the files. Raises NotFound, UsageError, LakeRefused, LakeUnavailable, CredentialsInvalid."""
    it = Upload.model_validate(values)
    sources = _sources(it.from_)
    bucket, name = _parts(it.to)
    is_folder = len(sources) > 1 or not isinstance(it.from_, str) or not name or name.endswith("/")
    folder = f"{name.rstrip('/')}/".lstrip("/")
    with google_clients(it, context) as clients:
        targets = [folder + unquote(PurePosixPath(source).name) if is_folder else name for source in sources]
        blobs = [
            _send(it, context, source, clients.storage.bucket(bucket).blob(target, chunk_size=_CHUNK))
            for source, target in zip(sources, targets, strict=True)
        ]
    uris = [_uri(blob) for blob in blobs]
    context.metric("file.size", sum(blob.size or 0 for blob in blobs))
    only = blobs[0] if len(blobs) == 1 else None
    proofs = {"md5": only.md5_hash, "crc32c": only.crc32c} if only else {}
    return {"uri": uris[0] if only else f"gs://{bucket}/{folder}", "uris": uris, **proofs}


def download(values: Mapping[str, Any], context: WorkerContext) -> Outputs:
    """Brings the object. Raises NotFound."""
    it = Download.model_validate(values)
    bucket, name = _object(it.from_)
    with google_clients(it, context) as clients, private_folder(context.folder) as private:
        blob = clients.storage.bucket(bucket).blob(name)
        target = private / "download"
        with storage_errors(it.from_), _object_is_there(it.from_), writable(target), target.open("wb") as file:
            blob.download_to_file(file, retry=RETRY)
        context.metric("file.size", target.stat().st_size)
        uri = context.keep_file(target, quote(PurePosixPath(name).name or "download"))
    return {"uri": uri, "bucket": bucket, "path": name}


def list_objects(values: Mapping[str, Any], context: WorkerContext) -> Outputs:
    """Objects in order of their names, folders first."""
    it = Listing.model_validate(values)
    bucket, prefix = _parts(it.from_)
    wanted = _pattern(it.reg_exp)
    with google_clients(it, context) as clients, storage_errors(it.from_):
        found = clients.storage.list_blobs(
            bucket,
            prefix=prefix or None,
            delimiter="/" if it.listing_type == "DIRECTORY" else None,
            versions=it.all_versions or None,
            retry=RETRY,
        )
        blobs = [_described(blob) for blob in found]
        folders = [
            {"uri": f"gs://{bucket}/{name}", "bucket": bucket, "name": name, "size": 0, "isDirectory": True}
            for name in sorted(found.prefixes)
        ]
    kinds = {"FILES": (False,), "DIRECTORY": (True,), "BOTH": (False, True)}[it.filter]
    listed = [
        one
        for one in (*folders, *blobs)
        if one["isDirectory"] in kinds and (not wanted or wanted.fullmatch(one["uri"]))
    ]
    if len(listed) > it.max_files:
        context.log(Level.WARN, f"{len(listed):,} were found; maxFiles: {it.max_files} drops the rest")
    context.metric("size", min(len(listed), it.max_files))
    return {"blobs": listed[: it.max_files]}


def delete(values: Mapping[str, Any], context: WorkerContext) -> Outputs:
    """Deletes the object. Raises NotFound where it must be there."""
    it = Deletion.model_validate(values)
    bucket, name = _object(it.uri)
    deleted = True
    with google_clients(it, context) as clients, storage_errors(it.uri):
        try:
            clients.storage.bucket(bucket).blob(name).delete(retry=RETRY)
        except api.NotFound as error:
            if it.error_on_missing or _is_about_bucket(error):
                raise
            deleted = False
    return {"uri": it.uri, "deleted": deleted}


def copy(values: Mapping[str, Any], context: WorkerContext) -> Outputs:
    """Copies the object inside Cloud Storage. Raises NotFound."""
    it = ObjectCopy.model_validate(values)
    source, target = _object(it.from_), _object(it.to)
    if source == target:
        raise UsageError(f"{it.from_} cannot be copied to itself", "see `from` and `to`")
    with google_clients(it, context) as clients, storage_errors(it.from_):
        old = clients.storage.bucket(source[0]).blob(source[1])
        new = clients.storage.bucket(target[0]).blob(target[1])
        token, _, size = new.rewrite(old, retry=RETRY)
        while token is not None:
            token, _, size = new.rewrite(old, token=token, retry=RETRY)
        context.metric("file.size", size)
        if it.delete:
            old.delete(retry=RETRY)
    return {"uri": _uri(new)}


@contextmanager
def storage_errors(uri: str) -> Iterator[None]:
    """Translates whatever the client raises about the thing of that name."""
    try:
        with google_errors(LakeRefused, uri, HINT), _object_is_there(uri):
            yield
    except DataCorruption as error:
        raise LakeUnavailable(f"the bytes of {uri} were damaged on the way", "give the task a `retry`") from error
    except urllib3.exceptions.HTTPError as error:
        said = " ".join(str(error).split())
        raise LakeUnavailable(f"{uri}: the connection broke off ({said})", "give the task a `retry`") from error


@contextmanager
def _object_is_there(uri: str) -> Iterator[None]:
    try:
        yield
    except api.NotFound as error:
        what = "bucket" if _is_about_bucket(error) else "object"
        raise NotFound(f"there is no {what} for {uri}", "look at its name") from error


def _is_about_bucket(error: Exception) -> bool:
    """404 means the bucket or the object: only the words tell."""
    return "bucket does not exist" in str(error)


def _send(it: Upload, context: WorkerContext, source: str, blob: storage.Blob) -> storage.Blob:
    size = context.file_size(source)
    guessed = mimetypes.guess_type(str(blob.name))[0] or "application/octet-stream"
    blob.content_encoding = it.content_encoding
    blob.content_disposition = it.content_disposition
    blob.cache_control = it.cache_control
    with context.open_file(source) as file, storage_errors(_uri(blob)):
        blob.upload_from_file(file, size=size, content_type=it.content_type or guessed, retry=RETRY)
    context.log(Level.INFO, f"{_uri(blob)}: {size or 0:,} bytes")
    return blob


def _sources(given: Any) -> list[str]:
    """One URI, a list of them, or that list as JSON, which a template says."""
    if isinstance(given, str) and given.lstrip().startswith("["):
        try:
            given = json.loads(given)
        except ValueError as error:
            raise UsageError(f"from = {given[:100]!r} is not a list", "give the URIs of stored files") from error
    found = [given] if isinstance(given, str) else given
    if not isinstance(found, list) or not found or not all(isinstance(one, str) for one in found):
        raise UsageError("`from` is neither the URI of a stored file nor a list of them", "see the task's properties")
    return found


def _parts(uri: str) -> tuple[str, str]:
    """Bucket and name, which may be empty. Raises UsageError."""
    match = _OBJECT.fullmatch(uri)
    if match is None:
        raise UsageError(f"{uri!r} is not a place in Cloud Storage", "write it as gs://BUCKET/NAME")
    return match["bucket"], match["name"] or ""


def _object(uri: str) -> tuple[str, str]:
    bucket, name = _parts(uri)
    if not name:
        raise UsageError(f"{uri!r} names a bucket, no object", "write it as gs://BUCKET/NAME")
    return bucket, name


def _pattern(text: str | None) -> re.Pattern[str] | None:
    try:
        return re.compile(text) if text else None
    except re.error as error:
        raise UsageError(
            f"regExp {text!r} cannot be read: {error}", "it is a regular expression of Python's"
        ) from error


def _uri(blob: storage.Blob) -> str:
    return f"gs://{blob.bucket.name}/{blob.name}"


def _described(blob: storage.Blob) -> dict[str, Any]:
    """Kestra's names."""
    return {
        "uri": _uri(blob),
        "bucket": blob.bucket.name,
        "name": blob.name,
        "isDirectory": blob.name.endswith("/"),
        "size": blob.size,
        "contentType": blob.content_type,
        "contentEncoding": blob.content_encoding,
        "md5": blob.md5_hash,
        "crc32c": blob.crc32c,
        "etag": blob.etag,
        "generatedId": blob.id,
        "metadata": blob.metadata,
        "createTime": _time(blob.time_created),
        "updateTime": _time(blob.updated),
    }


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment else None
