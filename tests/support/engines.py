"""Engines on real stores in a folder of their own, for tests: flows are given as text, executions are run to their end."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from taxi_pipelines.domain.execution import Execution, TaskRun
from taxi_pipelines.engine.control import Control
from taxi_pipelines.engine.engine import Engine
from taxi_pipelines.engine.parts import Parts
from taxi_pipelines.executors.local import LocalExecutor
from taxi_pipelines.files.local import LocalFiles
from taxi_pipelines.flowspec.build import parse_flow
from taxi_pipelines.store.alerts import AlertStore
from taxi_pipelines.store.backfills import BackfillStore
from taxi_pipelines.store.database import Database
from taxi_pipelines.store.endings import EndingStore
from taxi_pipelines.store.engines import EngineStore
from taxi_pipelines.store.executions import ExecutionStore
from taxi_pipelines.store.flows import FlowStore
from taxi_pipelines.store.kv import KeyValueStore
from taxi_pipelines.store.secrets import SecretStore
from taxi_pipelines.store.statistics import StatisticsStore
from taxi_pipelines.store.triggers import TriggerStore
from taxi_pipelines.task_types import TypeCatalog
from taxi_pipelines.tasks.registry import REGISTRY

_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


def new_id() -> str:
    """As wiring makes them."""
    return "".join(random.SystemRandom().choices(_LETTERS, k=20))


@contextmanager
def parts_of(home: Path, *, catalog: TypeCatalog = REGISTRY, workers: int = 2, **changes: Any) -> Iterator[Parts]:
    """Everything an engine needs, in a folder."""
    with closing(Database(home / "metadata.db")) as database:
        executions = ExecutionStore(database)
        parts = Parts(
            flows=FlowStore(database),
            executions=executions,
            engines=EngineStore(database),
            logs=executions,
            statistics=StatisticsStore(database),
            triggers=TriggerStore(database),
            endings=EndingStore(database),
            backfills=BackfillStore(database),
            alerts=AlertStore(database),
            kv=KeyValueStore(database),
            secrets=SecretStore(database, home / "secret.key"),
            files=LocalFiles(home / "files"),
            executor=LocalExecutor(workers=workers, grace=0.5),
            catalog=catalog,
            clock=lambda: datetime.now(UTC),
            random=random.Random(7),
            new_id=new_id,
            folder=home / "work",
            cache=home / "cache",
            zone=ZoneInfo("UTC"),
            host="test",
            files_root=str(home / "files"),
        )
        yield replace(parts, **changes)


@dataclass(frozen=True, slots=True)
class Ran:
    """An execution that has been run, with everything it left behind."""

    execution: Execution
    runs: list[TaskRun]
    lines: list[str]

    @property
    def states(self) -> dict[str, str]:
        """Task id → state of its last run."""
        return {run.task_id: str(run.state) for run in self.runs}


@dataclass(frozen=True, slots=True)
class Bench:
    """A running engine and the verbs, on one home."""

    parts: Parts
    control: Control
    engine: Engine

    def save(self, *sources: str) -> None:
        """Keeps flows."""
        for source in sources:
            self.control.save_flow(source)

    def submit(self, source: str, inputs: Mapping[str, object] | None = None, **more: Any) -> Execution:
        """Saves the flow and begins an execution of it."""
        stored = self.control.save_flow(source)
        flow = self.control.flow(stored.namespace, stored.id)
        execution = self.control.make_execution(flow, inputs or {}, **more)
        self.engine.submit(execution)
        return execution

    def run(self, source: str, inputs: Mapping[str, object] | None = None, **more: Any) -> Ran:
        """Runs an execution to its end."""
        return self.finish(self.submit(source, inputs, **more).id)

    def finish(self, execution_id: str, seconds: float = 20) -> Ran:
        """Cycles until the execution has ended."""
        self.until(lambda: self.control.execution(execution_id).state.has_ended, seconds)
        return self.look(execution_id)

    def until(self, is_so: Callable[[], bool], seconds: float = 20) -> None:
        """Cycles until it is so."""
        end = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < end, "it did not come to pass"
            self.engine.step(0.05)

    def look(self, execution_id: str) -> Ran:
        """What there is of an execution now."""
        return Ran(
            execution=self.control.execution(execution_id),
            runs=self.parts.executions.task_runs(execution_id),
            lines=[
                f"{line.level} {line.task_id or '-'}: {line.message}" for line in self.parts.logs.lines(execution_id)
            ],
        )


@contextmanager
def running(home: Path, **options: Any) -> Iterator[Bench]:
    """An engine that runs while the block does."""
    with parts_of(home, **options) as parts:
        engine = Engine(parts, id=new_id())
        engine.start()
        try:
            yield Bench(parts, Control(parts), engine)
        finally:
            engine.close(grace=0.5)


def parse(source: str) -> Any:
    """A flow of this version's types."""
    return parse_flow(source, REGISTRY)
