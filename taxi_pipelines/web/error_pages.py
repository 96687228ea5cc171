"""Every error of a page: as a page where one was opened, as the API says it where a script of ours asked."""

from __future__ import annotations

from collections.abc import Callable

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from taxi_pipelines.api.errors import answer, status_of
from taxi_pipelines.errors import InternalError, NotFound, PipelineError, UsageError


def install(app: FastAPI, say: Callable[[str], None]) -> None:
    """All handlers. `say` is told of errors that nobody foresaw."""

    def told(request: Request, error: PipelineError) -> Response:
        is_opened = request.headers.get("sec-fetch-mode", "navigate") == "navigate"
        if not is_opened or request.headers.get("hx-request") == "true" or request.method != "GET":
            return answer(error)
        status = status_of(error)
        response: Response = request.app.state.pages.show(request, "error.html", status=status, error=error)
        return response

    async def of_ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, PipelineError)
        if status_of(error) >= 500:
            say(f"{request.method} {request.url.path}: error[{error.code}]: {error}")
        return told(request, error)

    async def of_starlette(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if error.status_code == 404:
            return told(request, NotFound(f"there is no page {request.url.path}", "the menu leads to all that are"))
        return told(request, UsageError(f"{request.method} is not possible on {request.url.path}", str(error.detail)))

    async def of_validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        wrong = ", ".join(f"{one['loc'][-1]}: {one['msg']}" for one in error.errors())
        return told(request, UsageError(f"the address is not valid: {wrong}", "go back, or mend it"))

    async def of_nobody(request: Request, error: Exception) -> Response:
        say(f"{request.method} {request.url.path}: {type(error).__name__}: {error}")
        return told(request, InternalError("an error nobody foresaw", "the service's own output says more"))

    for kind, handler in (
        (PipelineError, of_ours),
        (HTTPException, of_starlette),
        (RequestValidationError, of_validation),
        (Exception, of_nobody),
    ):
        app.add_exception_handler(kind, handler)
