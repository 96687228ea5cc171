"""Run by Alembic: migrates on the connection it is given (see store/upgrade.py), within the caller's transaction."""

from __future__ import annotations

from alembic import context

from taxi_pipelines.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
