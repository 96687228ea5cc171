"""`taxi kv`."""

from __future__ import annotations

import pytest

from tests.unit.cli.conftest import Taxi

IN = ("--namespace", "demo")


@pytest.mark.parametrize(
    ("given", "type", "printed", "kept"),
    [
        ("some text", None, "some text", "some text"),
        ("-5", "NUMBER", "-5", -5),
        ("true", "boolean", "true", True),
        ('{"a": [1]}', "JSON", '{"a":[1]}', {"a": [1]}),
        ("2021-03-01", "DATE", "2021-03-01", "2021-03-01"),
        ("PT5M", "DURATION", "PT5M", "PT5M"),
    ],
)
def test_a_value_keeps_its_type(taxi: Taxi, given: str, type: str | None, printed: str, kept: object) -> None:
    said = taxi("kv", "set", "key", given, *IN, *(["--type", type] if type else []))
    assert (said.code, said.out, said.err) == (0, "", "")
    assert taxi("kv", "get", "key", *IN).out == f"{printed}\n"
    assert taxi("kv", "get", "key", *IN, "--json").json["value"] == kept


def test_values_are_listed_by_key_and_forgotten(taxi: Taxi) -> None:
    taxi("kv", "set", "b", "2", *IN, "--ttl", "P1D")
    taxi("kv", "set", "a", "1", *IN)
    entries = taxi("kv", "list", *IN, "--json").json
    assert [(entry["key"], entry["expiresAt"] is None) for entry in entries] == [("a", True), ("b", False)]
    assert [line.split()[0] for line in taxi("kv", "list", *IN).out.splitlines()] == ["key", "a", "b"]
    assert taxi("kv", "delete", "a", *IN).code == 0
    assert taxi("kv", "delete", "a", *IN).err == "error[not-found]: no key 'a' in demo; valid are b\n"
    assert taxi("kv", "list", "--namespace", "other").err == "other has no keys\n"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["x", "--type", "NUMBER"], "error[usage]: 'key' cannot be kept as NUMBER: "),
        (["x", "--type", "TEXT"], "error[usage]: --type TEXT is not a type of values; valid are STRING, "),
        (["x", "--ttl", "soon"], "error[usage]: 'soon' is not an ISO 8601 duration; write it as PT30S or P1D"),
    ],
)
def test_what_cannot_be_kept_is_one_line(taxi: Taxi, arguments: list[str], line: str) -> None:
    said = taxi("kv", "set", "key", *arguments, *IN)
    assert said.code == 2
    assert said.err.startswith(line)
    assert taxi("kv", "get", "key", *IN).err == "error[not-found]: no key 'key' in demo; it has no keys\n"
