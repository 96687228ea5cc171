"""The metadata database on a PostgreSQL server: made, upgraded, shared; its errors."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from alembic import command
from psycopg import errors as pg

from taxi_pipelines.errors import DiskFull, PipelineError, StoreBusy, StoreCorrupt, UsageError
from taxi_pipelines.store import postgres_database as module
from taxi_pipelines.store.postgres_database import PostgresDatabase
from taxi_pipelines.store.postgres_errors import refuse_old_server, translated
from taxi_pipelines.store.tables import REVISIONS, failures
from taxi_pipelines.store.upgrade import alembic_config
from tests.support import postgres
from tests.support.metadata import PostgresSchema, postgres_schema

COUNT = sa.select(sa.func.count()).select_from(failures)


@pytest.fixture
def place(tmp_path: Path) -> PostgresSchema:
    return postgres_schema(tmp_path)


@pytest.fixture
def database(place: PostgresSchema) -> Iterator[PostgresDatabase]:
    with closing(PostgresDatabase(place.url)) as database:
        yield database


def in_schema(place: PostgresSchema, text: str) -> list[tuple[object, ...]]:
    return postgres.execute(place.url, text)


def make(place: PostgresSchema) -> None:
    with closing(PostgresDatabase(place.url)) as database, database.write():
        pass


def backends(place: PostgresSchema) -> list[tuple[object, ...]]:
    mine = "application_name = 'taxi-pipelines metadata'"
    return postgres.execute(place.server, f"SELECT pid, state FROM pg_stat_activity WHERE {mine}")


def end_connections(place: PostgresSchema) -> None:
    for pid, _ in backends(place):
        postgres.execute(place.server, f"SELECT pg_terminate_backend({pid}, 5000)")


def test_the_schema_is_made_by_the_first_write_not_by_reading(
    place: PostgresSchema, database: PostgresDatabase
) -> None:
    there = f"SELECT nspname FROM pg_namespace WHERE nspname = '{place.schema}'"
    assert database.read(COUNT) == []
    assert in_schema(place, there) == []
    with database.write() as connection:
        assert connection.execute(COUNT).scalar() == 0
    assert database.read(COUNT) == [(0,)]
    assert len(in_schema(place, there)) == 1


def test_a_schema_with_nothing_in_it_is_a_database_not_made_yet(
    place: PostgresSchema, database: PostgresDatabase
) -> None:
    in_schema(place, f"CREATE SCHEMA {place.schema}")
    assert database.read(COUNT) == []
    make(place)
    assert database.read(COUNT) == [(0,)]


def test_without_a_search_path_the_schema_is_taxi_metadata() -> None:
    url = postgres.server().new_database("plain")
    with closing(PostgresDatabase(url)) as database, database.write():
        pass
    assert postgres.execute(url, "SELECT version_num FROM taxi_metadata.alembic_version") == [(REVISIONS[-1],)]
    assert postgres.execute(url, "SELECT 1 FROM pg_tables WHERE schemaname = 'public'") == []


def test_a_database_that_many_make_at_once_is_made_once(place: PostgresSchema) -> None:
    start = threading.Barrier(4)

    def insert(number: int) -> None:
        with closing(PostgresDatabase(place.url)) as database:
            start.wait()
            with database.write() as connection:
                row = f"INSERT INTO failures VALUES ('duckdb', '{number}', '2021-01', 'c', 'm', now())"
                connection.exec_driver_sql(row)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(insert, range(4)))
    assert in_schema(place, "SELECT count(*) FROM failures") == [(4,)]


def test_writers_take_turns_and_readers_do_not_wait(place: PostgresSchema, database: PostgresDatabase) -> None:
    make(place)
    with closing(PostgresDatabase(place.url)) as theirs, ThreadPoolExecutor(1) as pool:

        def write() -> object:
            with theirs.write() as connection:
                return connection.execute(COUNT).scalar()

        with database.write() as connection:
            waiting = pool.submit(write)
            postgres.wait_until(
                lambda: in_schema(place, "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
            )
            connection.exec_driver_sql("INSERT INTO failures VALUES ('duckdb', 'green', '2021-01', 'c', 'm', now())")
            assert theirs.read(COUNT) == [(0,)]
        assert waiting.result() == 1


def test_a_writer_that_waited_too_long_says_busy(place: PostgresSchema, monkeypatch: pytest.MonkeyPatch) -> None:
    make(place)
    monkeypatch.setattr(module, "BUSY_SECONDS", 1)
    with closing(PostgresDatabase(place.url)) as ours, closing(PostgresDatabase(place.url)) as theirs, theirs.write():
        assert ours.read(COUNT) == [(0,)]
        with (
            pytest.raises(StoreBusy, match=r"^the metadata database, PostgreSQL at .* stayed locked for 1 s; "),
            ours.write(),
        ):
            pass


def test_a_write_that_fails_writes_nothing_and_frees_its_turn(database: PostgresDatabase) -> None:
    with pytest.raises(RuntimeError), database.write() as connection:
        connection.exec_driver_sql("INSERT INTO failures VALUES ('duckdb', 'green', '2021-01', 'c', 'm', now())")
        raise RuntimeError("broken")
    assert database.read(COUNT) == [(0,)]
    with database.write():
        pass


def test_closing_leaves_no_connection(place: PostgresSchema, database: PostgresDatabase) -> None:
    with database.write():
        database.read(COUNT)
    database.close()
    postgres.wait_until(lambda: backends(place) == [])


def test_an_older_database_is_upgraded_at_the_first_look(place: PostgresSchema, database: PostgresDatabase) -> None:
    make(place)
    url = sa.make_url(place.url).set(drivername="postgresql+psycopg")
    with sa.create_engine(url, poolclass=sa.NullPool).begin() as connection:
        command.downgrade(alembic_config(connection), REVISIONS[0])
    assert database.read(COUNT) == [(0,)]
    assert in_schema(place, "SELECT version_num FROM alembic_version") == [(REVISIONS[-1],)]


def test_a_newer_database_is_refused_with_the_way_out(place: PostgresSchema, database: PostgresDatabase) -> None:
    make(place)
    in_schema(place, "UPDATE alembic_version SET version_num = '9999'")
    said = rf"schema {place.schema} of taxi@127\.0\.0\.1:.* was written by a newer .*9999.*; upgrade taxi-pipelines"
    with pytest.raises(StoreCorrupt, match=said):
        database.read(COUNT)


def test_another_programs_schema_is_refused_and_left_alone(place: PostgresSchema, database: PostgresDatabase) -> None:
    in_schema(place, f"CREATE SCHEMA {place.schema} CREATE TABLE bookmarks (url text)")
    with pytest.raises(StoreCorrupt, match="is not a metadata database of taxi-pipelines"), database.write():
        pass
    assert in_schema(place, f"SELECT tablename FROM pg_tables WHERE schemaname = '{place.schema}'") == [("bookmarks",)]


def test_a_server_that_does_not_answer_is_named_without_the_password() -> None:
    with closing(PostgresDatabase("postgresql://me:hush@127.0.0.1:1/db")) as database:
        said = r"^the metadata database, PostgreSQL at me@127\.0\.0\.1:1/db: no connection .*; check host and port in TAXI_"
        for work in (lambda: database.read(COUNT), lambda: database.write().__enter__()):
            with pytest.raises(StoreBusy, match=said) as refused:
                work()
            assert "hush" not in str(refused.value)


def test_what_the_server_refuses_is_said_with_the_way_out() -> None:
    server = postgres.server()
    postgres.execute(server.url(), "CREATE ROLE guest LOGIN PASSWORD 'guest'")
    for url, said in (
        (server.url(password="wrong"), "it refused the password; check user and password in TAXI_DATABASE_URL"),
        (server.url("nowhere"), 'database "nowhere" does not exist; create it'),
        (
            server.url("plain_right", user="guest", password="guest"),
            "permission denied for database .*; ask for the right",
        ),
    ):
        if "plain_right" in url:
            server.new_database("plain_right")
        with closing(PostgresDatabase(url)) as database:
            with pytest.raises(UsageError, match=f"^the metadata database, PostgreSQL at .*: {said}"), database.write():
                pass


def test_too_many_connections_say_so() -> None:
    server = postgres.server()
    server.new_database("full")
    postgres.execute(server.url(), "CREATE ROLE crowd LOGIN PASSWORD 'crowd' CONNECTION LIMIT 1")
    url = server.url("full", user="crowd", password="crowd")
    with psycopg.connect(url), closing(PostgresDatabase(url)) as database:
        with pytest.raises(StoreBusy, match="it has too many connections; raise its max_connections"):
            database.read(COUNT)


def test_reading_goes_on_after_the_connections_were_lost(place: PostgresSchema, database: PostgresDatabase) -> None:
    make(place)
    assert database.read(COUNT) == [(0,)]
    end_connections(place)
    assert database.read(COUNT) == [(0,)]
    end_connections(place)
    with database.write() as connection:
        assert connection.execute(COUNT).scalar() == 0


def test_a_connection_lost_within_a_write_is_busy_and_nothing_is_written(
    place: PostgresSchema, database: PostgresDatabase
) -> None:
    with (
        pytest.raises(StoreBusy, match="the connection broke off; the server was restarted"),
        database.write() as connection,
    ):
        connection.exec_driver_sql("INSERT INTO failures VALUES ('duckdb', 'green', '2021-01', 'c', 'm', now())")
        end_connections(place)
        connection.execute(COUNT)
    with pytest.raises(StoreBusy, match="the connection broke off"), database.write() as connection:
        connection.exec_driver_sql("INSERT INTO failures VALUES ('duckdb', 'green', '2021-01', 'c', 'm', now())")
        end_connections(place)
    assert database.read(COUNT) == [(0,)]


def test_a_server_that_restarts_is_waited_for(tmp_path: Path) -> None:
    server = postgres.start_server()
    try:
        with closing(PostgresDatabase(server.url())) as database:
            with database.write():
                pass
            server.control("-m", "fast", "stop")
            with ThreadPoolExecutor(2) as pool:
                reading = pool.submit(database.read, COUNT)
                writing = pool.submit(lambda: database.write().__enter__().close())
                server.control("start")
                assert reading.result() == [(0,)]
                writing.result()
    finally:
        postgres.stop_server(server)


@pytest.mark.parametrize(
    ("error", "kind", "said"),
    [
        (
            pg.DiskFull("could not extend file"),
            DiskFull,
            "no space left on the disk of the metadata database, PostgreSQL at",
        ),
        (pg.TooManyConnections("too many"), StoreBusy, "too many connections"),
        (pg.OutOfMemory("out of memory"), StoreBusy, "out of memory; run again"),
        (pg.DeadlockDetected("deadlock detected"), StoreBusy, "deadlock detected; run again"),
        (pg.ReadOnlySqlTransaction("read-only"), UsageError, "can only be read; name the primary server"),
        (
            pg.InsufficientPrivilege("permission denied for table kv"),
            UsageError,
            "permission denied for table kv; ask for",
        ),
        (pg.DataCorrupted("invalid page"), StoreCorrupt, "invalid page; look at the server's log"),
    ],
)
def test_what_goes_wrong_there_is_one_line_and_what_to_do(
    error: psycopg.Error, kind: type[PipelineError], said: str
) -> None:
    found = translated(error, "me@host:5432/db", 30)
    assert type(found) is kind
    assert said in str(found)
    assert "\n" not in str(found)


def test_our_own_mistakes_are_not_explained_away() -> None:
    assert translated(pg.SyntaxError("syntax error"), "me@host:5432/db", 30) is None


def test_a_server_too_old_is_refused() -> None:
    refuse_old_server(150000, "here")
    with pytest.raises(UsageError, match=r"is version 14\.9; version 15 or newer is needed"):
        refuse_old_server(140009, "here")
