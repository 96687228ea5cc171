"""`taxi task`."""

from __future__ import annotations

import pytest

from taxi_pipelines.task_types import Role, TypeSpec
from taxi_pipelines.tasks.registry import FAMILIES, REGISTRY
from tests.unit.cli.conftest import Taxi

SPECS = [spec for role in Role for spec in REGISTRY.specs(role)]


def test_every_type_is_listed_with_its_family(taxi: Taxi) -> None:
    said = taxi("task", "list")
    assert said.code == 0
    lines = said.out.splitlines()
    assert len(lines) == 1 + len(SPECS)
    assert "http        http.download           Downloads a file." in lines
    found = {name: item["family"] for item in taxi("task", "list", "--json").json for name in item["names"]}
    assert all(found[spec.name] == family for family, specs in FAMILIES.items() for spec in specs)


def test_a_type_is_shown_by_any_of_its_names(taxi: Taxi) -> None:
    said = taxi("task", "show", "io.kestra.plugin.fs.http.Download").out
    assert said == taxi("task", "show", "http.download").out
    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert lines[0] == "Downloads a file."
    assert "uri text required The address, http or https." in lines
    assert (
        "options.auth.type BASIC, BEARER required BASIC, with a name and a password, or BEARER, with a token." in lines
    )
    assert "length The file's bytes." in lines
    assert lines[-2] == "type: http.download"


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_all_there_is_to_know_of_a_type_is_json(taxi: Taxi, spec: TypeSpec) -> None:
    found = taxi("task", "show", spec.name, "--json").json
    assert dict(found["outputs"]) == dict(spec.outputs)
    assert {one["name"] for one in found["properties"]} >= set(spec.branches)
    assert all(one["description"].endswith(".") for one in found["properties"])


def test_a_type_that_is_not_there_is_an_error_with_the_nearest(taxi: Taxi) -> None:
    said = taxi("task", "show", "http.downlod")
    assert (said.code, said.err) == (
        1,
        "error[not-found]: there is no type 'http.downlod'; did you mean 'http.download'?\n",
    )
