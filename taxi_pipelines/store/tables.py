"""The tables of receipts and failures, and the revisions of the whole metadata database.

A change here needs a migration of the same effect and a new last entry in `REVISIONS`; a test compares the two.
"""

from __future__ import annotations

from enum import StrEnum

import sqlalchemy as sa

from taxi_pipelines.domain.receipt import RunAction
from taxi_pipelines.store.column_types import PartitionName, UtcTime, words

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008")
"""Every revision a database can have, oldest first: known without importing Alembic, which costs 0.3 s."""

VERSION_TABLE = "alembic_version"


class ReceiptState(StrEnum):
    """How far a receipt is."""

    STAGED = "staged"  #: its version is about to be published
    SETTLED = "settled"  #: its version was published


metadata = sa.MetaData()

receipts = sa.Table(
    "receipts",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("state", words(ReceiptState), nullable=False),
    sa.Column("target", sa.String(32), nullable=False),
    sa.Column("type", sa.String(32), nullable=False),
    sa.Column("partition", PartitionName, nullable=False),
    sa.Column("version", sa.String(64), nullable=False),
    sa.Column("action", words(RunAction), nullable=False),
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
