"""docs/flows.md: every flow in it is valid, and fits the JSON schema."""

from __future__ import annotations

import re

import pytest
from jsonschema import Draft202012Validator

from taxi_pipelines.flowspec.build import read_flow
from taxi_pipelines.flowspec.input_types import INPUT_TYPES, SAME_AS
from taxi_pipelines.flowspec.json_schema import json_schema
from taxi_pipelines.flowspec.yaml_text import read_document
from taxi_pipelines.tasks.registry import REGISTRY
from tests.support.data import ROOT

PAGE = (ROOT / "docs" / "flows.md").read_text(encoding="utf-8")
FLOWS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
VALIDATOR = Draft202012Validator(json_schema(REGISTRY))


@pytest.mark.parametrize("text", FLOWS, ids=lambda text: text.split("\n", 1)[0])
def test_every_flow_of_the_page_is_valid(text: str) -> None:
    assert [str(problem) for problem in read_flow(text, REGISTRY)[1]] == []
    assert [error.message for error in VALIDATOR.iter_errors(read_document(text).value)] == []


@pytest.mark.parametrize("kind", [*INPUT_TYPES, *SAME_AS])
def test_every_type_of_input_is_on_the_page(kind: str) -> None:
    assert re.search(rf"\b{kind}\b", PAGE)
