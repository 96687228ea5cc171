"""Executions and their task runs, log lines and metrics, as whoever is not their engine sees them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from sqlalchemy import ColumnElement, Delete, Row, Select, and_, delete, func, insert, or_, select, tuple_, update

from taxi_pipelines.domain.execution import PRIVATE, Execution, TaskRun
from taxi_pipelines.domain.records import Level, LogLine, Metric
from taxi_pipelines.domain.states import ENDED
from taxi_pipelines.errors import UsageError
from taxi_pipelines.flow_interfaces import ExecutionFilter, Glance, LogFilter, Page
from taxi_pipelines.store.column_types import begins_with, has_text, is_in_namespace, scanned
from taxi_pipelines.store.commit import insert_executions, replace_labels
from taxi_pipelines.store.flow_tables import (
    ARE_WARNINGS,
    commands,
    engines,
    execution_labels,
    executions,
    flows,
    logs,
    metrics,
    secrets,
    task_runs,
)
from taxi_pipelines.store.log_times import between
from taxi_pipelines.store.metadata import Metadata
from taxi_pipelines.store.rows import (
    count_live,
    fingerprint,
    level_number,
    task_run_columns,
    to_execution,
    to_log_line,
    to_metric,
    to_task_run,
)
from taxi_pipelines.store.trigger_tables import endings, execution_slots

_named, _other = flows.alias("named"), executions.alias("other")

_NEWEST = 500
"""So many are looked at before an index of all is."""

_AT_A_TIME = 20_000
"""So many rows are deleted in one transaction."""


class AmbiguousId(UsageError):
    """A prefix that several executions share."""

    code = "ambiguous-id"


class ExecutionStore:
    """`Executions` and `Logs` in the metadata database."""

    def __init__(self, database: Metadata) -> None:
        self._database = database

    def create(self, execution: Execution, task_runs_of_it: Sequence[TaskRun] = (), holder: str | None = None) -> None:
        """See `Executions.create`. An engine declared dead meanwhile does not hold it: another one will."""
        with self._database.write() as connection:
            alive = holder and connection.execute(select(engines.c.id).where(engines.c.id == holder)).scalar()
            insert_executions(connection, [(execution, alive)])
            if task_runs_of_it:
                connection.execute(insert(task_runs), [task_run_columns(run) for run in task_runs_of_it])

    def find(self, id_or_prefix: str) -> Execution | None:
        """See `Executions.find`."""
        if not id_or_prefix:
            return None
        query = select(executions).where(begins_with(executions.c.id, id_or_prefix)).order_by(executions.c.id).limit(2)
        rows = self._database.read(query)
        if len(rows) > 1 and rows[0].id != id_or_prefix:
            raise AmbiguousId(f"several executions begin with {id_or_prefix!r}", "give more of its id")
        return to_execution(rows[0]) if rows else None

    def task_runs(self, execution_id: str) -> list[TaskRun]:
        """See `Executions.task_runs`."""
        query = select(task_runs).where(task_runs.c.execution_id == execution_id).order_by(task_runs.c.number)
        return [to_task_run(row) for row in self._database.read(query)]

    def search(self, wanted: ExecutionFilter, page: Page) -> list[Execution]:
        """See `Executions.search`. First the numbers, from an index alone, then those executions."""
        found: Sequence[Row[Any]] = []
        if not wanted.labels:
            found = self._page(_among_newest(wanted), page)
        if len(found) < page.limit:
            found = self._page(numbers_of(wanted), page)
        return [to_execution(row) for row in found]

    def newest(self, flows: Sequence[tuple[str, str]], limit: int) -> list[Glance]:
        """See `Executions.newest`. For each flow the number of the last one wanted first, from an index alone.

        They are sorted here: told to, SQLite would go through all executions in that order.
        """
        if not flows:
            return []
        is_of_it = and_(_other.c.namespace == _named.c.namespace, _other.c.flow_id == _named.c.id)
        last = select(_other.c.number).where(is_of_it).order_by(_other.c.number.desc()).limit(1).offset(limit - 1)
        wanted = tuple_(_named.c.namespace, _named.c.id).in_(flows)
        since = func.coalesce(last.scalar_subquery(), 0).label("since")
        each = select(_named.c.namespace, _named.c.id, since).where(wanted, _named.c.revision == 1).subquery()
        is_wanted = and_(
            executions.c.namespace == each.c.namespace,
            executions.c.flow_id == each.c.id,
            executions.c.number >= each.c.since,
        )
        columns = [executions.c[field.name] for field in fields(Glance)]
        rows = self._database.read(select(executions.c.number, *columns).join(each, is_wanted))
        return [_to_glance(row) for row in sorted(rows, key=lambda row: -row.number)]

    def count(self, wanted: ExecutionFilter, at_most: int | None = None) -> int:
        """See `Executions.count`."""
        numbers = numbers_of(wanted)
        if at_most is None:
            return self._count(numbers.with_only_columns(func.count(), maintain_column_froms=True))
        return self._count(select(func.count()).select_from(numbers.limit(at_most).subquery()))

    def count_live(self, namespace: str, flow_id: str) -> int:
        """See `Executions.count_live`."""
        return self._count(count_live(namespace, flow_id))

    def relabel(self, execution: Execution) -> bool:
        """See `Executions.relabel`."""
        is_it = and_(executions.c.id == execution.id, executions.c.holder.is_(None))
        is_at_rest = and_(is_it, executions.c.state.in_(sorted(ENDED)))
        with self._database.write() as connection:
            kept = connection.execute(update(executions).where(is_at_rest).values(labels=dict(execution.labels)))
            if kept.rowcount:
                replace_labels(connection, [execution])
            return kept.rowcount > 0

    def delete(self, execution_id: str) -> None:
        """See `Executions.delete`. What there may be much of goes in parts, so that nobody's heartbeat waits for long."""
        for table in (logs, metrics, task_runs):
            part = select(table.c.number).where(table.c.execution_id == execution_id).limit(_AT_A_TIME)
            while self._write(delete(table).where(table.c.number.in_(part))) == _AT_A_TIME:
                pass
        with self._database.write() as connection:
            numbers = select(executions.c.number).where(executions.c.id == execution_id)
            for index in (execution_labels, execution_slots):
                connection.execute(delete(index).where(index.c.number.in_(numbers)))
            for table in (task_runs, logs, metrics, commands, endings):
                connection.execute(delete(table).where(table.c.execution_id == execution_id))
            connection.execute(delete(secrets).where(secrets.c.namespace == f"{PRIVATE}{execution_id}"))
            connection.execute(delete(executions).where(executions.c.id == execution_id))

    def vacuum(self) -> None:
        """See `Executions.vacuum`."""
        self._database.vacuum()

    def lines(
        self,
        execution_id: str,
        *,
        after: int = 0,
        level: Level | None = None,
        task_id: str | None = None,
        limit: int = 1000,
    ) -> list[LogLine]:
        """See `Logs.lines`."""
        query = select(logs).where(logs.c.execution_id == execution_id, logs.c.number > after)
        if level is not None:
            query = query.where(logs.c.level >= level_number(level))
        if task_id is not None:
            query = query.where(logs.c.task_id == task_id)
        return [to_log_line(row) for row in self._database.read(query.order_by(logs.c.number).limit(limit))]

    def search_lines(self, wanted: LogFilter, page: Page) -> list[LogLine]:
        """See `Logs.search_lines`. Backwards by number, so that it ends with the first page that is full."""
        its = _line_conditions(wanted)
        if wanted.execution_id is None:
            its = between(self._database.read, wanted.since, wanted.until) + its
            if wanted.level in (Level.WARN, Level.ERROR):
                its.append(ARE_WARNINGS)
        query = select(logs).where(*its).order_by(logs.c.number.desc())
        return [to_log_line(row) for row in self._database.read(query.limit(page.limit).offset(page.offset))]

    def metrics(self, *execution_ids: str) -> list[Metric]:
        """See `Logs.metrics`."""
        query = select(metrics).where(metrics.c.execution_id.in_(execution_ids)).order_by(metrics.c.number)
        return [to_metric(row) for row in self._database.read(query)]

    def _page(self, numbers: Select[Any], page: Page) -> Sequence[Row[Any]]:
        newest = numbers.order_by(numbers.selected_columns.number.desc()).limit(page.limit).offset(page.offset)
        query = select(executions).where(executions.c.number.in_(newest)).order_by(executions.c.number.desc())
        return self._database.read(query)

    def _write(self, statement: Delete) -> int:
        """The rows it deleted."""
        with self._database.write() as connection:
            return connection.execute(statement).rowcount

    def _count(self, query: Select[Any]) -> int:
        rows = self._database.read(query)
        return int(rows[0][0]) if rows else 0


def _to_glance(row: Row[Any]) -> Glance:
    return Glance(**{field.name: getattr(row, field.name) for field in fields(Glance)})


def _line_conditions(wanted: LogFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.execution_id is not None:
        found.append(logs.c.execution_id == wanted.execution_id)
    if wanted.task is not None:
        found.append(or_(logs.c.task_id == wanted.task, logs.c.task_run_id == wanted.task))
    if wanted.before is not None:
        found.append(logs.c.number < wanted.before)
    if wanted.text:
        found.append(has_text(logs.c.message, wanted.text))
    if wanted.level is not None:
        found.append(logs.c.level >= level_number(wanted.level))
    if wanted.since is not None:
        found.append(logs.c.logged_at >= wanted.since)
    if wanted.until is not None:
        found.append(logs.c.logged_at < wanted.until)
    if wanted.namespace is not None or wanted.flow_id is not None:
        of_flow = _conditions(executions.c, ExecutionFilter(namespace=wanted.namespace, flow_id=wanted.flow_id))
        id = scanned(logs.c.execution_id) if found else logs.c.execution_id
        found.append(id.in_(select(executions.c.id).where(*of_flow)))
    return found


def _among_newest(wanted: ExecutionFilter) -> Select[Any]:
    """The numbers of those wanted among the newest. What is frequent is found there at once, not by sorting all of it."""
    newest = select(executions).order_by(executions.c.number.desc()).limit(_NEWEST).subquery()
    return select(newest.c.number).where(*_conditions(newest.c, wanted))


def numbers_of(wanted: ExecutionFilter) -> Select[Any]:
    """The numbers of the executions wanted; from the labels alone where nothing else is."""
    conditions = _conditions(executions.c, wanted)
    marks = [fingerprint(key, value) for key, value in wanted.labels.items()]
    labelled = [select(execution_labels.c.number).where(execution_labels.c.label == mark) for mark in marks]
    if labelled and not conditions:
        first, *others = labelled
        return first.where(*(execution_labels.c.number.in_(other) for other in others))
    conditions += [executions.c.number.in_(numbers) for numbers in labelled]
    return select(executions.c.number).where(*conditions)


def _conditions(it: Any, wanted: ExecutionFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.namespace is not None:
        found.append(is_in_namespace(it.namespace, wanted.namespace))
    if wanted.flow_id is not None:
        found.append(it.flow_id == wanted.flow_id)
    if wanted.states is not None:
        found.append(it.state.in_(sorted(wanted.states)))
    if wanted.since is not None:
        found.append(it.created_at >= wanted.since)
    if wanted.until is not None:
        found.append(it.created_at < wanted.until)
    if wanted.parent_id is not None:
        found.append(it.parent_id == wanted.parent_id)
    if wanted.caller_execution_id is not None:
        found.append(it.caller_execution_id == wanted.caller_execution_id)
    return found
