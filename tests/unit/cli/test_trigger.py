"""`taxi trigger`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli_flows import HELLO, write
from tests.unit.cli.conftest import Taxi

MONTHLY = """\
id: monthly
namespace: demo
inputs:
  - {id: month, type: STRING}
  - {id: mode, type: STRING, defaults: a}
tasks:
  - {id: out, type: log, message: "{{ inputs.month }}"}
  - {id: bad, type: fail, runIf: "{{ inputs.month == '2021-03' and inputs.mode == 'a' }}"}
triggers:
  - id: t
    type: schedule
    cron: "0 9 1 * *"
    timezone: America/New_York
    inputs: {month: "{{ trigger.date | date('yyyy-MM') }}"}
"""
NAME = "demo.monthly.t"


@pytest.fixture
def kept(taxi: Taxi, tmp_path: Path) -> Taxi:
    """With a flow that has a schedule, and fails for March."""
    for path in write(tmp_path, MONTHLY, HELLO):
        assert taxi("flow", "import", str(path)).code == 0
    return taxi


def backfill(*more: str) -> tuple[str, ...]:
    return ("trigger", "backfill", NAME, "--start", "2021-02", "--end", "2021-04", *more)


def test_triggers_are_listed_with_their_slots_and_zone(kept: Taxi) -> None:
    listed = kept("trigger", "list").out
    assert "demo.monthly.t" in listed and "09:00 America/New_York" in listed and "enabled" in listed
    [view] = kept("trigger", "list", "--json").json
    assert (view["state"], view["timezone"], view["lastDate"]) == ("ENABLED", "America/New_York", None)
    assert "T09:00:00-0" in view["nextDate"]
    assert kept("trigger", "list", "--namespace", "other").err.startswith("no flow that is kept has a trigger")


def test_a_trigger_is_disabled_and_enabled(kept: Taxi) -> None:
    assert kept("trigger", "disable", NAME).err == f"{NAME} is disabled\n"
    view = kept("trigger", "show", NAME, "--json").json
    assert (view["state"], view["nextDate"]) == ("DISABLED", None)
    assert kept("trigger", "enable", NAME).err == f"{NAME} is enabled\n"
    assert kept("trigger", "show", NAME, "--json").json["nextDate"]


def test_an_unknown_trigger_names_the_nearest(kept: Taxi) -> None:
    found = kept("trigger", "enable", "demo.monthly.x")
    assert found.code == 1
    assert "there is no trigger demo.monthly.x" in found.err and NAME in found.err


def test_a_dry_run_lists_the_slots_and_keeps_nothing(kept: Taxi) -> None:
    found = kept(*backfill("--dry-run", "--json"))
    assert [(slot["slot"], slot["action"]) for slot in found.json["slots"]] == [
        ("2021-02-01T09:00:00-05:00", "run"),
        ("2021-03-01T09:00:00-05:00", "run"),
        ("2021-04-01T09:00:00-04:00", "run"),
    ]
    assert len(kept(*backfill("--dry-run")).out.splitlines()) == 4
    assert kept("trigger", "backfills", "list").err.startswith("there is no backfill")
    assert kept("execution", "list").err == "nothing has been executed yet\n"


def test_a_backfill_is_executed_here_and_its_failed_slots_again(kept: Taxi) -> None:
    found = kept(*backfill("--parallel", "2", "--label", "why=test"))
    assert found.code == 1
    assert [line.split()[0] for line in found.err.splitlines()] == ["[1/3]", "[2/3]", "[3/3]"]
    assert "2 success, 1 failed" in found.out
    [view] = kept("trigger", "backfills", "list", "--json").json
    assert (view["state"], view["counts"]) == ("DONE", {"SUCCESS": 2, "FAILED": 1})
    executions = kept("execution", "list", "--json").json
    assert {one["inputs"]["month"] for one in executions} == {"2021-02", "2021-03", "2021-04"}
    assert all(one["labels"] == {"why": "test"} for one in executions)
    assert kept("trigger", "backfills", "retry", view["id"][:5]).code == 1
    assert len(kept("execution", "list", "--json").json) == 4
    again = kept(*backfill("-i", "mode=b", "--json"))
    assert [slot["state"] for slot in again.json["slots"]] == ["SKIPPED", "SUCCESS", "SKIPPED"]
    assert again.code == 0


def test_a_backfill_is_left_paused_cancelled_and_resumed(kept: Taxi) -> None:
    one = kept(*backfill("--detach")).out.strip()
    assert kept("trigger", "backfills", "pause", one).err == f"{one} is PAUSED\n"
    resumed = kept("trigger", "backfills", "resume", one, "--json").json
    assert resumed["counts"] == {"SUCCESS": 2, "FAILED": 1}
    other = kept(*backfill("--detach", "--force")).out.strip()
    assert kept("trigger", "backfills", "cancel", other, "--json").json["counts"] == {"CANCELLED": 3}
    assert "CANCELLED" in kept("trigger", "backfills", "show", other).out
    assert kept("trigger", "backfills", "resume", other).code == 2


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("-i", "color=red"), "there is no such input"),
        (("--label", "system.x=1"), "labels that begin with `system.` are reserved"),
        (("--parallel", "0"), "parallel"),
    ],
)
def test_wrong_usage_is_said_in_one_line(kept: Taxi, more: tuple[str, ...], said: str) -> None:
    found = kept(*backfill(*more))
    assert (found.code, found.err.count("\n")) == (2, 1)
    assert said in found.err
