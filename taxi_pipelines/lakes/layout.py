"""What every lake has in common: names, what stands beside a file, and what to do about one that is damaged.

`raw/{type}/{partition}/{stem}.{first of sha256}.{format}`, each with `….manifest.json` beside it, on a disk and in a bucket
alike, so that a lake can be copied from one to the other as it is.
"""

from __future__ import annotations

import json
from datetime import datetime

from taxi_pipelines.domain.manifest import Manifest, Offer
from taxi_pipelines.domain.month import Partition, parse_partition
from taxi_pipelines.errors import InvalidMonth, LakeCorrupt
from taxi_pipelines.lakes.writer import HashingWriter

RAW = "raw"
MANIFEST = ".manifest.json"
DIGEST = 12
"""So many hexadecimal digits of the sha256 stand in a file's name."""


def describe(served: Offer, writer: HashingWriter, now: datetime) -> Manifest:
    """The manifest of what was written."""
    return Manifest(
        type=served.type,
        month=served.month,
        format=served.format,
        source_url=served.url,
        file_name=served.file_name,
        etag=served.etag,
        last_modified=served.last_modified,
        sha256=writer.sha256,
        bytes=writer.tell(),
        fetched_at=now,
    )


def data_name(manifest: Manifest) -> str:
    """The file's name in its partition's folder."""
    stem = manifest.file_name.removesuffix(f".{manifest.format}")
    return f"{stem}.{manifest.sha256[:DIGEST]}.{manifest.format}"


def read_manifest(text: str | bytes, place: object, kind: str, month: str) -> Manifest:
    """A manifest's text, read from `place`. Raises LakeCorrupt."""
    try:
        return Manifest.from_dict(json.loads(text))
    except (ValueError, TypeError, KeyError, InvalidMonth) as error:
        raise unreadable_manifest(place, kind, month) from error


def unreadable_manifest(place: object, kind: str, month: str) -> LakeCorrupt:
    """The error for a manifest that says nothing."""
    return LakeCorrupt(f"the manifest {place} is unreadable", f"delete it and run: taxi run {kind} {month} --force")


def read_partition(name: str, place: object) -> Partition:
    """The partition a folder at `place` is named after. Raises LakeCorrupt."""
    try:
        return parse_partition(name)
    except InvalidMonth as error:
        raise LakeCorrupt(f"{place} is not named after a month", "move it out of the lake") from error


def gone(place: str, manifest: Manifest) -> LakeCorrupt:
    """The error for a file whose manifest is still there."""
    return LakeCorrupt(f"{place} is gone", fetch_again(manifest))


def prove(place: str, manifest: Manifest, sha256: str) -> None:
    """Raises LakeCorrupt unless that is the content the manifest names."""
    if sha256 != manifest.sha256:
        what = f"{place} is damaged: its sha256 is {sha256}, its manifest says {manifest.sha256}"
        raise LakeCorrupt(what, fetch_again(manifest))


def prove_size(place: str, manifest: Manifest, size: int) -> None:
    """Raises LakeCorrupt unless it is as long as the manifest says."""
    if size != manifest.bytes:
        what = f"{place} has {size} bytes, its manifest says {manifest.bytes}"
        raise LakeCorrupt(what, fetch_again(manifest))


def fetch_again(manifest: Manifest) -> str:
    """How to mend a damaged file."""
    return f"run: taxi run {manifest.type} {manifest.month} --force, which fetches it again"
