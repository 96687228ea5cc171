"""The orchestrator's tables, in the same database as the receipts. A change needs a migration of the same effect.

The indexes of executions hold whatever is filtered by, so that a listing is found without reading the executions themselves.
"""

from __future__ import annotations

import sqlalchemy as sa

from taxi_pipelines.domain.records import KvType, Verb
from taxi_pipelines.domain.states import State
from taxi_pipelines.store.column_types import AnyText, JsonText, Name, Number, UtcTime, words
from taxi_pipelines.store.tables import metadata

flows = sa.Table(
    "flows",
    metadata,
    sa.Column("namespace", Name, primary_key=True),
    sa.Column("id", Name, primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True),
    sa.Column("source", AnyText, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("deleted", sa.Boolean, nullable=False),
    sa.Column("git_commit", AnyText),
)

engines = sa.Table(
    "engines",
    metadata,
    sa.Column("id", Name, primary_key=True),
    sa.Column("host", Name, nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("beat_at", UtcTime, nullable=False),
    sa.Column("batch", sa.BigInteger, nullable=False),
)

executions = sa.Table(
    "executions",
    metadata,
    sa.Column("number", Number, primary_key=True, autoincrement=True),
    sa.Column("id", Name, nullable=False, unique=True),
    sa.Column("namespace", Name, nullable=False),
    sa.Column("flow_id", Name, nullable=False),
    sa.Column("flow_revision", sa.Integer, nullable=False),
    sa.Column("state", words(State), nullable=False),
    sa.Column("inputs", JsonText, nullable=False),
    sa.Column("outputs", JsonText, nullable=False),
    sa.Column("labels", JsonText, nullable=False),
    sa.Column("variables", JsonText, nullable=False),
    sa.Column("trigger", JsonText, nullable=False),
    sa.Column("parent_id", Name),
    sa.Column("caller_execution_id", Name),
    sa.Column("caller_task_run_id", Name),
    sa.Column("caller_waits", sa.Boolean),
    sa.Column("caller_depth", sa.Integer),
    sa.Column("error", AnyText),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("tried_since", UtcTime),
    sa.Column("begin_at", UtcTime),
    sa.Column("ends_as", words(State)),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("started_at", UtcTime),
    sa.Column("ended_at", UtcTime),
    sa.Column("holder", Name),
    sa.Index("ix_executions_flow", "namespace", "flow_id", "state", "created_at"),
    sa.Index("ix_executions_newest", "flow_id", "namespace", "number"),
    sa.Index("ix_executions_state", "state", "holder", "number"),
    sa.Index("ix_executions_created", "created_at"),
    sa.Index("ix_executions_time", "state", "created_at"),
    sa.Index("ix_executions_holder", "holder"),
    sa.Index("ix_executions_caller", "caller_execution_id"),
    sa.Index("ix_executions_parent", "parent_id"),
)

execution_labels = sa.Table(
    "execution_labels",
    metadata,
    sa.Column("label", sa.String(32), primary_key=True),
    sa.Column("number", Number, primary_key=True, autoincrement=False),
    sa.Index("ix_execution_labels_number", "number"),
    sqlite_with_rowid=False,
)
"""By which labels executions are found: fingerprints, because a label may be longer than an index's entry."""

task_runs = sa.Table(
    "task_runs",
    metadata,
    sa.Column("number", Number, primary_key=True, autoincrement=True),
    sa.Column("id", Name, nullable=False, unique=True),
    sa.Column("execution_id", Name, nullable=False),
    sa.Column("task_id", Name, nullable=False),
    sa.Column("parent_id", Name),
    sa.Column("branch", AnyText, nullable=False),
    sa.Column("value", AnyText),
    sa.Column("iteration", sa.Integer),
    sa.Column("state", words(State), nullable=False),
    sa.Column("attempts", JsonText, nullable=False),
    sa.Column("outputs", JsonText, nullable=False),
    sa.Column("resolved", JsonText, nullable=False),
    sa.Column("error", AnyText),
    sa.Column("wake_at", UtcTime),
    sa.Column("child_execution_id", Name),
    sa.Column("created_at", UtcTime),
    sa.Column("started_at", UtcTime),
    sa.Column("ended_at", UtcTime),
    sa.Index("ix_task_runs_execution", "execution_id", "number"),
)

logs = sa.Table(
    "logs",
    metadata,
    sa.Column("number", Number, primary_key=True, autoincrement=True),
    sa.Column("execution_id", Name, nullable=False),
    sa.Column("task_run_id", Name),
    sa.Column("task_id", Name),
    sa.Column("attempt", sa.Integer),
    sa.Column("level", sa.SmallInteger, nullable=False),
    sa.Column("message", AnyText, nullable=False),
    sa.Column("logged_at", UtcTime, nullable=False),
    sa.Index("ix_logs_execution", "execution_id", "number"),
)

ARE_WARNINGS = logs.c.level >= sa.literal_column("3")
"""Lines of level WARN or worse. A literal: SQLite takes an index of some rows only for what says the same of them."""

sa.Index("ix_logs_warnings", logs.c.number, sqlite_where=ARE_WARNINGS, postgresql_where=ARE_WARNINGS)

metrics = sa.Table(
    "metrics",
    metadata,
    sa.Column("number", Number, primary_key=True, autoincrement=True),
    sa.Column("execution_id", Name, nullable=False),
    sa.Column("task_run_id", Name, nullable=False),
    sa.Column("name", Name, nullable=False),
    sa.Column("value", sa.Double),
    sa.Column("type", AnyText, nullable=False),
    sa.Column("tags", JsonText, nullable=False),
    sa.Column("measured_at", UtcTime, nullable=False),
    sa.Index("ix_metrics_execution", "execution_id", "number"),
)

commands = sa.Table(
    "commands",
    metadata,
    sa.Column("number", Number, primary_key=True, autoincrement=True),
    sa.Column("execution_id", Name, nullable=False),
    sa.Column("verb", words(Verb), nullable=False),
    sa.Column("arguments", JsonText, nullable=False),
    sa.Column("asked_at", UtcTime, nullable=False),
    sa.Index("ix_commands_execution", "execution_id"),
    sqlite_autoincrement=True,
)
"""Numbers are never given again, so that an engine never takes another command than the one it obeyed."""

kv = sa.Table(
    "kv",
    metadata,
    sa.Column("namespace", Name, primary_key=True),
    sa.Column("key", Name, primary_key=True),
    sa.Column("type", words(KvType), nullable=False),
    sa.Column("value", JsonText, nullable=False),
    sa.Column("description", AnyText),
    sa.Column("expires_at", UtcTime),
    sa.Column("updated_at", UtcTime),
)

secrets = sa.Table(
    "secrets",
    metadata,
    sa.Column("namespace", Name, primary_key=True),
    sa.Column("key", Name, primary_key=True),
    sa.Column("ciphertext", sa.Text, nullable=False),
)
