"""Flow control by all of its names, and the limits it has by itself."""

from __future__ import annotations

import pytest

from taxi_pipelines.domain.flow import Kind
from taxi_pipelines.task_types import Properties
from taxi_pipelines.tasks.registry import REGISTRY

KINDS = [
    ("sequential", Kind.SEQUENTIAL),
    ("io.kestra.core.tasks.flows.Parallel", Kind.PARALLEL),
    ("dag", Kind.DAG),
    ("io.kestra.plugin.core.flow.If", Kind.IF),
    ("switch", Kind.SWITCH),
    ("foreach", Kind.FOREACH),
    ("forEach", Kind.FOREACH),
    ("eachSequential", Kind.FOREACH),
    ("io.kestra.core.tasks.flows.EachParallel", Kind.FOREACH),
    ("io.kestra.plugin.core.flow.WaitFor", Kind.LOOP_UNTIL),
    ("allowFailure", Kind.ALLOW_FAILURE),
    ("io.kestra.core.tasks.flows.Worker", Kind.WORKING_DIRECTORY),
    ("pause", Kind.PAUSE),
    ("sleep", Kind.SLEEP),
    ("io.kestra.core.tasks.flows.Flow", Kind.SUBFLOW),
    ("forEachItem", Kind.FOREACH_ITEM),
]


@pytest.mark.parametrize(("name", "kind"), KINDS)
def test_every_kind_of_control_has_a_type(name: str, kind: Kind) -> None:
    spec = REGISTRY.find(name)
    assert spec and spec.kind is kind


def properties(name: str, **given: object) -> Properties:
    spec = REGISTRY.find(name)
    assert spec
    return spec.properties.model_validate(given)


def test_loops_are_bounded_unless_they_say_otherwise() -> None:
    found = properties("loopUntil", condition="x").model_dump()["check_frequency"]
    assert found == {"interval": "PT1S", "max_iterations": 100, "max_duration": "PT1H"}
    endless = properties("loopUntil", condition="x", checkFrequency={"maxIterations": None, "maxDuration": None})
    assert endless.model_dump()["check_frequency"]["max_iterations"] is None


def test_loops_run_one_iteration_at_a_time_unless_they_say_otherwise() -> None:
    assert properties("forEach", values=[1]).model_dump()["concurrency_limit"] == 1
    assert properties("eachParallel", value=[1]).model_dump()["concurrent"] == 0


def test_what_a_template_says_in_json_is_a_list_or_a_map() -> None:
    assert properties("subflow", namespace="n", flowId="f", inputs='{"a": 1}').model_dump()["inputs"] == {"a": 1}
    assert properties("forEach", values="[1, 2]").model_dump()["values"] == "[1, 2]", (
        "text will do here, and stays text"
    )
