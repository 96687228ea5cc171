"""The corpus in tests/flows: every row of the dialect as a small flow, run for real."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from taxi_pipelines.store.engines import EngineStore
from taxi_pipelines.store.executions import ExecutionStore
from taxi_pipelines.store.flows import FlowStore
from taxi_pipelines.store.kv import KeyValueStore
from taxi_pipelines.store.open import open_database
from taxi_pipelines.store.secrets import SecretStore
from tests.flows.corpus import Case, cases, outcome
from tests.flows.heavy import CATALOG
from tests.support.engines import Bench, running
from tests.support.postgres import database_of

CASES = cases()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def bench(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    home = tmp_path_factory.mktemp("home")
    if request.param == "sqlite":
        with running(home, catalog=CATALOG, environment={}) as bench:
            yield bench
    else:
        with stores_on_postgres(home) as stores, running(home, catalog=CATALOG, environment={}, **stores) as bench:
            yield bench


@contextmanager
def stores_on_postgres(home: Path) -> Iterator[dict[str, Any]]:
    """The same stores in a database of a PostgreSQL server."""
    with closing(open_database(database_of(home), home)) as database:
        executions = ExecutionStore(database)
        yield {
            "flows": FlowStore(database),
            "executions": executions,
            "engines": EngineStore(database),
            "logs": executions,
            "kv": KeyValueStore(database),
            "secrets": SecretStore(database, home / "secret.key"),
        }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_flow_ends_as_expected(case: Case, bench: Bench) -> None:
    expected, found = case.expected, outcome(bench, case)
    for part in ("problems", "refused", "error"):
        if part in expected:
            assert_contains(found.get(part), expected[part])
    for part in ("state", "runs", "outputs", "variables", "labels_after", "logs"):
        if part in expected:
            assert found.get(part) == expected[part], found
    for task, outputs in expected.get("task_outputs", {}).items():
        assert found["task_outputs"][task] == outputs
    for said in expected.get("says", ()):
        assert any(said in line for line in found["logs"]), found["logs"]


def assert_contains(found: object, wanted: object) -> None:
    """Text that has this part; a list of as many texts, each with its part."""
    if isinstance(wanted, str):
        assert isinstance(found, str) and wanted in found, found
    else:
        assert isinstance(found, list) and isinstance(wanted, list) and len(found) == len(wanted), found
        for one, part in zip(found, wanted, strict=True):
            assert part in one


def test_every_flow_says_what_is_expected_of_it() -> None:
    outcomes = {"state", "problems", "refused"}
    assert [case.name for case in CASES if not outcomes & case.expected.keys()] == []


def test_the_names_of_flows_do_not_collide() -> None:
    names = [case.path.stem for case in CASES]
    assert len(names) == len(set(names))
