"""Alerts on their way, and the commit that a flow's revision came with."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Makes the tables and the column."""
    op.create_table(
        "alerts",
        sa.Column("number", NUMBER, autoincrement=True, nullable=False),
        sa.Column("namespace", NAME, nullable=False),
        sa.Column("secret", NAME, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("claimed_until", TIME),
        sa.PrimaryKeyConstraint("number"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "alert_looks",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("looked_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.add_column("flows", sa.Column("git_commit", sa.Text()))


def downgrade() -> None:
    """Drops them."""
    op.drop_column("flows", "git_commit")
    op.drop_table("alert_looks")
    op.drop_table("alerts")
