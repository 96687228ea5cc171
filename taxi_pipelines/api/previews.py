"""`/executions/{id}/file/preview`: the beginning of a file of an execution, as Kestra shows it.

preview_tables.py reads texts, preview_parquet.py Parquet."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import JsonValue

from taxi_pipelines.api.bodies import Body, with_example
from taxi_pipelines.api.errors import TooMany, errors
from taxi_pipelines.api.executions import Id, Uri, find_file
from taxi_pipelines.api.preview_parquet import first_rows
from taxi_pipelines.api.preview_tables import Preview, extension_of, read_preview
from taxi_pipelines.api.routing import VIEWER, TheService
from taxi_pipelines.service import Service

router = APIRouter(tags=["Executions"])

DEFAULT_ROWS = 100

AT_ONCE = 2
"""Parquet files that are looked into: each by a process."""

_PATIENCE_SECONDS = 5.0
_FREE = threading.BoundedSemaphore(AT_ONCE)


class PreviewBody(Body):
    """The beginning of a file. `content` is a list of rows, or of anything else the text; `truncated`: there is more of it."""

    model_config = with_example(
        extension="csv",
        type="LIST",
        columns=["day", "trips"],
        content=[{"day": "2024-01-01", "trips": "52"}],
        truncated=False,
    )

    extension: str
    type: Literal["LIST", "TEXT"]
    columns: list[str]
    content: JsonValue
    truncated: bool


@router.get("/executions/{execution_id}/file/preview", summary="Look into a file", responses=errors(404, 422), **VIEWER)
def preview(
    service: TheService,
    execution_id: Id,
    path: Uri,
    max_rows: Annotated[int, Query(alias="maxRows", ge=1, le=1_000, description="Rows at most.")] = DEFAULT_ROWS,
    encoding: Annotated[str, Query(max_length=40, description="Of a text.")] = "utf-8",
) -> PreviewBody:
    """The first rows of CSV, Parquet, JSON and JSON lines, or the first megabyte of a text."""
    found = preview_of(service, execution_id, path, max_rows, encoding)
    content: JsonValue = found.text
    if found.text is None:
        content = [dict(zip(found.columns, row, strict=True)) for row in found.rows]
    return PreviewBody(
        extension=extension_of(path),
        type="LIST" if found.text is None else "TEXT",
        columns=list(found.columns),
        content=content,
        truncated=found.truncated,
    )


def preview_of(
    service: Service, execution_id: str, uri: str, max_rows: int = DEFAULT_ROWS, encoding: str = "utf-8"
) -> Preview:
    """The beginning of a file of that execution. Raises NotFound, UsageError, TooMany."""
    find_file(service, execution_id, uri)
    with service.orchestrator.parts.files.open(uri) as file:
        name = uri.rpartition("/")[2]
        if extension_of(name) == "parquet":
            with _one_of_few():
                return first_rows(file, name, max_rows)
        return read_preview(file, name, max_rows, encoding)


@contextmanager
def _one_of_few() -> Iterator[None]:
    if not _FREE.acquire(timeout=_PATIENCE_SECONDS):
        raise TooMany(f"{AT_ONCE} such files are looked into already", "try again in a moment")
    try:
        yield
    finally:
        _FREE.release()
