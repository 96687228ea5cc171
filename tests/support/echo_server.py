"""A web server on loopback that answers with what it was asked, as JSON, or as its path says."""

from __future__ import annotations

import gzip
import json
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit


class EchoServer:
    """`/status/N` answers N, `/to?url=…` redirects, `/bytes/N` sends so many, `/gzip` compressed ones, `/slow` nothing for long."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _handler(server) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                server.requests.append(f"{self.command} {self.path}")
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                parts = urlsplit(self.path)
                match parts.path.split("/")[1:]:
                    case ["status", code]:
                        self.say(int(code), b"it is so", {"X-Two": ["a", "b"]})
                    case ["to"]:
                        self.say(302, b"", {"Location": [parse_qs(parts.query)["url"][0]]})
                    case ["circle"]:
                        self.say(302, b"", {"Location": ["/circle"]})
                    case ["bytes", count]:
                        self.say(200, b"x" * int(count))
                    case ["short"]:
                        self.say(200, b"x" * 10, length=100)
                    case ["latin"]:
                        self.say(200, b"\xfc", {"Content-Type": ["text/plain; charset=latin-1"]})
                    case ["gzip"]:
                        self.say(200, gzip.compress(b"0" * 50_000_000), {"Content-Encoding": ["gzip"]})
                    case ["named"]:
                        named = "attachment; filename*=UTF-8''..%2F..%2Fz%C3%BC%20x.csv"
                        self.say(200, b"1", {"Content-Disposition": [named]})
                    case ["slow"]:
                        time.sleep(1.5)
                        self.say(200, b"at last")
                    case _:
                        headers = {name.lower(): value for name, value in self.headers.items()}
                        told: dict[str, Any] = {"path": self.path, "method": self.command, "headers": headers}
                        self.say(200, json.dumps(told | {"body": body.decode("latin-1")}).encode())

            do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = answer

            def say(
                self, code: int, body: bytes, headers: dict[str, list[str]] | None = None, length: int | None = None
            ) -> None:
                self.send_response(code)
                for name, values in (headers or {}).items():
                    for value in values:
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(body) if length is None else length))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

            def handle(self) -> None:
                with suppress(BrokenPipeError, ConnectionResetError):
                    super().handle()

        return Handler
