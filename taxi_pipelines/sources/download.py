"""One file on its way over a connection that may break: what has arrived, of which version, and what to ask for next.

Apart from `http` because it knows headers and bytes, but neither addresses nor how often to try.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from typing import BinaryIO

import requests
import urllib3

from taxi_pipelines.interfaces import Advance

CHUNK = 1 << 20
_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")


class BrokenOff(Exception):
    """The body ended before its end, or is not the one asked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Served:
    """What an answer's headers say of the file: `total` bytes it has, and at `start` the answer's body begins.

    Either is None where they do not say.
    """

    etag: str | None
    last_modified: str | None
    total: int | None
    start: int | None = 0

    @classmethod
    def of(cls, response: requests.Response) -> Served:
        """Reads the headers of a 200 or 206."""
        headers = response.headers
        start: int | None = 0
        total = _number(headers.get("Content-Length"))
        if response.status_code == HTTPStatus.PARTIAL_CONTENT:
            part = _CONTENT_RANGE.fullmatch(headers.get("Content-Range", ""))
            start, total = (_number(part[1]), _number(part[2])) if part else (None, None)
        return cls(etag=headers.get("ETag"), last_modified=headers.get("Last-Modified"), total=total, start=start)

    @property
    def mark(self) -> str | None:
        """The source's version mark; where it gives none, one made of last change and length."""
        if self.etag or not self.last_modified or self.total is None:
            return self.etag
        return f"{self.last_modified}/{self.total}"

    @property
    def condition(self) -> str | None:
        """What `If-Range` may say: a weak ETag does not vouch for single bytes (RFC 9110, section 13.1.5)."""
        return self.etag if self.etag and not self.etag.startswith("W/") else self.last_modified

    def agrees(self, other: Served) -> bool:
        """Whether both can be of the same version, as far as both say."""
        pairs = (
            (self.etag, other.etag),
            (self.last_modified, other.last_modified),
            (self.total, other.total),
        )
        return all(mine is None or theirs is None or mine == theirs for mine, theirs in pairs)


class Download:
    """Writes one file, from one or more answers, to a target that begins empty."""

    def __init__(self, target: BinaryIO, advance: Advance) -> None:
        self._target = target
        self._advance = advance
        self._resumable = False
        self.served: Served | None = None
        self.arrived = 0
        self.furthest = 0

    @property
    def total(self) -> int | None:
        """Bytes of the whole file, as last announced."""
        return self.served.total if self.served else None

    def headers(self) -> dict[str, str]:
        """What to ask for next: the rest, if what arrived is still the beginning of the same version."""
        condition = self.served.condition if self.served else None
        if not (self._resumable and self.arrived and condition):
            return {}
        return {"Range": f"bytes={self.arrived}-", "If-Range": condition}

    def receive(self, response: requests.Response) -> Served:
        """Takes the body of a 200 or 206; what the file was served as, if it is whole now.

        Raises BrokenOff otherwise; what arrived until then counts where it can be continued.
        """
        whole = self._place(Served.of(response))
        for chunk in _chunks(response):
            self._write(chunk)
        if whole.total not in (None, self.arrived):
            raise BrokenOff("the body is not as long as announced")
        return whole

    def distrust(self) -> None:
        """Asks for the whole file next time."""
        self._resumable = False

    def _place(self, served: Served) -> Served:
        """Makes ready for the body: at the end of what arrived, or at the start again."""
        if served.start == 0:
            self._begin(served)
            return served
        if self.served and served.start == self.arrived and self.served.agrees(served):
            return self.served
        self.distrust()
        raise BrokenOff("the part sent is not the part asked for")

    def _begin(self, served: Served) -> None:
        self._resumable = True
        if self.arrived:
            self._target.seek(0)
            self._target.truncate(0)
        self.served = served
        self.arrived = 0
        self._advance(0, served.total)

    def _write(self, chunk: bytes) -> None:
        self._target.write(chunk)
        self.arrived += len(chunk)
        self.furthest = max(self.furthest, self.arrived)
        self._advance(self.arrived, self.total)


def _chunks(response: requests.Response) -> Iterator[bytes]:
    """The body as it comes in: `read1` hands over what is there, so that nothing is lost when the line breaks.

    Undecoded: the bytes published are wanted, also where a server calls a `.csv.gz` gzip-encoded text.
    """
    try:
        while chunk := response.raw.read1(CHUNK, decode_content=False):
            yield chunk
    except urllib3.exceptions.HTTPError as error:
        raise BrokenOff("the connection broke off") from error


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() else None
