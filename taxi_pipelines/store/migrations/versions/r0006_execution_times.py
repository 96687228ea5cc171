"""By which executions are counted by state and time."""

from __future__ import annotations

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Makes the index."""
    op.create_index("ix_executions_time", "executions", ["state", "created_at"])


def downgrade() -> None:
    """Drops it."""
    op.drop_index("ix_executions_time", "executions")
