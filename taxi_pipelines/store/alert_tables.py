"""The tables of alerts on their way, in the same database. A change needs a migration of the same effect."""

from __future__ import annotations

import sqlalchemy as sa

from taxi_pipelines.store.column_types import AnyText, Name, Number, UtcTime
from taxi_pipelines.store.tables import metadata

alerts = sa.Table(
    "alerts",
    metadata,
    sa.Column("number", Number, primary_key=True, autoincrement=True),
    sa.Column("namespace", Name, nullable=False),
    sa.Column("secret", Name, nullable=False),
    sa.Column("title", AnyText, nullable=False),
    sa.Column("body", AnyText, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("claimed_until", UtcTime),
    sqlite_autoincrement=True,
)
"""Numbers are never given again, so that what is removed is what was sent."""

alert_looks = sa.Table(
    "alert_looks",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("looked_at", UtcTime, nullable=False),
)
"""One row: until when it was looked for what is late."""
