"""The log as a page shows it: windows of lines, traces that fold, words that were searched for."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.domain.records import Level, LogLine
from taxi_pipelines.domain.states import State
from taxi_pipelines.flow_interfaces import Batch, LogFilter, Logs
from taxi_pipelines.orchestrator import Orchestrator
from taxi_pipelines.web.execution_logs import AT_ONCE, BEFORE_IT, entries, first_error, later_than, window

BEGIN = datetime(2024, 3, 1, 4, 59, 59, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")
COUNT = 2_500
WRONG = 400
ALL = LogFilter(execution_id="e")


def line(number: int, message: str, level: Level = Level.INFO, **more: str) -> LogLine:
    return LogLine(
        execution_id="e",
        level=level,
        message=message,
        logged_at=BEGIN + timedelta(seconds=number),
        task_run_id=more.get("run", "r"),
        task_id="load",
        number=number,
    )


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Logs]:
    with Orchestrator(home=tmp_path_factory.mktemp("logs")) as taxi:
        parts = taxi.parts
        execution = Execution(
            id="e", namespace="n", flow_id="f", flow_revision=1, state=State.CREATED, created_at=BEGIN
        )
        parts.engines.register("engine", "here", 1, BEGIN)
        parts.executions.create(execution, holder="engine")
        lines = [line(n, f"line {n}", Level.ERROR if n == WRONG else Level.INFO) for n in range(1, COUNT + 1)]
        parts.engines.commit("engine", Batch(number=1, executions=[execution], logs=lines))
        yield parts.logs


def numbers(lines: object) -> tuple[int, int]:
    found = [int(one.message.split()[1]) for one in lines]  # type: ignore[attr-defined]
    assert found == list(range(found[0], found[-1] + 1))
    return found[0], found[-1]


def test_a_long_log_is_shown_from_its_end_part_by_part(logs: Logs) -> None:
    last = window(logs, ALL)
    assert numbers(last.lines) == (COUNT - AT_ONCE + 1, COUNT)
    assert (last.earlier, last.later) == (True, False)
    before = window(logs, LogFilter(execution_id="e", before=last.lines[0].number))
    assert numbers(before.lines) == (COUNT - 2 * AT_ONCE + 1, COUNT - AT_ONCE)
    first = window(logs, LogFilter(execution_id="e", before=before.lines[0].number))
    assert numbers(first.lines) == (1, COUNT - 2 * AT_ONCE)
    assert not first.earlier


def test_a_log_opens_around_what_went_wrong(logs: Logs) -> None:
    at = first_error(logs, "e")
    found = window(logs, ALL, at=at)
    assert numbers(found.lines) == (WRONG - BEFORE_IT, WRONG + AT_ONCE - 1)
    assert (found.at, found.earlier, found.later) == (at, True, True)


def test_lines_are_searched_also_as_they_come(logs: Logs) -> None:
    wanted = LogFilter(execution_id="e", text="LINE 24")
    assert [one.message for one in window(logs, wanted).lines][:2] == ["line 24", "line 240"]
    assert len(later_than(logs, wanted, 0)) == 111
    assert window(logs, LogFilter(execution_id="e", task="r", level=Level.ERROR)).lines[0].message == f"line {WRONG}"


def test_times_are_those_of_the_zone_and_a_new_day_is_said() -> None:
    first, second, third = entries([line(0, "a"), line(1, "b"), line(2, "c")], NEW_YORK)
    assert (first.at, first.new_day) == ("23:59:59.000", "Thursday, 29 February 2024")
    assert (second.at, second.new_day, third.new_day) == ("00:00:00.000", "Friday, 1 March 2024", "")


def test_a_trace_folds_whether_it_is_one_line_or_many() -> None:
    trace = ["Traceback (most recent call last):", '  File "a.py", line 1, in f', "    g()", "ValueError: no"]
    found = entries([line(n, text, Level.ERROR) for n, text in enumerate(trace, 1)], NEW_YORK)
    assert [(one.number, one.fold_words) for one in found] == [(1, "3 lines of a trace"), (4, "")]
    assert found[0].folded == "\n".join(trace[:3])
    (one,) = entries([line(1, "\n".join(["it failed", *trace]))], NEW_YORK)
    assert (str(one.text), one.fold_words) == ("it failed", "4 more lines")
    others = [line(1, trace[0], run="r1"), line(2, "  indented", run="r2"), line(3, "  more", run="r2")]
    assert len(entries(others, NEW_YORK)) == 3


def test_what_is_found_is_marked_and_nothing_else_is_markup() -> None:
    (found,) = entries([line(1, "<b>Green</b> and green")], NEW_YORK, "green")
    assert found.text == "&lt;b&gt;<mark>Green</mark>&lt;/b&gt; and <mark>green</mark>"
