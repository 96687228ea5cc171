"""How the fake Cloud Storage writes what it holds as JSON, whole or as `fields` asks."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from tests.support.google.storage_state import Bucket, Stored, time_text


def object_resource(bucket: str, stored: Stored, base: str) -> dict[str, Any]:
    """An object's resource; numbers are text, as Google has it. `base` is the server's URL."""
    path = f"b/{bucket}/o/{quote(stored.name, safe='')}"
    plain = {
        "kind": "storage#object",
        "id": f"{bucket}/{stored.name}/{stored.generation}",
        "selfLink": f"{base}/storage/v1/{path}",
        "mediaLink": f"{base}/download/storage/v1/{path}?generation={stored.generation}&alt=media",
        "name": stored.name,
        "bucket": bucket,
        "generation": str(stored.generation),
        "metageneration": str(stored.metageneration),
        "contentType": stored.content_type,
        "storageClass": "STANDARD",
        "size": str(len(stored.content)),
        "md5Hash": stored.md5,
        "crc32c": stored.crc32c,
        "etag": f"C{stored.generation}/{stored.metageneration}",
        "timeCreated": time_text(stored.created),
        "updated": time_text(stored.updated),
        "timeStorageClassUpdated": time_text(stored.created),
    }
    if stored.metadata:
        plain["metadata"] = dict(stored.metadata)
    if stored.custom_time:
        plain["customTime"] = stored.custom_time
    return plain


def bucket_resource(bucket: Bucket, base: str) -> dict[str, Any]:
    """A bucket's resource."""
    name = bucket.resource["name"]
    uniform = {"uniformBucketLevelAccess": {"enabled": False}}
    known = {
        "kind": "storage#bucket",
        "id": name,
        "selfLink": f"{base}/storage/v1/b/{name}",
        "projectNumber": "123456789012",
        "locationType": "multi-region" if bucket.resource["location"] in ("US", "EU", "ASIA") else "region",
        "iamConfiguration": uniform,
        "etag": f"C{bucket.resource['metageneration']}",
    }
    return known | bucket.resource


def merged(old: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """PATCH as Google means it: objects are merged, null takes a key away."""
    result = dict(old)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = value
    return result


def selected(resource: Any, fields: str | None) -> Any:
    """The part of a resource that `fields`, such as `items(name,size),nextPageToken`, asks for."""
    if not fields or fields == "*":
        return resource
    if isinstance(resource, list):
        return [selected(each, fields) for each in resource]
    return {
        name: selected(resource[name], inner)
        for name, inner in _parts(fields)
        if isinstance(resource, dict) and name in resource
    }


def _parts(fields: str) -> list[tuple[str, str | None]]:
    """`a,b(c,d),e/f` → [(a, None), (b, "c,d"), (e, "f")]."""
    found = []
    for part in re.findall(r"[^,(]+(?:\([^()]*(?:\([^()]*\)[^()]*)*\))?", fields):
        name, _, inner = part.replace("/", "(", 1).partition("(") if "(" not in part else part.partition("(")
        found.append((name.strip(), inner.removesuffix(")") or None))
    return found
