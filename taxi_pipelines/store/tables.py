"""The tables of the metadata database, and its revisions.

A change here needs a migration of the same effect and a new last entry in `REVISIONS`; a test compares the two.
"""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum

import sqlalchemy as sa

from taxi_pipelines.domain.month import Partition, parse_partition
from taxi_pipelines.domain.receipt import RunAction

REVISIONS = ("0001",)
"""Every revision a database can have, oldest first: known without importing Alembic, which costs 0.3 s."""

VERSION_TABLE = "alembic_version"


class ReceiptState(StrEnum):
    """How far a receipt is."""

    STAGED = "staged"  #: its version is about to be published
    SETTLED = "settled"  #: its version was published


class UtcTime(sa.TypeDecorator[datetime]):
    """An aware time, kept and returned in UTC."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Refuses a naive time: nobody knows when that was."""
        if value is not None and value.tzinfo is None:
            raise ValueError(f"{value} has no time zone")
        return value and value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """SQLite returns a naive time, PostgreSQL one of the session's zone."""
        if value is None or value.tzinfo:
            return value and value.astimezone(UTC)
        return value.replace(tzinfo=UTC)


class PartitionName(sa.TypeDecorator[Partition]):
    """A partition, kept as the name it prints as."""

    impl = sa.String(7)
    cache_ok = True

    def process_bind_param(self, value: Partition | None, dialect: sa.Dialect) -> str | None:
        """`2021-01`, `all`."""
        return None if value is None else str(value)

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> Partition | None:
        """The inverse."""
        return None if value is None else parse_partition(value)


def _words(words: type[StrEnum]) -> sa.Enum:
    return sa.Enum(words, native_enum=False, length=16, values_callable=lambda kind: [str(word) for word in kind])


metadata = sa.MetaData()

receipts = sa.Table(
    "receipts",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("state", _words(ReceiptState), nullable=False),
    sa.Column("target", sa.String(32), nullable=False),
    sa.Column("type", sa.String(32), nullable=False),
    sa.Column("partition", PartitionName, nullable=False),
    sa.Column("version", sa.String(64), nullable=False),
    sa.Column("action", _words(RunAction), nullable=False),
    sa.Column("source_url", sa.Text, nullable=False),
    sa.Column("etag", sa.Text),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("rows_staged", sa.BigInteger, nullable=False),
    sa.Column("added", sa.BigInteger, nullable=False),
    sa.Column("removed", sa.BigInteger, nullable=False),
    sa.Column("columns_added", sa.JSON, nullable=False),
    sa.Column("checks", sa.JSON, nullable=False),
    sa.Column("schema_fingerprint", sa.String(64), nullable=False),
    sa.Column("started_at", UtcTime, nullable=False),
    sa.Column("finished_at", UtcTime, nullable=False),
    sa.Column("seconds", sa.JSON, nullable=False),
    sa.Column("execution_id", sa.String(64)),
    sa.Index("ix_receipts_version", "target", "type", "partition", "version"),
)

failures = sa.Table(
    "failures",
    metadata,
    sa.Column("target", sa.String(32), primary_key=True),
    sa.Column("type", sa.String(32), primary_key=True),
    sa.Column("partition", PartitionName, primary_key=True),
    sa.Column("code", sa.String(64), nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("failed_at", UtcTime, nullable=False),
)
