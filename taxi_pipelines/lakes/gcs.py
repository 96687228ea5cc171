"""The lake in a bucket of Cloud Storage, with the names of the lake in a folder (layout.py).

Visible is what has a manifest: it is written after the file it describes. The manifest's text is also on its object as
metadata, so that one listing answers what there is. Nobody holds a lock on a bucket; instead every write names the generation
it replaces, and the loser of a race looks again. A file that is put again while it is being removed stays: putting touches
it last, and removing takes it away only as it was seen first.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from google.cloud import storage

from taxi_pipelines.disk import writable
from taxi_pipelines.domain.manifest import Manifest, Offer
from taxi_pipelines.domain.month import Partition
from taxi_pipelines.errors import LakeCorrupt
from taxi_pipelines.gcp.bucket import TRIES, Bucket
from taxi_pipelines.interfaces import LakeObject
from taxi_pipelines.lakes.gcs_files import LastCopy, LocalCopy, open_remote
from taxi_pipelines.lakes.layout import (
    DIGEST,
    MANIFEST,
    RAW,
    data_name,
    describe,
    gone,
    prove,
    prove_size,
    read_manifest,
    read_partition,
)
from taxi_pipelines.lakes.writer import TEMPORARY, HashingWriter, begin, remove_dead

_KEY = "manifest"
_NOTED = "name,generation,timeCreated,metadata"


class GCSLake:
    """A `Lake` on a bucket, shared by any number of threads, processes and machines. `prefix` may be empty.

    `spool` is a folder for files on their way. Everything raises LakeRefused, LakeUnavailable, CredentialsInvalid."""

    def __init__(self, client: Callable[[], storage.Client], *, bucket: str, prefix: str, spool: Path) -> None:
        self._bucket = Bucket(client, bucket)
        self._raw = f"{prefix}/{RAW}/" if prefix else f"{RAW}/"
        self._spool = spool
        self._last = LastCopy()
        self._address = f"gs://{bucket}/{prefix}".rstrip("/")

    @property
    def address(self) -> str:
        """The bucket's URL, with the prefix."""
        return self._address

    def put(self, offer: Offer, fetch: Callable[[BinaryIO], Offer], now: datetime) -> LakeObject:
        """See `Lake.put`. Raises LakeUnavailable where others keep changing the same file."""
        with self._spooled() as writer:
            served = fetch(writer)
            manifest = describe(served, writer, now)
            copy = LocalCopy(writer)
        name = f"{self._folder(served.type, served.month)}{data_name(manifest)}"
        noted, generation = self._commit(name, manifest, copy)
        self._last.keep(name, generation, copy)
        return LakeObject(manifest=noted, location=self._bucket.uri(name))

    def versions(self, kind: str, partition: Partition) -> list[LakeObject]:
        """See `Lake.versions`. One call."""
        found = self._read(self._folder(kind, partition), MANIFEST)
        return sorted(found, key=lambda item: (item.manifest.fetched_at, item.manifest.sha256), reverse=True)

    def find(self, kind: str, partition: Partition, sha256: str) -> LakeObject | None:
        """See `Lake.find`. One call."""
        found = self._read(self._folder(kind, partition), f".{sha256[:DIGEST]}.")
        return next((item for item in found if item.manifest.sha256 == sha256), None)

    def open(self, item: LakeObject) -> BinaryIO:
        """See `Lake.open`. What this thread has put or checked last is read from its local copy, once."""
        name = self._name(item)
        blob = self._bucket.stat(name)
        if blob is None:
            raise gone(item.location, item.manifest)
        copy = self._last.take(name, blob.generation)
        return copy.open() if copy else open_remote(self._bucket, blob, item.manifest)

    def check(self, item: LakeObject) -> None:
        """See `Lake.check`. The download is kept for the next `open`."""
        name = self._name(item)
        blob = self._bucket.stat(name)
        if blob is None:
            raise gone(item.location, item.manifest)
        prove_size(item.location, item.manifest, blob.size)
        with self._spooled() as writer:
            if not self._bucket.download(blob, writer):
                raise gone(item.location, item.manifest)
            prove(item.location, item.manifest, writer.sha256)
            self._last.keep(name, blob.generation, LocalCopy(writer))

    def partitions(self) -> list[tuple[str, Partition]]:
        """See `Lake.partitions`."""
        names = [blob.name for blob in self._bucket.list(self._raw, "name") if blob.name.endswith(MANIFEST)]
        folders = sorted({name.rpartition("/")[0] for name in names})
        named = [(*_parts(folder), self._bucket.uri(folder)) for folder in folders]
        return [(kind, read_partition(month, place)) for kind, month, place in named]

    def list_changed(self, since: datetime) -> list[LakeObject]:
        """See `Lake.list_changed`. A manifest's commit is when its object was made, by Google's clock."""
        whole = since.replace(microsecond=since.microsecond // 1000 * 1000)  # Google's times have milliseconds
        notes = [blob for blob in self._notes(self._raw, MANIFEST) if blob.time_created >= whole]
        found = [self._object(blob) for blob in sorted(notes, key=lambda blob: (blob.time_created, blob.name))]
        return [item for item in found if item]

    def remove(self, item: LakeObject) -> None:
        """See `Lake.remove`. What somebody puts again meanwhile stays."""
        name = self._name(item)
        data, note = self._bucket.stat(name), self._bucket.stat(name + MANIFEST)
        if note and not self._bucket.delete(note):
            return
        while data and not self._bucket.delete(data):
            data = None if self._bucket.stat(name + MANIFEST) else self._bucket.stat(name)

    def sweep(self) -> int:
        """See `Lake.sweep`. Only the spool has anything half-written; no call."""
        with writable(self._spool):
            return sum(remove_dead(path) for path in self._spool.glob(f"{TEMPORARY}*"))

    def _folder(self, kind: str, partition: Partition) -> str:
        return f"{self._raw}{kind}/{partition}/"

    def _name(self, item: LakeObject) -> str:
        return item.location.removeprefix(self._bucket.uri(""))

    @contextmanager
    def _spooled(self) -> Iterator[HashingWriter]:
        """A file in the spool; its name goes at the end of the block."""
        with writable(self._spool):
            self._spool.mkdir(parents=True, exist_ok=True)
            writer = begin(self._spool)
        try:
            with writer:
                yield writer
        finally:
            with writable(self._spool):
                writer.path.unlink(missing_ok=True)

    def _commit(self, name: str, manifest: Manifest, copy: LocalCopy) -> tuple[Manifest, int]:
        """The manifest in place at the end, ours or a newer one, and the file's generation."""
        for _ in range(TRIES):
            with copy.open() as file:
                made = self._bucket.upload(name, file, copy.size)
                data = made or self._bucket.replace(name, file, copy.size)
            noted = self._note(name + MANIFEST, manifest)
            if made or self._bucket.touch(data, {"fetched_at": noted.fetched_at.isoformat()}):
                return noted, data.generation
        raise self._bucket.contended(name)

    def _note(self, name: str, manifest: Manifest) -> Manifest:
        """Writes the manifest, unless a newer one is there."""
        plain = manifest.to_dict()
        text = json.dumps(plain, indent=2).encode() + b"\n"
        over: int | None = None
        for _ in range(TRIES):
            if self._bucket.upload(name, BytesIO(text), len(text), over=over, metadata={_KEY: json.dumps(plain)}):
                return manifest
            there = self._bucket.stat(name)
            other = there and self._other(there)
            if other and (other == manifest or other.fetched_at > manifest.fetched_at):
                return other
            over = there.generation if there else None
        raise self._bucket.contended(name)

    def _other(self, note: storage.Blob) -> Manifest | None:
        try:
            return self._manifest(note)
        except LakeCorrupt:
            return None  # to be written over

    def _read(self, folder: str, part: str) -> list[LakeObject]:
        """The visible objects of a partition whose manifest's name contains `part`."""
        return [item for note in self._notes(folder, part) if (item := self._object(note))]

    def _notes(self, folder: str, part: str) -> list[storage.Blob]:
        found = self._bucket.list(folder, _NOTED)
        return [blob for blob in found if blob.name.endswith(MANIFEST) and part in blob.name.rpartition("/")[2]]

    def _object(self, note: storage.Blob) -> LakeObject | None:
        """What the manifest describes; None if it was removed since it was listed."""
        manifest = self._manifest(note)
        if manifest is None:
            return None
        return LakeObject(manifest=manifest, location=self._bucket.uri(note.name.removesuffix(MANIFEST)))

    def _manifest(self, note: storage.Blob) -> Manifest | None:
        """From the metadata; from the object's bytes where somebody copied the lake and left the metadata behind."""
        text = (note.metadata or {}).get(_KEY)
        if text is None:
            target = BytesIO()
            if not self._bucket.download(note, target):
                return None
            text = target.getvalue()
        kind, month = _parts(note.name.rpartition("/")[0])
        return read_manifest(text, self._bucket.uri(note.name), kind, month)


def _parts(folder: str) -> tuple[str, str]:
    """`…/raw/yellow/2024-01` → ("yellow", "2024-01")."""
    kind, month = folder.split("/")[-2:]
    return kind, month
