from __future__ import annotations

from taxi_pipelines.domain.outline import Outline
from tests.support.flow_text import flow, retry


def outline(text: str, **fields: object) -> Outline:
    return Outline(flow(text, **fields).flow)


def test_disabled_tasks_are_no_children() -> None:
    found = outline("seq(a b@disabled c) d@disabled | errors: x")
    assert [it.id for it in found.children("seq1", "tasks")] == ["a", "c"]
    assert [it.id for it in found.children(None, "tasks")] == ["seq1"]
    assert [it.id for it in found.children(None, "errors")] == ["x"]
    assert found.children(None, "finally") == ()
    assert found.branches(None) == ["tasks", "errors"]


def test_what_depends_on_a_disabled_task_depends_on_what_that_depends_on() -> None:
    found = outline("dag(a b<a@disabled c<b@disabled d<c,e e)")
    assert found.dependencies("d") == {"a", "e"}
    assert found.dependencies("a") == frozenset()


def test_the_nearest_retry_policy_counts() -> None:
    found = outline("seq@retry=2(seq(a b@retry=3)) c | errors: x", retry=retry(5))
    policies = {task_id: found.policy(task_id) for task_id in "abcx"}
    assert {task_id: it and it.max_attempts for task_id, it in policies.items()} == {"a": 2, "b": 3, "c": 5, "x": 5}
