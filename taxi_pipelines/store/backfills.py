"""Backfills and their slots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, func, insert, select, update

from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.domain.states import ENDED, State
from taxi_pipelines.domain.trigger import Backfill, BackfillSlot, BackfillState, SlotState
from taxi_pipelines.store.column_types import begins_with
from taxi_pipelines.store.commit import insert_executions
from taxi_pipelines.store.endings import tell_endings
from taxi_pipelines.store.executions import AmbiguousId
from taxi_pipelines.store.flow_tables import executions
from taxi_pipelines.store.metadata import Metadata
from taxi_pipelines.store.trigger_tables import backfill_slots, backfills, execution_slots

_FIELDS = [field.name for field in fields(Backfill)]
_SLOT = [field.name for field in fields(BackfillSlot)]


class BackfillStore:
    """`Backfills` in the metadata database."""

    def __init__(self, database: Metadata) -> None:
        self._database = database

    def create(self, backfill: Backfill, slots: Sequence[BackfillSlot]) -> None:
        """See `Backfills.create`."""
        with self._database.write() as connection:
            connection.execute(insert(backfills).values(_to_columns(backfill)))
            if slots:
                connection.execute(
                    insert(backfill_slots), [{name: getattr(slot, name) for name in _SLOT} for slot in slots]
                )

    def find(self, id_or_prefix: str) -> Backfill | None:
        """See `Backfills.find`."""
        if not id_or_prefix:
            return None
        query = select(backfills).where(begins_with(backfills.c.id, id_or_prefix)).order_by(backfills.c.id).limit(2)
        rows = self._database.read(query)
        if len(rows) > 1 and rows[0].id != id_or_prefix:
            raise AmbiguousId(f"several backfills begin with {id_or_prefix!r}", "give more of its id")
        return _to_backfill(rows[0]) if rows else None

    def listed(self, *, unended: bool = False) -> list[Backfill]:
        """See `Backfills.listed`."""
        query = select(backfills).order_by(backfills.c.number.desc())
        return [
            _to_backfill(row)
            for row in self._database.read(query.where(backfills.c.ended_at.is_(None)) if unended else query)
        ]

    def slots(self, id: str, state: SlotState | None = None, limit: int | None = None) -> list[BackfillSlot]:
        """See `Backfills.slots`."""
        query = select(backfill_slots).where(backfill_slots.c.backfill_id == id)
        if state is not None:
            query = query.where(backfill_slots.c.state == state)
        return [_to_slot(row) for row in self._database.read(query.order_by(backfill_slots.c.slot).limit(limit))]

    def counts(self, ids: Sequence[str]) -> dict[str, dict[SlotState, int]]:
        """See `Backfills.counts`."""
        it = backfill_slots.c
        query = select(it.backfill_id, it.state, func.count().label("slots")).where(it.backfill_id.in_(ids))
        found: dict[str, dict[SlotState, int]] = {id: {} for id in ids}
        for row in self._database.read(query.group_by(it.backfill_id, it.state)):
            found[row.backfill_id][row.state] = row.slots
        return found

    def executed(
        self, namespace: str, flow_id: str, trigger_id: str, start: datetime, end: datetime
    ) -> list[tuple[datetime, str, State]]:
        """See `Backfills.executed`."""
        it = execution_slots.c
        these = and_(it.namespace == namespace, it.flow_id == flow_id, it.trigger_id == trigger_id)
        query = (
            select(it.slot, executions.c.id, executions.c.state)
            .join(executions, executions.c.number == it.number)
            .where(these, it.slot >= start, it.slot <= end)
            .order_by(it.slot, it.number)
        )
        return [(row.slot, row.id, row.state) for row in self._database.read(query)]

    def start(self, slot: BackfillSlot, execution: Execution) -> bool:
        """See `Backfills.start`."""
        with self._database.write() as connection:
            its = select(backfills.c.parallel, backfills.c.state).where(backfills.c.id == slot.backfill_id)
            found = connection.execute(its).first()
            if found is None or found.state is not BackfillState.RUNNING:
                return False
            if _count(connection, slot.backfill_id, SlotState.RUNNING) >= found.parallel:
                return False
            begun = update(backfill_slots).values(state=SlotState.RUNNING, execution_id=execution.id, error=None)
            if connection.execute(begun.where(_as_it_was(slot))).rowcount != 1:
                return False
            insert_executions(connection, [(execution, None)])
            tell_endings(connection, [execution] if execution.state.has_ended else [])
            return True

    def change_slot(self, before: BackfillSlot, after: BackfillSlot) -> bool:
        """See `Backfills.change_slot`."""
        with self._database.write() as connection:
            values = {"state": after.state, "execution_id": after.execution_id, "error": after.error}
            return connection.execute(update(backfill_slots).where(_as_it_was(before)).values(values)).rowcount == 1

    def settle(self, id: str, now: datetime) -> Backfill | None:
        """See `Backfills.settle`. An execution that is tried again as a whole is followed by the one in its place."""
        found = self._database.read(select(backfills).where(backfills.c.id == id))
        if not found:
            return None
        backfill = _to_backfill(found[0])
        if backfill.ended_at is not None or not self._has_changed(backfill):
            return backfill
        with self._database.write() as connection:
            for slot, execution_id, state in connection.execute(_running(id)).all():
                _settle_slot(connection, id, slot, execution_id, state)
            if _count(connection, id, SlotState.RUNNING):
                return backfill
            is_done = backfill.state is BackfillState.RUNNING and not _count(connection, id, SlotState.WAITING)
            if is_done or backfill.state is BackfillState.CANCELLED:
                ended = BackfillState.DONE if is_done else BackfillState.CANCELLED
                same = and_(backfills.c.id == id, backfills.c.state == backfill.state)
                connection.execute(update(backfills).where(same).values(state=ended, ended_at=now))
            return _to_backfill(connection.execute(select(backfills).where(backfills.c.id == id)).one())

    def change(self, before: Backfill, after: Backfill, slots: Mapping[SlotState, SlotState] | None = None) -> bool:
        """See `Backfills.change`."""
        with self._database.write() as connection:
            same = and_(backfills.c.id == before.id, backfills.c.state == before.state)
            values = {"state": after.state, "parallel": after.parallel, "ended_at": after.ended_at}
            if connection.execute(update(backfills).where(same).values(values)).rowcount != 1:
                return False
            for old, new in (slots or {}).items():
                these = and_(backfill_slots.c.backfill_id == before.id, backfill_slots.c.state == old)
                connection.execute(update(backfill_slots).where(these).values(state=new, error=None))
            return True

    def _has_changed(self, backfill: Backfill) -> bool:
        """Whether anything has ended, or nothing is left: looked at without holding others up."""
        if running := self._database.read(_running(backfill.id)):
            return any(row.state is None or row.state in ENDED for row in running)
        match backfill.state:
            case BackfillState.PAUSED:
                return False
            case BackfillState.RUNNING:
                return not self.slots(backfill.id, SlotState.WAITING, 1)
        return True


def _running(id: str) -> Any:
    """Slots that run, with the states of their executions; None of those that are gone."""
    its = backfill_slots.outerjoin(executions, executions.c.id == backfill_slots.c.execution_id)
    these = and_(backfill_slots.c.backfill_id == id, backfill_slots.c.state == SlotState.RUNNING)
    return (
        select(backfill_slots.c.slot, backfill_slots.c.execution_id, executions.c.state).select_from(its).where(these)
    )


def _settle_slot(connection: Connection, id: str, slot: datetime, execution_id: str, state: State | None) -> None:
    values: dict[str, Any]
    if state is None:
        values = {"state": SlotState.FAILED, "error": f"execution {execution_id} was deleted"}
    elif state is State.RETRIED and (successor := _successor(connection, execution_id)):
        values = {"execution_id": successor}
    elif state in ENDED:
        values = {"state": SlotState.of(state)}
    else:
        return
    this = and_(backfill_slots.c.backfill_id == id, backfill_slots.c.slot == slot)
    connection.execute(update(backfill_slots).where(this).values(values))


def _successor(connection: Connection, execution_id: str) -> str | None:
    """The execution that took its place: one attempt further."""
    attempt = select(executions.c.attempt + 1).where(executions.c.id == execution_id).scalar_subquery()
    query = select(executions.c.id).where(executions.c.parent_id == execution_id, executions.c.attempt == attempt)
    return connection.execute(query).scalars().first()


def _count(connection: Connection, id: str, state: SlotState) -> int:
    these = and_(backfill_slots.c.backfill_id == id, backfill_slots.c.state == state)
    return connection.execute(select(func.count()).select_from(backfill_slots).where(these)).scalar_one()


def _as_it_was(slot: BackfillSlot) -> ColumnElement[bool]:
    it = backfill_slots.c
    return and_(it.backfill_id == slot.backfill_id, it.slot == slot.slot, it.state == slot.state)


def _to_columns(backfill: Backfill) -> dict[str, Any]:
    values = {name: getattr(backfill, name) for name in _FIELDS}
    return values | {"inputs": dict(backfill.inputs), "labels": dict(backfill.labels)}


def _to_backfill(row: Row[Any]) -> Backfill:
    return Backfill(**{name: getattr(row, name) for name in _FIELDS})


def _to_slot(row: Row[Any]) -> BackfillSlot:
    return BackfillSlot(**{name: getattr(row, name) for name in _SLOT})
