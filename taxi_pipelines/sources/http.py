"""Trip files on a web server: the TLC's CDN, or any that is laid out like it."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from dataclasses import replace
from http import HTTPStatus
from importlib.metadata import version
from typing import BinaryIO
from urllib.parse import urljoin

import requests
import urllib3

from taxi_pipelines.domain.manifest import FileFormat, Offer
from taxi_pipelines.domain.month import Month, Partition, Whole
from taxi_pipelines.errors import SourceCorrupt, SourceMissing, SourceUnavailable
from taxi_pipelines.interfaces import Advance
from taxi_pipelines.sources.download import BrokenOff, Download, Served
from taxi_pipelines.taxi.types import TaxiType

LOOK_BACK_MONTHS = 12
LONGEST_WAIT = 120
"""Seconds: a server that asks for more than this (Retry-After) is asked again after it."""

MISSING = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
"""The TLC's CDN answers 403 for a month that is not there."""

NO_HEAD = frozenset({HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED})
BUSY = frozenset({429, 500, 502, 503, 504})
CONNECT_RETRIES = 2
"""A host that cannot be reached at all is given up sooner: somebody waits, and it is most often their own network."""

TRY_LATER = "check the network and the source's address, or try again later"


class HttpSource:
    """A `Source` on a web server; may be used by several threads at a time."""

    def __init__(
        self,
        base_url: str,
        *,
        retries: int = 5,
        backoff: float = 0.5,
        timeout: tuple[float, float] = (10, 60),
    ) -> None:
        """`retries` in a row without a new byte are made, `backoff` seconds and more apart; `timeout` is to connect
        and to wait for the next bytes, in seconds."""
        # Credentials go with the requests, not into offers, receipts and messages.
        self._base = requests.utils.urldefragauth(base_url).rstrip("/")
        self._retries = retries
        self._backoff = backoff
        self._timeout = timeout
        self._session = _session(retries, backoff)
        credentials = requests.utils.get_auth_from_url(base_url)
        self._session.auth = credentials if any(credentials) else None

    @property
    def address(self) -> str:
        """The base URL."""
        return self._base

    def find(self, kind: TaxiType, partition: Partition, prefer: FileFormat) -> Offer | None:
        """See `Source.find`."""
        for file_format, name in kind.file_names(partition, prefer):
            for url in self._urls(partition, name):
                served = self._announced(url)
                if served:
                    return Offer(
                        type=kind.name,
                        month=partition,
                        format=file_format,
                        url=url,
                        file_name=name,
                        etag=served.mark,
                        bytes=served.total,
                        last_modified=served.last_modified,
                    )
        return None

    def fetch(self, offer: Offer, target: BinaryIO, advance: Advance) -> Offer:
        """See `Source.fetch`. `target` begins empty and is written from start to end.

        Where the file changed meanwhile, or the server cannot send a part, it begins anew by `target.seek(0)` and
        `target.truncate(0)`; nothing else is called but `write`.
        """
        download = Download(target, advance)
        fruitless = 0
        while True:
            before = download.furthest
            try:
                served = self._receive(offer.url, download)
                return _as_served(offer, served, download.arrived)
            except BrokenOff as error:
                fruitless = 0 if download.furthest > before else fruitless + 1
                if fruitless > self._retries:
                    raise _unavailable(offer.url, f"{error} ({_state(download)})") from error
            # Not urllib3's: the first of its pauses is none, and here every one may be the first.
            time.sleep(self._backoff * 2**fruitless * random.uniform(0.5, 1))

    def latest(self, kind: TaxiType, not_after: Month, prefer: FileFormat) -> Month | None:
        """See `Source.latest`."""
        for back in range(LOOK_BACK_MONTHS + 1):
            month = not_after.plus(-back)
            if isinstance(kind.first, Month) and month < kind.first:
                return None
            if self.find(kind, month, prefer):
                return month
        return None

    def _urls(self, partition: Partition, name: str) -> list[str]:
        """Where a file of that name may be: the CDN has the trips in `trip-data/`, the zones in `misc/` beside it."""
        urls = [f"{self._base}/{name}"]
        return [*urls, urljoin(f"{self._base}/", f"../misc/{name}")] if isinstance(partition, Whole) else urls

    def _announced(self, url: str) -> Served | None:
        with self._ask("HEAD", url) as response:
            if response.status_code not in NO_HEAD:
                return _served(response, url)
        with self._ask("GET", url) as response:
            return _served(response, url)

    def _receive(self, url: str, download: Download) -> Served:
        """One answer. Raises BrokenOff where another may help, SourceMissing, SourceUnavailable."""
        try:
            with self._ask("GET", url, download.headers()) as response:
                match response.status_code:
                    case HTTPStatus.OK | HTTPStatus.PARTIAL_CONTENT:
                        return download.receive(response)
                    case HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                        download.distrust()
                        raise BrokenOff("the file is shorter than announced")
                    case status if status in MISSING:
                        raise SourceMissing(f"{url} is not there (status {status})", "see what is published: taxi plan")
                    case _:
                        raise _refused(response, url)
        except SourceUnavailable as error:
            if not download.arrived:
                raise
            raise SourceUnavailable(f"{error.what} ({_state(download)})", error.hint) from error

    def _ask(self, method: str, url: str, headers: Mapping[str, str] | None = None) -> requests.Response:
        try:
            return self._session.request(
                method, url, headers=headers, timeout=self._timeout, stream=True, allow_redirects=True
            )
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:  # requests lets some through
            raise _unavailable(url, _reason(error)) from error


def _session(retries: int, backoff: float) -> requests.Session:
    session = requests.Session()
    # identity: what is hashed and measured must be the bytes published, not a compressed copy of them.
    session.headers.update(
        {"User-Agent": f"taxi-pipelines/{version('taxi-pipelines')}", "Accept-Encoding": "identity", "Accept": "*/*"}
    )
    retry = urllib3.Retry(
        total=retries,
        connect=min(retries, CONNECT_RETRIES),
        status_forcelist=BUSY,
        allowed_methods={"HEAD", "GET"},
        backoff_factor=backoff,
        backoff_jitter=backoff,
        retry_after_max=LONGEST_WAIT,
        raise_on_status=False,
    )
    adapter = requests.adapters.HTTPAdapter(max_retries=retry)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session


def _served(response: requests.Response, url: str) -> Served | None:
    """What a 200 announces; None where the file is not there. Raises SourceUnavailable."""
    if response.status_code in MISSING:
        return None
    if response.status_code != HTTPStatus.OK:
        raise _refused(response, url)
    return Served.of(response)


def _as_served(offer: Offer, served: Served, arrived: int) -> Offer:
    # 0 is what servers say that make up an answer to HEAD, so it says nothing.
    if offer.bytes and offer.bytes != arrived and _same_version(offer, served):
        what = f"{offer.url} has {arrived:,} bytes, but {offer.bytes:,} were announced of the same version"
        raise SourceCorrupt(what, "run again; if it stays, the server or a proxy before it is at fault")
    mark = replace(served, total=arrived).mark
    return replace(offer, etag=mark, bytes=arrived, last_modified=served.last_modified)


def _same_version(offer: Offer, served: Served) -> bool:
    if served.etag:
        return served.etag == offer.etag
    return served.last_modified is not None and served.last_modified == offer.last_modified


def _state(download: Download) -> str:
    total = f"{download.total:,}" if download.total is not None else "unknown"
    return f"{download.arrived:,} of {total} bytes arrived"


def _unavailable(url: str, reason: str) -> SourceUnavailable:
    return SourceUnavailable(f"cannot read {url}: {reason}", TRY_LATER)


def _refused(response: requests.Response, url: str) -> SourceUnavailable:
    return SourceUnavailable(f"{url} answered with status {response.status_code} {response.reason}".rstrip(), TRY_LATER)


def _reason(error: BaseException) -> str:
    """Why a request failed, in a few words: the drivers' own texts are chains of reprs."""
    links: list[BaseException] = []
    link: BaseException | None = error
    while link:
        links.append(link)
        link = link.__cause__ or link.__context__
    for kind, words in _REASONS.items():
        if any(isinstance(link, kind) for link in links):
            return words
    texts = [link.strerror for link in links if isinstance(link, OSError) and link.strerror]
    return texts[-1].lower() if texts else f"the request failed ({type(error).__name__})"


_REASONS: Mapping[type[BaseException], str] = {
    requests.exceptions.ProxyError: "the proxy does not answer",
    requests.exceptions.InvalidURL: "the address is not a URL",
    requests.exceptions.InvalidSchema: "it redirects to an address that is not http",
    urllib3.exceptions.LocationParseError: "the address is not a URL",
    requests.TooManyRedirects: "it redirects in a circle",
    urllib3.exceptions.NameResolutionError: "the host's name is not known",
    urllib3.exceptions.SSLError: "the secure connection failed, its certificate may not be valid",
    ConnectionRefusedError: "the connection was refused",
    urllib3.exceptions.ConnectTimeoutError: "the host does not answer",
    urllib3.exceptions.ReadTimeoutError: "the answer did not come in time",
    urllib3.exceptions.ProtocolError: "the connection broke off",
}
"""Looked up in this order: the first that is anywhere in the chain of errors."""
