"""The table of API tokens. A change needs a migration of the same effect."""

from __future__ import annotations

import sqlalchemy as sa

from taxi_pipelines.domain.access import AccessRole
from taxi_pipelines.store.column_types import Name, UtcTime, words
from taxi_pipelines.store.tables import metadata

api_tokens = sa.Table(
    "api_tokens",
    metadata,
    sa.Column("id", Name, primary_key=True),
    sa.Column("role", words(AccessRole), nullable=False),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("created_at", UtcTime, nullable=False),
)
