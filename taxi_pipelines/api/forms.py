"""Bodies that FastAPI does not read for us: YAML texts, forms of any kind with files in them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from fastapi import Request
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException

from taxi_pipelines.api.bodies import writable
from taxi_pipelines.errors import UsageError

LARGEST_FIELD = 10 << 20
"""Bytes of a form's field that is no file."""

MOST_FIELDS = 1_000
"""As many as the reader of forms takes."""

YAML_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-yaml": {
                "schema": {"type": "string"},
                "example": "id: hello\nnamespace: demo\ntasks:\n  - {id: greet, type: log, message: Hello!}\n",
            }
        },
    }
}

UPLOAD_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"fileUpload": {"type": "string", "format": "binary"}},
                    "required": ["fileUpload"],
                }
            }
        },
    }
}

_INPUTS_SCHEMA = {"schema": {"type": "object", "additionalProperties": True}, "example": {"taxi": "green"}}
INPUTS_BODY: dict[str, Any] = {
    "requestBody": {
        "required": False,
        "content": {
            "multipart/form-data": _INPUTS_SCHEMA,
            "application/x-www-form-urlencoded": _INPUTS_SCHEMA,
            "application/json": _INPUTS_SCHEMA,
        },
    }
}


@dataclass(frozen=True, slots=True)
class Given:
    """Inputs as they came. Files are by the input's name; they are closed when the request ends."""

    values: Mapping[str, object] = field(default_factory=dict)
    files: Mapping[str, UploadFile] = field(default_factory=dict)


async def text_of(request: Request) -> str:
    """The body as text. Raises UsageError."""
    try:
        return (await request.body()).decode()
    except UnicodeDecodeError as error:
        raise UsageError("the body is not UTF-8 text", "send it as UTF-8") from error


@asynccontextmanager
async def form_of(request: Request) -> AsyncIterator[FormData]:
    """The form that was sent, its files open. Raises UsageError where it is none."""
    try:
        form = await request.form(max_part_size=LARGEST_FIELD)
    except MultiPartException as error:
        raise UsageError(f"the form cannot be read: {error.message}", "send it as multipart/form-data") from error
    except HTTPException as error:
        if error.status_code == 413:
            raise
        raise UsageError(f"the form cannot be read: {error.detail}", "send it as multipart/form-data") from error
    try:
        yield form
    finally:
        await form.close()


@asynccontextmanager
async def inputs_of(request: Request) -> AsyncIterator[Given]:
    """Inputs sent as a form or as JSON; none where nothing was sent. Raises UsageError."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in ("multipart/form-data", "application/x-www-form-urlencoded"):
        async with form_of(request) as form:
            yield _from_form(form)
        return
    body = await text_of(request)
    yield Given(_from_json(body)) if body.strip() else Given()


def _from_form(form: FormData) -> Given:
    """Kestra's client sends files as `files`, each under the name of its input; others under the input's name itself."""
    values: dict[str, object] = {}
    files: dict[str, UploadFile] = {}
    for key in form:
        for part in form.getlist(key):
            if isinstance(part, UploadFile):
                files[part.filename if key == "files" and part.filename else key] = part
        texts = [part for part in form.getlist(key) if isinstance(part, str)]
        if texts:
            values[key] = texts[0] if len(texts) == 1 else texts
    return Given(values, files)


def _from_json(body: str) -> dict[str, object]:
    try:
        values = writable(json.loads(body))
    except (ValueError, RecursionError) as error:
        raise UsageError(f"the body is not JSON: {error}", 'send inputs as {"name": "value"}, or as a form') from error
    if not isinstance(values, dict):
        raise UsageError("the body is not a map of inputs", 'send {"name": "value"}')
    if len(values) > MOST_FIELDS:
        raise UsageError(f"these are {len(values):,} inputs", f"at most {MOST_FIELDS:,} are read")
    return values
