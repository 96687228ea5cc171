"""A loopback HTTP server that answers as the TLC's CDN does: for the demo and for tests of the real path.

Files of a folder's trip-data/ and misc/, nothing else of it; ETag, Last-Modified, Content-Length, ranges with If-Range, HEAD; 403
for whatever is not there. Every answer closes its connection, so that stopping leaves no thread and no socket behind.
"""

from __future__ import annotations

import hashlib
import re
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO

_PATH = re.compile(r"/(trip-data|misc)/([\w-][\w.-]*)")
_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
_CHUNK = 1 << 18


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serves the folder while the context lasts; gives its base URL, to which TAXI_SOURCE adds `/trip-data`.

    The folder is laid out as the CDN is: trip-data/{type}_tripdata_{month}.parquet, misc/taxi_zone_lookup.csv. A file
    written later is served too. Downloads still running at the end are cut off.
    """
    with _Server(folder) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, name="tlc-server")
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
            server.cut_off()


class _Server(ThreadingHTTPServer):
    daemon_threads = False  #: closing waits for the answers' threads

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder
        self._connections: set[socket.socket] = set()
        self._etags: dict[tuple[str, int, int], str] = {}
        self._lock = threading.Lock()

    def etag(self, path: Path) -> str:
        """The quoted md5 of the file's content, computed once per version of the file."""
        stat = path.stat()
        version = (path.name, stat.st_mtime_ns, stat.st_size)
        with self._lock:
            if version not in self._etags:
                with path.open("rb") as file:
                    digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False))
                self._etags[version] = f'"{digest.hexdigest()}"'
            return self._etags[version]

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        with self._lock:
            self._connections.add(connection)
        return connection, address

    def shutdown_request(self, request: Any) -> None:
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def cut_off(self) -> None:
        """Ends the connections still open, so that nobody waits for a slow client."""
        with self._lock:
            for connection in self._connections:
                with suppress(OSError):  # the client may have gone just now
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), ConnectionError):  # clients break off downloads; that is no news
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing: the caller's terminal belongs to the caller."""

    def _answer(self, *, with_body: bool) -> None:
        found = _PATH.fullmatch(self.path.partition("?")[0])
        path = self.server.folder / found[1] / found[2] if found else None
        if path is None or not path.is_file():
            self._refuse(with_body=with_body)
            return
        etag = self.server.etag(path)
        with path.open("rb") as file:
            self._send(file, path, etag, with_body=with_body)

    def _refuse(self, *, with_body: bool) -> None:
        body = b'<?xml version="1.0" encoding="UTF-8"?><Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>'
        self._start(HTTPStatus.FORBIDDEN, {"Content-Type": "application/xml", "Content-Length": str(len(body))})
        if with_body:
            self.wfile.write(body)

    def _send(self, file: BinaryIO, path: Path, etag: str, *, with_body: bool) -> None:
        stat = path.stat()
        size, modified = stat.st_size, formatdate(stat.st_mtime, usegmt=True)
        headers = {"ETag": etag, "Last-Modified": modified, "Accept-Ranges": "bytes"}
        current = self.headers.get("If-Range", etag) in (etag, modified)
        wanted = _range(self.headers.get("Range", ""), size) if current else None
        if wanted is None:
            self._start(HTTPStatus.OK, headers | {"Content-Length": str(size)})
            wanted = range(size)
        elif not wanted:
            unsatisfied = {"Content-Range": f"bytes */{size}", "Content-Length": "0"}
            self._start(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, unsatisfied)
        else:
            place = {"Content-Range": f"bytes {wanted[0]}-{wanted[-1]}/{size}", "Content-Length": str(len(wanted))}
            self._start(HTTPStatus.PARTIAL_CONTENT, headers | place)
        if with_body and wanted:
            file.seek(wanted.start)
            _copy(file, self.wfile, len(wanted))

    def _start(self, status: HTTPStatus, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": "binary/octet-stream"} | headers | {"Connection": "close"}).items():
            self.send_header(name, value)
        self.end_headers()


def _range(header: str, size: int) -> range | None:
    """The bytes a Range header asks for: empty where there are none of them, None where it asks for no one range."""
    found = _RANGE.fullmatch(header)
    if not found or not (found[1] or found[2]):
        return None
    if not found[1]:
        return range(max(size - int(found[2]), 0), size)
    last = min(int(found[2]), size - 1) if found[2] else size - 1
    return range(int(found[1]), last + 1)


def _copy(source: BinaryIO, target: Any, count: int) -> None:
    while count and (chunk := source.read(min(_CHUNK, count))):
        target.write(chunk)
        count -= len(chunk)
