"""The tables of triggers, backfills and the news of ended executions, in the same database. A change needs a migration."""

from __future__ import annotations

import sqlalchemy as sa

from taxi_pipelines.domain.states import State
from taxi_pipelines.domain.trigger import BackfillState, SlotState
from taxi_pipelines.store.column_types import AnyText, JsonText, Name, Number, UtcTime, words
from taxi_pipelines.store.tables import metadata

triggers = sa.Table(
    "triggers",
    metadata,
    sa.Column("namespace", Name, primary_key=True),
    sa.Column("flow_id", Name, primary_key=True),
    sa.Column("trigger_id", Name, primary_key=True),
    sa.Column("type", Name, nullable=False),
    sa.Column("enabled", sa.Boolean, nullable=False),
    sa.Column("timing", AnyText, nullable=False),
    sa.Column("listens", sa.Boolean, nullable=False),
    sa.Column("next_at", UtcTime),
    sa.Column("last_at", UtcTime),
    sa.Column("last_execution_id", Name),
    sa.Column("waits_for", Name),
    sa.Column("memory", JsonText, nullable=False),
    sa.Column("error", AnyText),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Index("ix_triggers_next", "next_at"),
)

listeners = sa.Table("listeners", metadata, sa.Column("consumer", Name, primary_key=True))
"""Who wants news of ended executions."""

endings = sa.Table(
    "endings",
    metadata,
    sa.Column("number", Number, primary_key=True, autoincrement=True),
    sa.Column("consumer", Name, nullable=False),
    sa.Column("execution_id", Name, nullable=False),
    sa.Column("state", words(State), nullable=False),
    sa.Index("ix_endings_consumer", "consumer", "number"),
    sa.Index("ix_endings_execution", "execution_id"),
    sqlite_autoincrement=True,
)
"""Numbers are never given again, so that what is taken is what was seen."""

execution_slots = sa.Table(
    "execution_slots",
    metadata,
    sa.Column("namespace", Name, primary_key=True),
    sa.Column("flow_id", Name, primary_key=True),
    sa.Column("trigger_id", Name, primary_key=True),
    sa.Column("slot", UtcTime, primary_key=True),
    sa.Column("number", Number, primary_key=True, autoincrement=False),
    sa.Index("ix_execution_slots_number", "number"),
    sqlite_with_rowid=False,
)
"""By which slots executions are found: whatever has a `trigger` with an id and a date."""

backfills = sa.Table(
    "backfills",
    metadata,
    sa.Column("number", Number, primary_key=True, autoincrement=True),
    sa.Column("id", Name, nullable=False, unique=True),
    sa.Column("namespace", Name, nullable=False),
    sa.Column("flow_id", Name, nullable=False),
    sa.Column("trigger_id", Name, nullable=False),
    sa.Column("start", UtcTime, nullable=False),
    sa.Column("end", UtcTime, nullable=False),
    sa.Column("parallel", sa.Integer, nullable=False),
    sa.Column("inputs", JsonText, nullable=False),
    sa.Column("labels", JsonText, nullable=False),
    sa.Column("force", sa.Boolean, nullable=False),
    sa.Column("state", words(BackfillState), nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("ended_at", UtcTime),
    sa.Index("ix_backfills_ended", "ended_at"),
)

backfill_slots = sa.Table(
    "backfill_slots",
    metadata,
    sa.Column("backfill_id", Name, primary_key=True),
    sa.Column("slot", UtcTime, primary_key=True),
    sa.Column("state", words(SlotState), nullable=False),
    sa.Column("execution_id", Name),
    sa.Column("error", AnyText),
    sa.Index("ix_backfill_slots_state", "backfill_id", "state", "slot"),
)
