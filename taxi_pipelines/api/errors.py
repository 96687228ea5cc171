"""Every error of the API in one shape, `{code, message, detail, problems[]}`, whoever met it: us, FastAPI, or Starlette."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from taxi_pipelines.api.bodies import ErrorBody, ProblemBody
from taxi_pipelines.errors import (
    CheckFailed,
    DiskFull,
    NoEarlierVersion,
    NotFound,
    NotLoaded,
    PipelineError,
    QueryFailed,
    SourceMissing,
    TransientError,
    UsageError,
)
from taxi_pipelines.flowspec.inputs import InputsInvalid
from taxi_pipelines.flowspec.problems import FlowInvalid


class Unauthorized(UsageError):
    """No login, or not a right one."""

    code = "unauthorized"


class Forbidden(UsageError):
    """The login's role may not do this, or a browser was made to ask for it by another site."""

    code = "forbidden"


class Conflict(UsageError):
    """What is there stands against it: an ended execution cannot be killed."""

    code = "conflict"


class TooManyLogins(UsageError):
    """Too many failed logins from one address."""

    code = "too-many-logins"

    def __init__(self, seconds: int) -> None:
        super().__init__("too many failed logins from this address", f"try again in {seconds} s")
        self.seconds = seconds


class TooMany(UsageError):
    """So many do this already; a moment later it is possible."""

    code = "too-many"


class TooLarge(UsageError):
    """The body is larger than is taken."""

    code = "too-large"


class BulkRefused(UsageError):
    """Some of several things cannot be done, so that none was."""

    code = "bulk-refused"

    def __init__(self, problems: Sequence[ProblemBody]) -> None:
        super().__init__(f"{len(problems)} of them cannot be done, so none was", "leave those out")
        self.problems = tuple(problems)


_STATUS: Mapping[type[PipelineError], int] = {
    Unauthorized: 401,
    Forbidden: 403,
    NotFound: 404,
    NotLoaded: 404,
    SourceMissing: 404,
    Conflict: 409,
    CheckFailed: 409,
    NoEarlierVersion: 409,
    TooLarge: 413,
    UsageError: 422,
    QueryFailed: 422,
    TooManyLogins: 429,
    TooMany: 429,
    TransientError: 503,
    DiskFull: 507,
}
"""The status of an error is that of the nearest of its classes; 500 where none of them is here."""

_CODES = {404: "not-found", 405: "method-not-allowed", 413: "too-large"}

LOGIN = 'Basic realm="taxi", charset="UTF-8"'


def status_of(error: PipelineError) -> int:
    """The HTTP status of one of ours."""
    return next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), 500)


def answer(error: PipelineError) -> Response:
    """One of ours as an answer."""
    headers = {}
    if isinstance(error, Unauthorized):
        headers["WWW-Authenticate"] = LOGIN
    if isinstance(error, TransientError | TooMany):
        headers["Retry-After"] = "1"
    if isinstance(error, TooManyLogins):
        headers["Retry-After"] = str(error.seconds)
    return _response(status_of(error), error.code, error.what, error.hint, _problems(error), headers)


@contextmanager
def conflicts() -> Iterator[None]:
    """A refusal because of the state that something is in is a conflict, not a wrong request."""
    try:
        yield
    except UsageError as error:
        if type(error) is not UsageError:
            raise
        raise Conflict(error.what, error.hint) from error


def install(app: FastAPI, say: Callable[[str], None]) -> None:
    """All handlers. `say` is told of errors that nobody foresaw."""

    async def of_ours(request: Request, error: Exception) -> Response:
        assert isinstance(error, PipelineError)
        if status_of(error) >= 500:
            say(f"{request.method} {request.url.path}: error[{error.code}]: {error}")
        return answer(error)

    async def of_starlette(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        phrase = HTTPStatus(error.status_code).phrase.lower()
        code = _CODES.get(error.status_code, "usage")
        headers = dict(error.headers or {})
        if error.status_code == 400:  # how FastAPI says that a body is no text at all
            return _response(422, "request-invalid", "the body cannot be read", "send JSON as UTF-8", (), headers)
        if error.status_code == 404:
            return _response(
                404, code, f"there is nothing at {request.url.path}", "see /api/v1/openapi.json", (), headers
            )
        if error.status_code == 405:
            said = f"{request.method} is not possible on {request.url.path}"
            return _response(405, code, said, f"possible is {headers.get('Allow', 'something else')}", (), headers)
        return _response(error.status_code, code, str(error.detail) or phrase, "", (), headers)

    async def of_validation(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        problems = [
            ProblemBody(path=".".join(str(part) for part in one["loc"]), message=str(one["msg"]))
            for one in error.errors()
        ]
        return _response(422, "request-invalid", "the request is not valid", "see its problems", problems, {})

    async def of_nobody(request: Request, error: Exception) -> Response:
        say(f"{request.method} {request.url.path}: {type(error).__name__}: {error}")
        return _response(500, "internal", "an error nobody foresaw", "the service's own output says more", (), {})

    handlers: dict[type[Exception], Callable[[Request, Exception], Awaitable[Response]]] = {
        PipelineError: of_ours,
        HTTPException: of_starlette,
        RequestValidationError: of_validation,
        Exception: of_nobody,
    }
    for kind, handler in handlers.items():
        app.add_exception_handler(kind, handler)


def _response(
    status: int, code: str, message: str, detail: str, problems: Sequence[ProblemBody], headers: Mapping[str, str]
) -> Response:
    body = ErrorBody(code=code, message=message, detail=detail, problems=list(problems))
    return JSONResponse(body.model_dump(), status, headers=dict(headers))


def _problems(error: PipelineError) -> Sequence[ProblemBody]:
    match error:
        case FlowInvalid():
            return [ProblemBody(**problem.to_dict()) for problem in error.problems]
        case InputsInvalid():
            return [ProblemBody(path="inputs", message=said) for said in error.problems]
        case BulkRefused():
            return error.problems
        case QueryFailed(line=int()):
            return [ProblemBody(message=error.what, hint=error.hint, line=error.line, column=error.column)]
    return ()


def errors(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """What a route may answer besides, for its documentation."""
    return {status: {"model": ErrorBody, "description": HTTPStatus(status).phrase} for status in statuses}
