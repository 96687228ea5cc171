"""The worker process: takes one order after the other, streams what the task says, reports how it ended."""

from __future__ import annotations

import importlib
import json
import os
import resource
import shutil
import signal
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, time, timedelta
from decimal import Decimal
from multiprocessing.connection import Connection
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from types import FrameType
from typing import Any, BinaryIO
from uuid import UUID

from taxi_pipelines.clock import utc_now
from taxi_pipelines.disk import writable
from taxi_pipelines.domain.records import Level, LogLine, Metric
from taxi_pipelines.domain.states import State
from taxi_pipelines.errors import PipelineError, TaskFailed
from taxi_pipelines.executors.processes import MARK, die_with_parent
from taxi_pipelines.files.opening import open_files
from taxi_pipelines.flow_interfaces import Files
from taxi_pipelines.work_interfaces import GoogleAccess, Report, WorkEnd, WorkOrder

_LEVELS = list(Level)
_MASK = "******"
_LONGEST_LINE = 100_000
_AT_A_TIME = 500
_MOST_WAITING = 5_000
_DRIVERS = {"google": ("gcp", "Google Cloud"), "psycopg": ("postgres", "PostgreSQL")}
"""What a task may import that need not be installed → the extra that has it, and what it is for."""


class Stopped(BaseException):
    """The work is to end now; a task may tidy up after itself, for as long as the executor's grace lasts."""


def main(connection: Connection, variables: Mapping[str, str]) -> None:
    """Works until the connection is closed."""
    die_with_parent()
    os.environ.update(variables)  # noqa: TID251 - written, not read: for settings, and the processes it starts
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the engine's to decide about
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    outgoing = Outgoing(connection)
    with suppress(EOFError, OSError):  # the engine is gone
        while True:
            order = connection.recv()
            if isinstance(order, str):
                _prepare(order)
                continue
            outgoing.put(_perform(order, outgoing))
    os._exit(0)  # nothing here waits for Python's own end, which takes a fifth of a second once Arrow is there


def _prepare(function: str) -> None:
    """Calls it, so that the first order need not wait for what it imports; what goes wrong, that order will say."""
    with suppress(Exception):
        _function(function)()


def _function(name: str) -> Callable[..., Any]:
    module, _, function = name.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), function)
    return found


class Outgoing:
    """What goes to the engine, in order, by a thread of its own: many lines at a time, and no signal breaks off in the middle."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._waiting: Queue[Report] = Queue(maxsize=_MOST_WAITING)
        Thread(target=self._go_on, name="outgoing", daemon=True).start()

    def put(self, report: Report) -> None:
        """Waits while the engine does not keep up."""
        self._waiting.put(report)

    def _go_on(self) -> None:
        with suppress(OSError):  # the engine is gone, and with it this process
            while True:
                reports = [self._waiting.get()]
                with suppress(Empty):
                    while len(reports) < _AT_A_TIME:
                        reports.append(self._waiting.get_nowait())
                self._connection.send(reports)


def _perform(order: WorkOrder, outgoing: Outgoing) -> WorkEnd:
    os.environ[MARK] = order.task_run_id  # noqa: TID251 - written, not read: for the processes it starts
    _forget_peak()
    before = _cpu_seconds()
    context = Context(order, outgoing)
    if order.attempt > 1:
        context.tidy_up()  # what is left where the worker of the attempt before died
    state, outputs, error = _run(order, context)
    context.tidy_up()
    del os.environ[MARK]  # noqa: TID251
    return WorkEnd(
        execution_id=order.execution_id,
        task_run_id=order.task_run_id,
        attempt=order.attempt,
        state=state,
        outputs=outputs,
        error=error,
        peak_memory=_peak_memory(),
        cpu_seconds=round(_cpu_seconds() - before, 3),
    )


def _run(order: WorkOrder, context: Context) -> tuple[State, Mapping[str, Any], str | None]:
    """State, outputs and error. SIGTERM counts only while the task's own code runs."""
    try:
        function = _function(order.run)
        signal.signal(signal.SIGTERM, _stop)
        try:
            return State.SUCCESS, _plain(function(order.properties, context) or {}), None
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
    except Stopped:
        return State.KILLED, {}, "stopped"
    except TaskFailed as error:
        return State.FAILED, _plain(error.outputs), str(error)
    except PipelineError as error:
        return State.FAILED, {}, str(error)
    except (Exception, SystemExit) as error:
        context.log(Level.DEBUG, traceback.format_exc())
        return State.FAILED, {}, _lacking(error) or f"{type(error).__name__}: {error}"


def _lacking(error: BaseException) -> str | None:
    """What to install, where a driver is not there."""
    name = (error.name or "").partition(".")[0] if isinstance(error, ImportError) else ""
    if name not in _DRIVERS:
        return None
    extra, purpose = _DRIVERS[name]
    return f'the packages for {purpose} are not installed; run: pip install "taxi-pipelines[{extra}]"'


def _plain(outputs: Any) -> dict[str, Any]:
    """Outputs as plain JSON. Raises TypeError where they are none, so that the task fails and not its worker."""
    found = json.loads(json.dumps(outputs, default=_text))
    if not isinstance(found, dict):
        raise TypeError(f"outputs are a map, not {type(outputs).__name__}")
    return found


def _text(value: object) -> str:
    if isinstance(value, date | time):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, Path | timedelta | Decimal | UUID):
        return str(value)
    raise TypeError(f"an output of type {type(value).__name__} cannot be kept")


def _stop(number: int, frame: FrameType | None) -> None:
    raise Stopped


@dataclass(slots=True)
class Context:
    """A `WorkerContext`."""

    order: WorkOrder
    outgoing: Outgoing

    @property
    def folder(self) -> Path:
        """See `TaskContext.folder`."""
        with writable(self.order.folder):
            self.order.folder.mkdir(parents=True, exist_ok=True)
        return self.order.folder

    @property
    def secrets(self) -> Sequence[str]:
        """See `WorkerContext.secrets`."""
        return self.order.secrets

    @property
    def cache(self) -> Path:
        """See `WorkerContext.cache`."""
        return self.order.cache

    @property
    def block_private_hosts(self) -> bool:
        """See `WorkerContext.block_private_hosts`."""
        return self.order.block_private_hosts

    @property
    def rewrite_hosts(self) -> Mapping[str, str]:
        """See `WorkerContext.rewrite_hosts`."""
        return self.order.rewrite_hosts

    @property
    def google(self) -> GoogleAccess:
        """See `WorkerContext.google`."""
        return self.order.google

    @property
    def identity(self) -> Mapping[str, str]:
        """See `WorkerContext.identity`."""
        names = ("namespace", "flow_id", "execution_id", "task_id", "task_run_id")
        return {name: getattr(self.order, name) for name in names}

    def log(self, level: Level, message: str) -> None:
        """See `TaskContext.log`."""
        if _LEVELS.index(level) < _LEVELS.index(self.order.log_level):
            return
        for secret in self.order.secrets:
            message = message.replace(secret, _MASK)
        if len(message) > _LONGEST_LINE:
            message = f"{message[:_LONGEST_LINE]}… ({len(message) - _LONGEST_LINE:,} characters more)"
        self.outgoing.put(
            LogLine(
                execution_id=self.order.execution_id,
                level=level,
                message=message,
                logged_at=utc_now(),
                task_run_id=self.order.task_run_id,
                task_id=self.order.task_id,
                attempt=self.order.attempt,
            )
        )

    def metric(self, name: str, value: float, *, type: str = "counter", tags: Mapping[str, str] | None = None) -> None:
        """See `TaskContext.metric`."""
        self.outgoing.put(
            Metric(
                execution_id=self.order.execution_id,
                task_run_id=self.order.task_run_id,
                name=name,
                value=value,
                measured_at=utc_now(),
                type=type,
                tags=tags or {},
            )
        )

    def keep_file(self, path: Path, name: str | None = None) -> str:
        """See `TaskContext.keep_file`."""
        it = self.order
        place = f"{it.namespace.replace('.', '/')}/{it.flow_id}/executions/{it.execution_id}/tasks/{it.task_id}/{it.task_run_id}"
        uri = f"kestra:///{place}/{name or path.name}"
        with path.open("rb") as file:
            self._files.put(uri, file)
        return uri

    def fetch_file(self, uri: str, target: Path) -> None:
        """See `TaskContext.fetch_file`."""
        with self._files.open(uri) as source, writable(target):
            target.parent.mkdir(parents=True, exist_ok=True)
            with target.open("wb") as file:
                shutil.copyfileobj(source, file, 1 << 20)

    def open_file(self, uri: str) -> BinaryIO:
        """See `WorkerContext.open_file`."""
        return self._files.open(uri)

    def file_size(self, uri: str) -> int | None:
        """See `WorkerContext.file_size`."""
        return self._files.size(uri)

    def remove_file(self, uri: str) -> bool:
        """See `WorkerContext.remove_file`."""
        return self._files.delete(uri) > 0

    def tidy_up(self) -> None:
        """Removes its own working folder; one shared by a WorkingDirectory stays until that has ended."""
        if self.order.owns_folder:
            shutil.rmtree(self.order.folder, ignore_errors=True)

    @property
    def _files(self) -> Files:
        return open_files(self.order.files_root, self.order.google)


def _cpu_seconds() -> float:
    return sum(
        usage.ru_utime + usage.ru_stime
        for usage in (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    )


def _forget_peak() -> None:
    """Linux: the peak is counted anew."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak_memory() -> int | None:
    """Bytes this process had at most since `_forget_peak`."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    return None
