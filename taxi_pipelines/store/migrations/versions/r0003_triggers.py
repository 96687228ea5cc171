"""Triggers, backfills, and the news of ended executions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Makes the scheduler's tables."""
    _triggers()
    _endings()
    _slots()
    _backfills()


def downgrade() -> None:
    """Drops them."""
    for table in ("backfill_slots", "backfills", "execution_slots", "endings", "listeners", "triggers"):
        op.drop_table(table)


def _triggers() -> None:
    op.create_table(
        "triggers",
        sa.Column("namespace", NAME, nullable=False),
        sa.Column("flow_id", NAME, nullable=False),
        sa.Column("trigger_id", NAME, nullable=False),
        sa.Column("type", NAME, nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("timing", sa.Text(), nullable=False),
        sa.Column("listens", sa.Boolean(), nullable=False),
        sa.Column("next_at", TIME),
        sa.Column("last_at", TIME),
        sa.Column("last_execution_id", NAME),
        sa.Column("waits_for", NAME),
        sa.Column("memory", sa.Text(), nullable=False),
        sa.Column("error", sa.Text()),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("namespace", "flow_id", "trigger_id"),
    )
    op.create_index("ix_triggers_next", "triggers", ["next_at"])


def _endings() -> None:
    op.create_table("listeners", sa.Column("consumer", NAME, nullable=False), sa.PrimaryKeyConstraint("consumer"))
    op.create_table(
        "endings",
        sa.Column("number", NUMBER, autoincrement=True, nullable=False),
        sa.Column("consumer", NAME, nullable=False),
        sa.Column("execution_id", NAME, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_endings_consumer", "endings", ["consumer", "number"])
    op.create_index("ix_endings_execution", "endings", ["execution_id"])


def _slots() -> None:
    op.create_table(
        "execution_slots",
        sa.Column("namespace", NAME, nullable=False),
        sa.Column("flow_id", NAME, nullable=False),
        sa.Column("trigger_id", NAME, nullable=False),
        sa.Column("slot", TIME, nullable=False),
        sa.Column("number", NUMBER, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("namespace", "flow_id", "trigger_id", "slot", "number"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_execution_slots_number", "execution_slots", ["number"])


def _backfills() -> None:
    op.create_table(
        "backfills",
        sa.Column("number", NUMBER, autoincrement=True, nullable=False),
        sa.Column("id", NAME, nullable=False),
        sa.Column("namespace", NAME, nullable=False),
        sa.Column("flow_id", NAME, nullable=False),
        sa.Column("trigger_id", NAME, nullable=False),
        sa.Column("start", TIME, nullable=False),
        sa.Column("end", TIME, nullable=False),
        sa.Column("parallel", sa.Integer(), nullable=False),
        sa.Column("inputs", sa.Text(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("force", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("ended_at", TIME),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("id"),
    )
    op.create_index("ix_backfills_ended", "backfills", ["ended_at"])
    op.create_table(
        "backfill_slots",
        sa.Column("backfill_id", NAME, nullable=False),
        sa.Column("slot", TIME, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("execution_id", NAME),
        sa.Column("error", sa.Text()),
        sa.PrimaryKeyConstraint("backfill_id", "slot"),
    )
    op.create_index("ix_backfill_slots_state", "backfill_slots", ["backfill_id", "state", "slot"])
