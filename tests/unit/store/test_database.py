"""The metadata database as a file: made, upgraded, shared; its errors."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import sqlalchemy as sa
from alembic import command

from taxi_pipelines.domain.month import WHOLE
from taxi_pipelines.errors import DiskFull, HomeUnwritable, StoreBusy, StoreCorrupt
from taxi_pipelines.store import database as module
from taxi_pipelines.store.database import Database
from taxi_pipelines.store.tables import REVISIONS, failures
from taxi_pipelines.store.upgrade import alembic_config
from tests.support.rights import as_nobody

COUNT = sa.select(sa.func.count()).select_from(failures)
NOW = datetime(2024, 5, 1, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "home" / "metadata.db"


@pytest.fixture
def database(path: Path) -> Iterator[Database]:
    with closing(Database(path)) as database:
        yield database


def make(path: Path) -> None:
    with closing(Database(path)) as database, database.write():
        pass


def run_sql(path: Path, *statements: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection, connection:
        return [row for statement in statements for row in connection.execute(statement).fetchall()]


def test_the_file_is_made_by_the_first_write_not_by_reading(path: Path, database: Database) -> None:
    assert database.read(COUNT) == []
    assert not path.parent.exists()
    with database.write() as connection:
        assert connection.execute(COUNT).scalar() == 0
    assert database.read(COUNT) == [(0,)]


def test_an_empty_file_is_a_database_not_made_yet(path: Path, database: Database) -> None:
    path.parent.mkdir()
    path.touch()
    assert database.read(COUNT) == []
    make(path)
    assert database.read(COUNT) == [(0,)]


def test_what_a_killed_process_left_of_a_new_database_does_not_disturb(path: Path) -> None:
    path.parent.mkdir()
    for name in ("metadata.db.new", "metadata.db.new-wal"):
        (path.parent / name).write_text("half of something")
    make(path)
    assert os.listdir(path.parent) == ["metadata.db"]


def test_a_database_that_many_make_at_once_is_made_once(tmp_path: Path) -> None:
    start = threading.Barrier(8)

    def insert(path: Path, number: int) -> None:
        with closing(Database(path)) as database:
            start.wait()
            with database.write() as connection:
                row = {"type": str(number), "code": "c", "message": "m", "failed_at": NOW}
                connection.execute(failures.insert().values(target="duckdb", partition=WHOLE, **row))

    for attempt in range(10):
        path = tmp_path / str(attempt) / "metadata.db"
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(insert, [path] * 8, range(8)))
        assert run_sql(path, "SELECT count(*) FROM failures") == [(8,)]
        assert os.listdir(path.parent) == ["metadata.db"]


def test_connections_are_set_up_for_sharing(database: Database) -> None:
    with database.write() as connection:
        found = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "busy_timeout", "foreign_keys", "synchronous")
        }
    assert found == {"journal_mode": "wal", "busy_timeout": 30_000, "foreign_keys": 1, "synchronous": 1}


def test_closing_leaves_the_one_file(path: Path, database: Database) -> None:
    with database.write():
        pass
    database.close()
    assert os.listdir(path.parent) == ["metadata.db"]


def test_a_write_that_fails_writes_nothing(database: Database) -> None:
    with pytest.raises(RuntimeError), database.write() as connection:
        connection.exec_driver_sql("INSERT INTO failures VALUES ('duckdb', 'green', '2021-01', 'c', 'm', 't')")
        raise RuntimeError("broken")
    assert database.read(COUNT) == [(0,)]


def test_an_up_to_date_database_is_used_without_importing_alembic(path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from taxi_pipelines.store.database import Database;"
        "database = Database(Path(sys.argv[1]))\nwith database.write(): pass\n"
        "database.close(); sys.exit('alembic' in sys.modules)"
    )
    for _ in ("made", "found"):
        subprocess.run([sys.executable, "-W", "error", "-c", program, str(path)], check=True)


def test_an_older_database_is_upgraded_at_the_first_look(path: Path, database: Database) -> None:
    make(path)
    url = f"sqlite:///{path}"
    with sa.create_engine(url, poolclass=sa.NullPool).begin() as connection:
        command.downgrade(alembic_config(connection), "base")
    assert run_sql(path, "SELECT name FROM sqlite_master WHERE name = 'failures'") == []
    assert database.read(COUNT) == [(0,)]
    assert run_sql(path, "SELECT version_num FROM alembic_version") == [(REVISIONS[-1],)]


def test_a_newer_database_is_refused_with_the_way_out(path: Path, database: Database) -> None:
    make(path)
    run_sql(path, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreCorrupt, match=r"metadata\.db was written by a newer .*9999.*; upgrade taxi-pipelines"):
        database.read(COUNT)


def test_another_programs_database_is_refused_and_left_alone(path: Path, database: Database) -> None:
    path.parent.mkdir()
    run_sql(path, "CREATE TABLE bookmarks (url TEXT)")
    before = path.read_bytes()
    with (
        pytest.raises(StoreCorrupt, match=r"metadata\.db is not a metadata database of taxi-pipelines"),
        database.write(),
    ):
        pass
    assert path.read_bytes() == before


def test_a_file_that_is_no_database_is_named(path: Path, database: Database) -> None:
    path.parent.mkdir()
    path.write_text("no database " * 500)
    with pytest.raises(StoreCorrupt, match=r"metadata\.db is unreadable: file is not a database"):
        database.read(COUNT)


def test_a_damaged_database_is_named(path: Path, database: Database) -> None:
    make(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    with pytest.raises(StoreCorrupt, match=r"metadata\.db is unreadable: database disk image is malformed"):
        database.read(COUNT)


def test_a_writer_that_waited_too_long_says_busy(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(path)
    monkeypatch.setattr(module, "BUSY_SECONDS", 0.1)
    with closing(Database(path)) as ours, closing(Database(path)) as theirs, theirs.write():
        assert ours.read(COUNT) == [(0,)]
        with pytest.raises(StoreBusy, match=r"metadata\.db stayed locked for 0\.1 s"), ours.write():
            pass


def test_a_full_disk_is_said_to_be_full(database: Database) -> None:
    with pytest.raises(DiskFull, match=r"no space left on the disk of .*metadata\.db; free some"):
        with database.write() as connection:
            connection.exec_driver_sql("PRAGMA max_page_count = 1")
            connection.exec_driver_sql("CREATE TABLE big AS SELECT zeroblob(1000000)")


@pytest.fixture
def readable_path() -> Iterator[Path]:
    """A database in a folder that everybody may enter, and nobody may write."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "metadata?.db"
        make(path)
        run_sql(path, "INSERT INTO failures VALUES ('duckdb', 'green', '2021-01', 'c', 'm', '2024-05-01 00:00:00')")
        path.chmod(0o444)
        path.parent.chmod(0o555)
        yield path
        path.parent.chmod(0o755)


def test_a_home_that_can_only_be_read_is_read(readable_path: Path) -> None:
    with closing(Database(readable_path)) as database, as_nobody():
        assert database.read(COUNT) == [(1,)]
        with pytest.raises(HomeUnwritable, match="no right to write"), database.write():
            pass
        assert database.read(COUNT) == [(1,)]
    assert os.listdir(readable_path.parent) == [readable_path.name]


def test_what_the_owner_writes_meanwhile_is_read_too(readable_path: Path) -> None:
    readable_path.chmod(0o644)
    readable_path.parent.chmod(0o755)
    with closing(Database(readable_path)) as ours, closing(Database(readable_path)) as theirs:
        with as_nobody():
            assert ours.read(COUNT) == [(1,)]
        with theirs.write() as connection:
            connection.execute(failures.delete())
        with as_nobody():
            assert ours.read(COUNT) == [(0,)]


@pytest.mark.parametrize("exists", [True, False])
def test_a_home_that_may_not_be_written_is_named(path: Path, database: Database, exists: bool) -> None:
    if exists:
        make(path)
    path.parent.mkdir(exist_ok=True)
    path.parent.chmod(0o555)
    refused = pytest.raises(HomeUnwritable, match=r"no right to write .*metadata\.db; set TAXI_HOME")
    with as_nobody(), refused, database.write():
        pass
    path.parent.chmod(0o755)
