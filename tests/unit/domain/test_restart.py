"""What a restart runs again: the flow | what began before | what begins after, with the failures gone | how it ends."""

from __future__ import annotations

import pytest

from taxi_pipelines.domain.states import State
from taxi_pipelines.errors import UsageError
from tests.support.flow_text import flow
from tests.support.flows import Simulation

RESTARTS = """
a b! c                                  | a b                   | b c          | SUCCESS
seq(a b!) c                             | seq1 a b              | b c          | SUCCESS
a! b | errors: x                        | a x                   | a b          | SUCCESS
seq(a! b | errors: x | finally: y) c    | seq1 a x y            | a b y c      | SUCCESS
a | finally: y!                         | a y                   | y            | SUCCESS
par(a! b c!)                            | par1 a b c            | a c          | SUCCESS
par:1(a! b)                             | par1 a                | a b          | SUCCESS
dag(a! b<a c)                           | dag1 a c              | a b          | SUCCESS
each:3(a! b)                            | each1 a.0             | a.0 b.0 a.1 b.1 a.2 b.2 | SUCCESS
each:2/0(a b!)                          | each1 a.0 a.1 b.0 b.1 | b.0 b.1      | SUCCESS
loop:2(a b!)                            | loop1 a.0 b.0         | b.0 a.1 b.1  | SUCCESS
loop:3/2!(a)                            | loop1 a.0 a.1         | a.2          | SUCCESS
if:then(a! | else: b)                   | if1 a                 | a            | SUCCESS
wd(a b!)                                | wd1 a b               | wd1 a b      | SUCCESS
allow(a!) b!                            | allow1 a b            | b            | WARNING
a!@allow_failure b!                     | a b                   | b            | WARNING
a!@retry=2                              | a a                   | a            | SUCCESS
"""


@pytest.mark.parametrize("row", RESTARTS.strip().splitlines())
def test_a_restart_runs_what_failed_and_what_comes_after(row: str) -> None:
    text, before, after, state = (it.strip() for it in row.rsplit("|", 3))
    run = Simulation(flow(text)).run()
    assert (run.state, run.trace) == (State.FAILED, before.split())
    run.trace.clear()
    run.script.failures.clear()
    assert run.restart().trace == after.split()
    assert run.state == state


def test_a_failed_task_run_gets_its_next_attempt_and_as_many_retries_as_at_first() -> None:
    run = Simulation(flow("a!@retry=2")).run().restart()
    assert [it.state for it in run.tree.get("r1").attempts] == [State.FAILED] * 4
    assert run.state is State.FAILED


def test_a_flowable_that_could_not_be_resolved_begins_again() -> None:
    script = flow("seq(a) b")
    script.failures["seq1"] = 1
    run = Simulation(script).run()
    assert (run.state, run.trace) == (State.FAILED, ["seq1"])
    assert run.restart().trace == ["seq1", "seq1", "a", "b"]


def test_the_same_flow_can_be_restarted_until_it_works() -> None:
    run = Simulation(flow("seq(a!1 b!2 | errors: x) c!1")).run()
    for _ in range(3):
        run.restart()
    assert run.state is State.FAILED
    assert run.restart().state is State.SUCCESS
    assert run.trace == ["seq1", "a", "x", "a", "b", "x", "b", "x", "b", "c", "c"]


def test_a_killed_execution_goes_on_where_it_was() -> None:
    run = Simulation(flow("a par:1(b c) d"))
    run.start()
    run.happen()
    run.kill()
    assert run.state is State.KILLED
    run.trace.clear()
    assert run.restart().trace == ["b", "c", "d"]
    assert run.state is State.SUCCESS


@pytest.mark.parametrize(("text", "state"), [("a", "SUCCESS"), ("a~", "WARNING")])
def test_what_did_not_fail_is_refused(text: str, state: str) -> None:
    with pytest.raises(UsageError, match=f"e is {state} and cannot be restarted; .* `replay` runs any again"):
        Simulation(flow(text)).run().restart()
