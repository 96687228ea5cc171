"""Google Cloud as far as we use it, on loopback: Cloud Storage and BigQuery as the official clients speak to them.

    fake = start_fake()                                   # one server per test process, started when first asked for
    GoogleClients(…, storage_emulator=fake.url, bigquery_emulator=fake.url)
    fake.calls                                            # what was asked, in order
    fake.faults.on("PUT", "/upload/", Refuse(503))        # see faults.py

The state lies in memory; other processes reach it by the URL. Each half is a router over its own state, in storage.py and
bigquery.py. `fake.reset()` empties everything: call it before a test.
"""

from __future__ import annotations

import atexit
import socket
import threading
import time
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import uvicorn
from fastapi import FastAPI

from tests.support.google import bigquery, storage
from tests.support.google.bigquery import BigQueryState
from tests.support.google.errors import GoogleError, answer_error
from tests.support.google.faults import App, Call, Faults, Gate, Message, Protocol, Receive, Send
from tests.support.google.storage import StorageState

_STORAGE_PATHS = ("/storage/", "/upload/storage/", "/download/storage/")


@dataclass(frozen=True)
class FakeGoogle:
    """The running server: its address, what it holds, what it was asked, and what is to go wrong."""

    url: str
    storage: StorageState
    bigquery: BigQueryState
    calls: list[Call] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)

    def reset(self) -> None:
        """As if just started."""
        self.storage.clear()
        self.bigquery.clear()
        self.calls.clear()
        self.faults.clear()


@cache
def start_fake() -> FakeGoogle:
    """The server of this process; it ends with the process."""
    app = FastAPI(openapi_url=None, exception_handlers={GoogleError: answer_error})
    storage_state = StorageState()
    app.include_router(storage.router(storage_state))
    bigquery_state = BigQueryState(storage_state)
    app.include_router(bigquery.router(bigquery_state))
    listening = _listen()
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    fake = FakeGoogle(url=url, storage=storage_state, bigquery=bigquery_state)
    _serve(Gate(_PathsAsSent(app), fake.calls, fake.faults), listening)
    return fake


def _listen() -> socket.socket:
    """A free port. asyncio sends small answers at once only where the protocol is named; else each waits 40 ms for an ACK."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.bind(("127.0.0.1", 0))
    listening.listen(128)
    return listening


@dataclass(frozen=True)
class _PathsAsSent:
    """Leaves the names of objects quoted, so that a slash in a name is told from one in the path."""

    app: Any

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["path"].startswith(_STORAGE_PATHS):
            scope["path"] = scope["raw_path"].decode("ascii")
        await self.app(scope, receive, send)


def _serve(app: App, listening: socket.socket) -> None:
    config = uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        log_level="critical",
        timeout_keep_alive=600,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True, name="fake-google")
    thread.start()
    while not server.started:
        time.sleep(0.005)
    atexit.register(_stop, server, thread)


def _stop(server: uvicorn.Server, thread: threading.Thread) -> None:
    server.force_exit = server.should_exit = True
    thread.join(5)
