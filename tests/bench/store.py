"""The metadata database, full: what a commit costs, how fast executions are listed, log lines read and searched; on SQLite and PostgreSQL."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain, islice
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa

from taxi_pipelines.domain.execution import Attempt, Execution, TaskRun
from taxi_pipelines.domain.records import Level, LogLine
from taxi_pipelines.domain.states import State
from taxi_pipelines.flow_interfaces import Batch, ExecutionFilter, LogFilter, Page
from taxi_pipelines.store.commit import insert_executions
from taxi_pipelines.store.engines import EngineStore
from taxi_pipelines.store.executions import ExecutionStore
from taxi_pipelines.store.flow_tables import logs, task_runs
from taxi_pipelines.store.metadata import Metadata
from taxi_pipelines.store.open import open_database
from taxi_pipelines.store.rows import log_columns, task_run_columns
from taxi_pipelines.warehouses.postgres_server import EmbeddedPostgres
from tests.bench.measure import Figure, median

EXECUTIONS = 100_000
LINES, LINES_OF_ONE = 1_000_000, 1_000
FEW, MANY = 100, 50_000
AT_A_TIME = 20_000
NOW = datetime(2024, 5, 1, tzinfo=UTC)
STATES = [*[State.SUCCESS] * 950, *[State.FAILED] * 29, *[State.WARNING] * 20, State.RUNNING]
ENGINE = "engine"
FILTERS = {
    "all": ExecutionFilter(),
    "a flow": ExecutionFilter(namespace="company.team3", flow_id="flow13"),
    "a namespace": ExecutionFilter(namespace="company"),
    "a small namespace": ExecutionFilter(namespace="company.team3"),
    "the most frequent state": ExecutionFilter(states=frozenset({State.SUCCESS})),
    "a rare state": ExecutionFilter(states=frozenset({State.RUNNING})),
    "several states": ExecutionFilter(states=frozenset({State.FAILED, State.WARNING, State.KILLED})),
    "a frequent label": ExecutionFilter(labels={"taxi": "green"}),
    "a rare label": ExecutionFilter(labels={"month": "2021-01"}),
    "the last hour": ExecutionFilter(since=NOW + timedelta(seconds=EXECUTIONS - 3600)),
    "all but the last hour": ExecutionFilter(until=NOW + timedelta(seconds=EXECUTIONS - 3600)),
    "nothing there": ExecutionFilter(namespace="nowhere"),
}
COMBINED = {
    "two labels": ExecutionFilter(labels={"taxi": "green", "month": "2021-01"}),
    "a label and a namespace": ExecutionFilter(labels={"taxi": "green"}, namespace="company.team3"),
    "a label and a state": ExecutionFilter(labels={"taxi": "green"}, states=frozenset({State.FAILED})),
    "a flow and a state": ExecutionFilter(flow_id="flow13", states=frozenset({State.FAILED})),
}
SEARCHES = {
    "a frequent word": LogFilter(text="green"),
    "a rare word": LogFilter(text="needle"),
    "a word that is nowhere": LogFilter(text="nowhere"),
    "a rare word in a namespace": LogFilter(text="needle", namespace="company"),
    "a rare word in a flow": LogFilter(text="needle", namespace="company.team0", flow_id="flow0"),
    "a flow": LogFilter(namespace="company.team3", flow_id="flow3"),
    "a rare level": LogFilter(level=Level.ERROR),
    "a rare level in a namespace": LogFilter(level=Level.ERROR, namespace="company"),
}


class Store:
    """Measures on both databases, each filled in a folder of its own."""

    def __init__(self, folder: Path, begin: datetime = NOW) -> None:
        """`begin`: when the first execution was made."""
        self.folder = folder
        self.random = random.Random(7)
        self.begin = begin

    def figures(self) -> Iterator[Figure]:
        """Every figure, measured as it is asked for."""
        yield from self._of("SQLite", lambda name: open_database(None, self.folder / name))
        server = EmbeddedPostgres(self.folder / "metadata-server")
        url = server.start()
        try:
            yield from self._of("PostgreSQL", lambda name: open_database(_in_schema(url, name), self.folder), url)
        finally:
            server.stop()

    def _of(self, kind: str, opened: Callable[[str], Metadata], url: str | None = None) -> Iterator[Figure]:
        with closing(opened("few")) as few, closing(opened("many")) as many:
            yield from self.commits(kind, few, many, url)
        with closing(opened("full")) as full:
            yield from self.listing(kind, full, url)
            yield from self.lines(kind, full, url)

    def commits(self, kind: str, few: Metadata, many: Metadata, url: str | None) -> Iterator[Figure]:
        """In turn on a database with few task runs and on one with many."""
        works = [self._commit_on(database, size) for database, size in ((few, FEW), (many, MANY))]
        _settle(url)
        pairs = [(works[0](10), works[1](10)) for _ in range(200)]
        in_few, in_many = (_undisturbed(list(times)) for times in zip(*pairs, strict=True))
        yield Figure(
            f"{kind}: a commit with {MANY:,} task runs in the store, against one with {FEW}",
            "0.8 to 1.2 ×",
            f"{in_many / in_few:.2f} ×",
            f"{in_many:.1f} ms for 10 task runs, 10 log lines and their execution",
        )
        thousand = _undisturbed([works[1](1000) for _ in range(5)])
        single = _undisturbed([works[1](1) for _ in range(100)])
        detail = f"{thousand:.0f} ms with 1,000 task runs and log lines; {single:.1f} ms with one"
        yield Figure(f"{kind}: a task run in a large commit", "≤ 0.1 ms", f"{thousand / 1000:.3f} ms", detail)

    def _commit_on(self, database: Metadata, filled: int) -> Callable[[int], float]:
        engines = EngineStore(database)
        engines.register(ENGINE, "host", 1, NOW)
        held = self._execution(0, State.RUNNING)
        ExecutionStore(database).create(held, holder=ENGINE)
        self._fill(database, task_runs, (task_run_columns(self._task_run(held)) for _ in range(filled)))

        def commit(size: int) -> float:
            runs = [self._task_run(held) for _ in range(size)]
            lines = [self._line(held.id) for _ in range(size)]
            start = time.perf_counter()
            lost = engines.commit(ENGINE, Batch(executions=[held], task_runs=runs, logs=lines))
            took = time.perf_counter() - start
            assert not lost
            return took * 1000

        commit(10)
        return commit

    def listing(self, kind: str, database: Metadata, url: str | None) -> Iterator[Figure]:
        """The newest fifty and how many there are, by every kind of filter."""
        self.fill_executions(database)
        _settle(url)
        store = ExecutionStore(database)
        for which, filters, bound in (("any filter", FILTERS, 20), ("two filters at once", COMBINED, 100)):
            times = {name: _undisturbed([_ask(store, wanted) for _ in range(15)]) for name, wanted in filters.items()}
            slowest = sorted(times, key=lambda name: -times[name])
            detail = ", ".join(f"{name} {times[name]:.1f}" for name in slowest)
            what = f"{kind}: listing 50 of {EXECUTIONS:,} executions and counting them, {which}"
            yield Figure(what, f"≤ {bound} ms", f"{times[slowest[0]]:.1f} ms", f"ms by filter: {detail}")

    def lines(self, kind: str, database: Metadata, url: str | None) -> Iterator[Figure]:
        """One execution's lines among very many, its own scattered among the others', and a search through all."""
        store = ExecutionStore(database)
        ids = self.fill_lines(database)
        _settle(url)

        def read(id: str) -> float:
            start = time.perf_counter()
            assert len(store.lines(id)) == LINES_OF_ONE
            return (time.perf_counter() - start) * 1000

        took = _undisturbed([read(id) for id in self.random.sample(ids, 20)])
        what = f"{kind}: reading an execution's {LINES_OF_ONE:,} log lines of {LINES:,}"
        yield Figure(what, "≤ 50 ms", f"{took:.1f} ms", "each written between those of others")
        times = {name: _undisturbed([_search(store, wanted) for _ in range(5)]) for name, wanted in SEARCHES.items()}
        slowest = sorted(times, key=lambda name: -times[name])
        detail = "ms by search: " + ", ".join(f"{name} {times[name]:.1f}" for name in slowest)
        yield Figure(f"{kind}: searching {LINES:,} log lines", "≤ 200 ms", f"{times[slowest[0]]:.0f} ms", detail)

    def fill_executions(self, database: Metadata) -> None:
        """A second apart."""
        new = [self._execution(number, self.random.choice(STATES)) for number in range(EXECUTIONS)]
        for start in range(0, EXECUTIONS, AT_A_TIME):
            with database.write() as connection:
                insert_executions(connection, ((one, None) for one in new[start : start + AT_A_TIME]))

    def fill_lines(self, database: Metadata) -> list[str]:
        """Of the newest executions, whose ids are answered; logged while all of them began."""
        newest = ExecutionStore(database).search(ExecutionFilter(), Page(limit=LINES // LINES_OF_ONE))
        ids = [one.id for one in newest]
        rare = replace(self._line(ids[0], self.begin), level=Level.ERROR, message="the needle")
        apart = timedelta(seconds=EXECUTIONS / LINES)
        later = (self._line(ids[number % len(ids)], self.begin + number * apart) for number in range(1, LINES))
        lines = chain([rare], later)
        self._fill(database, logs, map(log_columns, lines))
        return ids

    def _fill(self, database: Metadata, table: sa.Table, rows: Iterator[dict[str, Any]]) -> None:
        while part := list(islice(rows, AT_A_TIME)):
            with database.write() as connection:
                connection.execute(sa.insert(table), part)

    def _id(self) -> str:
        return f"{self.random.getrandbits(100):025x}"

    def _execution(self, number: int, state: State) -> Execution:
        return Execution(
            id=self._id(),
            namespace=f"company.team{number % 20}",
            flow_id=f"flow{number % 200}",
            flow_revision=1,
            state=state,
            inputs={"taxi": "green", "month": "2021-01"},
            outputs={"rows": 76_518, "file": f"kestra:///company/team/{self._id()}/green_tripdata.parquet"},
            labels={"taxi": ("green", "yellow", "fhv", "fhvhv")[number % 4], "month": f"20{number % 24:02}-01"},
            variables={"staging": "x" * 200},
            created_at=self.begin + timedelta(seconds=number),
            started_at=self.begin + timedelta(seconds=number + 1),
            ended_at=self.begin + timedelta(seconds=number + 9) if state.has_ended else None,
        )

    def _task_run(self, execution: Execution) -> TaskRun:
        begun = TaskRun(
            id=self._id(),
            execution_id=execution.id,
            task_id="extract",
            state=State.SUCCESS,
            attempts=(Attempt(state=State.SUCCESS, started_at=NOW, ended_at=NOW),),
            outputs={"value": "x" * 100},
            created_at=NOW,
            started_at=NOW,
        )
        return replace(begun, ended_at=NOW)

    def _line(self, execution_id: str, logged_at: datetime = NOW) -> LogLine:
        return LogLine(
            execution_id=execution_id,
            level=Level.INFO,
            message="extracted 76,518 rows of green_tripdata_2021-01.parquet",
            logged_at=logged_at,
            task_run_id=execution_id,
            task_id="extract",
            attempt=1,
        )


def _undisturbed(times: Sequence[float]) -> float:
    """The median of the faster half: what else the machine does only ever adds."""
    return median(sorted(times)[: (len(times) + 1) // 2])


def _ask(store: ExecutionStore, wanted: ExecutionFilter) -> float:
    start = time.perf_counter()
    found, count = store.search(wanted, Page()), store.count(wanted)
    took = time.perf_counter() - start
    assert len(found) == min(count, 50)
    return took * 1000


def _search(store: ExecutionStore, wanted: LogFilter) -> float:
    start = time.perf_counter()
    store.search_lines(wanted, Page())
    return (time.perf_counter() - start) * 1000


def _in_schema(url: str, name: str) -> str:
    return f"{url}{'&' if '?' in url else '?'}options=-csearch_path%3D{name}"


def _settle(url: str | None) -> None:
    """What PostgreSQL's autovacuum does a little later."""
    if url is not None:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
