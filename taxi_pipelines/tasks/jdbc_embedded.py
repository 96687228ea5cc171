"""What DuckDB and SQLite have in common: a database in this process, working on files of the working folder."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, TypeVar

from taxi_pipelines.disk import writable
from taxi_pipelines.tasks.jdbc_properties import Embedded
from taxi_pipelines.tasks.worker_context import WorkerContext
from taxi_pipelines.tasks.working_files import keep_output_files

Result = TypeVar("Result")

_AGAIN_SECONDS = 0.05


def interruptible(work: Callable[[], Result], interrupt: Callable[[], None]) -> Result:
    """Does the work in a thread of its own, and interrupts it where this one is told to stop.

    Neither database lets Python's signals through while a statement runs.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="sql") as pool:
        future = pool.submit(work)
        try:
            return future.result()
        except BaseException:
            while not future.done():
                interrupt()
                wait([future], _AGAIN_SECONDS)
            raise


def fetch_copy(context: WorkerContext, uri: str | None, target: Path) -> None:
    """Brings a stored database there, if one is named. Raises NotFound."""
    if uri:
        with writable(target):
            context.fetch_file(uri, target)


def file_outputs(it: Embedded, database: Path | None, context: WorkerContext) -> dict[str, Any]:
    """Stores what is wanted besides rows; the database is closed by now."""
    kept = keep_output_files(context, it.output_files)
    stored = context.keep_file(database) if it.output_db_file and database else None
    return {"outputFiles": kept} | ({"databaseUri": stored} if stored else {})
