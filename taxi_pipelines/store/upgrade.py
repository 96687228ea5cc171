"""Upgrading an older metadata database. Apart from database.py because it imports Alembic, which is slow to import."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection


def alembic_config(connection: Connection) -> Config:
    """Alembic's configuration for work on that connection; migrations/env.py takes it from there."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", "taxi_pipelines.store:migrations")
    return config


def upgrade(connection: Connection) -> None:
    """Brings the database to the newest revision, within the connection's transaction."""
    command.upgrade(alembic_config(connection), "head")
