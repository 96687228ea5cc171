from __future__ import annotations

from datetime import timedelta

import pytest

from taxi_pipelines.domain.decisions import Cancel
from taxi_pipelines.domain.states import State
from taxi_pipelines.domain.verbs import resume, stop
from taxi_pipelines.errors import UsageError
from tests.support.flow_text import flow
from tests.support.flows import START, Simulation


def started(text: str, things: int = 0) -> Simulation:
    """A flow under way, after so many things happened."""
    run = Simulation(flow(text))
    run.start()
    for _ in range(things):
        run.happen()
    return run


KILLS = """
a b                                     | KILLED a=KILLED
seq(a b) c | errors: x | finally: y     | KILLED seq1=KILLED a=KILLED
par:1(a b)                              | KILLED par1=KILLED a=KILLED
sleep:9                                 | KILLED sleep1=KILLED
pause a                                 | KILLED pause1=KILLED
par(pause a sub)                        | KILLED pause2=KILLED a=KILLED sub3=KILLED
each:3/0(a b)                           | KILLED a.0=KILLED a.2=KILLED
loop:5(sleep:9)                         | KILLED loop1=KILLED sleep2.0=KILLED
"""


@pytest.mark.parametrize("row", KILLS.strip().splitlines())
def test_a_kill_ends_all_that_lives_and_runs_no_handlers(row: str) -> None:
    text, end = row.rsplit("|", 1)
    run = started(text)
    run.kill()
    state, *others = end.split()
    assert run.state == state
    assert run.states() == dict(it.split("=") for it in others) | run.states()
    assert not {"x", "y", "b", "c"} & set(run.states())


def test_work_is_cancelled_and_the_execution_is_killing_until_it_has_stopped() -> None:
    run = started("par(a seq(b))")
    change = stop(run.execution, run.tree, run.now)
    assert change.execution.state is State.KILLING
    assert sorted(run.tree.get(it.run_id).task_id for it in change.cancels) == ["a", "b"]
    assert {run.tree.get(it.id).task_id: it.state for it in change.runs} == dict.fromkeys(
        ["par1", "a", "seq2", "b"], State.KILLING
    )


def test_a_task_waiting_for_its_next_attempt_is_killed_at_once() -> None:
    run = started("a!@retry=3", things=1)
    assert run.states() == {"a": "RETRYING"}
    run.kill()
    assert (run.state, run.states()) == (State.KILLED, {"a": "KILLED"})


def test_an_exit_lets_the_running_work_end_and_a_kill_after_it_does_not() -> None:
    run = started("par(a b) c")
    run.change(stop(run.execution, run.tree, run.now, ends_as=State.WARNING, cancel=False))
    run.work_ends(run.working.pop())
    assert (run.state, run.execution.ends_as) == (State.KILLING, State.WARNING)
    again = stop(run.execution, run.tree, run.now)
    assert [type(it) for it in again.cancels] == [Cancel]
    run.work_ends(run.working.pop())
    assert (run.state, run.trace) == (State.WARNING, ["par1", "a", "b"])


def test_an_exit_ends_what_is_above_it_and_what_has_not_begun() -> None:
    run = Simulation(flow("if:then(par(a^ b) c) d | errors: x | finally: y")).run()
    assert (run.state, run.trace) == (State.WARNING, ["if1", "par2", "a"])
    assert run.states() == {"if1": "WARNING", "par2": "WARNING", "a": "SUCCESS", "b": "KILLED"}


def test_a_pause_may_cancel_the_execution_when_its_time_is_over() -> None:
    script = flow("par(pause:5 a sleep:9) b")
    script.resolved["pause2"] = {"on_wake": "CANCELLED"}
    run = Simulation(script, lambda n: n - 1).run()
    assert run.state is State.CANCELLED
    assert run.states() == {"par1": "KILLED", "pause2": "KILLED", "a": "KILLED", "sleep3": "KILLED"}


def test_work_done_before_it_could_be_stopped_keeps_its_state() -> None:
    run = started("a b")
    change = stop(run.execution, run.tree, run.now)
    run.move(state=change.execution.state)
    change.apply_to(run.tree)
    run.work_ends(run.working.pop())
    assert (run.state, run.states()) == (State.KILLED, {"a": "SUCCESS"})


def test_what_is_paused_by_hand_ends_its_work_and_goes_on_later() -> None:
    run = started("par(a b) c")
    run.hold()
    for run_id in list(run.working):
        run.working.remove(run_id)
        run.work_ends(run_id)
    assert (run.state, run.trace) == (State.PAUSED, ["par1", "a", "b"])
    assert run.go_on().trace == ["par1", "a", "b", "c"]


def test_a_retry_that_falls_due_while_held_waits_for_the_resume() -> None:
    run = started("a!1@retry=2", things=1)
    run.hold()
    run.now += timedelta(hours=1)
    run.settle([])
    assert run.trace == ["a"]
    run.change(resume(run.execution, run.tree, run.now))
    assert run.trace == ["a", "a"]


def test_a_resume_carries_outputs_and_the_execution_stays_paused_while_another_waits() -> None:
    run = started("par(pause pause)")
    assert run.state is State.PAUSED
    first, second = (it.id for it in run.tree.in_order() if it.state is State.PAUSED)
    outputs = {"onResume": {"ok": True}}
    run.change(resume(run.execution, run.tree, run.now, run_id=second, outputs=outputs))
    assert (run.state, run.tree.get(second).outputs) == (State.PAUSED, outputs)
    run.change(resume(run.execution, run.tree, run.now))
    assert (run.state, run.tree.get(first).state) == (State.SUCCESS, State.SUCCESS)


def test_two_pauses_that_end_in_the_same_moment_let_the_execution_go_on() -> None:
    run = started("par(pause:5 pause:5 a) b", things=1)
    assert run.state is State.PAUSED
    run.now = START + timedelta(minutes=1)
    run.settle([])
    assert run.state is State.RUNNING


@pytest.mark.parametrize("verb", ["kill", "hold"])
def test_what_has_ended_is_refused(verb: str) -> None:
    run = Simulation(flow("a")).run()
    with pytest.raises(UsageError, match="execution e is SUCCESS and cannot be"):
        getattr(run, verb)()


def test_only_what_is_paused_can_be_resumed() -> None:
    run = started("a")
    with pytest.raises(UsageError, match="e is RUNNING and cannot be resumed; only a PAUSED one can be"):
        resume(run.execution, run.tree, run.now)
    run = started("par(pause a)")
    with pytest.raises(UsageError, match="task run r3 is not PAUSED"):
        resume(run.execution, run.tree, run.now, run_id="r3")
