"""What the service asks of every metadata database besides: labels of ended executions, log lines of all, whether there is news."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.domain.records import Command, Level, LogLine, Verb
from taxi_pipelines.domain.states import State
from taxi_pipelines.flow_interfaces import Batch, ExecutionFilter, LogFilter, Page
from taxi_pipelines.store.engines import EngineStore
from taxi_pipelines.store.executions import ExecutionStore
from tests.support.metadata import PLACES, database_at
from tests.support.records import NOW, SECOND

Stores = tuple[ExecutionStore, EngineStore]


@pytest.fixture(params=PLACES)
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stores]:
    with database_at(PLACES[request.param](tmp_path)) as database:
        engines = EngineStore(database)
        engines.register("engine", "here", 1, NOW)
        yield ExecutionStore(database), engines


def an_execution(id: str, state: State = State.SUCCESS, namespace: str = "a.b", flow: str = "f") -> Execution:
    return Execution(id=id, namespace=namespace, flow_id=flow, flow_revision=1, state=state, created_at=NOW)


def test_only_an_ended_execution_that_nobody_holds_gets_other_labels_and_is_found_by_them(stores: Stores) -> None:
    executions, _ = stores
    executions.create(replace(an_execution("ended"), labels={"old": "1"}))
    executions.create(an_execution("held"), holder="engine")
    executions.create(an_execution("open", State.PAUSED))
    for id, expected in (("ended", True), ("held", False), ("open", False), ("nobody", False)):
        assert executions.relabel(replace(an_execution(id), labels={"new": "2"})) is expected
    assert [one.id for one in executions.search(ExecutionFilter(labels={"new": "2"}), Page())] == ["ended"]
    assert executions.search(ExecutionFilter(labels={"old": "1"}), Page()) == []


def test_lines_of_all_executions_are_found_by_text_level_flow_and_time_the_newest_first(stores: Stores) -> None:
    executions, engines = stores
    executions.create(an_execution("one"), holder="engine")
    executions.create(an_execution("two", namespace="a.bc", flow="g"), holder="engine")

    def line(number: int, of: str, message: str, level: Level = Level.INFO) -> LogLine:
        return LogLine(execution_id=of, level=level, message=message, logged_at=NOW + number * SECOND)

    lines = [
        line(0, "one", "100% DONE/ok"),
        line(1, "one", "100_ done", Level.ERROR),
        line(2, "two", "nothing"),
        replace(line(3, "two", "1000 done"), task_id="load", task_run_id="r1"),
    ]
    engines.commit("engine", Batch(number=1, logs=lines))

    def found(page: Page = Page(), **wanted: object) -> list[str]:  # noqa: B008 - frozen
        return [one.message for one in executions.search_lines(LogFilter(**wanted), page)]  # type: ignore[arg-type]

    assert found() == ["1000 done", "nothing", "100_ done", "100% DONE/ok"]
    assert found(text="done") == ["1000 done", "100_ done", "100% DONE/ok"]
    assert (found(text="100%"), found(text="00_ "), found(text="e/O")) == (
        ["100% DONE/ok"],
        ["100_ done"],
        ["100% DONE/ok"],
    )
    assert found(level=Level.WARN) == ["100_ done"]
    assert found(namespace="a.b") == found(flow_id="f") == ["100_ done", "100% DONE/ok"]
    assert found(since=NOW + SECOND, until=NOW + 3 * SECOND) == ["nothing", "100_ done"]
    assert found(Page(limit=1, offset=1), text="done") == ["100_ done"]
    assert found(task="load") == found(task="r1") == ["1000 done"]
    newest = executions.search_lines(LogFilter(), Page(limit=2))
    assert found(before=newest[-1].number) == ["100_ done", "100% DONE/ok"]


def test_there_is_news_while_a_command_waits_or_an_execution_that_nobody_holds(stores: Stores) -> None:
    executions, engines = stores
    executions.create(an_execution("ended"))
    executions.create(an_execution("queued", State.QUEUED))
    executions.create(an_execution("held", State.RUNNING), holder="engine")
    assert not engines.have_news()
    executions.create(an_execution("free", State.CREATED))
    assert engines.have_news()
    engines.take_over("engine", NOW, 60 * SECOND)
    assert not engines.have_news()
    engines.ask(Command(execution_id="held", verb=Verb.KILL, asked_at=NOW))
    assert engines.have_news()
