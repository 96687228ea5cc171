"""docs/triggers.md: its flows are valid, and it says something about every trigger and condition there is."""

from __future__ import annotations

import re

import pytest

from taxi_pipelines.flowspec.build import read_flow
from taxi_pipelines.task_types import Role
from taxi_pipelines.tasks.registry import REGISTRY
from tests.support.data import ROOT

PAGE = (ROOT / "docs" / "triggers.md").read_text(encoding="utf-8")
FLOWS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


@pytest.mark.parametrize("text", FLOWS, ids=lambda text: text.split("\n", 1)[0])
def test_every_flow_of_the_page_is_valid(text: str) -> None:
    assert [str(problem) for problem in read_flow(text, REGISTRY)[1]] == []


@pytest.mark.parametrize("role", [Role.TRIGGER, Role.CONDITION])
def test_every_type_is_on_the_page_by_its_short_name(role: Role) -> None:
    short = [min((spec.name, *spec.aliases), key=len) for spec in REGISTRY.specs(role)]
    assert [name for name in short if not re.search(rf"\b{re.escape(name)}\b", PAGE, re.IGNORECASE)] == []
