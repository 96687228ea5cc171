"""`taxi flow run` and `taxi execution` as processes: signals, several processes on one home, and what a dead one leaves."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import pytest

from tests.support.cli_flows import ASKING, HELLO, PARENT, write

COMMAND = [sys.executable, "-m", "taxi_pipelines"]
SECONDS = 120


class Shell:
    """Runs `taxi` in a folder; whatever still runs in the end is killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._environment = {**os.environ, "TAXI_HOME": str(folder / "home")}
        self._started: list[Popen[str]] = []

    def start(self, *arguments: str) -> Popen[str]:
        process = Popen(
            [*COMMAND, *arguments], cwd=self.folder, env=self._environment, stdout=PIPE, stderr=PIPE, text=True
        )
        self._started.append(process)
        return process

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=SECONDS,
        )

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--json").stdout)

    def newest(self, state: str) -> str | None:
        """The id of the newest execution, if it is in that state."""
        found = self.json("execution", "list", "--limit", "1")
        return str(found[0]["id"]) if found and found[0]["state"] == state else None

    def wait_for(self, state: str) -> str:
        """The id of the newest execution, once it is in that state."""
        end = time.monotonic() + SECONDS
        while (id := self.newest(state)) is None:
            assert time.monotonic() < end, f"no execution came to be {state}"
        return id

    def in_terminal(self, *arguments: str) -> str:
        """What the command writes to a terminal."""
        ours, theirs = pty.openpty()
        environment = {**self._environment, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"}
        process = Popen([*COMMAND, *arguments], cwd=self.folder, env=environment, stdout=theirs, stderr=theirs)
        os.close(theirs)
        written = b""
        while data := _read(ours):
            written += data
        os.close(ours)
        process.wait(SECONDS)
        return re.sub(r"\x1b\[[?0-9;]*[A-Za-z]", "", written.decode())

    def close(self) -> None:
        for process in self._started:
            process.kill()
            process.communicate()


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65_536)
    except OSError:  # the other side is closed
        return b""


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    shell = Shell(tmp_path)
    yield shell
    shell.close()


def ended(process: Popen[str]) -> tuple[int, str]:
    """Exit code and stderr."""
    _, err = process.communicate(timeout=SECONDS)
    return process.returncode, err


def begun(process: Popen[str]) -> str:
    """The first line it says."""
    assert process.stderr is not None
    return process.stderr.readline()


def test_ctrl_c_kills_the_execution(shell: Shell) -> None:
    write(shell.folder, ASKING)
    process = shell.start("flow", "run", "asking.yaml")
    id = shell.wait_for("PAUSED")
    process.send_signal(signal.SIGINT)
    code, err = ended(process)
    assert code == 1
    assert "killing it; Ctrl-C again leaves it to the next start" in err
    assert shell.newest("KILLED") == id


@pytest.mark.parametrize(
    ("stop", "code"),
    [
        (lambda process: process.send_signal(signal.SIGTERM), 128 + signal.SIGTERM),
        (lambda process: process.kill(), -signal.SIGKILL),
    ],
    ids=["SIGTERM", "SIGKILL"],
)
def test_what_a_stopped_process_leaves_goes_on_with_the_next(
    shell: Shell, stop: Callable[[Popen[str]], None], code: int
) -> None:
    write(shell.folder, ASKING, HELLO)
    process = shell.start("flow", "run", "asking.yaml")
    id = shell.wait_for("PAUSED")
    stop(process)
    assert ended(process)[0] == code
    said = shell.run("flow", "run", "hello.yaml")
    assert said.returncode == 0
    assert f"goes on with 1 execution that a dead process left: {id} (asking)" in said.stderr
    assert f"taxi execution follow {id}" in said.stderr
    resumed = shell.run("execution", "resume", id[:8], "-i", "reason=fun", "--json")
    assert resumed.returncode == 0
    view = json.loads(resumed.stdout)
    assert (view["state"], [run["taskId"] for run in view["taskRuns"]]) == ("SUCCESS", ["gate", "out"])


def test_another_process_kills_and_a_third_one_watches(shell: Shell) -> None:
    write(shell.folder, ASKING)
    process = shell.start("flow", "run", "asking.yaml")
    id = shell.wait_for("PAUSED")
    watcher = shell.start("execution", "follow", id)
    first = begun(watcher)
    killed = shell.run("execution", "kill", id[:6])
    assert (killed.returncode, killed.stderr) == (0, f"{id} is KILLED\n")
    assert id in first
    for one in (process, watcher):
        code, err = ended(one)
        assert code == 1
        assert "gate  KILLED" in err


def test_a_paused_run_goes_on_when_another_process_resumes_it(shell: Shell) -> None:
    write(shell.folder, ASKING)
    process = shell.start("flow", "run", "asking.yaml")
    id = shell.wait_for("PAUSED")
    resumed = shell.run("execution", "resume", id, "-i", "reason=fun")
    assert (resumed.returncode, ended(process)[0]) == (0, 0)
    assert "because fun true" in resumed.stderr


def test_leaving_off_watching_leaves_the_execution_alone(shell: Shell) -> None:
    write(shell.folder, ASKING)
    shell.start("flow", "run", "asking.yaml")
    id = shell.wait_for("PAUSED")
    watcher = shell.start("execution", "follow", id)
    begun(watcher)
    watcher.send_signal(signal.SIGINT)
    assert ended(watcher)[0] == 128 + signal.SIGINT
    assert shell.newest("PAUSED") == id


def test_a_terminal_shows_the_tree_with_subflows(shell: Shell) -> None:
    write(shell.folder, PARENT, HELLO)
    written = shell.in_terminal("flow", "run", "parent.yaml")
    lines = [line.strip() for line in written.rpartition("✓ demo.parent")[2].splitlines()]
    assert "SUCCESS" in lines[0]
    assert [line.split("  ")[0] for line in lines[1:4]] == ["✓ call", "✓ demo.hello", "✓ greet"]
    assert lines[4] == "heard: hello kid"
