"""Schedulers and engines in several processes on one database, killed at random: every slot is executed once, and ends."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from taxi_pipelines.domain.states import State
from taxi_pipelines.flow_interfaces import ExecutionFilter, Page
from taxi_pipelines.orchestrator import Orchestrator
from tests.support import postgres
from tests.support.metadata import postgres_schema

FLOW = """\
id: clockwork
namespace: demo
tasks: [{id: nap, type: sleep, duration: PT0.3S}]
triggers: [{id: t, type: schedule, cron: "* * * * * *", allowConcurrent: true}]
"""
AFTER = """\
id: after
namespace: demo
tasks: [{id: t, type: return, format: x}]
triggers:
  - {id: t, type: flow, conditions: [{type: executionFlow, namespace: demo, flowId: clockwork}]}
"""
WORKER = """
import sys, threading
from taxi_pipelines.orchestrator import Orchestrator
with Orchestrator(home=sys.argv[1], database_url=sys.argv[2] or None, lease_seconds=1) as taxi:
    engine, _ = taxi.start_engine()
    scheduler = taxi.start_scheduler(on_fired=lambda executions: engine.look())
    threading.Thread(target=scheduler.run_until, args=(lambda: False,), daemon=True).start()
    print("ready", flush=True)
    engine.run_until(lambda: False)
"""
SECONDS = 8


class Crew:
    """Processes; whatever still runs in the end is killed."""

    def __init__(self, home: Path, url: str) -> None:
        self._place = (str(home), url)
        self._members: list[subprocess.Popen[str]] = []

    def hire(self) -> None:
        command = [sys.executable, "-c", WORKER, *self._place]
        member = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self._members.append(member)

    def kill(self, number: int) -> None:
        member = self._members.pop(number)
        member.kill()
        member.communicate()

    def dismiss(self) -> None:
        while self._members:
            self.kill(0)


@pytest.fixture(params=[pytest.param("sqlite", marks=pytest.mark.slow), "postgres"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return ""
    place = postgres_schema(tmp_path)
    postgres.execute(place.server, f"CREATE SCHEMA {place.schema}")
    return place.url


@pytest.fixture
def crew(tmp_path: Path, url: str) -> Iterator[Crew]:
    crew = Crew(tmp_path / "home", url)
    yield crew
    crew.dismiss()


def test_every_slot_is_executed_once_whoever_is_killed(crew: Crew, tmp_path: Path, url: str) -> None:
    chance = random.Random(7)
    with Orchestrator(home=tmp_path / "home", database_url=url or None) as taxi:
        taxi.control.save_flow(FLOW)
        taxi.control.save_flow(AFTER)
        for _ in range(3):
            crew.hire()
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            time.sleep(chance.uniform(0.8, 1.6))
            crew.kill(chance.randrange(3))
            crew.hire()
        taxi.triggers.disable("demo.clockwork.t")

        deadline = time.monotonic() + 30
        while (slots := ended(taxi, "clockwork")) is None or len(ended(taxi, "after") or ()) != len(slots):
            assert time.monotonic() < deadline, "not everything came to its end"
            time.sleep(0.2)
    assert len(slots) >= SECONDS - 2
    assert slots == [slots[0] + timedelta(seconds=number) for number in range(len(slots))]


def ended(taxi: Orchestrator, flow: str) -> list[datetime] | None:
    """The slots of a flow's executions, or when what they follow had ended; None where one has not ended well yet."""
    executions = taxi.control.executions(ExecutionFilter(flow_id=flow), Page(limit=1_000))
    if any(one.state is not State.SUCCESS for one in executions):
        return None
    triggers = [one.trigger or {} for one in executions]
    return sorted(datetime.fromisoformat(trigger.get("date") or trigger["endDate"]) for trigger in triggers)
