"""What a replay runs: the flow | the task run it starts from | what begins, without failures now | how it ends."""

from __future__ import annotations

import pytest

from taxi_pipelines.domain.states import State
from taxi_pipelines.errors import UsageError
from tests.support.flow_text import flow
from tests.support.flows import Simulation

REPLAYS = """
a b c                           | b      | b c
a b c                           | a      | a b c
a seq(b c) d                    | c      | c d
a seq(b c) d                    | seq1   | seq1 b c d
a! b | errors: x                | a      | a b
a b | finally: y                | b      | b y
seq(a b | finally: y) c         | b      | b y c
par(a b! c) d                   | c      | b c d
par(seq(a b) seq(c e)) d        | c      | c e d
par:1(a b c) d                  | b      | b c d
dag(a b<a c e<b,c) d            | b      | b e d
if:then(a b | else: c) d        | b      | b d
each:3(a b) d                   | b.1    | b.1 a.2 b.2 d
each:3/0(a b) d                 | b.1    | b.1 d
each:3/0(a! b)                  | a.1    | a.0 a.1 a.2 b.0 b.1 b.2
loop:3(a b) d                   | a.1    | a.1 b.1 a.2 b.2 d
wd(a b) d                       | b      | wd1 a b d
allow(a!) b!                    | b      | b
"""


def run_id(run: Simulation, name: str) -> str:
    task, _, iteration = name.partition(".")
    return next(it.id for it in run.tree.in_order() if (it.task_id, str(it.iteration or 0)) == (task, iteration or "0"))


@pytest.mark.parametrize("row", REPLAYS.strip().splitlines())
def test_a_replay_keeps_what_came_before(row: str) -> None:
    text, start, began = (it.strip() for it in row.rsplit("|", 2))
    run = Simulation(flow(text)).run()
    run.script.failures.clear()
    again = run.replay(run_id(run, start))
    assert again.trace == began.split()
    assert set(again.states()) - {"x"} >= set(run.states()) - {"x"}
    assert again.state in (State.SUCCESS, State.WARNING)


def test_a_replay_is_a_new_execution_with_new_task_runs_of_its_own() -> None:
    run = Simulation(flow("seq(a b)")).run()
    again = run.replay(run_id(run, "b"))
    assert (again.execution.id, again.execution.parent_id) == ("e2", "e")
    old, new = ([it.id for it in one.tree.in_order()] for one in (run, again))
    assert not set(old) & set(new)
    assert {it.execution_id for it in again.tree.in_order()} == {"e2", "e"} - {"e"}
    assert again.tree.find(None, "tasks", "seq1") is not None
    assert all(it.parent_id is None or it.parent_id in new for it in again.tree.in_order())


def test_a_replay_from_the_start_has_no_task_runs_yet() -> None:
    run = Simulation(flow("a b")).run()
    assert run.replay(None).trace == ["a", "b"]


def test_handlers_are_not_replayed_alone() -> None:
    run = Simulation(flow("a! | errors: x")).run()
    with pytest.raises(UsageError, match="stands in 'errors' and cannot be replayed alone"):
        run.replay(run_id(run, "x"))
    with pytest.raises(UsageError, match="no task run nowhere in this execution"):
        run.replay("nowhere")


def test_what_has_not_ended_cannot_be_replayed() -> None:
    run = Simulation(flow("a"))
    run.start()
    with pytest.raises(UsageError, match="e is RUNNING and cannot be replayed"):
        run.replay(None)
