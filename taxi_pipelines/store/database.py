"""The metadata database as a file: made at the first write, brought up to date, its errors translated.

Reading an up-to-date database, or one that does not exist, changes no file; nor does it need the right to.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, Row, Select
from sqlalchemy.exc import DBAPIError

from taxi_pipelines.errors import DiskFull, HomeUnwritable, PipelineError, StoreBusy, StoreCorrupt, from_os_error
from taxi_pipelines.store.revisions import find_revision, make_tables
from taxi_pipelines.store.tables import REVISIONS

BUSY_SECONDS = 30
"""How long a writer waits for another one."""

_SIDE_FILES = ("", "-journal", "-wal", "-shm")


class Database:
    """`Metadata` in a SQLite file. `close` it when done."""

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()
        self._engine = _engine(sa.URL.create("sqlite", database=str(self._path)))
        self._read_only = _engine("sqlite://", creator=self._connect_read_only, poolclass=sa.NullPool)
        # SQLite's plain BEGIN takes the write lock late, when it can no longer wait for it.
        self._writer = self._engine.execution_options(begin="BEGIN IMMEDIATE")
        self._preparing = threading.Lock()
        self._prepared = False

    def read(self, query: Select[Any]) -> Sequence[Row[Any]]:
        """See `Metadata.read`."""
        with _translated(self._path):
            if not self._prepared and not self._exists():
                return []
            self._prepare()
            with self._reading().connect() as connection:
                return connection.execute(query).all()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """See `Metadata.write`."""
        with _translated(self._path):
            self._prepare()
            with self._writer.begin() as connection:
                yield connection

    def vacuum(self) -> None:
        """See `Metadata.vacuum`."""
        with _translated(self._path):
            if self._exists():
                self._prepare()
                with self._engine.connect() as connection:
                    connection.exec_driver_sql("VACUUM")
                    connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Lets go of the file; the last to do so tidies its side files away."""
        self._engine.dispose()

    def _exists(self) -> bool:
        try:
            return self._path.stat().st_size > 0
        except FileNotFoundError:
            return False

    def _reading(self) -> Engine:
        """SQLite writes beside a database in WAL mode even to read it; where it may not, it must be told."""
        places = (self._path, self._path.parent)
        writable = all(os.access(place, os.W_OK, effective_ids=True) for place in places)
        return self._engine if writable or not self._exists() else self._read_only

    def _connect_read_only(self) -> sqlite3.Connection:
        """`immutable` does without side files; where there is a log, its owner is at work, and shares them with readers."""
        log = self._path.with_name(f"{self._path.name}-wal")
        mode = "mode=ro" if log.exists() else "mode=ro&immutable=1"
        return sqlite3.connect(f"file:{quote(str(self._path))}?{mode}", uri=True, **_connecting())

    def _prepare(self) -> None:
        """Makes sure, once, that the database is there and of the newest revision."""
        with self._preparing:
            if self._prepared:
                return
            if not self._is_current():
                self._path.parent.mkdir(parents=True, exist_ok=True)
                with _locked(self._path.parent) as folder:
                    self._bring_up_to_date(folder)
            self._prepared = True

    def _is_current(self) -> bool:
        if not self._exists():
            return False
        with self._reading().connect() as connection:
            return find_revision(connection, self._path) == REVISIONS[-1]

    def _bring_up_to_date(self, folder: int) -> None:
        """Under the lock: another process may have done it meanwhile."""
        if not self._exists():
            _create(self._path)
            os.fsync(folder)
        elif not self._is_current():
            from taxi_pipelines.store.upgrade import upgrade  # noqa: PLC0415 - imports Alembic: 0.3 s, seldom needed

            with self._writer.begin() as connection:
                upgrade(connection)


def _engine(url: sa.URL | str, **options: Any) -> Engine:
    engine = sa.create_engine(url, connect_args=_connecting(), hide_parameters=True, **options)
    sa.event.listen(engine, "connect", _configure)
    sa.event.listen(engine, "begin", _begin)
    return engine


def _connecting() -> dict[str, Any]:
    return {"timeout": BUSY_SECONDS, "isolation_level": None}  # None: the driver begins no transaction of its own


def _configure(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA synchronous = NORMAL")


def _begin(connection: Connection) -> None:
    if statement := connection.get_execution_options().get("begin"):
        connection.exec_driver_sql(statement)


def _create(path: Path) -> None:
    """Makes a database beside its place and renames it there: nobody sees one without tables, or not yet in WAL mode."""
    draft = path.with_name(path.name + ".new")
    for ending in _SIDE_FILES:
        draft.with_name(draft.name + ending).unlink(missing_ok=True)
    engine = _engine(sa.URL.create("sqlite", database=str(draft)), poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode = WAL")
    with engine.execution_options(begin="BEGIN IMMEDIATE").begin() as connection:
        make_tables(connection)
    draft.replace(path)


@contextmanager
def _locked(folder: Path) -> Iterator[int]:
    """Holds the folder against other processes that would make or upgrade a database in it."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        # A child forked meanwhile shares the lock: closing alone would leave it held.
        fcntl.flock(handle, fcntl.LOCK_UN)
        os.close(handle)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    """Turns errors of driver and file system into ours."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        if isinstance(cause, sqlite3.Error) and (translated := _from_sqlite(cause, path)):
            raise translated from error
        raise
    except OSError as error:
        if known := from_os_error(error, path):
            raise known from error
        raise


def _from_sqlite(error: sqlite3.Error, path: Path) -> PipelineError | None:
    """By SQLite's result code, see https://www.sqlite.org/rescode.html; None where it is our own mistake."""
    code = getattr(error, "sqlite_errorcode", 0)
    if code == sqlite3.SQLITE_IOERR_SHMSIZE:  # no room for the WAL's index
        code = sqlite3.SQLITE_FULL
    match code & 0xFF:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StoreBusy(f"{path} stayed locked for {BUSY_SECONDS} s", "wait for the other process and run again")
        case sqlite3.SQLITE_FULL:
            return DiskFull(f"no space left on the disk of {path}", "free some space and run again")
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM:
            return HomeUnwritable(f"no right to write {path}", "set TAXI_HOME to a folder you may write")
        case sqlite3.SQLITE_IOERR:
            what = f"{path} cannot be read or written: {error}"
            return StoreCorrupt(what, "look at its disk: is it full, or failing?")
        case sqlite3.SQLITE_NOTADB | sqlite3.SQLITE_CORRUPT:
            hint = "put a backup in its place, or move it out of the way and load the months again"
            return StoreCorrupt(f"{path} is unreadable: {error}", hint)
    return None
