from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from taxi_pipelines.engine.storable import LONGEST_LINE, MASK, forms_of, line_text, masked, storable


def test_secrets_are_hidden_wherever_they_stand() -> None:
    value = {"key s3cret": ["a s3cret", {"b": "s3cret"}], "n": 7}
    assert storable(value, {"s3cret"}) == {f"key {MASK}": [f"a {MASK}", {"b": MASK}], "n": 7}
    assert masked(value, {"s3cret"}) == storable(value, {"s3cret"})


def test_of_secrets_within_secrets_the_longest_goes_first() -> None:
    assert storable("token-long token", {"token", "token-long"}) == f"{MASK} {MASK}"


def test_a_secret_is_known_in_json_and_line_by_line() -> None:
    key = 'begin "quoted"\nsecond line\nend'
    forms = forms_of(key)
    assert {key, 'begin \\"quoted\\"\\nsecond line\\nend', 'begin "quoted"', "second line"} == forms
    assert line_text("it says second line", forms) == f"it says {MASK}"


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (datetime(2021, 1, 2, tzinfo=UTC), "2021-01-02T00:00:00Z"),
        (date(2021, 1, 2), "2021-01-02"),
        (float("inf"), "inf"),
        ((1, {2}), [1, [2]]),
        ({1: None, None: 1.5}, {"1": None, "None": 1.5}),
        ("a\0b", "a\N{REPLACEMENT CHARACTER}b"),
        ("é\0\udc00", "é\N{REPLACEMENT CHARACTER}?"),
        (ValueError("text"), "text"),
    ],
)
def test_what_no_json_or_database_takes_becomes_text(value: object, kept: object) -> None:
    assert storable(value) == kept


def test_a_line_that_is_too_long_says_how_much_is_missing() -> None:
    assert line_text("x" * (LONGEST_LINE + 5)).endswith("x… (5 characters more)")


def test_nothing_is_hidden_without_secrets() -> None:
    value = {"a": object()}
    assert masked(value, {""}) is value
