"""Which database metadata is kept in: a SQLite file in the home folder, or a PostgreSQL by URL."""

from __future__ import annotations

from pathlib import Path

from taxi_pipelines.errors import UsageError
from taxi_pipelines.store.database import Database
from taxi_pipelines.store.metadata import Metadata


def open_database(url: str | None, home: Path) -> Metadata:
    """The metadata database; nothing is connected yet. Raises UsageError for a URL that is none, or without the driver."""
    if url is None:
        return Database(home / "metadata.db")
    try:
        from taxi_pipelines.store.postgres_database import PostgresDatabase  # noqa: PLC0415 - its driver is optional
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("taxi_pipelines"):
            raise
        hint = 'run: pip install "taxi-pipelines[postgres]"'
        raise UsageError("the packages for PostgreSQL are not installed", hint) from error
    return PostgresDatabase(url)
