"""The steps of a month: what is shown of an execution's task runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from taxi_pipelines.domain.execution import Attempt, Execution, TaskRun
from taxi_pipelines.domain.states import State
from taxi_pipelines.web.month_board import work_of
from taxi_pipelines.web.month_steps import steps_of, what_was_kept

AT = datetime(2024, 3, 1, tzinfo=UTC)


def execution(state: State) -> Execution:
    return Execution(id="x", namespace="nyc.taxi", flow_id="taxi_month", flow_revision=1, state=state, created_at=AT)


def run(task: str, state: State, seconds: float = 2, **more: object) -> TaskRun:
    ended = AT + timedelta(seconds=seconds) if state.has_ended else None
    return TaskRun(id=task, execution_id="x", task_id=task, state=state, started_at=AT, ended_at=ended, **more)  # type: ignore[arg-type]


def test_steps_not_reached_are_shown_too() -> None:
    runs = [
        run("extract", State.SUCCESS, outputs={"bytes": 1_200_000, "unchanged": False}),
        run(
            "load",
            State.FAILED,
            attempts=(Attempt(state=State.FAILED, started_at=AT),) * 3,
            error="it is cut off; again",
        ),
    ]
    steps = steps_of(execution(State.FAILED), runs, AT)
    assert [(step.name, step.state.value, step.said) for step in steps] == [
        ("extract", "done", "1.2 MB"),
        ("load", "failed", ""),
        ("merge", "unreached", ""),
        ("check", "unreached", ""),
    ]
    assert (steps[0].seconds, steps[1].attempts, steps[1].error) == (2, 3, "it is cut off; again")


def test_what_is_to_come_is_not_what_will_never_run() -> None:
    runs = [run("extract", State.SUCCESS), run("load", State.RUNNING)]
    assert [step.state.value for step in steps_of(execution(State.RUNNING), runs, AT)] == [
        "done",
        "running",
        "next",
        "next",
    ]
    work = work_of(execution(State.RUNNING), runs)
    assert (work.has_begun, work.share, work.step) == (True, 38, "load")
    assert work_of(execution(State.CREATED), []).has_begun is False


def test_a_flow_with_other_steps_has_none_to_show() -> None:
    assert steps_of(execution(State.SUCCESS), [run("month", State.SUCCESS)], AT) == ()


def test_what_was_kept_is_said_of_file_table_and_later_steps() -> None:
    said = what_was_kept("merge", is_in_lake=True, is_loaded=False)
    assert said == "The file is in the lake; the table is unchanged; check did not run."
    said = what_was_kept("extract", is_in_lake=False, is_loaded=True)
    assert (
        said
        == "Nothing was kept of the file; the table still has the version before; load, merge and check did not run."
    )
