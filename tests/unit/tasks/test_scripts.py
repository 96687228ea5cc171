"""Shell and Python tasks, run by an engine and its workers: files in, commands, files and outputs out."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.engines import Bench, Ran, running
from tests.support.worker_tasks import one_task

LIMIT = 60.0


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with running(tmp_path_factory.mktemp("home")) as found:
        yield found


def run(bench: Bench, *tasks: dict[str, Any], **more: Any) -> Ran:
    return bench.finish(bench.submit(one_task(*tasks, **more)).id, LIMIT)


def shell(bench: Bench, *commands: str, **more: Any) -> Ran:
    return run(bench, {"type": "shell.commands", "commands": list(commands), **more})


def content(bench: Bench, uri: str) -> bytes:
    with bench.parts.files.open(uri) as file:
        return file.read()


def test_stdout_is_info_and_stderr_is_error_and_neither_changes_the_state(bench: Bench) -> None:
    ran = shell(bench, "echo out", "echo bad >&2", warningOnStdErr=True)
    assert ran.states == {"t": "SUCCESS"}, ran.lines
    assert sorted(ran.lines) == ["ERROR t: bad", "INFO t: out"]
    assert ran.runs[0].outputs == {
        "exitCode": 0, "vars": {}, "outputFiles": {}, "stdOutLineCount": 1, "stdErrLineCount": 1
    }  # fmt: skip


def test_all_commands_share_one_shell_that_ends_at_the_first_failure(bench: Bench) -> None:
    ran = shell(bench, "x=5", "cd /", "echo $x in $PWD", "false", "echo never")
    assert ran.lines == ["INFO t: 5 in /", "ERROR t: the commands ended with exit code 1"]
    assert (ran.runs[0].error, ran.runs[0].outputs["exitCode"]) == ("the commands ended with exit code 1", 1)


def test_a_failure_inside_a_pipe_is_none_as_without_pipefail(bench: Bench) -> None:
    assert shell(bench, "false | true", "echo on").lines == ["INFO t: on"]


def test_without_fail_fast_the_last_command_decides(bench: Bench) -> None:
    assert shell(bench, "false", "echo on", failFast=False).states == {"t": "SUCCESS"}


def test_before_commands_and_interpreter_and_env_are_used(bench: Bench) -> None:
    ran = shell(
        bench,
        'echo "$A-$B-$C-$D" $0 ${LIST[2]}',
        beforeCommands=["LIST=(1 2 3)"],
        interpreter=["/bin/bash", "-c"],
        env={"A": "it's {{ 1 + 1 }}", "B": 7, "C": True, "D": None},
    )
    assert ran.lines == ["INFO t: it's 2-7-true- /bin/bash 3"]


def test_reports_become_outputs_and_metrics_and_stay_out_of_the_log(bench: Bench) -> None:
    ran = shell(
        bench,
        """echo '::{"outputs":{"rows":7,"list":[1,{"a":null}]}}::'""",
        """echo '::{"outputs":{"rows":8},"metrics":[{"name":"n","type":"timer","value":1.5,"tags":{"of":"x"}}]}::'""",
        """echo '::{"logs":[{"level":"WARN","message":"careful"}]}::' >&2""",
        "echo '::{not json}::'",
        "echo ' ::{}:: is text'",
    )
    assert ran.runs[0].outputs["vars"] == {"rows": 8, "list": [1, {"a": None}]}
    (metric,) = [one for one in bench.parts.logs.metrics(ran.execution.id) if one.name == "n"]
    assert (metric.type, metric.value, metric.tags) == ("timer", 1.5, {"of": "x"})
    assert sorted(line.partition("(")[0] for line in ran.lines) == [
        "INFO t:  ::{}:: is text", "WARN t: careful", "WARN t: this line says nothing one can keep "
    ]  # fmt: skip


def test_files_go_in_and_out_and_on_to_the_next_task(bench: Bench) -> None:
    ran = run(
        bench,
        {
            "id": "first",
            "type": "shell.commands",
            "inputFiles": {"in/a.txt": "hello {{ flow.id }}\n", "b.json": {"x": 1}, "none.txt": None},
            "commands": [
                "mkdir 'o ut'",
                "cp in/a.txt 'o ut/50%.csv'",
                "cat b.json; ls",
                "cp b.json {{ workingDir }}/c.csv",
            ],
            "outputFiles": ["**.csv"],
        },
        {
            "id": "second",
            "type": "shell.script",
            "inputFiles": '{"given.csv": "{{ outputs.first.outputFiles[\'o ut/50%.csv\'] }}"}',
            "script": "cat given.csv\ncat \"{{ outputs.first.outputFiles['o ut/50%.csv'] }}\"\n",
            "outputFiles": ["**"],
        },
    )
    assert ran.states == {"first": "SUCCESS", "second": "SUCCESS"}, ran.lines
    assert ran.lines[-2:] == ["INFO second: hello f"] * 2
    assert 'INFO first: {"x":1}b.json' in ran.lines
    kept = ran.runs[0].outputs["outputFiles"]
    assert sorted(kept) == ["c.csv", "o ut/50%.csv"]
    assert content(bench, kept["o ut/50%.csv"]) == b"hello f\n"
    assert list(ran.runs[1].outputs["outputFiles"]) == ["given.csv"], "what is ours is no output"


def test_a_named_output_file_that_is_not_there_is_a_failure(bench: Bench) -> None:
    ran = shell(bench, "touch b.csv", outputFiles=["a.csv"])
    assert ran.states == {"t": "FAILED"}
    assert ran.runs[0].error == "outputFiles names 'a.csv', but there is no such file; there is b.csv"


def test_a_glob_without_a_file_is_said_in_the_log(bench: Bench) -> None:
    ran = shell(bench, "true", outputFiles=["*.csv"])
    assert ran.states == {"t": "SUCCESS"}, ran.lines
    assert ran.lines == ["WARN t: outputFiles: no file is like '*.csv'; there is no file at all"]


def test_what_a_failed_task_made_is_kept_all_the_same(bench: Bench) -> None:
    ran = shell(bench, "touch a.csv", """echo '::{"outputs":{"n":1}}::'""", "exit 3", outputFiles=["*.csv", "b"])
    outputs = ran.runs[0].outputs
    assert (outputs["exitCode"], outputs["vars"], list(outputs["outputFiles"])) == (3, {"n": 1}, ["a.csv"])


@pytest.mark.parametrize("name", ["../x", "/etc/x", "a/../../x", ""])
def test_an_input_file_cannot_leave_the_working_folder(bench: Bench, name: str) -> None:
    ran = shell(bench, "true", inputFiles={name: "x"})
    assert ran.states == {"t": "FAILED"}
    assert "is not a name for a file in the working folder" in (ran.runs[0].error or "")


def test_a_stored_file_that_is_gone_is_named(bench: Bench) -> None:
    ran = shell(bench, "cat kestra:///no/such/file.csv")
    assert (ran.runs[0].error or "").startswith("there is no file kestra:///no/such/file.csv")


def test_what_cannot_be_started_is_said(bench: Bench) -> None:
    ran = shell(bench, "true", interpreter=["/no/such/shell"])
    assert (ran.runs[0].error or "").startswith("/no/such/shell cannot be started: No such file")
    ran = shell(bench, "x" * 200_000)
    assert (ran.runs[0].error or "").startswith("/bin/sh cannot be started: Argument list too long; give a long script")


def test_secrets_are_not_among_the_variables_of_commands(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_X", "x")
    assert shell(bench, "env | grep -c -e ^SECRET_ -e ^TAXI_SECRET || true").lines == ["INFO t: 0"]


def test_a_python_script_runs_in_the_working_folder_and_sees_the_modules_there(bench: Bench) -> None:
    script = "import helper, os\nprint(helper.X, sorted(os.listdir()))\nopen('o.csv', 'w').write('1')\n"
    ran = run(
        bench,
        {
            "type": "python.script",
            "script": script,
            "inputFiles": {"helper.py": "X = 41 + 1"},
            "outputFiles": ["*.csv"],
        },
    )
    assert ran.states == {"t": "SUCCESS"}, ran.lines
    assert ran.lines[0].startswith("INFO t: 42 ['.taxi-")
    assert list(ran.runs[0].outputs["outputFiles"]) == ["o.csv"]


def test_python_prints_line_by_line_while_it_runs(bench: Bench) -> None:
    script = "import time\nprint('first')\ntime.sleep(30)\n"
    execution = bench.submit(one_task({"type": "python.script", "script": script}))
    bench.until(lambda: "INFO t: first" in bench.look(execution.id).lines)
    bench.control.kill(bench.control.execution(execution.id))
    assert bench.finish(execution.id).states == {"t": "KILLED"}


def test_python_commands_find_python_and_fail_with_its_traceback(bench: Bench) -> None:
    task = {"type": "python.commands", "commands": ["python3 main.py"], "inputFiles": {"main.py": "1 / 0"}}
    ran = run(bench, task)
    assert ran.states == {"t": "FAILED"}
    assert "ERROR t: ZeroDivisionError: division by zero" in ran.lines


def test_tasks_of_a_working_directory_share_files_and_leave_nothing_of_ours(bench: Bench) -> None:
    ran = run(
        bench,
        {
            "id": "shared",
            "type": "io.kestra.plugin.core.flow.WorkingDirectory",
            "tasks": [
                {"id": "a", "type": "python.script", "script": "open('x', 'w').write('1')"},
                {"id": "b", "type": "shell.commands", "commands": ["cat x", "ls -A | grep -v taxi-"]},
            ],
        },
    )
    assert ran.lines == ["INFO b: 1x"]


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `docker` that notes what it is asked, and runs what it should run in a container right here."""
    program = tmp_path / "docker"
    program.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$*" | head -1 >> {tmp_path}/asked\n'
        'case "$*" in *" run "*) ;; *) exit 0 ;; esac\nwhile [ "$1" != img:1 ]; do shift; done\nshift\nexec "$@"\n'
    )
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path / "asked"


def test_with_a_docker_engine_it_runs_in_a_container_that_is_removed(docker: Path, tmp_path: Path) -> None:
    runner = {"type": "docker", "networkMode": "host", "memory": {"memory": "512MB"}, "pullPolicy": "NEVER"}
    runner |= {"credentials": {"registry": "r.example", "username": "u", "password": "p"}}
    with running(tmp_path / "home") as bench:
        ran = shell(bench, "echo in $A", env={"A": "b"}, taskRunner=runner, containerImage="img:1")
    assert ran.lines == ["INFO t: in b"]
    info, started, removed = docker.read_text().splitlines()
    assert info.startswith("info")
    assert " run --rm --init --name taxi-" in started
    assert "--env A --network host --memory 512m img:1 /bin/sh -c set -e" in started.replace("--env WORKING_DIR ", "")
    assert "rm --force taxi-" in removed


def test_without_a_docker_engine_it_runs_as_a_process_and_says_so(bench: Bench) -> None:
    for written in ({"taskRunner": {"type": "io.kestra.plugin.scripts.runner.docker.Docker"}}, {"runner": "DOCKER"}):
        ran = shell(bench, "echo here", containerImage="ubuntu:24.04", **written)
        assert ran.lines == [
            "WARN t: there is no Docker engine: this runs as a process, not in the image ubuntu:24.04", "INFO t: here"
        ]  # fmt: skip


def test_a_shell_task_costs_little_more_than_its_command(bench: Bench) -> None:
    shell(bench, "true")
    begun = time.monotonic()
    for _ in range(5):
        shell(bench, "true")
    assert (time.monotonic() - begun) / 5 < 0.5  # of the whole execution; tests/bench has the exact figure
