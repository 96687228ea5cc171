"""Figures over very many executions, each from an index alone."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise

from sqlalchemy import Integer, String, and_, column, func, select, true, values

from taxi_pipelines.domain.durations import Timing
from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.domain.states import State
from taxi_pipelines.flow_interfaces import ExecutionFilter
from taxi_pipelines.store.column_types import UtcTime
from taxi_pipelines.store.executions import numbers_of
from taxi_pipelines.store.flow_tables import executions, task_runs
from taxi_pipelines.store.metadata import Metadata
from taxi_pipelines.store.rows import to_execution

_AT_A_TIME = 500
"""So many executions are read at once: they are wide, and whoever exports them holds no more."""


class StatisticsStore:
    """`Statistics` in the metadata database."""

    def __init__(self, database: Metadata) -> None:
        self._database = database

    def counts(self, edges: Sequence[datetime]) -> list[Mapping[State, int]]:
        """See `Statistics.counts`. A range of ix_executions_time for each bucket and state: ten times faster than by grouping."""
        found: list[dict[State, int]] = [{} for _ in edges[1:]]
        if not found:
            return []
        spans = values(column("place", Integer), column("since", UtcTime), column("until", UtcTime), name="spans")
        span = spans.data([(place, *pair) for place, pair in enumerate(pairwise(edges))]).cte()
        states = values(column("state", String), name="states").data([(str(state),) for state in State]).cte()
        at = executions.c.created_at
        its = select(func.count()).where(executions.c.state == states.c.state, at >= span.c.since, at < span.c.until)
        count = its.correlate(span, states).scalar_subquery()
        of_each = select(span.c.place, states.c.state, count.label("many")).select_from(span.join(states, true()))
        for row in self._database.read(of_each):
            if row.many:
                found[row.place][State(row.state)] = row.many
        return list(found)

    def timings(self, since: datetime, among: int) -> list[Timing]:
        """See `Statistics.timings`."""
        it = executions.c
        these = (it.namespace, it.flow_id, it.state, it.created_at, it.started_at, it.ended_at)
        newest = select(*these).order_by(it.number.desc()).limit(among).subquery()
        ended = newest.c.state.in_([State.SUCCESS, State.WARNING])
        whole = and_(newest.c.started_at.is_not(None), newest.c.ended_at.is_not(None))
        rows = self._database.read(select(newest).where(newest.c.created_at >= since, ended, whole))
        return [
            Timing(namespace=row.namespace, flow_id=row.flow_id, took=row.ended_at - row.started_at) for row in rows
        ]

    def reasons(self, execution_ids: Sequence[str]) -> Mapping[str, str]:
        """See `Statistics.reasons`."""
        it, run = executions.c, task_runs.c
        own = select(it.id, it.error).where(it.id.in_(execution_ids), it.error.is_not(None))
        failed = and_(run.state == State.FAILED, run.error.is_not(None))
        of_runs = select(run.execution_id, run.error).where(run.execution_id.in_(execution_ids), failed)
        found = {row.id: row.error for row in self._database.read(own)}
        return found | {row.execution_id: row.error for row in self._database.read(of_runs.order_by(run.number))}

    def found(self, execution_ids: Collection[str]) -> Mapping[str, Execution]:
        """See `Statistics.found`."""
        rows = self._database.read(select(executions).where(executions.c.id.in_(execution_ids)))
        return {row.id: to_execution(row) for row in rows}

    def every(self, wanted: ExecutionFilter) -> Iterator[Execution]:
        """See `Statistics.every`."""
        numbers = [row.number for row in self._database.read(numbers_of(wanted))]
        numbers.sort(reverse=True)
        for start in range(0, len(numbers), _AT_A_TIME):
            these = executions.c.number.in_(numbers[start : start + _AT_A_TIME])
            for row in self._database.read(select(executions).where(these).order_by(executions.c.number.desc())):
                yield to_execution(row)
