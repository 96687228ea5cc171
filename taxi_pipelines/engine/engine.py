"""The engine: one thread that drives every execution it holds, in cycles of one transaction each.

A cycle takes what happened (reports of workers, commands, timers, new executions), lets the runner decide and do what follows,
commits all of it at once, and only then hands work to workers. So whatever is dispatched is stored, and whatever was stored
when a process died is where the next engine goes on. Another thread keeps the heartbeat, so that a long cycle costs no lease.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import timedelta
from functools import partial

from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.domain.flow import Flow
from taxi_pipelines.domain.records import Command
from taxi_pipelines.domain.states import State
from taxi_pipelines.engine.active import Active
from taxi_pipelines.engine.admission import admitted
from taxi_pipelines.engine.capacity import Capacity
from taxi_pipelines.engine.context import Surroundings
from taxi_pipelines.engine.defects import defect, given_up
from taxi_pipelines.engine.heart import Heart
from taxi_pipelines.engine.outbox import Cycle, Outbox
from taxi_pipelines.engine.parts import Parts
from taxi_pipelines.engine.queues import leave_queue, waiting_flows
from taxi_pipelines.engine.recovery import adopt, recover
from taxi_pipelines.engine.reports import take_report
from taxi_pipelines.engine.runner import break_overdue_promises, run
from taxi_pipelines.engine.timers import Timers
from taxi_pipelines.engine.verbs import obey
from taxi_pipelines.engine.work import Work
from taxi_pipelines.engine.writing import WAIT_FOR, Writing
from taxi_pipelines.errors import PipelineError
from taxi_pipelines.flow_interfaces import Batch
from taxi_pipelines.work_interfaces import Report, WorkEnd

POLL_SECONDS = 0.1
"""How often the store is asked for commands from other processes."""

IDLE_POLL_SECONDS = 0.5
"""How often it asks whether there is anything while it drives nothing: each question costs CPU, day and night."""

TAKE_OVER_SECONDS = 0.5
"""How often the engine looks for executions that nobody drives."""

IDLE_TAKE_OVER_PART = 4
"""One that drives nothing looks so often in a lease whether another engine has died."""

CYCLE_SECONDS = 0.5
"""After so long a cycle is committed, and the executions it did not come to have the next one."""

AGAIN_AFTER = timedelta(seconds=1)
"""When to look again at an execution about which the store could not answer."""


class Engine:
    """Drives executions. `start` before, `close` after; `step` is one cycle, `run_until` many."""

    def __init__(
        self,
        parts: Parts,
        *,
        id: str,
        say: Callable[[str], None] = lambda line: None,
        on_commit: Callable[[Batch], None] = lambda batch: None,
    ) -> None:
        """`say` is told what nobody else would hear of; `on_commit` sees every batch once it is stored."""
        self.id = id
        self._parts = parts
        self._say = say
        self._surroundings = Surroundings(parts)
        self._capacity = Capacity(parts.executor)
        self._writing = Writing(parts, say, on_commit)
        self._timers = Timers()
        self._heart = Heart(parts, id)
        self._actives: dict[str, Active] = {}
        self._later: dict[str, Execution] = {}  #: held, not yet in memory
        self._ready: dict[str, None] = {}  #: to be worked on in the next cycle
        self._broken: dict[str, Exception] = {}  #: what cannot go on, and why
        self._queues: dict[tuple[str, str], Flow] = {}  #: flows whose queues are to be looked at
        self._lives = 1
        self._complaint = ""
        self._next_poll = 0.0
        self._next_take_over = 0.0
        self._asked_to_look = False

    def start(self, known_dead: list[str] | None = None) -> list[str]:
        """Registers, and takes over at once what dead engines of this home left; those executions. Raises PipelineError."""
        self._heart.start()
        return self._take_over(known_dead or [])

    def drain(self, seconds: float) -> None:
        """Begins no more work, and waits for what is with workers, but no longer than that. `close` comes after it."""
        self._capacity.close()
        end = time.monotonic() + seconds
        while any(active.has_work_out for active in self._actives.values()) and time.monotonic() < end:
            self.step()

    def close(self, grace: float = 2.0) -> None:
        """Stops workers, keeps what they still could report, lets go of every execution; the next engine goes on with them."""
        self._parts.executor.close(grace)
        cycle = Cycle(self.id, self._parts.clock())
        for report in self._parts.executor.poll(0):
            if not (isinstance(report, WorkEnd) and report.lost):  # what was lost is seen by whoever goes on
                self._take_report(report, cycle)
        self._writing.put(cycle)
        self._write()
        self._heart.stop()
        with suppress(PipelineError):  # what stays registered is taken over when its heartbeat is old enough
            self._parts.engines.leave(self.id)

    def submit(self, execution: Execution) -> None:
        """Accepts a new execution: stored when this returns, begun in the next cycle."""
        self._parts.executions.create(execution, holder=self.id)
        self._take(execution)

    def holds(self, execution_id: str) -> bool:
        """Whether it drives this execution."""
        return execution_id in self._actives or execution_id in self._later

    def run_until(self, is_done: Callable[[], bool]) -> None:
        """Cycles until that is so."""
        while not is_done():
            self.step()

    def step(self, longest_wait: float = POLL_SECONDS) -> None:
        """One cycle, waiting for something to happen, but not for long."""
        if not self._heart.is_alive():
            self._let_go()
            return
        if self._writing.is_behind:  # nothing may follow from what is not stored
            time.sleep(min(self._writing.seconds_to_next_try(), longest_wait))
            self._write()
            return
        reports = list(self._parts.executor.poll(self._wait(longest_wait)))
        cycle = Cycle(self.id, self._parts.clock())
        for report in reports:
            self._take_report(report, cycle)
        self._wake(cycle)
        self._poll_store(cycle)
        self._run_ready(cycle)
        self._give_up(cycle)
        self._writing.put(cycle)
        if self._heart.is_alive():
            self._write()

    def wake(self) -> None:
        """Ends a waiting `step`, from any thread."""
        self._parts.executor.wake()

    def look(self) -> None:
        """Has it ask the store at once for commands, and for executions that nobody drives; from any thread."""
        self._asked_to_look = True
        self.wake()

    def _wait(self, longest: float) -> float:
        if self._ready or self._broken or self._asked_to_look:
            return 0.0
        next_timer = self._timers.seconds_to_next(self._parts.clock())
        until_poll = max(self._next_poll - time.monotonic(), 0.0)
        return min(longest, until_poll, longest if next_timer is None else next_timer)

    def _work(self, active: Active, cycle: Cycle) -> Work:
        return Work(self._parts, self._surroundings, self._capacity, active, cycle)

    def _take(self, execution: Execution) -> None:
        """An execution that is this engine's now: begun, or kept until its time."""
        self._later[execution.id] = execution
        if execution.state is State.CREATED and execution.begin_at and execution.begin_at > self._parts.clock():
            self._timers.begin_later(execution.id, execution.begin_at)
        else:
            self._ready[execution.id] = None

    def _guarded(self, execution_id: str, cycle: Cycle, act: Callable[[], None]) -> None:
        """Does something about one execution; what goes wrong in it is its own matter."""
        try:
            act()
        except WAIT_FOR:
            if active := self._actives.get(execution_id):
                active.touch(*active.tree.open_ids())
            self._timers.begin_later(execution_id, cycle.now + AGAIN_AFTER)
        except Exception as error:
            self._broken[execution_id] = error

    def _take_report(self, report: Report, cycle: Cycle) -> None:
        if active := self._actives.get(report.execution_id):
            self._guarded(active.id, cycle, lambda: take_report(self._work(active, cycle), report))
            if active.changed:
                self._ready[active.id] = None

    def _wake(self, cycle: Cycle) -> None:
        """Timers that are due, and heavy task runs for which there is a worker now."""
        for execution_id, run_id in [*self._timers.due(cycle.now), *self._capacity.begin_cycle()]:
            active = self._actives.get(execution_id)
            if active is not None and run_id in active.tree:
                active.touch(run_id)
            if self.holds(execution_id):
                self._ready[execution_id] = None

    def _open(self, execution_id: str, cycle: Cycle) -> Active | None:
        """An execution it holds, in memory, mended if need be; None where it cannot be."""
        if execution_id in self._later:
            self._guarded(execution_id, cycle, lambda: self._adopt(self._later[execution_id], cycle))
        return self._actives.get(execution_id)

    def _adopt(self, execution: Execution, cycle: Cycle) -> None:
        active = adopt(self._parts, self._surroundings, execution)
        recover(self._work(active, cycle))
        self._actives[execution.id] = active
        del self._later[execution.id]
        self._timers.watch(active, [run.id for run in active.tree.in_order()])

    def _run_ready(self, cycle: Cycle) -> None:
        end = time.monotonic() + CYCLE_SECONDS
        for execution_id in list(self._ready):
            if time.monotonic() > end:
                return
            del self._ready[execution_id]
            active = self._open(execution_id, cycle)
            if active is not None:
                self._guarded(execution_id, cycle, partial(self._run, active, cycle))

    def _run(self, active: Active, cycle: Cycle) -> None:
        work = self._work(active, cycle)
        if active.execution.state.has_ended or not admitted(work):
            return
        break_overdue_promises(work)
        if run(work):
            self._ready[active.id] = None

    def _give_up(self, cycle: Cycle) -> None:
        """What cannot go on ends, as it is stored; nothing that it did in this cycle is."""
        for execution_id, error in list(self._broken.items()):
            if not isinstance(error, PipelineError):
                self._say(f"execution {execution_id}: {defect(error)}")
            dropped = cycle.drop(execution_id)
            try:
                end = given_up(self._parts, execution_id, error, cycle.now)
            except PipelineError:
                continue  # the store cannot be read now: in the next cycle
            end.taken_commands = dropped.taken_commands
            cycle.put(execution_id, end)
            del self._broken[execution_id]

    def _write(self) -> None:
        self._broken |= self._writing.write(self.id, self._after)
        try:
            for flow in list(self._queues):
                for execution in leave_queue(self._parts, self.id, self._queues[flow]):
                    self._take(execution)
                del self._queues[flow]
        except PipelineError as error:
            self._complain(f"a queue cannot be read: {error}; trying again")

    def _after(self, outboxes: Mapping[str, Outbox], lost: Collection[str]) -> None:
        """What follows from changes that are stored now."""
        self._complaint = ""
        for execution_id in lost:
            self._drop(execution_id)
        for execution_id, outbox in outboxes.items():
            if execution_id in lost:
                continue
            self._dispatch(outbox)
            active = self._actives.get(execution_id)
            if active:
                self._timers.watch(active, list(outbox.task_runs))
            if outbox.released:
                self._release(execution_id)

    def _dispatch(self, outbox: Outbox) -> None:
        executor = self._parts.executor
        for order in outbox.orders:
            executor.submit(order)
        for run_id in outbox.cancels:
            executor.cancel(run_id)
        for uri in outbox.removed_files:
            with suppress(PipelineError, OSError):  # the task that wanted it gone has ended; what is left harms nobody
                self._parts.files.delete(uri)
        for folder in outbox.removed_folders:
            shutil.rmtree(folder, ignore_errors=True)
        for execution in outbox.new_executions.values():
            self._take(execution)
        if outbox.commands:
            self._next_poll = 0.0  # they may be for an execution of our own

    def _release(self, execution_id: str) -> None:
        active = self._actives.pop(execution_id, None)
        self._later.pop(execution_id, None)
        self._ready.pop(execution_id, None)
        if active and active.execution.state.has_ended:
            shutil.rmtree(self._parts.folder / execution_id, ignore_errors=True)
            if active.flow.concurrency:
                self._queues[active.flow.namespace, active.flow.id] = active.flow

    def _poll_store(self, cycle: Cycle) -> None:
        """What others ask of executions, and executions that nobody drives."""
        now = time.monotonic()
        if now < self._next_poll and not self._asked_to_look:
            return
        was_asked, self._asked_to_look = self._asked_to_look, False
        is_idle = not (self._actives or self._later)
        self._next_poll = now + (IDLE_POLL_SECONDS if is_idle else POLL_SECONDS)
        try:
            if not was_asked and now < self._next_take_over and not self._parts.engines.have_news():
                return
            for command in self._parts.engines.commands(self.id):
                self._obey(command, cycle)
            self._take_over([])
            self._queues |= waiting_flows(self._parts)
        except PipelineError as error:
            self._complain(f"the store cannot be read: {error}; trying again")

    def _obey(self, command: Command, cycle: Cycle) -> None:
        id = command.execution_id
        is_claimed = not self.holds(id)
        if is_claimed and not self._find(id):
            cycle.outbox(id).taken_commands.append(command.number)
            return
        active = self._open(id, cycle)
        if active is None and id not in self._broken:
            return  # the store is busy
        cycle.outbox(id).taken_commands.append(command.number)
        if active is None:
            return
        self._guarded(id, cycle, lambda: obey(self._work(active, cycle), command))
        state = active.execution.state
        if state.has_ended or (is_claimed and state is State.QUEUED):
            cycle.outbox(id).released = True
        elif state is not State.CREATED:  # one that is to begin later still does
            self._ready[id] = None

    def _find(self, execution_id: str) -> bool:
        """Holds an execution that nobody held, because it has ended or waits in a queue; whether there is such a one."""
        execution = self._parts.executions.find(execution_id)
        if execution is not None:
            self._later[execution_id] = execution
        return execution is not None

    def _take_over(self, known_dead: list[str]) -> list[str]:
        taken = self._parts.engines.take_over(self.id, self._parts.clock(), self._parts.lease, known_dead)
        for execution_id in taken:
            if execution := self._parts.executions.find(execution_id):
                self._take(execution)
        is_idle = not (self._actives or self._later)
        idle_pause = max(self._parts.lease.total_seconds() / IDLE_TAKE_OVER_PART, TAKE_OVER_SECONDS)
        self._next_take_over = time.monotonic() + (idle_pause if is_idle else TAKE_OVER_SECONDS)
        return taken

    def _drop(self, execution_id: str) -> None:
        """Lets go of an execution that is somebody else's now; its work here is stopped."""
        active = self._actives.pop(execution_id, None)
        self._later.pop(execution_id, None)
        self._ready.pop(execution_id, None)
        for task_run in active.tree.in_order() if active else ():
            if task_run.state in (State.RUNNING, State.KILLING):
                self._parts.executor.cancel(task_run.id)

    def _let_go(self) -> None:
        """Declared dead by another engine, which has everything now: begins again with nothing, under a new name."""
        for execution_id in [*self._actives, *self._later]:
            self._drop(execution_id)
        self._broken.clear()
        self._queues.clear()
        self._writing.forget()
        self._heart.stop()
        self._lives += 1
        self.id = f"{self.id.partition('.')[0]}.{self._lives}"
        self._heart = Heart(self._parts, self.id)
        self._say("another engine took over, because this one was silent for too long; it begins anew")
        try:
            self._heart.start()
        except PipelineError as error:
            self._complain(f"the engine cannot begin: {error}; trying again")
            time.sleep(POLL_SECONDS)

    def _complain(self, line: str) -> None:
        """Says what is tried again and again, once."""
        if line != self._complaint:
            self._complaint = line
            self._say(line)
