"""The index by which warnings and errors are found among all log lines."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Makes it."""
    are_warnings = sa.text("level >= 3")
    op.create_index("ix_logs_warnings", "logs", ["number"], sqlite_where=are_warnings, postgresql_where=are_warnings)


def downgrade() -> None:
    """Drops it."""
    op.drop_index("ix_logs_warnings", "logs")
