"""The one transaction an engine writes per cycle. Nothing is written for an engine that was declared dead, nor of an execution
that is no longer its own; and a batch is written once, however often it is committed because the answer was lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Column, ColumnElement, Connection, Row, and_, bindparam, delete, exists, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.domain.records import KvEntry
from taxi_pipelines.domain.states import State
from taxi_pipelines.flow_interfaces import Batch
from taxi_pipelines.store.endings import tell_endings
from taxi_pipelines.store.flow_tables import commands, engines, execution_labels, executions, logs, metrics, task_runs
from taxi_pipelines.store.kv import remove_entry, set_entry
from taxi_pipelines.store.rows import (
    command_columns,
    execution_columns,
    fingerprint,
    log_columns,
    metric_columns,
    slot_of,
    task_run_columns,
)
from taxi_pipelines.store.trigger_tables import execution_slots

_AT_A_TIME = 500
"""Ids per statement: databases limit how many parameters one may have."""


def _upsert(dialect_insert: Any) -> Any:
    statement = dialect_insert(task_runs)
    changes = {column.name: statement.excluded[column.name] for column in task_runs.c if column.name not in _FIXED}
    return statement.on_conflict_do_update(index_elements=["id"], set_=changes)


_FIXED = ("number", "id", "execution_id")
_HELD_ELSEWHERE = exists().where(executions.c.id == commands.c.execution_id, executions.c.holder != bindparam("engine"))
_HELD = exists().where(executions.c.id == task_runs.c.execution_id, executions.c.holder == bindparam("engine"))


def _is_among(column: Column[Any]) -> ColumnElement[bool]:
    return column.in_(bindparam("these", expanding=True))


# Statements are built once: SQLAlchemy then finds their text again without looking through them.
_STANDING = (
    select(engines.c.batch, executions.c.id, executions.c.labels, executions.c.state)
    .select_from(engines.outerjoin(executions, and_(executions.c.holder == engines.c.id, _is_among(executions.c.id))))
    .where(engines.c.id == bindparam("engine"))
)
_COUNT_UP = update(engines).where(engines.c.id == bindparam("engine")).values(batch=bindparam("to"))
_UPSERT_TASK_RUN = {"sqlite": _upsert(sqlite.insert), "postgresql": _upsert(postgresql.insert)}
"""The one statement that both have and SQLAlchemy does not know in common."""
_REMOVE_TASK_RUNS = delete(task_runs).where(_is_among(task_runs.c.id), _HELD)
_INSERT_EXECUTION, _INSERT_COMMAND = insert(executions), insert(commands)
_INSERT_LINE, _INSERT_METRIC = insert(logs), insert(metrics)
_UPDATE_EXECUTION = (
    update(executions)
    .where(executions.c.id == bindparam("this_id"))
    .values({column.name: bindparam(column.name) for column in executions.c if column.name not in (*_FIXED, "holder")})
)
_RELEASE = (
    update(executions).where(_is_among(executions.c.id), executions.c.holder == bindparam("engine")).values(holder=None)
)
_ADD_LABEL = insert(execution_labels).from_select(
    ["label", "number"],
    select(bindparam("fingerprint", type_=execution_labels.c.label.type), executions.c.number).where(
        executions.c.id == bindparam("this_id")
    ),
)
_SLOT = ("namespace", "flow_id", "trigger_id", "slot")
_ADD_SLOT = insert(execution_slots).from_select(
    [*_SLOT, "number"],
    select(
        *(bindparam(f"this_{name}", type_=execution_slots.c[name].type) for name in _SLOT), executions.c.number
    ).where(executions.c.id == bindparam("this_id")),
)
_TAKE_COMMANDS = delete(commands).where(_is_among(commands.c.number), ~_HELD_ELSEWHERE)


def write_batch(connection: Connection, engine_id: str, batch: Batch) -> list[str]:
    """See `Engines.commit`."""
    named = _named(batch)
    written, held = _standing(connection, engine_id, sorted(named))
    if written is None:
        return sorted(named | {new.id for new in batch.new_executions})
    if batch.number:
        if batch.number <= written:
            return []
        connection.execute(_COUNT_UP, {"engine": engine_id, "to": batch.number})
    lost = named - held.keys()
    lost |= {new.id for new in batch.new_executions if new.caller and new.caller.execution_id in lost}
    _write_executions(connection, engine_id, batch, held, lost)
    _write_task_runs(connection, engine_id, batch, lost)
    _write_trace(connection, batch, lost)
    _write_kv(connection, batch)
    _write_commands(connection, engine_id, batch)
    for part in in_parts(batch.released):
        connection.execute(_RELEASE, {"engine": engine_id, "these": part})
    return sorted(lost)


def insert_executions(connection: Connection, new: Iterable[tuple[Execution, str | None]]) -> None:
    """Keeps new executions, each with its first holder."""
    pairs = list(new)
    connection.execute(_INSERT_EXECUTION, [execution_columns(one) | {"holder": holder} for one, holder in pairs])
    _add_labels(connection, [one for one, _ in pairs])
    _add_slots(connection, [one for one, _ in pairs])


def in_parts(items: Sequence[Any]) -> Iterable[Sequence[Any]]:
    """As many as one statement takes."""
    return (items[start : start + _AT_A_TIME] for start in range(0, len(items), _AT_A_TIME))


def _named(batch: Batch) -> set[str]:
    """The executions, new ones apart, that something is to be written of."""
    records = (batch.executions, batch.task_runs, batch.logs, batch.metrics)
    named = {execution.id for execution in batch.executions} | set(batch.released)
    named |= {record.execution_id for kind in records[1:] for record in kind}
    return named - {new.id for new in batch.new_executions}


def _standing(connection: Connection, engine_id: str, named: Sequence[str]) -> tuple[int | None, Mapping[str, Any]]:
    """The number of the last batch the engine wrote, None where it is declared dead; those it holds, as they stand."""
    rows: list[Row[Any]] = []
    for part in in_parts(named or [""]):
        rows += connection.execute(_STANDING, {"engine": engine_id, "these": part})
    written = rows[0].batch if rows else None
    return written, {row.id: row for row in rows if row.id is not None}


def _write_executions(
    connection: Connection, engine_id: str, batch: Batch, held: Mapping[str, Any], lost: set[str]
) -> None:
    new = [(one, _first_holder(one.state, engine_id)) for one in batch.new_executions if one.id not in lost]
    if new:
        insert_executions(connection, new)
    changed = [one for one in batch.executions if one.id not in lost]
    if changed:
        rows = [execution_columns(one) for one in changed]
        connection.execute(_UPDATE_EXECUTION, [row | {"this_id": row.pop("id")} for row in rows])
    latest = {one.id: one for one in (*batch.new_executions, *changed) if one.id not in lost}
    told = {id for id, row in held.items() if row.state.has_ended}
    tell_endings(connection, [one for one in latest.values() if one.state.has_ended and one.id not in told])
    replace_labels(connection, [one for one in changed if one.id in held and one.labels != held[one.id].labels])


def replace_labels(connection: Connection, of: Sequence[Execution]) -> None:
    """By which labels they are found from now on."""
    for part in in_parts([one.id for one in of]):
        numbers = select(executions.c.number).where(executions.c.id.in_(part))
        connection.execute(delete(execution_labels).where(execution_labels.c.number.in_(numbers)))
    _add_labels(connection, of)


def _first_holder(state: State, engine_id: str) -> str | None:
    return None if state is State.QUEUED or state.has_ended else engine_id


def _add_labels(connection: Connection, of: Iterable[Execution]) -> None:
    rows = [
        {"fingerprint": mark, "this_id": one.id}
        for one in of
        for mark in {fingerprint(key, value) for key, value in one.labels.items()}
    ]
    if rows:
        connection.execute(_ADD_LABEL, rows)


def _add_slots(connection: Connection, of: Iterable[Execution]) -> None:
    """By which slots they are found."""
    rows = [
        {
            "this_id": one.id,
            "this_namespace": one.namespace,
            "this_flow_id": one.flow_id,
            "this_trigger_id": slot[0],
            "this_slot": slot[1],
        }
        for one in of
        if (slot := slot_of(one))
    ]
    if rows:
        connection.execute(_ADD_SLOT, rows)


def _write_task_runs(connection: Connection, engine_id: str, batch: Batch, lost: set[str]) -> None:
    for part in in_parts(batch.removed_task_runs):
        connection.execute(_REMOVE_TASK_RUNS, {"engine": engine_id, "these": part})
    rows = [task_run_columns(run) for run in batch.task_runs if run.execution_id not in lost]
    if rows:
        connection.execute(_UPSERT_TASK_RUN[connection.dialect.name], rows)


def _write_trace(connection: Connection, batch: Batch, lost: set[str]) -> None:
    lines = [log_columns(line) for line in batch.logs if line.execution_id not in lost]
    if lines:
        connection.execute(_INSERT_LINE, lines)
    measured = [metric_columns(metric) for metric in batch.metrics if metric.execution_id not in lost]
    if measured:
        connection.execute(_INSERT_METRIC, measured)


def _write_kv(connection: Connection, batch: Batch) -> None:
    for change in batch.kv:
        if isinstance(change, KvEntry):
            set_entry(connection, change)
        else:
            remove_entry(connection, change.namespace, change.key)


def _write_commands(connection: Connection, engine_id: str, batch: Batch) -> None:
    for part in in_parts(batch.taken_commands):
        connection.execute(_TAKE_COMMANDS, {"engine": engine_id, "these": part})
    if batch.commands:
        connection.execute(_INSERT_COMMAND, [command_columns(command) for command in batch.commands])
