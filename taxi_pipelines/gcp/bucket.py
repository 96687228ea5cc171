"""One bucket, in the few calls that the lake and the uploads for BigQuery make.

Here and nowhere else the client for Cloud Storage is called on objects: its errors become LakeRefused, LakeUnavailable and
CredentialsInvalid, and calls are repeated as Google's retry strategy says: every call here may be, because those that
change something name the generation they mean. https://cloud.google.com/storage/docs/retry-strategy
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import BinaryIO

import requests
import urllib3
from google.api_core import exceptions as api
from google.auth import exceptions as auth
from google.cloud import storage
from google.cloud.storage.exceptions import DataCorruption
from google.cloud.storage.retry import DEFAULT_RETRY

from taxi_pipelines.errors import LakeRefused, LakeUnavailable, PipelineError
from taxi_pipelines.gcp.errors import api_message, credentials_error, is_transient

CHUNK = 8 << 20
"""Bytes of a resumable upload that are held in memory and sent at a time; smaller objects go in one request."""

TRIES = 20
"""How often somebody else may come in between before we give up."""

_STARTS = 3
"""How often an upload is begun whose session the server forgets."""

RETRY = DEFAULT_RETRY
ROLE = "roles/storage.objectUser"
_DRIVER_ERRORS = (
    api.GoogleAPIError,
    auth.GoogleAuthError,
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    ConnectionError,
    DataCorruption,
)
_LACKING = re.compile(r"(\S+) does not have (storage\.\S+) access")


class Bucket:
    """The objects of a bucket, by name. `generation` is the server's number of an object's content, None where there is none.

    Raises LakeRefused, LakeUnavailable, CredentialsInvalid."""

    def __init__(self, client: Callable[[], storage.Client], name: str) -> None:
        self._client = client
        self.name = name

    def uri(self, name: str) -> str:
        """`gs://bucket/name`."""
        return f"gs://{self.name}/{name}"

    def upload(
        self,
        name: str,
        file: BinaryIO,
        size: int,
        *,
        over: int | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> storage.Blob | None:
        """The new object, sent in chunks and proven by its crc32c, in place of generation `over` (None: of nothing).

        None where something else is in place."""
        lost: Exception | None = None
        with self._speaking_of(name):
            for _ in range(_STARTS):
                blob = self._blob(name)
                if metadata:
                    blob.metadata = dict(metadata)
                file.seek(0)
                try:
                    blob.upload_from_file(file, size=size, if_generation_match=over or 0, retry=RETRY)
                    return blob
                except api.PreconditionFailed:
                    return None
                except (api.GoogleAPICallError, ValueError) as error:
                    if not _is_session_lost(error):
                        raise
                    lost = error
        raise LakeUnavailable(f"the upload of {self.uri(name)} broke off every time", "run again later") from lost

    def replace(self, name: str, file: BinaryIO, size: int) -> storage.Blob:
        """The object, which holds the file's bytes afterwards, whatever it held: sent, unless it does already."""
        for _ in range(TRIES):
            there = self.stat(name)
            if there and there.size == size and there.md5_hash == _md5(file):
                return there
            if made := self.upload(name, file, size, over=there.generation if there else None):
                return made
        raise self.contended(name)

    def stat(self, name: str) -> storage.Blob | None:
        """The object as it is now, without its bytes; None where there is none."""
        with self._speaking_of(name):
            blob = self._bucket.blob(name)
            try:
                blob.reload(retry=RETRY)
            except api.NotFound as error:
                if _is_about_bucket(error):
                    raise
                return None
            return blob

    def touch(self, blob: storage.Blob, metadata: Mapping[str, str]) -> bool:
        """Notes something on the object, which moves its metageneration; False where that generation is no longer in place."""
        with self._speaking_of(blob.name):
            live = self._bucket.blob(blob.name)
            live.metadata = dict(metadata)
            try:
                live.patch(if_generation_match=blob.generation, retry=RETRY)
            except (api.PreconditionFailed, api.NotFound) as error:
                if _is_about_bucket(error):
                    raise
                return False
            return True

    def delete(self, blob: storage.Blob) -> bool:
        """Takes the object away, exactly as it was seen; False where it was changed since. One that is gone is fine.

        A bucket with versions keeps it for a while: to name the generation itself would delete it for good."""
        seen = {"if_generation_match": blob.generation, "if_metageneration_match": blob.metageneration}
        with self._speaking_of(blob.name):
            try:
                self._bucket.delete_blob(blob.name, retry=RETRY, **seen)
            except api.PreconditionFailed:
                return False
            except api.NotFound as error:
                if _is_about_bucket(error):
                    raise
            return True

    def list(self, prefix: str, fields: str) -> list[storage.Blob]:
        """Objects whose names begin so, in order, with those `fields` of theirs."""
        with self._speaking_of(prefix):
            wanted = f"items({fields}),nextPageToken"
            return list(self._client().list_blobs(self.name, prefix=prefix, fields=wanted, retry=RETRY))

    def download(self, blob: storage.Blob, target: BinaryIO) -> bool:
        """Streams that generation into `target`, resuming after broken connections; False where it is gone."""
        with self._speaking_of(blob.name):
            try:
                self._blob(blob.name, blob.generation).download_to_file(target, retry=RETRY)
            except api.NotFound as error:
                if _is_about_bucket(error):
                    raise
                return False
            return True

    def copy(self, blob: storage.Blob, to: Bucket, name: str) -> bool:
        """Puts that generation's content elsewhere, instead of what is there, on the server; False where it is gone."""
        with self._speaking_of(blob.name):
            source, target = self._blob(blob.name, blob.generation), to._bucket.blob(name)
            try:
                token, _, _ = target.rewrite(source, retry=RETRY)
                while token:
                    token, _, _ = target.rewrite(source, token=token, retry=RETRY)
            except api.NotFound as error:
                if _is_about_bucket(error):
                    raise
                return False
            return True

    def read(self, blob: storage.Blob, start: int, length: int) -> bytes | None:
        """So many bytes of that generation, which must have them; None where it is gone."""
        with self._speaking_of(blob.name):
            pinned = self._blob(blob.name, blob.generation)
            try:
                return pinned.download_as_bytes(start=start, end=start + length - 1, checksum=None, retry=RETRY)
            except api.NotFound as error:
                if _is_about_bucket(error):
                    raise
                return None

    def contended(self, name: str) -> LakeUnavailable:
        """The error for an object that others change faster than we can."""
        return LakeUnavailable(f"somebody else keeps writing {self.uri(name)}", "run again when they are done")

    @property
    def _bucket(self) -> storage.Bucket:
        return self._client().bucket(self.name)

    def _blob(self, name: str, generation: int | None = None) -> storage.Blob:
        return self._bucket.blob(name, chunk_size=None if generation else CHUNK, generation=generation)

    @contextmanager
    def _speaking_of(self, name: str) -> Iterator[None]:
        try:
            yield
        except _DRIVER_ERRORS as error:
            raise self._translated(error, self.uri(name)) from error

    def _translated(self, error: Exception, uri: str) -> PipelineError:
        if isinstance(error, DataCorruption):
            return LakeUnavailable(f"the bytes of {uri} were damaged on the way", "run again")
        if isinstance(error, api.GoogleAPICallError) and not is_transient(error):
            return credentials_error(error) or self._refused(error, uri)
        refused = credentials_error(error)
        return refused or LakeUnavailable(
            f"Cloud Storage does not answer for {uri}: {_reason(error)}", "run again later"
        )

    def _refused(self, error: api.GoogleAPICallError, uri: str) -> LakeRefused:
        said = _said(error)
        if _is_about_bucket(error):
            return LakeRefused(f"there is no bucket {self.name}", "run: taxi gcp setup, or name another as `lake`")
        if lacking := _LACKING.search(said):
            member = f"{'serviceAccount' if lacking[1].endswith('gserviceaccount.com') else 'user'}:{lacking[1]}"
            grant = f"gcloud storage buckets add-iam-policy-binding gs://{self.name} --member={member} --role={ROLE}"
            return LakeRefused(f"{lacking[1]} lacks {lacking[2]} on bucket {self.name}", f"run: {grant}")
        return LakeRefused(f"Cloud Storage refuses {uri}: {said}", "run: taxi doctor")


def _is_session_lost(error: Exception) -> bool:
    """Whether an upload must start over: the server forgot it, or (ValueError) kept less of it than was sent."""
    if isinstance(error, api.GoogleAPICallError):
        return error.code in (404, 410) and not _is_about_bucket(error)
    return not isinstance(error, auth.GoogleAuthError)


def _is_about_bucket(error: Exception) -> bool:
    """Whether 404 means the bucket and not the object: only the words tell."""
    return "bucket does not exist" in str(error)


def _said(error: Exception) -> str:
    """The server's words; errors of uploads and downloads carry them only in the answer's body."""
    try:
        return " ".join(error.response.json()["error"]["message"].split())  # type: ignore[attr-defined]
    except (AttributeError, KeyError, TypeError, ValueError):
        return api_message(error) if isinstance(error, api.GoogleAPICallError) else " ".join(str(error).split())


def _reason(error: Exception) -> str:
    """What broke, in few words: the client wraps it several times."""
    if isinstance(error, api.RetryError) and isinstance(error.cause, Exception):
        return _reason(error.cause)
    if (answer := getattr(error, "response", None)) is not None:
        return f"{answer.status_code} {_said(error)}"
    text = " ".join(str(error).split())
    words = re.findall(r"\[Errno -?\d+\] ([\w ,]+)", text) or re.findall(r"'([^']{8,})'", text)
    return words[-1] if words else text or type(error).__name__


def _md5(file: BinaryIO) -> str:
    """As Google writes it."""
    file.seek(0)
    digest = hashlib.md5(usedforsecurity=False)
    while chunk := file.read(CHUNK):
        digest.update(chunk)
    return base64.b64encode(digest.digest()).decode()
