"""`taxi execution`, in this process: every verb on what earlier commands left behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli_flows import ASKING, FAILING, HELLO, NAPPING, write
from tests.unit.cli.conftest import Taxi


@pytest.fixture
def failed(taxi: Taxi, tmp_path: Path) -> str:
    """The id of an execution that failed."""
    write(tmp_path, FAILING)
    return str(taxi("flow", "run", "failing.yaml", "--json").json["id"])


def left(taxi: Taxi, tmp_path: Path, text: str) -> str:
    """The id of an execution that is stored and not begun: a replay of a killed one, as nobody drives it."""
    [path] = write(tmp_path, text)
    from taxi_pipelines.orchestrator import Orchestrator

    with Orchestrator(home=tmp_path / "home") as orchestrator:
        execution = orchestrator.control.make_execution(orchestrator.save_file(path), {})
        orchestrator.control.store_execution(execution)
    return execution.id


def test_executions_are_listed_newest_first(taxi: Taxi, tmp_path: Path, failed: str) -> None:
    write(tmp_path, HELLO)
    taxi("flow", "run", "hello.yaml", "--label", "team=a")
    lines = taxi("execution", "list").out.splitlines()
    assert lines[0].split() == ["id", "flow", "state", "created", "took", "labels"]
    assert lines[1].split()[1:3] == ["demo.hello", "SUCCESS"]
    assert lines[1].endswith("team=a")
    assert lines[2].split()[:3] == [failed[:8], "demo.failing", "FAILED"]
    for arguments in (["--state", "failed"], ["--flow", "failing"], ["--flow", "demo.failing"]):
        assert [one["id"] for one in taxi("execution", "list", *arguments, "--json").json] == [failed]
    assert len(taxi("execution", "list", "--limit", "1", "--json").json) == 1
    assert taxi("execution", "list", "--namespace", "other").err == "there is no such execution\n"
    assert taxi("execution", "list", "--state", "nix").code == 2


def test_an_execution_is_shown_as_a_tree_with_reasons(taxi: Taxi, failed: str) -> None:
    lines = taxi("execution", "show", failed[:6]).out.splitlines()
    names = [line.split("  ")[0] if depth == 0 else line.strip().split("  ")[0] for depth, line in enumerate(lines[:5])]
    assert names == ["✗ demo.failing", "✓ each", "✓ say [green]", "✓ say [yellow]", "✗ boom"]
    assert lines[4].endswith("no luck today")
    assert taxi("execution", "show", failed, "--json").json["state"] == "FAILED"


def test_logs_are_printed_by_level_and_task(taxi: Taxi, failed: str) -> None:
    assert [line.split("  ", 1)[1] for line in taxi("execution", "logs", failed).out.splitlines()] == [
        "INFO   say [green]  did green",
        "INFO   say [yellow]  did yellow",
        "ERROR  boom  no luck today",
    ]
    assert len(taxi("execution", "logs", failed, "--task", "say").out.splitlines()) == 2
    assert len(taxi("execution", "logs", failed, "--level", "warn").out.splitlines()) == 1
    assert len(taxi("execution", "logs", failed, "--follow").out.splitlines()) == 3


def test_a_restart_goes_on_in_the_same_execution(taxi: Taxi, failed: str) -> None:
    said = taxi("execution", "restart", failed[:6], "--json")
    assert said.code == 1
    assert said.json["id"] == failed
    attempts = {run["taskId"]: len(run["attempts"]) for run in said.json["taskRuns"]}
    assert attempts == {"each": 1, "say": 1, "boom": 2}


def test_a_replay_is_a_new_execution_from_a_task(taxi: Taxi, failed: str) -> None:
    said = taxi("execution", "replay", failed, "--from", "boom")
    assert said.code == 1
    assert "boom  ERROR  no luck today" in said.err
    assert "did green" not in said.err
    newest = taxi("execution", "list", "--json").json[0]["id"]
    assert newest != failed
    assert "after     execution " + failed in taxi("execution", "show", newest).out
    assert taxi("execution", "replay", failed, "--from", "nix").err.startswith("error[not-found]: no task run 'nix'")


def test_a_detached_replay_waits_for_the_next_engine(taxi: Taxi, failed: str) -> None:
    id = taxi("execution", "replay", failed, "--detach").out.strip()
    assert taxi("execution", "show", id, "--json").json["state"] == "CREATED"
    assert taxi("execution", "follow", id).code == 1
    assert taxi("execution", "show", id, "--json").json["state"] == "FAILED"


def test_what_nobody_drives_is_driven_by_whoever_follows_it(taxi: Taxi, tmp_path: Path) -> None:
    id = left(taxi, tmp_path, HELLO)
    said = taxi("execution", "follow", id[:6])
    assert (said.code, said.out) == (0, "said: hello world\n")
    assert "greet  INFO  Hello world!" in said.err


def test_a_run_goes_on_with_what_others_left(taxi: Taxi, tmp_path: Path) -> None:
    id = left(taxi, tmp_path, NAPPING)
    write(tmp_path, HELLO)
    said = taxi("flow", "run", "hello.yaml")
    assert said.code == 0
    assert said.err.splitlines()[0] == f"goes on with 1 execution that a dead process left: {id} (napping)"
    assert said.err.splitlines()[-1] == f"still unfinished: {id} (napping); go on with: taxi execution follow {id}"


def test_a_kill_is_obeyed_here_where_nobody_drives(taxi: Taxi, tmp_path: Path) -> None:
    id = left(taxi, tmp_path, NAPPING)
    said = taxi("execution", "kill", id)
    assert (said.code, said.err.splitlines()[-1]) == (0, f"{id} is KILLED")
    said = taxi("execution", "kill", id)
    assert (said.code, said.err) == (2, f"error[usage]: execution {id} has ended KILLED; there is nothing to kill\n")


def test_a_pause_asks_for_inputs_when_it_is_resumed(taxi: Taxi, tmp_path: Path) -> None:
    id = left(taxi, tmp_path, ASKING)
    from taxi_pipelines.orchestrator import Orchestrator

    with Orchestrator(home=tmp_path / "home") as orchestrator:
        engine, _ = orchestrator.start_engine()
        engine.run_until(lambda: orchestrator.control.execution(id).state == "PAUSED")
    assert taxi("execution", "resume", id).err.startswith("error[inputs-invalid]: input 'reason': a value is needed")
    assert taxi("execution", "pause", id).code == 2
    said = taxi("execution", "resume", id, "-i", "reason=fun")
    assert said.code == 0
    assert "out  INFO  because fun true" in said.err
    assert taxi("execution", "resume", id).err.startswith(
        f"error[usage]: execution {id} is SUCCESS and cannot be resumed"
    )


def test_an_execution_that_is_not_there_is_one_line(taxi: Taxi) -> None:
    said = taxi("execution", "show", "zzz")
    assert said.code == 1
    assert said.err == "error[not-found]: there is no execution zzz; `taxi execution list` shows the newest\n"
