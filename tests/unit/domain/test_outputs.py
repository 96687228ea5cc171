"""What may be put out."""

from __future__ import annotations

from typing import Any

import pytest

from taxi_pipelines.domain.outputs import MAX_OUTPUTS, why_unfit


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "outputs", [{}, {"a": [1, None, float("nan"), "\0 \ud83d"]}, {"a": "x" * (MAX_OUTPUTS - len('{"a": ""}'))}]
)
def test_plain_json_up_to_the_limit_is_fit(outputs: dict[str, Any]) -> None:
    assert why_unfit(outputs) is None


def test_more_than_the_limit_names_the_largest_and_what_to_do() -> None:
    found = why_unfit({"small": 1, "rows": "x" * MAX_OUTPUTS})
    assert found == (
        "the outputs have 1,000,024 bytes of JSON, 'rows' the most, and at most 1,000,000 are kept; "
        "write it to a file and put out the file"
    )


@pytest.mark.parametrize(
    "value",
    [object(), {1, 2}, {("a",): 1}, nested(100_000), 10**5000],
    ids=["object", "set", "tuple as key", "deep", "long number"],
)
def test_what_is_not_plain_json_is_unfit(value: Any) -> None:
    assert str(why_unfit({"a": value})).startswith("the outputs are not plain JSON: ")
