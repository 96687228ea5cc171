"""`taxi trigger backfill` as a process: killed, interrupted, and gone on with; each slot is executed once."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from subprocess import Popen
from typing import Any

import pytest

from tests.acceptance.test_flow_cli import SECONDS, Shell
from tests.support.cli_flows import write

NAPPING = """\
id: napping
namespace: demo
tasks:
  - {id: nap, type: sleep, duration: PT0.4S}
triggers:
  - {id: t, type: schedule, cron: "0 9 1 * *"}
"""
BACKFILL = ("trigger", "backfill", "demo.napping.t", "--start", "2021-01", "--end", "2021-06", "--parallel", "2")


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    shell = Shell(tmp_path)
    [path] = write(tmp_path, NAPPING)
    assert shell.run("flow", "import", str(path)).returncode == 0
    yield shell
    shell.close()


def begun(shell: Shell) -> Popen[str]:
    """A backfill of which one slot has ended."""
    process = shell.start(*BACKFILL)
    assert process.stderr is not None
    assert process.stderr.readline().startswith("[1/6]")
    return process


def only(shell: Shell) -> dict[str, Any]:
    [view] = shell.json("trigger", "backfills", "list")
    return dict(view)


def slots_executed(shell: Shell) -> list[str]:
    return sorted(one["trigger"]["date"] for one in shell.json("execution", "list"))


def test_after_a_kill_another_process_goes_on_and_executes_each_slot_once(shell: Shell) -> None:
    process = begun(shell)
    process.kill()
    process.communicate()
    left = only(shell)
    assert left["state"] == "RUNNING"
    resumed = shell.run("trigger", "backfills", "resume", left["id"], "--json")
    assert resumed.returncode == 0, resumed.stderr
    assert json.loads(resumed.stdout)["counts"] == {"SUCCESS": 6}
    assert slots_executed(shell) == [f"2021-0{month}-01T09:00:00Z" for month in range(1, 7)]


def test_ctrl_c_pauses_lets_what_runs_end_and_says_how_to_go_on(shell: Shell) -> None:
    process = begun(shell)
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == 130
    left = only(shell)
    assert left["state"] == "PAUSED"
    assert set(left["counts"]) == {"SUCCESS", "WAITING"}
    assert f"go on with: taxi trigger backfills resume {left['id']}" in err
    assert "PAUSED" in out
    assert shell.run("trigger", "backfills", "resume", left["id"][:6]).returncode == 0
    assert len(slots_executed(shell)) == 6
