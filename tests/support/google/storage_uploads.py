"""How bytes come into the fake Cloud Storage: simple, multipart and resumable uploads.

A resumable session keeps what arrived in steps of 256 KiB, ignores what it already has, answers 308 until all is there,
and checks preconditions when it begins and again when it ends. https://cloud.google.com/storage/docs/performing-resumable-uploads
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.google.errors import GoogleError
from tests.support.google.storage_state import StorageState, Stored, check_preconditions, crc32c_of

STEP = 256 * 1024
_CONTENT_RANGE = re.compile(r"bytes (?:(\d+)-(\d+)|\*)/(\d+|\*)")


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """An object on its way: its resource as the client describes it, and the query with its preconditions."""

    bucket: str
    resource: Mapping[str, Any]
    query: Mapping[str, str]

    @property
    def name(self) -> str:
        return str(self.resource.get("name") or self.query["name"])


@dataclass(kw_only=True)
class Session:
    """A resumable upload."""

    arrival: Arrival
    kept: bytearray = field(default_factory=bytearray)
    done: Stored | None = None


def admit(state: StorageState, arrival: Arrival) -> None:
    """Raises what Google refuses before it takes any bytes."""
    bucket = state.bucket(arrival.bucket, "storage.objects.create")
    found = bucket.find(arrival.name)
    check_preconditions(found, arrival.query)
    if found:
        state.bucket(arrival.bucket, "storage.objects.delete")


def commit(state: StorageState, arrival: Arrival, content: bytes) -> Stored:
    """The bytes become the object, if preconditions and checksums hold."""
    admit(state, arrival)
    resource = arrival.resource
    told, real = resource.get("crc32c"), crc32c_of(content)
    if told not in (None, real):
        text = f'Provided CRC32C "{told}" doesn\'t match calculated CRC32C "{real}".'
        raise GoogleError(400, "invalid", text)
    return state.write(
        arrival.bucket,
        arrival.name,
        content,
        content_type=resource.get("contentType") or "application/octet-stream",
        metadata=resource.get("metadata"),
        custom_time=resource.get("customTime"),
    )


def split_multipart(content_type: str, body: bytes) -> tuple[dict[str, Any], bytes]:
    """The resource and the content of a multipart upload. Raises 400 where it is cut off."""
    found = re.search(r"boundary=[\"']?([^\"';]+)", content_type)
    if not found:
        raise GoogleError(400, "parseError", "Missing boundary")
    mark = b"--" + found[1].encode()
    if not body.rstrip().endswith(mark + b"--"):
        raise GoogleError(400, "badRequest", "Missing end boundary in multipart body.")
    first, second = body.split(mark)[1:3]
    resource = json.loads(first.split(b"\r\n\r\n", 1)[1])
    head, content = second.split(b"\r\n\r\n", 1)
    kind = re.search(rb"(?i)content-type: *([^\r\n]+)", head)
    if kind:
        resource.setdefault("contentType", kind[1].decode())
    return resource, content.removesuffix(b"\r\n")


def receive_chunk(state: StorageState, session: Session, headers: Mapping[str, str], body: bytes) -> Stored | None:
    """Takes a chunk, or the question how far it got; the object once all is there, else None."""
    if session.done:
        return session.done
    start, end, total = _content_range(headers.get("content-range"), len(body))
    if start is not None:
        whole = len(body) == end - start + 1
        _keep(session, start, body, last=whole and total == start + len(body))
    if total is None or len(session.kept) < total:
        return None
    if len(session.kept) > total:
        raise GoogleError(400, "invalid", f"more than {total} bytes were sent")
    content = bytes(session.kept)
    told = headers.get("x-goog-hash", "")
    if told.startswith("crc32c=") and told.removeprefix("crc32c=") != crc32c_of(content):
        raise GoogleError(400, "invalid", f"Provided CRC32C {told!r} doesn't match calculated CRC32C.")
    session.done = commit(state, session.arrival, content)
    session.kept.clear()
    return session.done


def _keep(session: Session, start: int, body: bytes, *, last: bool) -> None:
    if start > len(session.kept):
        raise GoogleError(
            503, "backendError", f"Invalid request. Expected bytes from {len(session.kept)}, got {start}."
        )
    session.kept += body[len(session.kept) - start :]
    if not last:
        del session.kept[len(session.kept) // STEP * STEP :]


def _content_range(header: str | None, length: int) -> tuple[int | None, int, int | None]:
    """First and last byte and total, as far as they are told; without the header the body is all there is."""
    if header is None:
        return 0, length - 1, length
    found = _CONTENT_RANGE.fullmatch(header)
    if not found:
        raise GoogleError(400, "badRequest", f"Failed to parse Content-Range header: {header}")
    total = None if found[3] == "*" else int(found[3])
    return (None, 0, total) if found[1] is None else (int(found[1]), int(found[2]), total)
