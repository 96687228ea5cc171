from __future__ import annotations

from dataclasses import replace

import pytest

from taxi_pipelines.domain.execution import TaskRun
from taxi_pipelines.domain.states import State
from taxi_pipelines.domain.tree import RunTree
from taxi_pipelines.errors import InternalError
from tests.support.flow_text import flow
from tests.support.flows import Simulation


def task_run(id: str, task_id: str, **fields: object) -> TaskRun:
    return TaskRun(id=id, execution_id="e", task_id=task_id, **fields)  # type: ignore[arg-type]


def test_task_runs_are_found_by_id_place_and_order() -> None:
    tree = Simulation(flow("each:2(a b) c")).run().tree
    loop = tree.find(None, "tasks", "each1")
    assert loop is not None
    assert [it.task_id for it in tree.in_order()] == ["each1", "a", "b", "a", "b", "c"]
    assert [it.task_id for it in tree.children(loop.id, "tasks", 1)] == ["a", "b"]
    assert [(it.value, it.iteration) for it in tree.body_of(loop)] == [("v0", 0), ("v0", 0), ("v1", 1), ("v1", 1)]
    assert tree.find(loop.id, "tasks", "b", 2) is None
    assert tree.branch(loop.id, "tasks").begun == 2
    assert len(tree) == 6 and "r1" in tree and "r9" not in tree


def test_an_illegal_change_of_state_is_refused_and_changes_nothing() -> None:
    tree = RunTree(flow("a").flow, [task_run("r1", "a", state=State.SUCCESS)])
    with pytest.raises(InternalError, match="task run r1 of task 'a' cannot go from SUCCESS to RUNNING"):
        tree.put(replace(tree.get("r1"), state=State.RUNNING))
    assert tree.get("r1").state is State.SUCCESS
    assert tree.tally.live == 0


def test_counts_follow_every_change_and_removal() -> None:
    tree = RunTree(flow("a b").flow, [task_run("r1", "a"), task_run("r2", "b")])
    tree.put(replace(tree.get("r1"), state=State.RUNNING))
    assert (tree.tally.live, tree.tally.count(State.RUNNING), tree.tally.count(State.CREATED)) == (2, 1, 1)
    tree.put(replace(tree.get("r1"), state=State.FAILED))
    assert (tree.tally.live, tree.tally.failed, tree.tally.worst()) == (1, 1, State.FAILED)
    tree.remove(["r2", "r1"])
    assert (tree.tally.live, tree.tally.total, tree.open_ids()) == (0, 0, [None])


def test_what_an_engine_takes_over_is_what_has_not_ended() -> None:
    tree = RunTree(flow("a b").flow, [task_run("r1", "a", state=State.SUCCESS), task_run("r2", "b")])
    assert tree.open_ids() == ["r2", None]
