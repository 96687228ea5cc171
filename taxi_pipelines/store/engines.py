"""Engines with their heartbeats, the leases on executions, and what is asked of them.

Whoever is not among the engines has been declared dead: it takes nothing and writes nothing any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, exists, func, insert, or_, select, update

from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.domain.records import Command
from taxi_pipelines.domain.states import ENDED, State
from taxi_pipelines.flow_interfaces import Batch
from taxi_pipelines.store.commit import in_parts, write_batch
from taxi_pipelines.store.flow_tables import commands, engines, executions
from taxi_pipelines.store.metadata import Metadata
from taxi_pipelines.store.rows import command_columns, count_live, to_command, to_execution

_GOES_ON = [state for state in State if state not in ENDED and state is not State.QUEUED]
_IS_FREE = and_(executions.c.holder.is_(None), executions.c.state.in_(_GOES_ON))
_NEWS = select(or_(exists().select_from(commands), exists().where(_IS_FREE)))  # built once: it is asked all the time


class EngineStore:
    """`Engines` in the metadata database."""

    def __init__(self, database: Metadata) -> None:
        self._database = database

    def register(self, engine_id: str, host: str, pid: int, now: datetime) -> None:
        """See `Engines.register`."""
        with self._database.write() as connection:
            connection.execute(insert(engines).values(id=engine_id, host=host, pid=pid, beat_at=now, batch=0))

    def beat(self, engine_id: str, now: datetime) -> bool:
        """See `Engines.beat`."""
        with self._database.write() as connection:
            beaten = connection.execute(update(engines).where(engines.c.id == engine_id).values(beat_at=now))
            return beaten.rowcount == 1

    def leave(self, engine_id: str) -> None:
        """See `Engines.leave`."""
        with self._database.write() as connection:
            connection.execute(update(executions).where(executions.c.holder == engine_id).values(holder=None))
            connection.execute(delete(engines).where(engines.c.id == engine_id))

    def take_over(
        self, engine_id: str, now: datetime, silent_for: timedelta, known_dead: Sequence[str] = ()
    ) -> list[str]:
        """See `Engines.take_over`. Of executions that have ended the dead engines' hold is only removed."""
        silent = or_(engines.c.beat_at < now - silent_for, engines.c.id.in_(known_dead))
        dead = and_(engines.c.id != engine_id, silent)
        # Not "is not null", which not every index serves.
        orphaned = and_(executions.c.holder > "", executions.c.holder.not_in(select(engines.c.id).where(~dead)))
        if not self._database.read(select(1).where(or_(*(exists().where(one) for one in (_IS_FREE, orphaned, dead))))):
            return []
        with self._database.write() as connection:
            if not _is_alive(connection, engine_id):
                return []
            ended = and_(orphaned, executions.c.state.in_(ENDED))
            connection.execute(update(executions).where(ended).values(holder=None))
            found = [row for one in (_IS_FREE, orphaned) for row in connection.execute(_numbered(one))]
            ids = [str(row.id) for row in sorted(found, key=lambda row: row.number)]
            _hold(connection, engine_id, ids)
            connection.execute(delete(engines).where(dead))
            return ids

    def claim(self, engine_id: str, execution_id: str) -> bool:
        """See `Engines.claim`."""
        free = or_(executions.c.holder.is_(None), executions.c.holder == engine_id)
        alive = exists().where(engines.c.id == engine_id)
        with self._database.write() as connection:
            taken = update(executions).where(executions.c.id == execution_id, free, alive).values(holder=engine_id)
            return connection.execute(taken).rowcount == 1

    def claim_queued(self, engine_id: str, namespace: str, flow_id: str, limit: int) -> list[Execution]:
        """See `Engines.claim_queued`."""
        of_flow = and_(executions.c.namespace == namespace, executions.c.flow_id == flow_id)
        waiting = and_(of_flow, executions.c.state == State.QUEUED, executions.c.holder.is_(None))
        if not self._database.read(select(executions.c.id).where(waiting).limit(1)):
            return []
        with self._database.write() as connection:
            room = limit - connection.execute(count_live(namespace, flow_id)).scalar_one()
            if room <= 0 or not _is_alive(connection, engine_id):
                return []
            oldest = select(executions).where(waiting).order_by(executions.c.number).limit(room)
            found = [to_execution(row) for row in connection.execute(oldest)]
            _hold(connection, engine_id, [execution.id for execution in found])
            return found

    def take_slot(self, engine_id: str, execution: Execution, limit: int) -> bool:
        """See `Engines.take_slot`. QUEUED and held is how one is marked that is just being begun."""
        ours = and_(executions.c.id == execution.id, executions.c.holder == engine_id)
        with self._database.write() as connection:
            others = count_live(execution.namespace, execution.flow_id).where(executions.c.id != execution.id)
            if connection.execute(others).scalar_one() >= limit:
                return False
            return connection.execute(update(executions).where(ours).values(state=State.QUEUED)).rowcount == 1

    def listed(self) -> list[tuple[str, str, int, datetime]]:
        """See `Engines.listed`."""
        rows = self._database.read(select(engines).order_by(engines.c.id))
        return [(row.id, row.host, row.pid, row.beat_at) for row in rows]

    def held(self) -> dict[str, int]:
        """See `Engines.held`."""
        holder = executions.c.holder
        rows = self._database.read(select(holder, func.count().label("held")).where(holder > "").group_by(holder))
        return {row.holder: row.held for row in rows}

    def commit(self, engine_id: str, batch: Batch) -> list[str]:
        """See `Engines.commit`."""
        with self._database.write() as connection:
            return write_batch(connection, engine_id, batch)

    def have_news(self) -> bool:
        """See `Engines.have_news`."""
        rows = self._database.read(_NEWS)
        return bool(rows and rows[0][0])

    def commands(self, engine_id: str) -> list[Command]:
        """See `Engines.commands`. Claiming and looking again in one transaction is what makes two engines obey once."""
        theirs = or_(executions.c.holder == engine_id, executions.c.holder.is_(None))
        asked = self._database.read(_commands(theirs))
        free = [row.execution_id for row in asked if row.holder is None]
        if not free:
            return [to_command(row) for row in asked]
        with self._database.write() as connection:
            if not _is_alive(connection, engine_id):
                return []
            for part in in_parts(free):
                unheld = and_(executions.c.id.in_(part), executions.c.holder.is_(None))
                connection.execute(update(executions).where(unheld).values(holder=engine_id))
            ours = or_(executions.c.holder == engine_id, executions.c.id.is_(None))
            return [to_command(row) for row in connection.execute(_commands(ours))]

    def ask(self, command: Command) -> None:
        """See `Engines.ask`."""
        with self._database.write() as connection:
            connection.execute(insert(commands).values(command_columns(command)))


def _is_alive(connection: Connection, engine_id: str) -> bool:
    return connection.execute(select(engines.c.id).where(engines.c.id == engine_id)).first() is not None


def _numbered(wanted: ColumnElement[bool]) -> Select[tuple[int, str]]:
    return select(executions.c.number, executions.c.id).where(wanted)


def _hold(connection: Connection, engine_id: str, ids: Sequence[str]) -> None:
    for part in in_parts(ids):
        connection.execute(update(executions).where(executions.c.id.in_(part)).values(holder=engine_id))


def _commands(whose: ColumnElement[bool]) -> Select[tuple[object, ...]]:
    """Commands with the holders of their executions, which may be gone."""
    its = commands.outerjoin(executions, executions.c.id == commands.c.execution_id)
    return select(commands, executions.c.holder).select_from(its).where(whose).order_by(commands.c.number)
