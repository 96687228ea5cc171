"""Every type: its names, its documentation, its example."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from taxi_pipelines.flowspec.build import read_flow
from taxi_pipelines.flowspec.checking import models_in
from taxi_pipelines.flowspec.yaml_text import read_document
from taxi_pipelines.task_types import Properties, Role, TypeSpec
from taxi_pipelines.tasks.registry import REGISTRY, Registry

SPECS = [spec for role in Role for spec in REGISTRY.specs(role)]
HEAD = {"id": "f", "namespace": "taxi", "tasks": [{"id": "a", "type": "log", "message": "x"}]}


def test_a_type_is_found_by_each_of_its_names() -> None:
    for spec in SPECS:
        assert all(REGISTRY.find(name, spec.role) is spec for name in (spec.name, *spec.aliases))
    assert REGISTRY.find("nothing") is None
    assert REGISTRY.find("schedule") is None, "a trigger is no task"
    assert {"log", "io.kestra.plugin.core.log.Log", "io.kestra.core.tasks.log.Log"} <= set(REGISTRY.names())


def test_two_types_of_a_role_cannot_share_a_name() -> None:
    spec = TypeSpec(name="x", title="X.", properties=Properties)
    with pytest.raises(ValueError, match="two task types are called x"):
        Registry([spec, TypeSpec(name="y", aliases=("x",), title="Y.", properties=Properties)])
    Registry([spec, TypeSpec(name="x", title="X.", role=Role.TRIGGER, properties=Properties)])


def models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    yield model
    for field in model.model_fields.values():
        for inner in models_in(field.annotation):
            yield from models(inner)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_every_type_is_documented(spec: TypeSpec) -> None:
    assert spec.title.endswith(".")
    assert all(text.endswith(".") for text in (*spec.outputs.values(), *spec.metrics.values()))
    assert spec.example
    for model in models(spec.properties):
        for name, field in model.model_fields.items():
            assert (field.description or "").rstrip().endswith("."), f"{model.__name__}.{name}"


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_every_example_validates(spec: TypeSpec) -> None:
    own = read_document(spec.example).value
    flow: dict[str, Any] = dict(HEAD)
    match spec.role:
        case Role.TASK:
            flow["tasks"] = [{"id": "example", **own}]
            flow["inputs"] = [{"id": name, "type": "STRING"} for name in ("name", "taxi")]
            flow["tasks"] += [
                {"id": name, "type": "return", "format": 1}
                for name in ("count", "outputs", "load_it", "files", "extract")
            ]
        case Role.TASK_RUNNER:
            flow["tasks"] = [{"id": "example", "type": "shell.commands", "commands": ["true"], "taskRunner": own}]
        case Role.TRIGGER:
            flow["triggers"] = [{"id": "example", **own}]
        case _:
            flow["triggers"] = [{"id": "t", "type": "schedule", "cron": "@daily", "conditions": [own]}]
    found = read_flow(json.dumps(flow), REGISTRY)[1]
    assert [str(one) for one in found if "there is no task 'load'" not in one.message] == []


def test_models_of_properties_have_names_of_their_own() -> None:
    """The JSON schema's definitions are called so."""
    found = {model for spec in SPECS for model in models(spec.properties) if model is not spec.properties}
    assert len({model.__name__ for model in found}) == len(found)
