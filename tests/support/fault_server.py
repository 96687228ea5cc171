"""A web server on loopback that serves files well, or badly as told.

    with FaultServer() as server:
        server.publish("/trip-data/x.parquet", content)
        server.script("/trip-data/x.parquet", Drop(after=1000), Status(503))
        ...                                   # the first GET breaks off, the second is refused, all later ones are well
        server.requests                       # what was asked, in order

`publish` says what a file is and what the server can do with it at all; `script` queues faults for the next requests of
one method, one fault each. It answers HEAD, GET, Range and If-Range as RFC 9110 has it, one request per connection.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict, deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any, Self

LAST_MODIFIED = "Wed, 01 May 2024 10:00:00 GMT"
PAGE = b"<!DOCTYPE html><html><body>Down for maintenance</body></html>"


@dataclass(frozen=True, kw_only=True)
class File:
    """A published file. `etag` and `last_modified` None: not told."""

    content: bytes
    etag: str | None
    last_modified: str | None = LAST_MODIFIED
    ranges: bool = True  #: False: Range is ignored
    heads: bool = True  #: False: HEAD is answered 405
    length: bool = True  #: False: no Content-Length; the body ends with the connection


@dataclass(frozen=True)
class Status:
    """This status and a short text, instead of the file."""

    code: int
    retry_after: str | None = None
    location: str | None = None


@dataclass(frozen=True, kw_only=True)
class Drop:
    """The connection is closed after so many bytes of the body; None: before any answer."""

    after: int | None


@dataclass(frozen=True, kw_only=True)
class Hang:
    """Nothing more comes after so many bytes of the body; None: no answer at all. Ends with the server."""

    after: int | None


@dataclass(frozen=True, kw_only=True)
class Length:
    """Content-Length is wrong by so many bytes: too long where positive, too short (and the body cut to it) where negative."""

    by: int


@dataclass(frozen=True, kw_only=True)
class Headers:
    """These headers instead of the right ones; None leaves one out."""

    instead: Mapping[str, str | None]


@dataclass(frozen=True)
class Republish:
    """From this request on the file is another."""

    content: bytes


@dataclass(frozen=True)
class Page:
    """A page in HTML, status 200, as if it were the file."""


Fault = Status | Drop | Hang | Length | Headers | Republish | Page


@dataclass(frozen=True, kw_only=True)
class Request:
    """What was asked. Names of headers are in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]

    @property
    def range(self) -> str | None:
        """The Range header."""
        return self.headers.get("range")


class FaultServer:
    """A context manager; serves at `url` on a free port while it is open, closes without a trace."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.closing = Event()
        self._files: dict[str, File] = {}
        self._faults: defaultdict[tuple[str, str], deque[Fault]] = defaultdict(deque)
        self._lock = Lock()
        self._http = _Server(self)
        self._thread = Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        """Scheme, host and port, without a slash at the end."""
        return f"http://127.0.0.1:{self._http.server_port}"

    def publish(self, path: str, content: bytes, **told: Any) -> File:
        """Serves a file; `told` are fields of `File`. Its ETag is made of the content, as the TLC's CDN does."""
        file = File(content=content, **({"etag": etag_of(content)} | told))
        self._files[path] = file
        return file

    def withdraw(self, path: str) -> None:
        """Takes a file away: 404 from now on."""
        del self._files[path]

    def script(self, path: str, *faults: Fault, method: str = "GET") -> None:
        """Queues faults for the next requests of the path and method, also where no file is published there."""
        self._faults[method, path].extend(faults)

    def asked(self, method: str, path: str | None = None) -> list[Request]:
        """The requests of a method so far, of one path or all."""
        return [each for each in self.requests if each.method == method and path in (None, each.path)]

    def take(self, request: Request) -> tuple[File | None, Fault | None]:
        """For the handler: notes the request; what it is about and what is to go wrong."""
        with self._lock:
            self.requests.append(request)
            queue = self._faults[request.method, request.path]
            fault = queue.popleft() if queue else None
            if isinstance(fault, Republish):
                old = self._files[request.path]
                self._files[request.path] = replace(
                    old, content=fault.content, etag=old.etag and etag_of(fault.content)
                )
            return self._files.get(request.path), fault

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


def etag_of(content: bytes) -> str:
    """The ETag a content is published under."""
    return f'"{hashlib.md5(content).hexdigest()}"'


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that closing waits for every answer

    def __init__(self, owner: FaultServer) -> None:
        self.owner = owner
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the tests read `FaultServer.requests`."""

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def _answer(self) -> None:
        self.close_connection = True
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(method=self.command, path=self.path, headers=headers)
        file, fault = self.server.owner.take(request)
        with suppress(ConnectionError):  # a client may leave early
            match fault:
                case Status():
                    told = {"Retry-After": fault.retry_after, "Location": fault.location}
                    self._send(fault.code, told, f"status {fault.code}".encode())
                case Page():
                    self._send(200, {"Content-Type": "text/html"}, PAGE)
                case Drop(after=None):
                    pass
                case Hang(after=None):
                    self.server.owner.closing.wait()
                case _ if file is None:
                    self._send(404, {}, b"not found")
                case _ if request.method == "HEAD" and not file.heads:
                    self._send(405, {"Allow": "GET"}, b"")
                case _:
                    self._send_file(request, file, fault)

    def _send_file(self, request: Request, file: File, fault: Fault | None) -> None:
        start = _start(request, file)
        body = file.content[start or 0 :]
        told: dict[str, str | None] = {"ETag": file.etag, "Last-Modified": file.last_modified}
        if not file.length:
            told["Content-Length"] = None
        if start is None:
            return self._send(200, told, body, fault)
        size = len(file.content)
        if start >= size:
            return self._send(416, {"Content-Range": f"bytes */{size}"}, b"")
        return self._send(206, told | {"Content-Range": f"bytes {start}-{size - 1}/{size}"}, body, fault)

    def _send(self, status: int, told: Mapping[str, str | None], body: bytes, fault: Fault | None = None) -> None:
        length = len(body)
        match fault:
            case Length(by=by):
                length += by
                body = body[:length]
            case Drop(after=int(after)) | Hang(after=int(after)):
                body = body[:after]
            case Headers(instead=instead):
                told = {**told, **instead}
        self.send_response(status)
        for name, value in {"Content-Length": str(length), "Connection": "close", **told}.items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        if isinstance(fault, Hang):
            self.server.owner.closing.wait()


def _start(request: Request, file: File) -> int | None:
    """Where the part asked for begins; None where the whole file is to be sent."""
    part = re.fullmatch(r"bytes=(\d+)-", request.range or "")
    condition = request.headers.get("if-range")
    holds = condition is None or condition in (file.etag, file.last_modified)
    return int(part[1]) if part and holds and file.ranges else None
