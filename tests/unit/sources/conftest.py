"""A server that fails as told, and a source on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from taxi_pipelines.sources.http import HttpSource
from tests.support.fault_server import FaultServer


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def server() -> Iterator[FaultServer]:
    with FaultServer() as server:
        yield server


@pytest.fixture
def source(server: FaultServer) -> HttpSource:
    return HttpSource(f"{server.url}/trip-data", backoff=0.01, timeout=(2, 5))
