"""`/login`, where a service asks who one is, and the way out again."""

from __future__ import annotations

import base64
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse
from starlette.types import Scope

from taxi_pipelines.api.errors import TooManyLogins, Unauthorized
from taxi_pipelines.api.login import Login
from taxi_pipelines.api.sessions import ENDED
from taxi_pipelines.web.pages import ThePages

router = APIRouter()

To = Annotated[str, Query(alias="to")]


def address_for(scope: Scope) -> str:
    """The login page that leads back to what was asked for."""
    query = scope["query_string"].decode("latin-1")
    return f"/login?to={quote(scope['path'] + ('?' + query if query else ''), safe='')}"


@router.get("/login")
def ask(request: Request, pages: ThePages, to: To = "/") -> Response:
    """For user and password, or a token."""
    login: Login = request.app.state.login
    if not login.is_asked_for:
        return RedirectResponse(_inside(to), status_code=303)
    return pages.show(request, "login.html", to=_inside(to), user="", error=None)


@router.post("/login")
async def log_in(
    request: Request,
    pages: ThePages,
    user: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
    to: Annotated[str, Form()] = "/",
) -> Response:
    """Answered by the page that was asked for. Without a user the password is a token."""
    login: Login = request.app.state.login
    pair = base64.b64encode(f"{user}:{password}".encode()).decode()
    given = f"Basic {pair}" if user else f"Bearer {password}"
    try:
        await login.role_of(given if password else None, request.client.host if request.client else "")
    except (Unauthorized, TooManyLogins) as error:
        return pages.show(request, "login.html", status=401, to=_inside(to), user=user, error=error)
    response = RedirectResponse(_inside(to), status_code=303)
    if login.sessions:
        response.headers["Set-Cookie"] = login.sessions.cookie(given, secure=request.url.scheme == "https")
    return response


@router.post("/logout")
def log_out() -> Response:
    """Ends the browser's session."""
    return RedirectResponse("/login", status_code=303, headers={"Set-Cookie": ENDED})


def _inside(to: str) -> str:
    """Only a page of ours may be led to."""
    return to if to.startswith("/") and not to.startswith(("//", "/\\")) else "/"
