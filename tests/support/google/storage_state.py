"""What the fake Cloud Storage holds: buckets, objects with generations, permissions. No HTTP.

state.deny("bucket", "storage.objects.create")     # 403 from now on, with Google's sentence
state.taken.add("name")                            # somebody else's bucket
state.content("gs://bucket/name")                  # an object's bytes
"""

from __future__ import annotations

import base64
import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import google_crc32c

from tests.support.google.errors import GoogleError

PRINCIPAL = "tester@example.iam.gserviceaccount.com"


@dataclass(frozen=True, kw_only=True)
class Stored:
    """One generation of an object."""

    name: str
    content: bytes
    generation: int
    metageneration: int = 1
    content_type: str = "application/octet-stream"
    metadata: Mapping[str, str] | None = None
    custom_time: str | None = None
    created: datetime
    updated: datetime
    crc32c: str
    md5: str


@dataclass
class Bucket:
    """A bucket: its resource as JSON, its live objects, and the generations that are no longer live."""

    resource: dict[str, Any]
    live: dict[str, Stored] = field(default_factory=dict)
    noncurrent: list[Stored] = field(default_factory=list)
    denied: set[str] = field(default_factory=set)

    @property
    def versioned(self) -> bool:
        return bool(self.resource.get("versioning", {}).get("enabled"))

    def retire(self, name: str) -> None:
        """The live generation becomes noncurrent, or is gone where the bucket is not versioned."""
        old = self.live.pop(name, None)
        if old and self.versioned:
            self.noncurrent.append(old)

    def change(self, old: Stored, new: Stored) -> None:
        """Other metadata on the same generation."""
        if self.live.get(old.name) is old:
            self.live[old.name] = new
        else:
            self.noncurrent[self.noncurrent.index(old)] = new

    def find(self, name: str, generation: str | None = None) -> Stored | None:
        """The live generation, or the one asked for."""
        if generation is None:
            return self.live.get(name)
        every = [*self.live.values(), *self.noncurrent]
        return next((each for each in every if (each.name, str(each.generation)) == (name, generation)), None)


@dataclass
class StorageState:
    """Every bucket; shared by the router and the tests."""

    buckets: dict[str, Bucket] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    sessions: dict[str, Any] = field(default_factory=dict)
    _last: int = 0

    def clear(self) -> None:
        """No buckets any more."""
        self.buckets.clear()
        self.taken.clear()
        self.sessions.clear()

    def make_bucket(self, name: str, **resource: Any) -> Bucket:
        """A bucket without a request; `resource` are fields such as location="EU"."""
        made = time_text(utc_now())
        plain = {"name": name, "location": "US", "storageClass": "STANDARD", "timeCreated": made, "updated": made}
        self.buckets[name] = Bucket(resource=plain | {"metageneration": "1"} | resource)
        return self.buckets[name]

    def deny(self, bucket: str, *permissions: str) -> None:
        """The caller lacks these from now on."""
        self.buckets[bucket].denied.update(permissions)

    def bucket(self, name: str, permission: str) -> Bucket:
        """The bucket, for a request that needs the permission."""
        if name in self.taken:
            raise forbidden(permission, f"bucket {name}")
        if name not in self.buckets:
            raise GoogleError(404, "notFound", "The specified bucket does not exist.")
        if permission in self.buckets[name].denied:
            raise forbidden(permission, f"object in bucket {name}" if ".objects." in permission else f"bucket {name}")
        return self.buckets[name]

    def object(self, bucket: str, name: str, permission: str, generation: str | None = None) -> Stored:
        """The object, for a request that needs the permission."""
        found = self.bucket(bucket, permission).find(name, generation)
        if found is None:
            raise GoogleError(404, "notFound", f"No such object: {bucket}/{name}")
        return found

    def content(self, uri: str) -> bytes:
        """The bytes of `gs://bucket/name`. Raises GoogleError as a request for it would be answered."""
        bucket, _, name = uri.removeprefix("gs://").partition("/")
        return self.object(bucket, name, "storage.objects.get").content

    def names(self, bucket: str) -> set[str]:
        """The names of the live objects; none where there is no bucket."""
        return set(self.buckets[bucket].live) if bucket in self.buckets else set()

    def write(self, bucket: str, name: str, content: bytes, **fields: Any) -> Stored:
        """A new live generation, without a request and without preconditions."""
        now = utc_now()
        self._last = max(self._last + 1, time.time_ns() // 1000)
        made = Stored(
            name=name,
            content=content,
            generation=self._last,
            created=now,
            updated=now,
            crc32c=crc32c_of(content),
            md5=base64.b64encode(hashlib.md5(content).digest()).decode(),
            **fields,
        )
        self.buckets[bucket].retire(name)
        self.buckets[bucket].live[name] = made
        return made


def forbidden(permission: str, thing: str) -> GoogleError:
    """403 with Google's sentence."""
    message = (
        f"{PRINCIPAL} does not have {permission} access to the Google Cloud Storage {thing.split()[0]}. "
        f"Permission '{permission}' denied on resource (or it may not exist)."
    )
    return GoogleError(403, "forbidden", message)


def check_preconditions(found: Stored | None, query: Mapping[str, str]) -> None:
    """Raises 412 unless the object is as the request says; ifGenerationMatch=0 says: there is none."""
    generation = str(found.generation) if found else "0"
    metageneration = str(found.metageneration) if found else None
    holds = (
        query.get("ifGenerationMatch", generation) == generation
        and query.get("ifMetagenerationMatch", metageneration) == metageneration
        and query.get("ifGenerationNotMatch") != generation
        and query.get("ifMetagenerationNotMatch", "") != metageneration
    )
    if not holds:
        message = "At least one of the pre-conditions you specified did not hold."
        raise GoogleError(412, "conditionNotMet", message, locationType="header", location="If-Match")


def crc32c_of(content: bytes) -> str:
    """As Google writes it: base64 of the big-endian checksum."""
    return base64.b64encode(google_crc32c.value(content).to_bytes(4)).decode()


def utc_now() -> datetime:
    return datetime.now(UTC)


def time_text(moment: datetime) -> str:
    """RFC 3339, milliseconds, as Google's resources have it."""
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
