"""Which revision a metadata database is of, and how one is made: the same for every kind of database."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Connection

from taxi_pipelines.errors import StoreCorrupt
from taxi_pipelines.store import (  # noqa: F401 - their tables belong to the metadata
    alert_tables,
    flow_tables,
    token_tables,
    trigger_tables,
)
from taxi_pipelines.store.tables import REVISIONS, VERSION_TABLE, metadata

# As Alembic makes it; it is Alembic's, so it is not among our own tables.
_versions = sa.Table(
    VERSION_TABLE,
    sa.MetaData(),
    sa.Column("version_num", sa.String(32)),
    sa.PrimaryKeyConstraint("version_num", name=f"{VERSION_TABLE}_pkc"),
)


def make_tables(connection: Connection) -> None:
    """Makes all tables where there are none."""
    metadata.create_all(connection, checkfirst=False)
    _versions.create(connection)
    connection.execute(sa.insert(_versions).values(version_num=REVISIONS[-1]))


def find_revision(connection: Connection, place: object) -> str | None:
    """The revision, None before the first. Raises StoreCorrupt for one we do not know, and for another program's database."""
    if not sa.inspect(connection).has_table(VERSION_TABLE):
        what = f"{place} is not a metadata database of taxi-pipelines"
        raise StoreCorrupt(what, "move it out of the way and run again")
    revision = connection.execute(sa.select(_versions.c.version_num)).scalar_one_or_none()
    if revision is not None and revision not in REVISIONS:
        what = f"{place} was written by a newer taxi-pipelines (revision {revision}, known is {REVISIONS[-1]})"
        raise StoreCorrupt(what, "upgrade taxi-pipelines: pip install --upgrade taxi-pipelines")
    return revision
