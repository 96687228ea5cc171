"""The triggers of flows, and the one transaction in which a trigger fires."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, exists, func, insert, or_, select, update

from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.domain.states import ENDED, State
from taxi_pipelines.domain.trigger import TriggerState, kept_state
from taxi_pipelines.store.column_types import is_in_namespace
from taxi_pipelines.store.commit import insert_executions
from taxi_pipelines.store.endings import Taken, set_listening, take_endings, tell_endings
from taxi_pipelines.store.flow_tables import executions
from taxi_pipelines.store.metadata import Metadata
from taxi_pipelines.store.trigger_tables import triggers

CONSUMER = "triggers"
"""Under which name the scheduler is told of ended executions."""

_FIELDS = [field.name for field in fields(TriggerState)]
_GOES_ON = [state for state in State if state not in ENDED]


class TriggerStore:
    """`Triggers` in the metadata database."""

    def __init__(self, database: Metadata) -> None:
        self._database = database

    def keep(self, namespace: str, flow_id: str, states: Sequence[TriggerState]) -> None:
        """See `Triggers.keep`."""
        with self._database.write() as connection:
            keep_triggers(connection, namespace, flow_id, states)

    def listed(self, namespace: str | None = None) -> list[TriggerState]:
        """See `Triggers.listed`."""
        query = select(triggers).order_by(triggers.c.namespace, triggers.c.flow_id, triggers.c.trigger_id)
        if namespace is not None:
            query = query.where(is_in_namespace(triggers.c.namespace, namespace))
        return [_to_state(row) for row in self._database.read(query)]

    def find(self, namespace: str, flow_id: str, trigger_id: str) -> TriggerState | None:
        """See `Triggers.find`."""
        rows = self._database.read(
            select(triggers).where(_of_flow(namespace, flow_id), triggers.c.trigger_id == trigger_id)
        )
        return _to_state(rows[0]) if rows else None

    def due(self, now: datetime, limit: int) -> list[TriggerState]:
        """See `Triggers.due`."""
        query = select(triggers).where(triggers.c.next_at <= now, _is_free()).order_by(triggers.c.next_at).limit(limit)
        return [_to_state(row) for row in self._database.read(query)]

    def next_due(self) -> datetime | None:
        """See `Triggers.next_due`."""
        rows = self._database.read(
            select(triggers.c.next_at)
            .where(triggers.c.next_at.is_not(None), _is_free())
            .order_by(triggers.c.next_at)
            .limit(1)
        )
        return rows[0].next_at if rows else None

    def listening(self) -> list[TriggerState]:
        """See `Triggers.listening`."""
        return [_to_state(row) for row in self._database.read(select(triggers).where(triggers.c.listens))]

    def change(
        self,
        changes: Sequence[tuple[TriggerState, TriggerState]],
        *,
        new_executions: Sequence[Execution] = (),
        taken_endings: Sequence[int] = (),
    ) -> bool:
        """See `Triggers.change`."""
        try:
            with self._database.write() as connection:
                for before, after in changes:
                    _replace(connection, before, after)
                take_endings(connection, taken_endings)
                if new_executions:
                    insert_executions(connection, [(one, None) for one in new_executions])
                    tell_endings(connection, [one for one in new_executions if one.state.has_ended])
        except Taken:
            return False
        return True


def keep_triggers(connection: Connection, namespace: str, flow_id: str, states: Sequence[TriggerState]) -> None:
    """See `Triggers.keep`, within a transaction."""
    rows = connection.execute(select(triggers).where(_of_flow(namespace, flow_id)))
    old = {row.trigger_id: _to_state(row) for row in rows}
    new = {state.trigger_id: kept_state(old.get(state.trigger_id), state) for state in states}
    if old == new:
        return
    gone = [id for id, state in old.items() if new.get(id) != state]
    connection.execute(delete(triggers).where(_of_flow(namespace, flow_id), triggers.c.trigger_id.in_(gone)))
    added = [_to_columns(state) for id, state in new.items() if old.get(id) != state]
    if added:
        connection.execute(insert(triggers), added)
    anyone = connection.execute(select(func.count()).select_from(triggers).where(triggers.c.listens)).scalar_one()
    set_listening(connection, CONSUMER, wanted=anyone > 0)


def _replace(connection: Connection, before: TriggerState, after: TriggerState) -> None:
    same = and_(
        _of_flow(before.namespace, before.flow_id),
        triggers.c.trigger_id == before.trigger_id,
        triggers.c.version == before.version,
    )
    values = _to_columns(after) | {"version": before.version + 1}
    if connection.execute(update(triggers).where(same).values(values)).rowcount != 1:
        raise Taken


def _of_flow(namespace: str, flow_id: str) -> ColumnElement[bool]:
    return and_(triggers.c.namespace == namespace, triggers.c.flow_id == flow_id)


def _is_free() -> ColumnElement[bool]:
    """Waits for no execution, or for one that has ended or is gone."""
    goes_on = exists().where(executions.c.id == triggers.c.waits_for, executions.c.state.in_(_GOES_ON))
    return or_(triggers.c.waits_for.is_(None), ~goes_on)


def _to_columns(state: TriggerState) -> dict[str, Any]:
    return {name: getattr(state, name) for name in _FIELDS} | {"memory": dict(state.memory)}


def _to_state(row: Row[Any]) -> TriggerState:
    return TriggerState(**{name: getattr(row, name) for name in _FIELDS})
