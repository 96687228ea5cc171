"""No statement that an engine repeats reads a whole table: SQLite's own plan of each says how it finds its rows."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from taxi_pipelines.domain.records import Command, Level, Verb
from taxi_pipelines.domain.states import State
from taxi_pipelines.flow_interfaces import Batch, ExecutionFilter, LogFilter, Page
from taxi_pipelines.store.database import Database
from taxi_pipelines.store.engines import EngineStore
from taxi_pipelines.store.executions import ExecutionStore
from taxi_pipelines.store.statistics import StatisticsStore
from tests.support import records
from tests.support.records import NOW

LEASE = timedelta(seconds=15)
LARGE = ("executions", "task_runs", "logs", "metrics", "execution_labels")
PLAN = re.compile(rf"SCAN ({'|'.join(LARGE)})\b(?! USING COVERING INDEX)")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with closing(Database(tmp_path / "metadata.db")) as database:
        store = EngineStore(database)
        store.register("one", "host", 1, NOW)
        store.register("two", "host", 2, NOW - LEASE * 2)
        for number in range(3):
            executions = ExecutionStore(database)
            executions.create(records.execution(f"e{number}", labels={"a": "b"}), holder=("one", "two", None)[number])
        yield database


def plans_of(database: Database, work: Callable[[EngineStore, ExecutionStore], object]) -> dict[str, str]:
    """Statement → plan, of every statement that the work sends."""
    sent: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        if statement.startswith(("SELECT", "WITH", "UPDATE", "DELETE")):
            sent.append((statement, parameters[0] if many else parameters))

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        work(EngineStore(database), ExecutionStore(database))
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
    with database.write() as connection:
        return {
            statement: "\n".join(
                row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            )
            for statement, parameters in sent
        }


BATCH = Batch(
    number=1,
    executions=[records.execution("e0", labels={"a": "c"})],
    task_runs=[records.task_run("r", "e0")],
    removed_task_runs=["gone"],
    logs=[records.log_line("e0")],
    taken_commands=[1],
    released=["e0"],
)
WORKS: dict[str, Callable[[EngineStore, ExecutionStore], object]] = {
    "commit": lambda engines, _: engines.commit("one", BATCH),
    "commands": lambda engines, _: [
        engines.ask(Command(execution_id="e2", verb=Verb.KILL, asked_at=NOW)),
        engines.commands("one"),
    ],
    "take over": lambda engines, _: engines.take_over("one", NOW, LEASE),
    "claim": lambda engines, _: engines.claim("one", "e2"),
    "claim from a queue": lambda engines, executions: [
        executions.create(records.execution("q", State.QUEUED)),
        engines.claim_queued("one", "company.team", "flow", 9),
    ],
    "take a slot": lambda engines, _: engines.take_slot("one", records.execution("e0"), 9),
    "beat": lambda engines, _: engines.beat("one", NOW),
    "leave": lambda engines, _: engines.leave("one"),
    "find": lambda _, executions: executions.find("e0"),
    "task runs": lambda _, executions: executions.task_runs("e0"),
    "lines": lambda _, executions: executions.lines("e0", after=7, level=Level.WARN, task_id="t"),
    "metrics": lambda _, executions: executions.metrics("e0"),
    "delete": lambda _, executions: executions.delete("e0"),
    "a flow": lambda _, executions: executions.count(ExecutionFilter(namespace="a", flow_id="f")),
    "flows of an id": lambda _, executions: executions.count(ExecutionFilter(flow_id="f")),
    "newest": lambda _, executions: executions.newest([("a", "f")], 5),
    "a namespace": lambda _, executions: executions.count(ExecutionFilter(namespace="a")),
    "a state": lambda _, executions: executions.count(ExecutionFilter(states=frozenset({State.FAILED}))),
    "a label": lambda _, executions: executions.search(ExecutionFilter(labels={"a": "b"}), Page()),
    "a time": lambda _, executions: executions.count(ExecutionFilter(since=NOW)),
    "a caller": lambda _, executions: executions.count(ExecutionFilter(caller_execution_id="e0")),
    "a parent": lambda _, executions: executions.count(ExecutionFilter(parent_id="e0")),
    "counts": lambda _, executions: StatisticsStore(executions._database).counts([NOW, NOW + LEASE]),
    "reasons": lambda _, executions: StatisticsStore(executions._database).reasons(["e0", "e1"]),
}


@pytest.mark.parametrize("name", WORKS)
def test_rows_are_found_by_an_index(database: Database, name: str) -> None:
    plans = plans_of(database, WORKS[name])
    assert plans
    whole = {statement: plan for statement, plan in plans.items() if PLAN.search(plan)}
    assert whole == {}


def test_logs_are_read_in_the_order_of_their_index(database: Database) -> None:
    (plan,) = plans_of(database, lambda _, executions: executions.lines("e0")).values()
    assert plan == "SEARCH logs USING INDEX ix_logs_execution (execution_id=? AND number>?)"


@pytest.mark.parametrize("since", [None, NOW])
def test_errors_are_found_among_all_lines_by_an_index_of_warnings(database: Database, since: datetime | None) -> None:
    wanted = LogFilter(level=Level.ERROR, namespace="company", since=since)
    plans = plans_of(database, lambda _, executions: executions.search_lines(wanted, Page()))
    assert "logs USING INDEX ix_logs_warnings" in list(plans.values())[-1]


def test_executions_are_counted_by_their_index_alone(database: Database) -> None:
    (plan,) = plans_of(database, WORKS["counts"]).values()
    assert "USING COVERING INDEX ix_executions_time (state=? AND created_at>? AND created_at<?)" in plan


@pytest.mark.parametrize(
    ("name", "found_by"),
    [
        ("take over", "ix_executions_state (state=? AND holder=?)"),
        ("claim from a queue", "ix_executions_flow (namespace=? AND flow_id=? AND state=?)"),
        ("take a slot", "ix_executions_flow (namespace=? AND flow_id=? AND state=?)"),
    ],
)
def test_what_has_ended_is_not_looked_through_for_what_goes_on(database: Database, name: str, found_by: str) -> None:
    """Another index would find rows as well, and as slowly as none: nearly every execution has ended and has no holder."""
    plans = "\n".join(plans_of(database, WORKS[name]).values())
    assert found_by in plans
    assert "ix_executions_holder (holder=?)" not in plans
    assert "ix_executions_flow (namespace=? AND flow_id=?)" not in plans
