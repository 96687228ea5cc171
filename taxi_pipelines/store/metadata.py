"""What the stores need of a database. The two there are, a SQLite file and a PostgreSQL, behave alike: one writer at a time."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol

from sqlalchemy import Connection, Row, Select


class Metadata(Protocol):
    """A metadata database that any number of threads and processes share. Driver errors come out as ours."""

    def read(self, query: Select[Any]) -> Sequence[Row[Any]]:
        """The rows of one query; none where the database does not exist, which is not made by looking."""
        ...

    def write(self) -> AbstractContextManager[Connection]:
        """A transaction that holds the database against other writers; makes the database if need be. Raises StoreBusy."""
        ...

    def vacuum(self) -> None:
        """Gives the space of what was deleted back; nothing happens where there is no database."""
        ...

    def close(self) -> None:
        """Lets go of it."""
        ...
