"""`Service`: what one process of `taxi up` has at work: an engine, a scheduler, a folder of flows, each in a thread of its own.

The API stands above it and is not known here. Several services may share a database; none of them is a leader.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import ExitStack
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.engine.engine import Engine
from taxi_pipelines.errors import PipelineError
from taxi_pipelines.figures import Figures
from taxi_pipelines.flow_folder import FlowFolder, Looked
from taxi_pipelines.flow_interfaces import Batch, Tokens
from taxi_pipelines.flow_sync import SyncWatch
from taxi_pipelines.flow_wiring import build_flow_sync, build_tokens, start_alerts
from taxi_pipelines.news import News
from taxi_pipelines.orchestrator import Orchestrator
from taxi_pipelines.outlook import Outlook
from taxi_pipelines.settings import Settings
from taxi_pipelines.wiring import build_receipts

if TYPE_CHECKING:
    from taxi_pipelines.pipeline import Pipeline
    from taxi_pipelines.scheduler.scheduler import Scheduler

GRACE_SECONDS = 5.0
"""How long running tasks may go on after the request to stop; what has not ended then is left to the next start."""

LONGEST_STEP = 0.5
"""How long the engine waits at most; who has something for it wakes it."""

LOOK_SECONDS = 1.0
"""How often the folder of flows is looked at."""

Say = Callable[[str], None]


class ServiceRole(StrEnum):
    """What a process does of it all."""

    ALL = "all"
    API = "api"
    ENGINE = "engine"
    SCHEDULER = "scheduler"


class Service:
    """One process's part. `start` begins, `close` ends in order; `fault` is set, and `on_fault` called, where it cannot go on."""

    def __init__(
        self,
        settings: Settings,
        *,
        role: ServiceRole = ServiceRole.ALL,
        say: Say = lambda line: None,
    ) -> None:
        """`say` is told what no answer tells."""
        self.settings = settings
        self.role = role
        self.say = say
        self.news = News()
        self.fault: BaseException | None = None
        self.on_fault: Callable[[], None] = lambda: None
        self.orchestrator = Orchestrator(settings=settings)
        self._folder = FlowFolder(settings.flows, self.orchestrator)
        self._driver: _Driver | None = None
        self._scheduler: Scheduler | None = None
        self._threads: list[threading.Thread] = []
        self._stopping = threading.Event()
        self._closing = ExitStack()
        self.tokens: Tokens = build_tokens(settings, self._closing)
        self.receipts = build_receipts(settings, self._closing)
        self.figures = Figures(self.orchestrator, lambda: list(self.receipts.current(settings.target).values()))
        self.outlook = Outlook(
            lambda *which: self.pipeline.plan(*which),
            source=settings.source,
            file=settings.home / "outlook.json",
            clock=self.orchestrator.parts.clock,
            say=say,
        )

    @property
    def engine(self) -> Engine | None:
        """The one here, if there is one."""
        return self._driver.engine if self._driver else None

    @cached_property
    def pipeline(self) -> Pipeline:
        """The verbs on months; built at first use, because it brings pyarrow with it."""
        from taxi_pipelines.pipeline import Pipeline  # noqa: PLC0415

        pipeline = Pipeline(settings=self.settings)
        self._closing.callback(pipeline.close)
        return pipeline

    def start(self) -> Looked:
        """Begins; what the folder of flows holds. Raises PipelineError."""
        looked = Looked()
        if self.role in (ServiceRole.ALL, ServiceRole.API):
            if self.settings.flows_git:
                self._keep_flows_of_git()
            else:
                looked = self._folder.look()
                self._begin(self._watch_flows, "flows")
        if self.role in (ServiceRole.ALL, ServiceRole.ENGINE):
            engine, taken = self.orchestrator.start_engine(say=self.say, on_commit=self._see)
            if taken:
                self.say(f"goes on with {len(taken)} executions that a dead process left")
            self._driver = _Driver(engine, self.orchestrator.control.store_execution)
            self._begin(self._driver.go_on, "engine")
        if self.role in (ServiceRole.ALL, ServiceRole.SCHEDULER):
            self._scheduler = self.orchestrator.start_scheduler(say=self.say, on_fired=lambda started: self.look())
            self._begin(self._schedule, "scheduler")
            if alerts := start_alerts(self.orchestrator.parts, self.settings, say=self.say):
                self._begin(lambda: alerts.run(self._stopping), "alerts")
        return looked

    def ready(self) -> bool:
        """Whether all threads are at work, and the store answers. Raises nothing."""
        if self.fault or self._stopping.is_set() or not all(thread.is_alive() for thread in self._threads):
            return False
        try:
            self.orchestrator.parts.engines.listed()
        except PipelineError:
            return False
        return True

    def file_of(self, namespace: str, id: str) -> Path | None:
        """The file in the folder of flows that a flow is kept from, and that counts again at the next start."""
        return self._folder.file_of(namespace, id)

    def triggers_changed(self) -> None:
        """A flow, a trigger or a backfill is another one now: the scheduler here looks at once."""
        if self._scheduler:
            self._scheduler.wake()

    def submit(self, execution: Execution) -> None:
        """Accepts a new execution, from any thread: stored when this returns. Raises PipelineError."""
        if self._driver:
            self._driver.submit(execution)
        else:
            self.orchestrator.control.store_execution(execution)

    def look(self) -> None:
        """Something was asked of an execution, or one was stored: the engine here looks at once."""
        if self._driver:
            self._driver.look()

    def close(self) -> None:
        """Ends in order: running tasks get a grace period, what is left then goes on at the next start."""
        self._stopping.set()
        self.news.end()
        if self._scheduler:
            self._scheduler.wake()
        if self._driver:
            self._driver.stop()
        for thread in self._threads:
            thread.join()
        self.outlook.close()
        self._closing.close()
        self.orchestrator.close()

    def _begin(self, work: Callable[[], None], name: str) -> None:
        thread = threading.Thread(target=self._guarded, args=(work,), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _guarded(self, work: Callable[[], None]) -> None:
        """A thread that dies takes the process with it: half a service would hold leases, and do nothing about them."""
        try:
            work()
        except Exception as error:
            self.fault = error
            self.say(f"the {threading.current_thread().name} thread failed: {type(error).__name__}: {error}")
            self.say(traceback.format_exc().rstrip())
            self.on_fault()

    def _see(self, batch: Batch) -> None:
        self.news.tell(batch)
        self.figures.see(batch)
        if self._scheduler and any(one.state.has_ended for one in (*batch.new_executions, *batch.executions)):
            self._scheduler.wake()

    def _schedule(self) -> None:
        assert self._scheduler
        self._scheduler.run_until(self._stopping.is_set)

    def _keep_flows_of_git(self) -> None:
        if flow_sync := build_flow_sync(self.orchestrator.parts, self.settings):
            watch = SyncWatch(flow_sync, self.say, self.triggers_changed)
            self._begin(lambda: watch.run(self.settings.flows_git_interval, self._stopping), "git")

    def _watch_flows(self) -> None:
        complaint = ""
        while not self._stopping.wait(LOOK_SECONDS):
            try:
                looked = self._folder.look()
            except PipelineError as error:
                if str(error) != complaint:
                    complaint = str(error)
                    self.say(f"the folder of flows cannot be kept: {complaint}; trying again")
                continue
            complaint = ""
            if looked.new:
                self.triggers_changed()
            for flow in looked.new:
                self.say(f"{flow.namespace}.{flow.id} is now of revision {flow.revision}")
            for problem in looked.problems:
                self.say(str(problem))


class _Driver:
    """The engine in its thread, and what other threads hand to it."""

    def __init__(self, engine: Engine, store: Callable[[Execution], None]) -> None:
        self.engine = engine
        self._store = store
        self._submitted: SimpleQueue[tuple[Execution, Future[None]]] = SimpleQueue()
        self._stopping = threading.Event()
        self._lock = threading.Lock()

    def submit(self, execution: Execution) -> None:
        """Hands it over; stored when this returns."""
        done: Future[None] = Future()
        with self._lock:
            if self._stopping.is_set():
                self._store(execution)  # the next start goes on with it
                return
            self._submitted.put((execution, done))
            self.engine.wake()
        done.result()

    def look(self) -> None:
        """It asks the store."""
        with self._lock:
            if not self._stopping.is_set():
                self.engine.look()

    def stop(self) -> None:
        """Ends the thread; nothing is handed over any more."""
        with self._lock:
            self._stopping.set()
            self.engine.wake()

    def go_on(self) -> None:
        """The thread."""
        while not self._stopping.is_set():
            self._take()
            self.engine.step(LONGEST_STEP)
        self._take()
        self.engine.drain(GRACE_SECONDS)

    def _take(self) -> None:
        while True:
            try:
                execution, done = self._submitted.get_nowait()
            except Empty:
                return
            try:
                self.engine.submit(execution)
            except Exception as error:
                done.set_exception(error)
            else:
                done.set_result(None)
