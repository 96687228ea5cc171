"""The HTTP server around API and pages, in the thread that calls it."""

from __future__ import annotations

import asyncio
import socket

import uvicorn
from starlette.types import ASGIApp

from taxi_pipelines.service import Service

CLOSE_SECONDS = 3
"""How long requests under way may take once it is to stop."""


class Server:
    """Serves on a socket that listens already. `run` returns after Ctrl-C, SIGTERM or `stop`."""

    def __init__(self, app: ASGIApp, service: Service, place: socket.socket) -> None:
        config = uvicorn.Config(
            app,
            lifespan="off",
            log_level="warning",
            access_log=False,
            server_header=False,
            ws="none",
            timeout_graceful_shutdown=CLOSE_SECONDS,
        )
        self._server = _Server(config, service)
        self._place = place

    def run(self) -> None:
        """Until it is to stop."""
        self._server.run(sockets=[self._place])

    def stop(self) -> None:
        """From any thread."""
        self._server.should_exit = True


class _Server(uvicorn.Server):
    """Tells those who follow an execution that it ends, before it waits for their requests to."""

    def __init__(self, config: uvicorn.Config, service: Service) -> None:
        super().__init__(config)
        self._service = service

    async def main_loop(self) -> None:
        """See uvicorn: whose ten looks a second are a third of what an idle service costs. Here two."""
        tenths = 0
        while not await self.on_tick(tenths):
            tenths = (tenths + 5) % 10
            await asyncio.sleep(0.5)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn."""
        self._service.news.end()
        await super().shutdown(sockets)
