"""Metadata databases under test: a SQLite file, and a schema of its own in a PostgreSQL. The suites of stores run on each."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa

from taxi_pipelines.store.metadata import Metadata
from taxi_pipelines.store.open import open_database
from taxi_pipelines.store.tables import metadata
from tests.support import postgres


class Place(Protocol):
    """Where a database under test lies; goes to other processes."""

    home: Path

    def fingerprint(self) -> object:
        """Equal before and after, where nothing was written between."""
        ...

    def opened(self) -> Metadata:
        """The database; whoever calls closes it."""
        ...


@dataclass(frozen=True)
class SqliteFile:
    """A SQLite database's place."""

    home: Path

    def opened(self) -> Metadata:
        return open_database(None, self.home)

    def fingerprint(self) -> object:
        return {
            path.name: (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
            for path in self.home.glob("metadata*")
        }


@dataclass(frozen=True)
class PostgresSchema:
    """A schema's place."""

    home: Path
    server: str
    schema: str

    @property
    def url(self) -> str:
        return f"{self.server}?options=-csearch_path%3D{self.schema}"

    def opened(self) -> Metadata:
        return open_database(self.url, self.home)

    def fingerprint(self) -> object:
        """The transaction that wrote each row, and the rows."""
        found = postgres.execute(
            self.server,
            f"SELECT relname::text FROM pg_class WHERE relnamespace = to_regnamespace('{self.schema}')::oid AND relkind = 'r'",
        )
        return {
            name: postgres.execute(self.server, f"SELECT xmin::text, it::text FROM {self.schema}.{name} it")
            for (name,) in found
        }


def sqlite_file(tmp_path: Path) -> SqliteFile:
    return SqliteFile(tmp_path / "home")


def postgres_schema(tmp_path: Path) -> PostgresSchema:
    return PostgresSchema(tmp_path / "home", postgres.server().url(), f"t_{uuid.uuid4().hex}")


PLACES: dict[str, Callable[[Path], Place]] = {"postgres": postgres_schema, "sqlite": sqlite_file}


@contextmanager
def database_at(place: Place) -> Iterator[Metadata]:
    """The database at a place, closed afterwards."""
    with closing(place.opened()) as database:
        yield database


def contents(database: Metadata) -> dict[str, list[str]]:
    """Every row of every table, as text."""
    return {table.name: sorted(map(repr, database.read(sa.select(table)))) for table in metadata.sorted_tables}
