"""A flow as a graph: what stands inside of what, what comes after what, how far an execution is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from taxi_pipelines.domain.execution import TaskRun
from taxi_pipelines.domain.flow import Trigger
from taxi_pipelines.domain.graph import graph_of, progress_of, short_type
from taxi_pipelines.domain.states import State
from tests.support.flow_text import flow

NOW = datetime(2024, 3, 1, tzinfo=UTC)


def inside(text: str) -> dict[str, str]:
    """Node → the box it stands in."""
    return {node.id: node.parent or "" for node in graph_of(flow(text).flow).nodes}


def arrows(text: str) -> set[str]:
    return {f"{edge.source} {edge.kind} {edge.target}" for edge in graph_of(flow(text).flow).edges}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a b c", {"a next b", "b next c"}),
        ("a par(b c) d", {"a next par1", "par1 next d"}),
        ("dag(a b<a c<a d<b,c)", {"a needs b", "a needs c", "b needs d", "c needs d"}),
        ("each:2(a b)", {"a next b"}),
        ("if:then(a b | else: c)", {"a next b"}),
        ("a | errors: x y", {"a failed .errors", "x next y"}),
        (
            "seq(a b | errors: x | finally: y)",
            {"a next b", "b failed seq1.errors", "b finally seq1.finally", "seq1.errors finally seq1.finally"},
        ),
        ("par(a b | finally: y)", {"a finally par1.finally", "b finally par1.finally"}),
    ],
)
def test_arrows_say_what_comes_after_what_in_the_same_box(text: str, expected: set[str]) -> None:
    assert arrows(text) == expected
    homes = inside(text)
    assert all(homes[arrow.split()[0]] == homes[arrow.split()[2]] for arrow in expected)


def test_branches_are_boxes_where_they_are_not_the_tasks_themselves() -> None:
    assert inside("if:then(a | else: seq(b)) switch:x(| x: c | defaults: d)") == {
        "if1": "",
        "if1.then": "if1",
        "a": "if1.then",
        "if1.else": "if1",
        "seq2": "if1.else",
        "b": "seq2",
        "switch3": "",
        "switch3.cases.x": "switch3",
        "c": "switch3.cases.x",
        "switch3.defaults": "switch3",
        "d": "switch3.defaults",
    }


def test_triggers_stand_in_front_of_what_begins() -> None:
    trigger = Trigger(id="monthly", type="schedule", name="Schedule", properties={"cron": "0 9 1 * *"})
    graph = graph_of(flow("a b", triggers=(trigger,)).flow)
    assert (graph.nodes[0].id, graph.nodes[0].note) == ("trigger:monthly", "0 9 1 * *")
    assert [(edge.source, edge.target) for edge in graph.edges if edge.kind == "starts"] == [("trigger:monthly", "a")]


def test_of_several_runs_of_a_task_what_needs_a_person_counts_first() -> None:
    begun: dict[str, Any] = {"execution_id": "e", "started_at": NOW, "ended_at": NOW + timedelta(seconds=3)}
    runs = [
        TaskRun(id="1", task_id="load", state=State.SUCCESS, **begun),
        TaskRun(id="2", task_id="load", state=State.FAILED, **begun),
        TaskRun(id="3", task_id="load", state=State.RUNNING, execution_id="e", started_at=NOW),
        TaskRun(id="4", task_id="check", state=State.SUCCESS, **begun),
    ]
    progress = progress_of(runs)
    assert (progress["load"].state, progress["load"].seconds) == (State.FAILED, None)
    assert progress["load"].runs == {State.FAILED: 1, State.RUNNING: 1, State.SUCCESS: 1}
    assert (progress["check"].state, progress["check"].seconds) == (State.SUCCESS, 3.0)


def test_types_are_shown_short() -> None:
    assert [short_type(name) for name in ("io.kestra.plugin.core.log.Log", "taxi.extract")] == [
        "log.Log",
        "taxi.extract",
    ]
