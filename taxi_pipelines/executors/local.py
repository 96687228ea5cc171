"""Attempts in worker processes of this machine. Workers start on demand, take one order at a time, and leave after idling.

Not on pebble's pool, as first meant: that starts all its workers at once, says nothing until a task has ended (logs are to
stream), and kills a worker without what it started.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from taxi_pipelines.domain.states import State
from taxi_pipelines.executors.processes import kill_marked
from taxi_pipelines.executors.worker import main
from taxi_pipelines.work_interfaces import Report, WorkEnd, WorkOrder

_SPAWN = multiprocessing.get_context("spawn")
_MESSAGES_AT_A_TIME = 4


@dataclass(slots=True, eq=False)
class _Worker:
    """One process. `stopping` is how its order ends, once it was told to stop."""

    process: BaseProcess
    connection: Connection
    order: WorkOrder | None = None
    deadline: float | None = None
    stopping: WorkEnd | None = None
    kill_at: float | None = None
    idle_since: float = 0.0


class LocalExecutor:
    """An `Executor`. `grace`: seconds between the request to stop and the kill; `idle`: after how many a worker leaves.

    `variables` are what the environment of workers, and of what they start, has besides.
    """

    def __init__(
        self, *, workers: int, grace: float = 5.0, idle: float = 60.0, variables: Mapping[str, str] | None = None
    ) -> None:
        self._most = workers
        self._variables = dict(variables or {})
        self._grace = grace
        self._idle = idle
        self._workers: list[_Worker] = []
        self._queue: deque[WorkOrder] = deque()
        self._ended: deque[Report] = deque()
        self._is_closed = False
        self._wake_reader, self._wake_writer = os.pipe()
        os.set_blocking(self._wake_reader, False)
        os.set_blocking(self._wake_writer, False)

    def prepare(self, function: str) -> None:
        """Starts a worker before there is an order, and has it call `module:function`: it imports while this process does."""
        with suppress(OSError):  # the first order tries again, and says what is wrong
            self._start().connection.send(function)

    def free(self) -> int:
        """How many more orders would begin at once."""
        return max(self._most - len(self._queue) - sum(worker.order is not None for worker in self._workers), 0)

    def submit(self, order: WorkOrder) -> None:
        """See `Executor.submit`. What an earlier attempt may have left running is ended first."""
        if order.attempt > 1:
            kill_marked(order.task_run_id)
        self._queue.append(order)
        self._assign()

    def poll(self, wait_seconds: float) -> Iterator[Report]:
        """See `Executor.poll`. After `close`: what had come to an end by then."""
        if self._is_closed:
            yield from self._taken_ends()
            return
        if self._ended:
            wait_seconds = 0.0
        by_connection = {worker.connection: worker for worker in self._workers}
        ready = wait([*by_connection, self._wake_reader], self._until_something_is_due(wait_seconds))
        for place in ready:
            if place == self._wake_reader:
                self._drain_wakes()
            else:
                yield from self._receive(by_connection[place])  # type: ignore[index]
        self._enforce(time.monotonic())
        yield from self._taken_ends()
        self._assign()

    def _taken_ends(self) -> Iterator[Report]:
        while self._ended:
            yield self._ended.popleft()

    def wake(self) -> None:
        """See `Executor.wake`."""
        with suppress(BlockingIOError, OSError):  # the pipe is full: it is awake already; or closed: nobody waits
            os.write(self._wake_writer, b"\0")

    def cancel(self, task_run_id: str) -> None:
        """See `Executor.cancel`."""
        for order in [order for order in self._queue if order.task_run_id == task_run_id]:
            self._queue.remove(order)
            self._ended.append(_end(order, State.KILLED, "stopped"))
        for worker in self._workers:
            if worker.order and worker.order.task_run_id == task_run_id and worker.stopping is None:
                self._ask_to_stop(worker, State.KILLED, "stopped")

    def close(self, grace: float) -> None:
        """See `Executor.close`."""
        if self._is_closed:
            return
        self._is_closed = True
        self._queue.clear()
        for worker in self._workers:
            if worker.order is None:
                worker.connection.close()
            elif worker.stopping is None:
                self._ask_to_stop(worker, State.FAILED, "stopped with the engine", lost=True)
        end = time.monotonic() + grace
        while (busy := [worker for worker in self._workers if worker.order]) and time.monotonic() < end:
            for place in wait([worker.connection for worker in busy], max(end - time.monotonic(), 0.0)):
                worker = next(worker for worker in busy if worker.connection is place)
                self._ended.extend(self._receive(worker))
        for worker in list(self._workers):
            self._remove(worker)
        os.close(self._wake_reader)
        os.close(self._wake_writer)

    def _assign(self) -> None:
        while self._queue:
            worker = next((one for one in self._workers if one.order is None), None)
            if worker is None and len(self._workers) >= self._most:
                return
            order = self._queue.popleft()
            try:
                worker = worker or self._start()
            except OSError as error:  # no memory, too many processes
                self._ended.append(_end(order, State.FAILED, f"no worker process can be started: {error}"))
                continue
            try:
                worker.connection.send(order)
            except OSError:  # it died while idle
                self._remove(worker)
                self._queue.appendleft(order)
                continue
            worker.order = order
            worker.deadline = time.monotonic() + order.timeout.total_seconds() if order.timeout else None

    def _start(self) -> _Worker:
        ours, theirs = _SPAWN.Pipe()
        process = _SPAWN.Process(target=main, args=(theirs, self._variables), name="taxi-worker", daemon=False)
        # A Ctrl-C while it still imports would end it with a traceback: blocked until `main` ignores it. (multiprocessing's
        # tracker, started with the first process, unblocks it.)
        resource_tracker.ensure_running()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            process.start()
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        worker = _Worker(process=process, connection=ours)
        self._workers.append(worker)
        return worker

    def _receive(self, worker: _Worker) -> Iterator[Report]:
        """What a worker says, as far as it is there; its death, if it has died."""
        for _ in range(_MESSAGES_AT_A_TIME):
            try:
                if not worker.connection.poll():
                    return
                reports = worker.connection.recv()
            except (EOFError, OSError):
                yield from self._died(worker)
                return
            for report in reports:
                yield self._done(worker, report) if isinstance(report, WorkEnd) else report

    def _done(self, worker: _Worker, end: WorkEnd) -> WorkEnd:
        order, stopping = worker.order, worker.stopping
        worker.order, worker.deadline, worker.stopping, worker.kill_at = None, None, None, None
        worker.idle_since = time.monotonic()
        if order and stopping and end.state is not State.SUCCESS:
            kill_marked(order.task_run_id)
            return stopping
        return end

    def _died(self, worker: _Worker) -> Iterator[WorkEnd]:
        order, stopping = worker.order, worker.stopping
        self._remove(worker)
        if order is None:
            return
        if stopping:
            yield stopping
            return
        code = worker.process.exitcode
        how = f"killed by signal {-code}" if code and code < 0 else f"exit code {code}"
        yield _end(order, State.FAILED, f"the worker process ended ({how})", lost=True)

    def _enforce(self, now: float) -> None:
        """Timeouts, kills that are due, and idle workers."""
        for worker in list(self._workers):
            order = worker.order
            if order and order.timeout and worker.deadline and now >= worker.deadline and worker.stopping is None:
                self._ask_to_stop(worker, State.FAILED, f"took longer than {order.timeout.total_seconds():g} s")
            if order and worker.kill_at and now >= worker.kill_at:
                worker.kill_at = None
                worker.process.kill()  # its connection then says so
                kill_marked(order.task_run_id)
            if order is None and now - worker.idle_since > self._idle and worker.idle_since:
                self._remove(worker)

    def _ask_to_stop(self, worker: _Worker, state: State, reason: str, *, lost: bool = False) -> None:
        assert worker.order
        worker.stopping = _end(worker.order, state, reason, lost=lost)
        worker.kill_at = time.monotonic() + self._grace
        if worker.process.pid:
            os.kill(worker.process.pid, signal.SIGTERM)

    def _remove(self, worker: _Worker) -> None:
        """Ends a worker and everything it started."""
        self._workers.remove(worker)
        worker.connection.close()
        if worker.order is None:
            worker.process.join(1.0)
        if worker.process.is_alive():
            worker.process.kill()
        worker.process.join()
        if worker.order:
            kill_marked(worker.order.task_run_id)

    def _until_something_is_due(self, most: float) -> float:
        moments = [at for worker in self._workers for at in (worker.deadline, worker.kill_at) if at is not None]
        return max(min([most, *(at - time.monotonic() for at in moments)]), 0.0)

    def _drain_wakes(self) -> None:
        with suppress(BlockingIOError):
            while os.read(self._wake_reader, 1024):
                pass


def _end(order: WorkOrder, state: State, error: str, *, lost: bool = False) -> WorkEnd:
    return WorkEnd(
        execution_id=order.execution_id,
        task_run_id=order.task_run_id,
        attempt=order.attempt,
        state=state,
        error=error,
        lost=lost,
    )
