"""Statements and parameters, and what only looks like them."""

from __future__ import annotations

import pytest

from taxi_pipelines.tasks.sql_text import statements, with_parameters


@pytest.mark.parametrize(
    "quoted",
    [
        "'a;:n'", "'it''s ; :n'", r"E'it\'s ; :n'", '"a;:n"', "$$ ; :n $$", "$body$ ; $$ :n $body$", "-- ; :n\n",
        "/* ; /* ; */ :n */", "x::n",
    ],
)  # fmt: skip
def test_what_is_quoted_or_commented_is_left_alone(quoted: str) -> None:
    text = f"SELECT 1 {quoted}"
    assert statements(f"{text}; SELECT 2") == [text.strip(), "SELECT 2"]
    assert with_parameters(text, lambda name: "?") == text


def test_statements_end_at_semicolons_and_empty_ones_are_dropped() -> None:
    assert statements("; ;\nSELECT 1;;\n-- nothing\n; SELECT a$1 FROM b ; /* x */") == ["SELECT 1", "SELECT a$1 FROM b"]
    assert statements(" -- only a comment") == []


def test_the_body_of_a_routine_is_one_statement() -> None:
    body = "CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2; END"
    assert statements(f"BEGIN; {body}; END; SELECT 3") == ["BEGIN", body, "END", "SELECT 3"]


def test_parameters_are_replaced_by_name_and_unknown_ones_stay() -> None:
    values = {"a": "1", "ab": "2"}
    assert with_parameters("x = :a AND y[1:ab] = :ab::int OR :c", values.get) == "x = 1 AND y[12] = 2::int OR :c"


def test_text_that_is_never_closed_is_left_to_the_database() -> None:
    assert statements("SELECT 'a; b") == ["SELECT 'a", "b"]
    assert with_parameters("/* :a", {"a": "1"}.get) == "/* :a"
