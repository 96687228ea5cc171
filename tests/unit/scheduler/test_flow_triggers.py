"""What the end of an execution starts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.domain.states import State
from tests.support.metadata import sqlite_file
from tests.support.records import execution
from tests.support.scheduling import Scene, flow, minutes, scene_at


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with scene_at(sqlite_file(tmp_path)) as scene:
        yield scene


def run(scene: Scene, flow_id: str, state: State = State.SUCCESS, **changes: Any) -> Execution:
    """An execution of a flow of namespace `up`, which ends, and a step."""
    given: dict[str, Any] = {"namespace": "up", "created_at": scene.clock.now} | changes
    outputs = given.pop("outputs", {})
    begun = execution(f"{flow_id}{len(scene.executions())}", State.RUNNING, flow_id=flow_id, **given)
    scene.parts.executions.create(begun)
    scene.end(begun, state, outputs=outputs)
    scene.step()
    return begun


def started(scene: Scene) -> list[Execution]:
    return scene.executions("f")


def test_the_flow_sees_what_ended_and_takes_its_outputs_for_inputs(scene: Scene) -> None:
    trigger = """\
  - id: t
    type: flow
    inputs: {rows: "{{ trigger.outputs.rows }}"}
    conditions:
      - {type: executionFlow, namespace: up, flowId: load}
      - {type: executionStatus, in: [SUCCESS, WARNING]}
"""
    scene.save(flow(trigger, inputs="[{id: rows, type: INT}]"))
    run(scene, "other")
    run(scene, "load", State.FAILED)
    assert started(scene) == []
    ended = run(scene, "load", State.WARNING, labels={"taxi": "green"}, outputs={"rows": 5})
    [one] = started(scene)
    assert one.inputs == {"rows": 5}
    found = one.trigger or {}
    assert (found["executionId"], found["state"], found["flowId"]) == (ended.id, "WARNING", "load")
    assert found["executionLabels"] == {"taxi": "green"}
    for _ in range(3):
        scene.step()
    assert len(started(scene)) == 1


def test_only_states_that_are_wanted_count_and_never_the_flow_itself(scene: Scene) -> None:
    scene.save(flow("  - {id: t, type: flow, states: [FAILED]}"))
    run(scene, "load")
    assert started(scene) == []
    run(scene, "load", State.FAILED)
    assert len(started(scene)) == 1
    scene.end_all(State.FAILED)
    scene.step()
    assert len(started(scene)) == 1


PRECONDITIONS = """\
  - id: t
    type: flow
    preconditions:
      id: both
      timeWindow: {type: DURATION_WINDOW, window: PT6H}
      flows:
        - {namespace: up, flowId: green, states: [SUCCESS]}
        - {namespace: up, flowId: yellow, labels: {month: "1"}}
"""


def test_preconditions_wait_for_all_of_them_within_the_window_and_then_begin_anew(scene: Scene) -> None:
    scene.save(flow(PRECONDITIONS))
    run(scene, "green", outputs={"green": 1})
    run(scene, "green", State.FAILED)
    run(scene, "yellow", labels={"month": "2"})
    assert started(scene) == []
    run(scene, "yellow", labels={"month": "1"}, outputs={"yellow": 2})
    [one] = started(scene)
    assert (one.trigger or {})["outputs"] == {"green": 1, "yellow": 2}
    run(scene, "yellow", labels={"month": "1"})
    assert len(started(scene)) == 1
    run(scene, "green")
    assert len(started(scene)) == 2


def test_what_happened_before_the_window_does_not_count(scene: Scene) -> None:
    scene.save(flow(PRECONDITIONS))
    run(scene, "green")
    scene.clock.now += minutes(6 * 60)
    run(scene, "yellow", labels={"month": "1"})
    assert started(scene) == []


def test_counting_that_is_not_reset_starts_one_for_each_further_end(scene: Scene) -> None:
    scene.save(flow(PRECONDITIONS.replace("id: both", "id: both\n      resetOnSuccess: false")))
    run(scene, "green")
    for _ in range(2):
        run(scene, "yellow", labels={"month": "1"})
    assert len(started(scene)) == 2


def test_filters_and_older_multiple_conditions_count_in_the_same_way(scene: Scene) -> None:
    trigger = """\
  - id: t
    type: flow
    preconditions:
      id: some
      where:
        - {id: any, operand: OR, filters: [{field: FLOW_ID, type: STARTS_WITH, value: gr}, {field: STATE, type: IN, values: [FAILED]}]}
"""
    older = """\
  - id: t
    type: flow
    conditions:
      - type: multipleCondition
        id: two
        window: P1D
        conditions:
          a: {type: executionFlow, namespace: up, flowId: green}
          b: {type: executionNamespace, namespace: up, comparison: PREFIX}
"""
    scene.save(flow(trigger))
    scene.save(flow(older, id="g"))
    run(scene, "yellow")
    assert (len(started(scene)), len(scene.executions("g"))) == (0, 0)
    run(scene, "green")
    assert (len(started(scene)), len(scene.executions("g"))) == (1, 1)


def test_one_trigger_that_cannot_be_asked_keeps_no_other_from_the_news(scene: Scene) -> None:
    scene.save(flow("  - {id: t, type: flow, conditions: [{type: expression, expression: '{{ trigger.nothing }}'}]}"))
    scene.save(flow("  - {id: t, type: flow}", id="g"))
    run(scene, "load")
    run(scene, "load")
    assert "nothing" in (scene.state().error or "")
    assert len(scene.said) == 1
    assert len([one for one in scene.executions("g") if (one.trigger or {})["flowId"] == "load"]) == 2


def test_of_two_schedulers_one_acts_on_the_news(scene: Scene, tmp_path: Path) -> None:
    scene.save(flow("  - {id: t, type: flow}"))
    with scene_at(sqlite_file(tmp_path)) as other:
        for _ in range(5):
            run(scene, "load")
            other.step()
    assert len(started(scene)) == 5
