"""The chart of time: which rows there are, where bars stand, what is left out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from taxi_pipelines.domain.execution import Attempt, Execution, TaskRun
from taxi_pipelines.domain.flow import ELSE, ERRORS, MAIN, THEN, Flow, Kind, Task
from taxi_pipelines.domain.states import State
from taxi_pipelines.web.gantt import Bar, Chart, Row, chart

BEGIN = datetime(2024, 1, 1, 9, tzinfo=UTC)
S = State


def at(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


def task(id: str, kind: Kind = Kind.WORK, **branches: tuple[Task, ...]) -> Task:
    return Task(id=id, type="x", name="x", kind=kind, branches=branches)


def run(id: str, *spans: tuple[float, float | None, State], created: float = 0, **more: Any) -> TaskRun:
    attempts = tuple(
        Attempt(state=state, started_at=at(since), ended_at=None if until is None else at(until))
        for since, until, state in spans
    )
    state = more.pop("state", spans[-1][2] if spans else S.CREATED)
    last = attempts[-1].ended_at if attempts else None
    return TaskRun(
        id=id,
        execution_id="e",
        task_id=more.pop("task_id", id),
        state=state,
        attempts=attempts,
        created_at=at(created),
        started_at=attempts[0].started_at if attempts else None,
        ended_at=last if state.has_ended else None,
        **more,
    )


def drawn(
    branches: Mapping[str, tuple[Task, ...]], *runs: TaskRun, end: float | None = 10, now: float = 10, **more: Any
) -> Chart:
    state = S.RUNNING if end is None else S.FAILED
    execution = Execution(
        id="e", namespace="n", flow_id="f", flow_revision=1, state=state, created_at=BEGIN, started_at=BEGIN,
        ended_at=None if end is None else at(end),
    )  # fmt: skip
    return chart(Flow(id="f", namespace="n", branches=branches), execution, runs, at(now), **more)


def names(found: Chart) -> list[str]:
    return [f"{'  ' * row.depth}{row.task_id}{' ' + row.note if row.note else ''}" for row in found.rows]


def only(found: Chart) -> Row:
    (row,) = found.rows
    return row


def test_tasks_that_were_not_reached_are_there_and_handlers_only_where_they_ran() -> None:
    branches = {MAIN: (task("a"), task("b"), task("c")), ERRORS: (task("mail"), task("page"))}
    first, failed = run("a", (0, 4, S.SUCCESS)), run("b", (4, 10, S.FAILED))
    assert names(drawn(branches, first, failed)) == ["a", "b", "c not reached"]
    assert names(drawn(branches, first, end=None)) == ["a", "b to come", "c to come"]
    mail = run("mail", (10, 10, S.SUCCESS), branch=ERRORS)
    assert names(drawn(branches, first, failed, mail)) == ["a", "b", "c not reached", "mail"]


def test_of_a_condition_only_the_branch_that_was_taken_is_shown() -> None:
    decide = task("decide", Kind.IF, **{THEN: (task("yes"), task("more")), ELSE: (task("no"),)})
    taken = run("decide", (0, 9, S.FAILED), resolved={"branch": THEN})
    inside = run("yes", (1, 9, S.FAILED), parent_id="decide", branch=THEN)
    assert names(drawn({MAIN: (decide,)}, taken, inside)) == ["decide then", "  yes", "  more not reached"]


def test_waiting_working_and_retrying_are_bars_of_their_own() -> None:
    flaky = run("a", (2, 4, S.FAILED), (7, 9, S.SUCCESS), created=1)
    assert only(drawn({MAIN: (task("a"),)}, flaky)).bars == (
        Bar(kind="wait", state=S.CREATED, start=1, end=2),
        Bar(kind="work", state=S.FAILED, start=2, end=4, attempt=1),
        Bar(kind="retry", state=S.RETRYING, start=4, end=7),
        Bar(kind="work", state=S.SUCCESS, start=7, end=9, attempt=2),
    )
    waiting = only(drawn({MAIN: (task("a"),)}, run("a", (2, 4, S.FAILED), state=S.RETRYING), end=None))
    assert waiting.bars[-1] == Bar(kind="retry", state=S.RETRYING, start=4, end=None)
    assert waiting.end is None


def test_a_chart_of_what_runs_does_not_change_by_time_alone() -> None:
    going = run("a", (2, None, S.RUNNING))
    before, after = (drawn({MAIN: (task("a"),)}, going, end=None, now=now) for now in (5, 6))
    assert before.rows == after.rows
    assert before.axis.ticks() == drawn({MAIN: (task("a"),)}, going, end=None, now=7.9).axis.ticks()
    assert (before.axis.span, after.axis.span, after.axis.grows) == (5, 6, True)


def test_a_long_stretch_without_work_is_left_out() -> None:
    again = run("a", (0, 10, S.FAILED), (310, 320, S.SUCCESS))
    found = drawn({MAIN: (task("a"),)}, again, end=320)
    (gap,) = found.axis.breaks
    assert (gap.at, gap.width, gap.seconds, gap.goes_on) == (10, 2, 300, False)
    assert found.axis.span == 22
    assert [(bar.start, bar.end) for bar in only(found).bars[-3:]] == [(0, 10), (10, 12), (12, 22)]
    paused = run("a", (0, None, S.PAUSED))
    early, late = (drawn({MAIN: (task("a"),)}, paused, end=None, now=now) for now in (100, 10_000))
    assert early.axis.breaks[0].goes_on
    assert not early.axis.grows
    assert early.axis.span == late.axis.span
    assert early.rows == late.rows


def test_a_short_retry_is_drawn_true_to_scale() -> None:
    again = run("a", (0, 10, S.FAILED), (20, 30, S.SUCCESS))
    found = drawn({MAIN: (task("a"),)}, again, end=30)
    assert found.axis.breaks == ()
    assert found.axis.span == 30


LOOP = task("each", Kind.FOREACH, tasks=(task("price"), task("say")))


def looped(count: int, of: int = 0, failed: int = -1) -> list[TaskRun]:
    found = [run("loop", (0, 10, S.FAILED), task_id="each", resolved={"values": [str(n) for n in range(of or count)]})]
    for n in range(count):
        for id in ("price", "say"):
            state = S.FAILED if n == failed and id == "say" else S.SUCCESS
            found.append(
                run(f"{id}{n}", (n / 100, n / 100, state), task_id=id, parent_id="loop", value=str(n), iteration=n)
            )
    return found


def test_a_short_loop_is_shown_value_by_value() -> None:
    found = drawn({MAIN: (LOOP,)}, *looped(2, of=4))
    assert names(found) == ["each", "  price", "  say", "  price", "  say", "  2 more values not reached"]
    assert [row.run.value for row in found.rows[1:5] if row.run] == ["0", "0", "1", "1"]


def test_of_a_long_loop_only_what_went_wrong_is_shown_until_all_is_asked_for() -> None:
    runs = looped(100, failed=77)
    found = drawn({MAIN: (LOOP,)}, *runs)
    _, summary, failed = found.rows
    assert summary.counts == {S.SUCCESS: 199}
    assert summary.group_id == "loop"
    assert summary.bars == (Bar(kind="many", state=S.SUCCESS, start=0, end=0.99),)
    assert failed.run is not None
    assert (failed.task_id, failed.run.value, failed.run.state) == ("say", "77", S.FAILED)
    assert len(drawn({MAIN: (LOOP,)}, *runs, expanded=["loop"]).rows) == 201
    many = drawn({MAIN: (LOOP,)}, *looped(400), expanded=["loop"])
    assert (len(many.rows), many.hidden) == (600, 201)


def test_what_a_replay_kept_has_no_bars() -> None:
    old = run("a", (-100, -90, S.SUCCESS), created=-100)
    found = drawn({MAIN: (task("a"), task("b"))}, old, run("b", (0, 10, S.FAILED), created=-90))
    assert [(row.note, len(row.bars)) for row in found.rows] == [("kept", 0), ("", 1)]
    assert found.axis.span == 10
