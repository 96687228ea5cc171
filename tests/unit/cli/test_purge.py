"""`taxi purge`."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from taxi_pipelines.domain.execution import Caller
from taxi_pipelines.domain.states import State
from taxi_pipelines.orchestrator import Orchestrator
from tests.support.records import execution
from tests.unit.cli.conftest import Taxi

LONG_AGO = datetime.now(UTC) - timedelta(days=40)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Orchestrator]:
    """Four executions that began long ago: one of them goes on, one ended lately."""
    with closing(Orchestrator(home=tmp_path / "home")) as taxi:
        for id, state, ended_at in (
            ("old", State.SUCCESS, LONG_AGO),
            ("failed", State.FAILED, LONG_AGO),
            ("late", State.SUCCESS, LONG_AGO + timedelta(days=39)),
            ("running", State.RUNNING, None),
        ):
            keep(taxi, id, state, ended_at)
        yield taxi


def keep(
    taxi: Orchestrator, id: str, state: State, ended_at: datetime | None = LONG_AGO, caller: Caller | None = None
) -> None:
    it = execution(id, state, namespace="nyc.taxi", created_at=LONG_AGO, ended_at=ended_at, caller=caller)
    taxi.parts.executions.create(it)
    taxi.parts.files.put(f"kestra:///nyc/taxi/flow/executions/{id}/tasks/a/b/out.csv", io.BytesIO(b"x"))
    taxi.parts.secrets.set(f"execution:{id}", "password", "hunter2")


def there(taxi: Orchestrator) -> set[str]:
    """The executions that still have all of theirs; asserts that no other has anything."""
    ids = {id for id in ("old", "failed", "late", "running", "child") if taxi.parts.executions.find(id)}
    for id in ("old", "failed", "late", "running", "child"):
        size = taxi.parts.files.size(f"kestra:///nyc/taxi/flow/executions/{id}/tasks/a/b/out.csv")
        assert (size == 1) == bool(taxi.parts.secrets.get(f"execution:{id}", "password")) == (id in ids)
    return ids


def test_what_ended_long_ago_goes_with_all_of_its_own(taxi: Taxi, kept: Orchestrator) -> None:
    said = taxi("purge", "--older-than", "30d", "--dry-run")
    assert [line.split()[0] for line in said.out.splitlines()] == ["failed", "old"]
    assert said.err == "would remove 2 executions\n"
    assert there(kept) == {"old", "failed", "late", "running"}
    said = taxi("purge", "--older-than", "30d", "--vacuum")
    assert said.out.splitlines()[0] == f"failed  nyc.taxi.flow  FAILED  {LONG_AGO:%Y-%m-%d %H:%M}  1 file"
    assert said.err == "removed 2 executions, 2 files\n"
    assert there(kept) == {"late", "running"}
    again = taxi("purge", "--older-than", "30d")
    assert (again.code, again.out, again.err) == (0, "", "no execution ended longer than 30d ago\n")


def test_states_and_namespaces_narrow_it_down(taxi: Taxi, kept: Orchestrator) -> None:
    assert taxi("purge", "--older-than", "1m", "--namespace", "other").out == ""
    purged = taxi("purge", "--older-than", "4w", "--state", "failed", "--json").json
    assert [(one["id"], one["state"], one["files"]) for one in purged] == [("failed", "FAILED", 1)]
    assert taxi("purge", "--older-than", "1h", "--namespace", "nyc").code == 0
    assert there(kept) == {"running"}


def test_what_was_called_by_one_that_goes_on_stays(taxi: Taxi, kept: Orchestrator) -> None:
    caller = Caller(execution_id="running", task_run_id="r", waits=True, depth=1)
    keep(kept, "child", State.SUCCESS, caller=caller)
    taxi("purge", "--older-than", "30d")
    assert there(kept) == {"late", "running", "child"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--older-than", "a month"], "--older-than a month is not an age; write it as 30d, 12h or 90m"),
        (["--older-than", "30d", "--state", "RUNNING"], "--state RUNNING does not end an execution; valid are "),
        ([], "missing option '--older-than'"),
    ],
)
def test_what_is_wrong_is_said(taxi: Taxi, arguments: list[str], said: str) -> None:
    result = taxi("purge", *arguments)
    assert result.code == 2
    assert said in result.err
