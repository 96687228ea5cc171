"""A real service on a loopback port, in this process, and a client of it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from taxi_pipelines.api.server import Server
from taxi_pipelines.service import Service, ServiceRole
from taxi_pipelines.settings import Settings
from taxi_pipelines.web.app import create_app

SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Served:
    """A running service. `said` is what it printed."""

    service: Service
    client: httpx.Client
    said: list[str]

    def save(self, *texts: str) -> None:
        """Keeps flows."""
        for text in texts:
            self.service.orchestrator.control.save_flow(text)

    def json(self, method: str, path: str, *, status: int = 200, **more: Any) -> Any:
        """The body of an answer that has that status."""
        response = self.client.request(method, f"/api/v1{path}", **more)
        assert response.status_code == status, response.text
        return response.json() if response.content else None

    def run(self, name: str, *, status: int = 200, **more: Any) -> Any:
        """An execution of `namespace/flow`, ended."""
        return self.json("POST", f"/executions/{name}", params={"wait": "true"}, status=status, **more)

    def until(self, is_so: Callable[[], bool]) -> None:
        """Waits for what the service does by itself."""
        end = time.monotonic() + SECONDS
        while not is_so():
            assert time.monotonic() < end, "it did not come to pass"
            time.sleep(0.02)

    def state(self, execution_id: str) -> str:
        """The state of an execution."""
        return str(self.json("GET", f"/executions/{execution_id}")["state"]["current"])


@contextmanager
def serving(
    home: Path,
    *,
    role: ServiceRole = ServiceRole.ALL,
    login: tuple[str, str] | None = None,
    **settings: Any,
) -> Iterator[Served]:
    """Serves while the block lasts; the client has the login of TAXI_AUTH, if there is one."""
    settings.setdefault("source", str(home / "trip-data"))  # never the TLC's: pages ask what it offers
    if login:
        settings["auth"] = ":".join(login)
    said: list[str] = []
    service = Service(Settings(home=home / "home", **{"flows": home / "flows", **settings}), role=role, say=said.append)
    # Only where the socket says TCP does asyncio send at once (TCP_NODELAY); else every answer waits for 40 ms.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as place:
        place.bind(("127.0.0.1", 0))
        place.listen()
        server = Server(create_app(service), service, place)
        service.start()
        thread = threading.Thread(target=server.run)
        thread.start()
        try:
            with httpx.Client(
                base_url=f"http://127.0.0.1:{place.getsockname()[1]}", auth=login, timeout=SECONDS
            ) as client:
                yield Served(service, client, said)
        finally:
            server.stop()
            thread.join()
            service.close()
