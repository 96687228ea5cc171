"""Errors in the shape in which Google's JSON APIs tell them."""

from __future__ import annotations

from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse


class GoogleError(Exception):
    """Raised by a handler; answered as an error of Google's. `reason` is the word clients decide by."""

    def __init__(self, code: int, reason: str, message: str, **more: str) -> None:
        super().__init__(message)
        self.code = code
        self.body = error_body(code, reason, message, **more)


def error_body(code: int, reason: str, message: str, **more: str) -> dict[str, Any]:
    """The body of an error's answer."""
    first = {"domain": "global", "reason": reason, "message": message, **more}
    return {"error": {"code": code, "message": message, "errors": [first]}}


async def answer_error(_: Request, error: Exception) -> JSONResponse:
    """The app's handler of GoogleError."""
    assert isinstance(error, GoogleError)
    return JSONResponse(error.body, status_code=error.code)
