"""`taxi secret`: values go in, and never come out."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from taxi_pipelines.orchestrator import Orchestrator
from tests.unit.cli.conftest import Taxi


def give(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))


def test_a_secret_is_read_from_standard_input(taxi: Taxi, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    give(monkeypatch, "two\nlines\n")
    said = taxi("secret", "set", "TOKEN", "--namespace", "demo")
    assert (said.code, said.out, said.err) == (0, "", "")
    with Orchestrator(home=tmp_path / "home") as orchestrator:
        assert orchestrator.parts.secrets.get("demo", "TOKEN") == "two\nlines"


def test_secrets_are_listed_by_name_and_forgotten(taxi: Taxi, monkeypatch: pytest.MonkeyPatch) -> None:
    for namespace in ("demo", "demo.below", "demonstration"):
        give(monkeypatch, "hidden")
        taxi("secret", "set", "TOKEN", "--namespace", namespace)
    assert [item["namespace"] for item in taxi("secret", "list", "--namespace", "demo", "--json").json] == [
        "demo",
        "demo.below",
    ]
    assert "hidden" not in taxi("secret", "list").out
    assert taxi("secret", "delete", "TOKEN", "--namespace", "demo").code == 0
    said = taxi("secret", "delete", "TOKEN", "--namespace", "demo")
    assert (said.code, said.err) == (1, "error[not-found]: no secret 'TOKEN' in demo; it has none\n")


def test_an_empty_secret_is_refused(taxi: Taxi, monkeypatch: pytest.MonkeyPatch) -> None:
    give(monkeypatch, "\n")
    said = taxi("secret", "set", "TOKEN", "--namespace", "demo")
    assert said.code == 2
    assert said.err.startswith("error[usage]: the secret is empty; ")
