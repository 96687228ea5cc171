"""Whether conditions hold."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from taxi_pipelines.domain.states import State
from taxi_pipelines.errors import UsageError
from taxi_pipelines.scheduler.conditions import _HOLDS, Asked, holds
from taxi_pipelines.scheduler.firing import rendering_of
from taxi_pipelines.task_types import Role
from taxi_pipelines.tasks.registry import REGISTRY
from tests.support.engines import parse, parts_of
from tests.support.records import NOW, execution, task_run
from tests.support.scheduling import flow

Ask = Callable[..., bool]


@pytest.fixture
def ask(tmp_path: Path) -> Iterator[Ask]:
    """Asks a condition about a date, or about an execution."""
    with parts_of(tmp_path, clock=lambda: NOW) as parts:
        parts.executions.create(execution("e"), [task_run("r", "e")])

        def asked(type: str, slot: str = "2021-03-01T09:00:00-05:00", **properties: Any) -> bool:
            parsed = parse(flow(""))
            rendering = rendering_of(parts, parsed, {"date": slot, "outputs": {"rows": 3}}, NOW)
            ended = execution("e", State.WARNING, labels={"taxi": "green", "n": "1"})
            about = Asked(parts=parts, flow=replace(parsed), rendering=rendering, execution=ended)
            return holds({"type": type, **properties}, about)

        yield asked


def test_every_type_of_condition_can_be_asked() -> None:
    assert {spec.name.rpartition(".")[2] for spec in REGISTRY.specs(Role.CONDITION)} == _HOLDS.keys()


@pytest.mark.parametrize(
    ("type", "properties", "expected"),
    [
        ("dateTimeBetween", {"after": "2021-03-01T13:59:59Z", "before": "2021-03-01T14:00:01Z"}, True),
        ("dateTimeBetween", {"after": "2021-03-01T14:00:00Z"}, False),
        ("dateTimeBetween", {"date": "2020-01-01T00:00:00Z", "before": "{{ trigger.date }}"}, True),
        ("timeBetween", {"after": "08:00:00", "before": "10:00:00"}, True),
        ("timeBetween", {"after": "08:00:00Z", "before": "10:00:00Z"}, False),
        ("timeBetween", {"after": "13:59:00Z"}, True),
        ("dayWeek", {"dayOfWeek": "MONDAY"}, True),
        ("dayWeek", {"dayOfWeek": "TUESDAY"}, False),
        ("dayWeekInMonth", {"dayOfWeek": "MONDAY", "dayInMonth": "FIRST"}, True),
        ("dayWeekInMonth", {"dayOfWeek": "MONDAY", "dayInMonth": "LAST"}, False),
        ("dayWeekInMonth", {"dayOfWeek": "MONDAY", "dayInMonth": "LAST", "date": "2021-03-29T09:00:00Z"}, True),
        ("weekend", {}, False),
        ("weekend", {"date": "2021-03-06T00:00:00Z"}, True),
        ("executionFlow", {"namespace": "company.team", "flowId": "flow"}, True),
        ("executionFlow", {"namespace": "company", "flowId": "flow"}, False),
        ("executionNamespace", {"namespace": "company"}, False),
        ("executionNamespace", {"namespace": "company", "prefix": True}, True),
        ("executionNamespace", {"namespace": "team", "comparison": "SUFFIX"}, True),
        ("executionLabels", {"labels": {"taxi": "green", "n": 1}}, True),
        ("executionLabels", {"labels": [{"key": "taxi", "value": "yellow"}]}, False),
        ("executionStatus", {"in": ["WARNING", "FAILED"]}, True),
        ("executionStatus", {"notIn": ["WARNING"]}, False),
        ("executionOutputs", {"expression": "{{ trigger.outputs.rows > 2 }}"}, True),
        ("expression", {"expression": "{{ trigger.outputs.rows > 5 }}"}, False),
        ("hasRetryAttempt", {"in": ["FAILED"]}, False),
        ("flowCondition", {"namespace": "a", "flowId": "f"}, True),
        ("flowNamespaceCondition", {"namespace": "b"}, False),
        ("not", {"conditions": [{"type": "weekend"}]}, True),
        ("or", {"conditions": [{"type": "weekend"}, {"type": "dayWeek", "dayOfWeek": "MONDAY"}]}, True),
    ],
)
def test_conditions(ask: Ask, type: str, properties: dict[str, Any], expected: bool) -> None:
    assert ask(type, **properties) is expected


@pytest.mark.parametrize(
    ("type", "properties", "said"),
    [
        ("weekend", {"date": "soon"}, "'soon' is not a date and time"),
        ("timeBetween", {"after": "late"}, "'late' is not a time of day"),
    ],
)
def test_what_cannot_be_asked_says_why(ask: Ask, type: str, properties: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        ask(type, **properties)


def test_public_holidays_are_those_of_the_country(ask: Ask) -> None:
    assert ask("publicHoliday", country="US", date="2023-07-04T12:00:00Z")
    assert not ask("publicHoliday", country="US", date="2023-07-05T12:00:00Z")


def test_without_the_package_for_holidays_it_says_what_to_install(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "holidays", None)
    with pytest.raises(UsageError, match=r"not installed; run: pip install .taxi-pipelines\[holidays\]"):
        ask("publicHoliday", country="US")
