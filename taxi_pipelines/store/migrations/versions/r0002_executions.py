"""Flows, executions, and what belongs to them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
NAME = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    """Makes the orchestrator's tables."""
    _flows()
    _executions()
    _labels()
    _task_runs()
    _trace()
    _engines()
    _values()


def downgrade() -> None:
    """Drops them."""
    op.drop_table("execution_labels")
    for table in ("commands", "engines", "executions", "flows", "kv", "logs", "metrics", "secrets", "task_runs"):
        op.drop_table(table)


def _flows() -> None:
    op.create_table(
        "flows",
        sa.Column("namespace", NAME, nullable=False),
        sa.Column("id", NAME, nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("namespace", "id", "revision"),
    )


def _executions() -> None:
    op.create_table(
        "executions",
        sa.Column("number", NUMBER, autoincrement=True, nullable=False),
        sa.Column("id", NAME, nullable=False),
        sa.Column("namespace", NAME, nullable=False),
        sa.Column("flow_id", NAME, nullable=False),
        sa.Column("flow_revision", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("inputs", sa.Text(), nullable=False),
        sa.Column("outputs", sa.Text(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("variables", sa.Text(), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("parent_id", NAME),
        sa.Column("caller_execution_id", NAME),
        sa.Column("caller_task_run_id", NAME),
        sa.Column("caller_waits", sa.Boolean()),
        sa.Column("caller_depth", sa.Integer()),
        sa.Column("error", sa.Text()),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("tried_since", sa.DateTime(timezone=True)),
        sa.Column("begin_at", sa.DateTime(timezone=True)),
        sa.Column("ends_as", sa.String(16)),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("holder", NAME),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("id"),
    )
    op.create_index("ix_executions_caller", "executions", ["caller_execution_id"])
    op.create_index("ix_executions_flow", "executions", ["namespace", "flow_id", "state", "created_at"])
    op.create_index("ix_executions_created", "executions", ["created_at"])
    op.create_index("ix_executions_holder", "executions", ["holder"])
    op.create_index("ix_executions_parent", "executions", ["parent_id"])
    op.create_index("ix_executions_state", "executions", ["state", "holder", "number"])


def _labels() -> None:
    op.create_table(
        "execution_labels",
        sa.Column("label", sa.String(32), nullable=False),
        sa.Column("number", NUMBER, autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("label", "number"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_execution_labels_number", "execution_labels", ["number"])


def _task_runs() -> None:
    op.create_table(
        "task_runs",
        sa.Column("number", NUMBER, autoincrement=True, nullable=False),
        sa.Column("id", NAME, nullable=False),
        sa.Column("execution_id", NAME, nullable=False),
        sa.Column("task_id", NAME, nullable=False),
        sa.Column("parent_id", NAME),
        sa.Column("branch", sa.Text(), nullable=False),
        sa.Column("value", sa.Text()),
        sa.Column("iteration", sa.Integer()),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Text(), nullable=False),
        sa.Column("outputs", sa.Text(), nullable=False),
        sa.Column("resolved", sa.Text(), nullable=False),
        sa.Column("error", sa.Text()),
        sa.Column("wake_at", sa.DateTime(timezone=True)),
        sa.Column("child_execution_id", NAME),
        sa.Column("created_at", sa.DateTime(timezone=True)),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("id"),
    )
    op.create_index("ix_task_runs_execution", "task_runs", ["execution_id", "number"])


def _trace() -> None:
    op.create_table(
        "logs",
        sa.Column("number", NUMBER, autoincrement=True, nullable=False),
        sa.Column("execution_id", NAME, nullable=False),
        sa.Column("task_run_id", NAME),
        sa.Column("task_id", NAME),
        sa.Column("attempt", sa.Integer()),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("logged_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("ix_logs_execution", "logs", ["execution_id", "number"])
    op.create_table(
        "metrics",
        sa.Column("number", NUMBER, autoincrement=True, nullable=False),
        sa.Column("execution_id", NAME, nullable=False),
        sa.Column("task_run_id", NAME, nullable=False),
        sa.Column("name", NAME, nullable=False),
        sa.Column("value", sa.Double()),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("measured_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("ix_metrics_execution", "metrics", ["execution_id", "number"])


def _engines() -> None:
    op.create_table(
        "engines",
        sa.Column("id", NAME, nullable=False),
        sa.Column("host", NAME, nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("beat_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "commands",
        sa.Column("number", NUMBER, autoincrement=True, nullable=False),
        sa.Column("execution_id", NAME, nullable=False),
        sa.Column("verb", sa.String(16), nullable=False),
        sa.Column("arguments", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_commands_execution", "commands", ["execution_id"])


def _values() -> None:
    op.create_table(
        "kv",
        sa.Column("namespace", NAME, nullable=False),
        sa.Column("key", NAME, nullable=False),
        sa.Column("type", sa.String(16), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("description", sa.Text()),
        sa.Column("expires_at", sa.DateTime(timezone=True)),
        sa.Column("updated_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("namespace", "key"),
    )
    op.create_table(
        "secrets",
        sa.Column("namespace", NAME, nullable=False),
        sa.Column("key", NAME, nullable=False),
        sa.Column("ciphertext", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("namespace", "key"),
    )
