"""Flow texts and their revisions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, func, insert, select, update

from taxi_pipelines.domain.flow_change import ChangeKind, FlowChange
from taxi_pipelines.domain.records import StoredFlow
from taxi_pipelines.domain.trigger import TriggerState
from taxi_pipelines.store.column_types import is_in_namespace
from taxi_pipelines.store.flow_tables import flows
from taxi_pipelines.store.metadata import Metadata
from taxi_pipelines.store.triggers import keep_triggers


class FlowStore:
    """`Flows` in the metadata database."""

    def __init__(self, database: Metadata) -> None:
        self._database = database

    def save(
        self, namespace: str, id: str, source: str, now: datetime, triggers: Sequence[TriggerState] = ()
    ) -> StoredFlow:
        """See `Flows.save`."""
        with self._database.write() as connection:
            keep_triggers(connection, namespace, id, triggers)
            newest = connection.execute(_newest(namespace, id)).first()
            if newest and newest.source == source and not newest.deleted:
                return _to_flow(newest)
            revision = newest.revision + 1 if newest else 1
            saved = StoredFlow(namespace=namespace, id=id, revision=revision, source=source, created_at=now)
            connection.execute(insert(flows).values(_to_columns(saved)))
            return saved

    def take_over(
        self,
        changes: Sequence[tuple[FlowChange, str, Sequence[TriggerState]]],
        git_commit: str,
        now: datetime,
    ) -> bool:
        """See `Flows.take_over`."""
        with self._database.write() as connection:
            newest = [connection.execute(_newest(*change.name)).first() for change, _, _ in changes]
            revisions = [row.revision if row and not row.deleted else None for row in newest]
            if revisions != [change.before for change, _, _ in changes]:
                return False
            for (change, text, triggers), row in zip(changes, newest, strict=True):
                _write(connection, change, row, text, git_commit, now)
                if change.kind is not ChangeKind.ADOPTED:
                    keep_triggers(connection, change.namespace, change.id, triggers)
        return True

    def find(self, namespace: str, id: str, revision: int | None = None) -> StoredFlow | None:
        """See `Flows.find`."""
        query = _newest(namespace, id) if revision is None else _all(namespace, id).where(flows.c.revision == revision)
        rows = self._database.read(query)
        return _to_flow(rows[0]) if rows and not rows[0].deleted else None

    def listed(self, namespace: str | None = None) -> list[StoredFlow]:
        """See `Flows.listed`."""
        latest = select(flows.c.namespace, flows.c.id, func.max(flows.c.revision).label("revision"))
        newest = latest.group_by(flows.c.namespace, flows.c.id).subquery()
        same = and_(*(flows.c[name] == newest.c[name] for name in ("namespace", "id", "revision")))
        query = select(flows).join(newest, same).where(~flows.c.deleted).order_by(flows.c.namespace, flows.c.id)
        if namespace is not None:
            query = query.where(is_in_namespace(flows.c.namespace, namespace))
        return [_to_flow(row) for row in self._database.read(query)]

    def revisions(self, namespace: str, id: str) -> list[StoredFlow]:
        """See `Flows.revisions`."""
        return [_to_flow(row) for row in self._database.read(_all(namespace, id).order_by(flows.c.revision))]

    def delete(self, namespace: str, id: str, now: datetime) -> bool:
        """See `Flows.delete`."""
        with self._database.write() as connection:
            newest = connection.execute(_newest(namespace, id)).first()
            if newest is None or newest.deleted:
                return False
            last = StoredFlow(
                namespace=namespace,
                id=id,
                revision=newest.revision + 1,
                source=newest.source,
                created_at=now,
                deleted=True,
            )
            connection.execute(insert(flows).values(_to_columns(last)))
            keep_triggers(connection, namespace, id, ())
            return True


def _write(
    connection: Connection, change: FlowChange, newest: Row[Any] | None, text: str, git_commit: str, now: datetime
) -> None:
    if newest and change.kind is ChangeKind.ADOPTED:
        this = and_(*(flows.c[name] == getattr(newest, name) for name in ("namespace", "id", "revision")))
        connection.execute(update(flows).where(this).values(git_commit=git_commit))
        return
    is_deleted = change.kind is ChangeKind.DELETED
    written = StoredFlow(
        namespace=change.namespace,
        id=change.id,
        revision=newest.revision + 1 if newest else 1,
        source=newest.source if newest and is_deleted else text,
        created_at=now,
        deleted=is_deleted,
        git_commit=git_commit,
    )
    connection.execute(insert(flows).values(_to_columns(written)))


def _all(namespace: str, id: str) -> Any:
    return select(flows).where(flows.c.namespace == namespace, flows.c.id == id)


def _newest(namespace: str, id: str) -> Any:
    return _all(namespace, id).order_by(flows.c.revision.desc()).limit(1)


def _to_columns(flow: StoredFlow) -> dict[str, Any]:
    return {column.name: getattr(flow, column.name) for column in flows.c}


def _to_flow(row: Row[Any]) -> StoredFlow:
    return StoredFlow(**row._mapping)
