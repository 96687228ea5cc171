"""The whole of what a service answers: its API, its pages, and the guard in front of both."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from taxi_pipelines.api.app import create_api
from taxi_pipelines.api.errors import Unauthorized, answer
from taxi_pipelines.api.guard import Guard
from taxi_pipelines.api.login import Login
from taxi_pipelines.api.sessions import ENDED
from taxi_pipelines.errors import PipelineError
from taxi_pipelines.service import Service
from taxi_pipelines.tokens import KnownTokens
from taxi_pipelines.web import (
    backfill_dialog,
    backfills,
    dashboard,
    data,
    editor,
    execute,
    execution,
    executions,
    flow_pages,
    flows,
    login_page,
    logs,
    months,
    namespaces,
    revisions,
    system,
    triggers,
)
from taxi_pipelines.web.assets import Assets
from taxi_pipelines.web.error_pages import install
from taxi_pipelines.web.pages import Pages

OF_THE_API = ("/api/", "/health", "/ready", "/metrics")

# Those with fixed words in their paths come before those with names there.
MODULES = (
    *(login_page, months, dashboard, editor, execute, revisions, flows, flow_pages, executions, execution, logs),
    *(triggers, backfill_dialog, backfills, namespaces, data, system),
)
"""Of the pages."""


def create_app(service: Service) -> ASGIApp:
    """The application of a service that is started, or is about to be."""
    auth = service.settings.auth.get_secret_value() if service.settings.auth else None
    login = Login(auth, KnownTokens(service.tokens))
    both = _Both(create_api(service), create_pages(service, login))
    return Guard(both, login=login, host=service.settings.host, refusal=_refusal)


def create_pages(service: Service, login: Login) -> ASGIApp:
    """The pages alone."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    assets = Assets()
    app.state.service = service
    app.state.login = login
    app.state.pages = Pages(service, assets)
    app.mount("/static", assets)
    for module in MODULES:
        app.include_router(module.router)
    install(app, service.say)
    return GZipMiddleware(app, minimum_size=1_000, compresslevel=5)


class _Both:
    """Tells by the path who is to answer."""

    def __init__(self, api: ASGIApp, pages: ASGIApp) -> None:
        self._api = api
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        app = self._api if scope["path"].startswith(OF_THE_API) else self._pages
        await app(scope, receive, send)


def _refusal(scope: Scope, error: PipelineError) -> ASGIApp:
    """Who opens a page without a login is asked for one on a page; all others get the API's answer."""
    headers = Headers(scope=scope)
    response = answer(error)
    if isinstance(error, Unauthorized):
        if scope["method"] in ("GET", "HEAD") and headers.get("sec-fetch-mode", "navigate") == "navigate":
            if not scope["path"].startswith(OF_THE_API):
                response = RedirectResponse(login_page.address_for(scope), status_code=303)
        else:
            del response.headers["WWW-Authenticate"]  # at which browsers open a window of their own
        if "cookie" in headers:
            response.headers["Set-Cookie"] = ENDED
    return response
