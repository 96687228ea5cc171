"""Migrations and tables say the same, on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from taxi_pipelines.store.database import Database
from taxi_pipelines.store.tables import REVISIONS, metadata
from taxi_pipelines.store.upgrade import alembic_config, upgrade
from tests.support import postgres
from tests.support.metadata import PostgresSchema, postgres_schema


def migrated(path: Path) -> sa.Engine:
    engine = sa.create_engine(f"sqlite:///{path}", poolclass=sa.NullPool)
    with engine.begin() as connection:
        upgrade(connection)
    return engine


def made(path: Path) -> sa.Engine:
    with closing(Database(path)) as database, database.write():
        pass
    return sa.create_engine(f"sqlite:///{path}", poolclass=sa.NullPool)


@pytest.mark.parametrize("build", [migrated, made])
def test_a_database_built_either_way_has_exactly_the_tables(tmp_path: Path, build: object) -> None:
    assert callable(build)
    with build(tmp_path / "metadata.db").connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection, {"compare_type": True}), metadata) == []


def test_migrated_and_made_databases_have_the_same_columns_and_indexes(tmp_path: Path) -> None:
    def shape(engine: sa.Engine) -> dict[str, list[tuple[object, ...]]]:
        with engine.connect() as connection:
            tables = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'table'").scalars().all()
            return {
                f"{pragma} {table}": sorted(
                    tuple(row)[1:] for row in connection.exec_driver_sql(f"PRAGMA {pragma}({table})")
                )
                for table in tables
                for pragma in ("table_info", "index_list")  # the first column only numbers the rows
            }

    assert shape(migrated(tmp_path / "a.db")) == shape(made(tmp_path / "b.db"))


def test_the_revisions_known_without_alembic_are_those_it_knows(tmp_path: Path) -> None:
    with sa.create_engine("sqlite://", poolclass=sa.NullPool).connect() as connection:
        script = ScriptDirectory.from_config(alembic_config(connection))
    assert tuple(revision.revision for revision in script.walk_revisions())[::-1] == REVISIONS


def test_every_revision_can_be_taken_back(tmp_path: Path) -> None:
    with migrated(tmp_path / "metadata.db").begin() as connection:
        command.downgrade(alembic_config(connection), "base")
        assert sa.inspect(connection).get_table_names() == ["alembic_version"]


@pytest.fixture
def place(tmp_path: Path) -> PostgresSchema:
    return postgres_schema(tmp_path)


@pytest.fixture
def schema(place: PostgresSchema) -> Iterator[sa.Engine]:
    """Connections to a schema with nothing in it."""
    postgres.execute(place.server, f"CREATE SCHEMA {place.schema}")
    url = sa.make_url(place.url).set(drivername="postgresql+psycopg")
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    yield engine
    engine.dispose()


def shape_of(place: PostgresSchema) -> str:
    """Columns and indexes, whatever the schema is called."""
    columns = (
        "table_name, column_name, data_type, character_maximum_length, is_nullable, collation_name, column_default"
    )
    its = f"WHERE table_schema = '{place.schema}' ORDER BY 1, 2"
    found = postgres.execute(place.server, f"SELECT {columns} FROM information_schema.columns {its}")
    its = f"WHERE schemaname = '{place.schema}' ORDER BY 1"
    found += postgres.execute(place.server, f"SELECT indexdef FROM pg_indexes {its}")
    return "\n".join(map(str, found)).replace(place.schema, "schema")


def test_on_postgresql_as_well(tmp_path: Path, place: PostgresSchema, schema: sa.Engine) -> None:
    with schema.begin() as connection:
        upgrade(connection)
        assert compare_metadata(MigrationContext.configure(connection, {"compare_type": True}), metadata) == []
    other = postgres_schema(tmp_path)
    with closing(other.opened()) as database, database.write():
        pass
    made_shape = shape_of(other)
    assert shape_of(place) == made_shape
    with schema.begin() as connection:
        command.downgrade(alembic_config(connection), "base")
        assert sa.inspect(connection).get_table_names() == ["alembic_version"]
    with closing(place.opened()) as database:
        assert database.read(sa.select(metadata.tables["executions"])) == []
    assert shape_of(place) == made_shape
