"""The API as an ASGI application: its routes and its documentation. The guard in front of it stands in guard.py."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from taxi_pipelines import __version__
from taxi_pipelines.api import (
    backfills,
    data,
    evaluation,
    execution_queries,
    execution_verbs,
    executions,
    flows,
    graphs,
    kv,
    logs,
    metrics,
    months,
    previews,
    secrets,
    statistics,
    system,
    tokens,
    triggers,
    webhooks,
)
from taxi_pipelines.api.errors import errors, install
from taxi_pipelines.api.routing import API
from taxi_pipelines.service import Service

DESCRIPTION = """\
Paths and bodies are Kestra's where Kestra has them; each path below `/api/v1/` is there below `/api/v1/main/` as well.
Every error has the shape `{code, message, detail, problems[]}`. `x-role` says who may use an operation."""

ALWAYS = errors(401, 403, 413, 422, 429, 500, 503)
"""What any route may answer."""


def create_api(service: Service) -> ASGIApp:
    """The API of a service that is started, or is about to be; whoever asks has passed the guard."""
    app = _Application(
        title="taxi-pipelines",
        version=__version__,
        description=DESCRIPTION,
        openapi_url=f"{API}/openapi.json",
        docs_url=None,  # their pages load scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        responses=ALWAYS,
    )
    app.state.service = service
    app.include_router(system.router)
    # Those with fixed words in their paths come before those with names there.
    for module in (
        flows,
        graphs,
        execution_queries,
        execution_verbs,
        webhooks,
        executions,
        previews,
        evaluation,
        metrics,
        logs,
        triggers,
        backfills,
        kv,
        secrets,
        months,
        data,
        statistics,
        tokens,
    ):
        app.include_router(module.router, prefix=API)
    install(app, service.say)
    return _Tenant(app)


class _Tenant:
    """Kestra's paths have a tenant in them since its version 1; there is one here, `main`, and it may be left out."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        prefix = f"{API}/main/"
        if scope["type"] == "http" and scope["path"].startswith(prefix):
            path = f"{API}/{scope['path'].removeprefix(prefix)}"
            scope = {**scope, "path": path, "raw_path": path.encode()}
        await self._app(scope, receive, send)


class _Application(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """The documentation, with the two ways to log in."""
        if self.openapi_schema is None:
            found = super().openapi()
            found["components"]["securitySchemes"] = {
                "basic": {"type": "http", "scheme": "basic"},
                "token": {"type": "http", "scheme": "bearer"},
            }
            found["security"] = [{}, {"basic": []}, {"token": []}]
        return super().openapi()
