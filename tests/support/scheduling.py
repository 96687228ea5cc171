"""Schedulers on real stores, with a clock that is set by hand; executions end when a test says so."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.domain.states import State
from taxi_pipelines.domain.trigger import TriggerState
from taxi_pipelines.engine.control import Control
from taxi_pipelines.engine.parts import Parts
from taxi_pipelines.flow_interfaces import Batch, ExecutionFilter, Page
from taxi_pipelines.scheduler.control import TriggerControl
from taxi_pipelines.scheduler.polling.look import Watcher
from taxi_pipelines.scheduler.scheduler import Scheduler
from taxi_pipelines.store.backfills import BackfillStore
from taxi_pipelines.store.endings import EndingStore
from taxi_pipelines.store.engines import EngineStore
from taxi_pipelines.store.executions import ExecutionStore
from taxi_pipelines.store.flows import FlowStore
from taxi_pipelines.store.kv import KeyValueStore
from taxi_pipelines.store.secrets import SecretStore
from taxi_pipelines.store.triggers import TriggerStore
from tests.support.engines import parts_of
from tests.support.metadata import Place, database_at

START = datetime(2021, 1, 1, tzinfo=UTC)


def flow(triggers: str, *, id: str = "f", **more: str) -> str:
    """A flow's text, with these triggers and further properties."""
    extra = "\n".join(f"{key}: {value}" for key, value in more.items())
    task = "tasks: [{id: t, type: log, message: hello}]"
    return f"id: {id}\nnamespace: a\n{extra}\n{task}\n" + (f"triggers:\n{triggers}" if triggers else "")


@dataclass
class Clock:
    """The time, as a test sets it."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Scene:
    """A scheduler, the verbs, and the time."""

    parts: Parts
    clock: Clock
    watchers: Mapping[str, Watcher] = field(default_factory=dict)
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.control, self.triggers = Control(self.parts), TriggerControl(self.parts)
        self.scheduler = Scheduler(self.parts, self.watchers, say=self.said.append)
        self._batch = 0

    def save(self, text: str) -> None:
        self.control.save_flow(text)

    def step(self, now: datetime | str | None = None) -> None:
        """One step, at that time; of 2021 where only month, day and time are given."""
        if isinstance(now, str):
            now = datetime.fromisoformat(f"2021-{now}+00:00")
        self.clock.now = now or self.clock.now
        self.scheduler.step(self.clock.now)

    def settle(self, now: datetime | str | None = None, steps: int = 10) -> None:
        """Steps, each beginning with the good end of whatever goes on."""
        self.step(now)
        for _ in range(steps):
            self.end_all()
            self.step()

    def state(self, trigger: str = "t", flow: str = "f") -> TriggerState:
        found = self.parts.triggers.find("a", flow, trigger)
        assert found is not None
        return found

    def executions(self, flow: str | None = None) -> list[Execution]:
        """All of them, oldest first."""
        found = self.parts.executions.search(ExecutionFilter(flow_id=flow), Page(limit=10_000))
        return found[::-1]

    def dates(self, flow: str | None = None) -> list[str]:
        """The slots of all executions, oldest first."""
        return [str((execution.trigger or {})["date"]) for execution in self.executions(flow)]

    def end(self, execution: Execution, state: State = State.SUCCESS, **changes: Any) -> None:
        """As an engine ends it."""
        self.parts.engines.claim("engine", execution.id)
        begun = replace(execution, state=state, started_at=self.clock.now, ended_at=self.clock.now, **changes)
        assert self.parts.engines.commit("engine", Batch(executions=[begun], released=[begun.id])) == []

    def look(self, after: timedelta = timedelta()) -> list[dict[str, Any]]:
        """One look of every polling trigger that is due after so long; the `trigger` of what it started, which ends at once."""
        before = len(self.executions())
        self.step(self.clock.now + after)
        while any(thread.name.startswith("watching") for thread in threading.enumerate()):
            self.scheduler.wait(0.02)
        self.step()
        new = [dict(execution.trigger or {}) for execution in self.executions()[before:]]
        self.end_all()
        return new

    def end_all(self, state: State = State.SUCCESS) -> None:
        for execution in self.executions():
            if not execution.state.has_ended:
                self.end(execution, state)


@contextmanager
def scene_at(place: Place, **more: Any) -> Iterator[Scene]:
    """On the metadata database of a place."""
    clock = Clock()
    with parts_of(place.home / "unused", clock=clock) as parts, database_at(place) as database:
        executions = ExecutionStore(database)
        stores = replace(
            parts,
            flows=FlowStore(database),
            executions=executions,
            logs=executions,
            engines=EngineStore(database),
            triggers=TriggerStore(database),
            endings=EndingStore(database),
            backfills=BackfillStore(database),
            kv=KeyValueStore(database),
            secrets=SecretStore(database, place.home / "secret.key"),
        )
        if not any(engine == "engine" for engine, *_ in stores.engines.listed()):
            stores.engines.register("engine", "host", 1, clock.now)
        yield Scene(stores, clock, **more)


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)
