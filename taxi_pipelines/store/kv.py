"""Typed values by namespace and key."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, delete, insert, or_, select

from taxi_pipelines.domain.records import KvEntry
from taxi_pipelines.store.flow_tables import kv
from taxi_pipelines.store.metadata import Metadata


class KeyValueStore:
    """`KeyValues` in the metadata database."""

    def __init__(self, database: Metadata) -> None:
        self._database = database

    def get(self, namespace: str, key: str, now: datetime) -> KvEntry | None:
        """See `KeyValues.get`."""
        rows = self._database.read(select(kv).where(kv.c.namespace == namespace, kv.c.key == key, _is_alive(now)))
        return KvEntry(**rows[0]._mapping) if rows else None

    def listed(self, namespace: str, now: datetime) -> list[KvEntry]:
        """See `KeyValues.listed`."""
        query = select(kv).where(kv.c.namespace == namespace, _is_alive(now)).order_by(kv.c.key)
        return [KvEntry(**row._mapping) for row in self._database.read(query)]

    def set(self, entry: KvEntry) -> None:
        """See `KeyValues.set`."""
        with self._database.write() as connection:
            set_entry(connection, entry)

    def delete(self, namespace: str, key: str) -> bool:
        """See `KeyValues.delete`."""
        with self._database.write() as connection:
            return remove_entry(connection, namespace, key)


def set_entry(connection: Connection, entry: KvEntry) -> None:
    """Keeps an entry within a transaction."""
    remove_entry(connection, entry.namespace, entry.key)
    connection.execute(insert(kv).values({field.name: getattr(entry, field.name) for field in fields(entry)}))


def remove_entry(connection: Connection, namespace: str, key: str) -> bool:
    """Removes an entry within a transaction; whether it was there."""
    removed = connection.execute(delete(kv).where(kv.c.namespace == namespace, kv.c.key == key))
    return removed.rowcount > 0


def _is_alive(now: datetime) -> ColumnElement[bool]:
    return or_(kv.c.expires_at.is_(None), kv.c.expires_at > now)
