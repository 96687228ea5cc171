"""In front of bqemulator: what its lists of tables leave out, which Google's have.

Month records are read from such lists (warehouses/bigquery_records.py), so that without this no second command would work. Each
item gains what the table itself says; all else goes through as it is.
https://cloud.google.com/bigquery/docs/reference/rest/v2/tables/list
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

import requests

LISTED = ("friendlyName", "labels", "expirationTime", "timePartitioning", "clustering")
_OURS = ("transfer-encoding", "content-encoding", "content-length", "connection")
"""Headers of the emulator's answer that do not hold for ours."""


@contextmanager
def listing_proxy(emulator: str) -> Iterator[str]:
    """The proxy's address while it runs."""

    class Handler(_Handler):
        upstream = emulator

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    upstream: str

    def _forward(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with requests.request(
            self.command, self.upstream + self.path, data=body, headers=dict(self.headers), allow_redirects=False
        ) as answer:
            content = answer.content
            if self.command == "GET" and urlsplit(self.path).path.endswith("/tables") and answer.ok:
                content = json.dumps(self._completed(answer.json())).encode()
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                if name.lower() not in _OURS:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _forward

    def _completed(self, page: dict[str, Any]) -> dict[str, Any]:
        """The page of a list; without tables that are gone by now."""
        tables = ((item, self._table(item["tableReference"])) for item in page.get("tables", ()))
        found = [item | {name: there[name] for name in LISTED if name in there} for item, there in tables if there]
        return page | {"tables": found}

    def _table(self, reference: dict[str, str]) -> dict[str, Any]:
        place = "projects/{projectId}/datasets/{datasetId}/tables/{tableId}".format_map(reference)
        with requests.get(f"{self.upstream}/bigquery/v2/{place}") as answer:
            return dict(answer.json()) if answer.ok else {}

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing to say."""
