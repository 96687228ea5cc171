"""What the small types do: facts in, effects out."""

from __future__ import annotations

from typing import Any

import pytest

from taxi_pipelines.domain.records import Level
from taxi_pipelines.domain.states import State
from tests.support.light_tasks import perform

LOGS = [
    ({"message": "hi"}, [(Level.INFO, "hi")]),
    ({"message": ["a", 5, None], "level": "WARN"}, [(Level.WARN, "a"), (Level.WARN, "5"), (Level.WARN, "")]),
    ({"message": {"a": [1, True]}}, [(Level.INFO, '{"a":[1,true]}')]),
]


@pytest.mark.parametrize(("properties", "lines"), LOGS)
def test_log_writes_lines(properties: dict[str, Any], lines: list[tuple[Level, str]]) -> None:
    assert list(perform("log", **properties).logs) == lines


def test_return_puts_a_value_out() -> None:
    assert perform("return", format="x").outputs == {"value": "x"}
    assert perform("return").outputs == {"value": None}


def test_echo_logs_its_value() -> None:
    assert perform("echo", format=5, level="DEBUG").logs == ((Level.DEBUG, "5"),)


def test_output_values_puts_values_out() -> None:
    assert perform("outputValues", values={"a": "1", "b": ["2"]}).outputs == {"values": {"a": "1", "b": ["2"]}}


@pytest.mark.parametrize(
    ("properties", "state"),
    [
        ({}, State.FAILED),
        ({"condition": "true"}, State.FAILED),
        ({"condition": "false"}, State.SUCCESS),
        ({"condition": " 0 "}, State.SUCCESS),
        ({"condition": False}, State.SUCCESS),
        ({"condition": ""}, State.SUCCESS),
        ({"condition": "no"}, State.FAILED),
    ],
)
def test_fail_fails_unless_its_condition_is_false(properties: dict[str, Any], state: State) -> None:
    effects = perform("fail", errorMessage="no rows", **properties)
    assert effects.state is state
    assert effects.error == ("no rows" if state is State.FAILED else None)


@pytest.mark.parametrize(
    ("written", "state"), [("WARNING", State.WARNING), ("CANCELED", State.CANCELLED), ("KILLED", State.KILLED)]
)
def test_exit_ends_the_execution(written: str, state: State) -> None:
    assert perform("exit", state=written).exit_state is state


def test_assert_counts_what_does_not_hold() -> None:
    assert perform("assert", conditions=["true", "1"]).outputs == {"failed": 0, "success": 2}
    failed = perform("assert", conditions=["true", "false", ""])
    assert (failed.state, failed.error) == (State.FAILED, "2 of 3 conditions do not hold: 2, 3")
    assert perform("assert", conditions=[False], errorMessage="no").error == "no"


@pytest.mark.parametrize("labels", [{"a": "1"}, [{"key": "a", "value": 1}], '{"a": 1}', '[{"key": "a", "value": "1"}]'])
def test_labels_are_written_in_any_way(labels: Any) -> None:
    assert perform("labels", labels=labels).labels == {"a": "1"}


@pytest.mark.parametrize("labels", ["a", "[1]", [{"a": 1}], {"system.a": 1}])
def test_labels_that_are_none_are_refused(labels: Any) -> None:
    assert perform("labels", labels=labels).state is State.FAILED


def test_variables_are_set() -> None:
    assert perform("setVariables", variables={"set": 2, "new": 3}).variables == {"set": 2, "new": 3}
    kept = perform("setVariables", variables={"set": 2, "new": 3}, overwrite=False)
    assert (kept.state, kept.error) == (State.FAILED, "variables are set already: set")
