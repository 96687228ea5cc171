"""Shared rules about text: S3, S4, S10, labels."""

from __future__ import annotations

import pytest

from taxi_pipelines.domain.text import is_true, label_map, namespace_chain, plain_text, reserved_labels

PRINTED = [
    (None, ""),
    ("x", "x"),
    (True, "true"),
    (5, "5"),
    (1.5, "1.5"),
    ([1, "é"], '[1,"é"]'),
    ({"a": None}, '{"a":null}'),
]


@pytest.mark.parametrize(("value", "text"), PRINTED)
def test_values_print_as_templates_print_them(value: object, text: str) -> None:
    assert plain_text(value) == text


@pytest.mark.parametrize("said", ["", " ", "false", " false\n", "0", "-0", None, False, 0])
def test_what_is_false(said: object) -> None:
    assert not is_true(said)


@pytest.mark.parametrize("said", ["true", "False", "no", "0.0", "null", "[]", True, 1, -1])
def test_everything_else_is_true(said: object) -> None:
    assert is_true(said)


def test_labels_are_a_map_or_a_list() -> None:
    assert (
        label_map({"a": 1, 2: True})
        == label_map([{"key": "a", "value": 1}, {"key": 2, "value": True}])
        == {"a": "1", "2": "true"}
    )
    for wrong in (5, "a", [1], [{"key": "a"}], [{"key": "a", "value": 1, "more": 1}]):
        with pytest.raises(ValueError, match="labels are a map"):
            label_map(wrong)


def test_some_labels_are_ours() -> None:
    assert reserved_labels({"system.b": "1", "a": "1", "system.a": "1"}) == ["system.a", "system.b"]


def test_a_namespace_stands_in_others() -> None:
    assert namespace_chain("a.b.c") == ["a.b.c", "a.b", "a"]
    assert namespace_chain("a") == ["a"]
