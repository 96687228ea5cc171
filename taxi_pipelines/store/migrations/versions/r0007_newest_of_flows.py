"""The index by which the newest executions of a flow are found, also where only its id is known."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Makes it."""
    op.create_index("ix_executions_newest", "executions", ["flow_id", "namespace", "number"])


def downgrade() -> None:
    """Drops it."""
    op.drop_index("ix_executions_newest", "executions")
