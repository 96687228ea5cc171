"""The scheduler: one thread that starts what is due. Several may share a database: whatever must happen once is decided there.

A step fires the slots that are due, begins and takes looks of polling triggers, acts on ended executions, and goes on with
backfills. What a trigger starts, and that it did, is one transaction. A trigger's fault is its own: it is kept with the trigger.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.domain.trigger import ON_DATES, SCHEDULE, BackfillState, TriggerState, next_time, states_of
from taxi_pipelines.engine.launch import find_flow
from taxi_pipelines.engine.parts import Parts
from taxi_pipelines.errors import PermanentError, PipelineError, StoreBusy
from taxi_pipelines.scheduler.backfills import BackfillDriver
from taxi_pipelines.scheduler.firing import Fired, fire_schedule, trigger_of
from taxi_pipelines.scheduler.flow_triggers import react
from taxi_pipelines.scheduler.polling.look import Watcher
from taxi_pipelines.scheduler.watching import Seen, Watching
from taxi_pipelines.trigger_interfaces import Ending

LOOK_SECONDS = 1.0
"""How often the store is looked into for what other processes change."""

BACKFILL_SECONDS = 0.25
"""How often while there are backfills, whose executions other processes may drive."""

AT_ONCE = 100
"""So many triggers, or ended executions, are taken in one step."""

CONSUMER = "triggers"
FULL_SECONDS = 0.05
"""How long to wait where a look is due while as many as may be are being made."""

AGAIN_AFTER = timedelta(minutes=1)
"""When to try again with a trigger whose next time cannot be told."""

TRIES = 5
_SCHEDULES = (SCHEDULE, ON_DATES)


class Scheduler:
    """Starts executions. All but `wake` belong to one thread."""

    def __init__(
        self,
        parts: Parts,
        watchers: Mapping[str, Watcher],
        *,
        say: Callable[[str], None] = lambda line: None,
        on_fired: Callable[[Sequence[Execution]], None] = lambda executions: None,
    ) -> None:
        """`watchers`: type of a polling trigger → what looks for it. `say` is told what nobody else would hear of.

        `on_fired` is given executions once they are stored; no engine holds them yet (`Engine.look` has one take them).
        """
        self._parts = parts
        self._say = say
        self._on_fired = on_fired
        self._woken = threading.Event()
        self._watching = Watching(parts, watchers, self.wake)
        self._backfills = BackfillDriver(parts, on_fired)
        self._is_in_step = False
        self._complaint = ""
        self._next_due: datetime | None = None
        self._pause = 0.0
        self.lag = 0.0  #: seconds by which the slot that fired last was late

    def step(self, now: datetime) -> None:
        """Does what is due. Never raises: what cannot be done is said once, and tried again."""
        self._pause = LOOK_SECONDS
        try:
            if not self._is_in_step:
                self._keep_missing(now)
                self._is_in_step = True
            self._take_endings(now)
            self._fire_due(now)
            self._take_looks(now)
            self._go_on_with_backfills(now)
            self._next_due = self._parts.triggers.next_due()
            self._complaint = ""
        except Exception as error:
            self._next_due, self._pause = None, LOOK_SECONDS
            self._complain(f"the scheduler cannot go on: {_said(error)}; trying again")

    def seconds_to_next(self, now: datetime) -> float:
        """How long nothing will be due, for all that is known: at most LOOK_SECONDS, for others may change the store."""
        if self._next_due is None:
            return self._pause
        least = 0.0 if self._watching.has_room else FULL_SECONDS
        return min(max((self._next_due - now).total_seconds(), least), self._pause)

    def wait(self, seconds: float) -> None:
        """Waits so long, or until `wake`."""
        self._woken.wait(seconds)
        self._woken.clear()

    def wake(self) -> None:
        """Ends a wait, from any thread: an execution has ended, a look has been made, somebody has changed something."""
        self._woken.set()

    def run_until(self, is_done: Callable[[], bool]) -> None:
        """Steps until that is so; `wake` has it looked at."""
        while not is_done():
            self.step(self._parts.clock())
            self.wait(self.seconds_to_next(self._parts.clock()))

    def _keep_missing(self, now: datetime) -> None:
        """Triggers of flows that were kept by a version that knew no scheduler."""
        known = {(state.namespace, state.flow_id) for state in self._parts.triggers.listed()}
        for stored in self._parts.flows.listed():
            if "triggers" in stored.source and (stored.namespace, stored.id) not in known:
                try:
                    flow = find_flow(self._parts, stored.namespace, stored.id)
                except PermanentError as error:
                    self._say(f"the triggers of {stored.namespace}.{stored.id} are not watched: {error}")
                    continue
                if flow.triggers:
                    self._parts.triggers.keep(flow.namespace, flow.id, states_of(flow, now))

    # ------------------------------------------------------------------ what is due

    def _fire_due(self, now: datetime) -> None:
        due = self._parts.triggers.due(now, AT_ONCE)
        if len(due) == AT_ONCE:
            self._pause = 0.0
        for state in due:
            self._guarded(state, now, lambda state=state: self._fire(state, now))  # type: ignore[misc]

    def _fire(self, state: TriggerState, now: datetime) -> None:
        flow, trigger = trigger_of(self._parts, state)
        if stopped := self._stopped(state, now):
            self._store([(state, stopped)], ())
        elif trigger.name in _SCHEDULES:
            fired = fire_schedule(self._parts, flow, trigger, state, now)
            if self._store([(state, fired.state)], fired.executions) and fired.executions and fired.state.last_at:
                self.lag = (now - fired.state.last_at).total_seconds()
        elif self._watching.has_room:
            self._watching.begin(state, now)

    def _stopped(self, state: TriggerState, now: datetime) -> TriggerState | None:
        """The trigger, if the execution it waited for ended so that it stops: that news may come a moment later."""
        ended = self._parts.executions.find(state.waits_for) if state.listens and state.waits_for else None
        after = react(self._parts, state, ended, now).state if ended else state
        return None if after.enabled else after

    def _take_looks(self, now: datetime) -> None:
        for seen in self._watching.taken():
            self._guarded(seen.state, now, lambda seen=seen: self._take_look(seen, now))  # type: ignore[misc]

    def _take_look(self, seen: Seen, now: datetime) -> None:
        """Stores what a look found. Where the trigger was changed meanwhile, but not in what it has seen, it counts as well."""
        if seen.error is not None or seen.found is None:
            raise seen.error or AssertionError("a look found nothing and did not fail")
        before = seen.state
        for _ in range(TRIES):
            fired = self._watching.fire(replace(seen, state=before), seen.found, now)
            if self._store([(before, fired.state)], fired.executions):
                seen.found.finish()
                return
            current = self._parts.triggers.find(before.namespace, before.flow_id, before.trigger_id)
            if current is None or not current.enabled or current.memory != seen.state.memory:
                return
            before = current

    # ------------------------------------------------------------------ ended executions

    def _take_endings(self, now: datetime) -> None:
        waiting = self._parts.endings.waiting(CONSUMER, AT_ONCE)
        if len(waiting) == AT_ONCE:
            self._pause = 0.0
        listening: list[TriggerState] | None = None
        for ending in waiting:
            listening = self._parts.triggers.listening() if listening is None else listening
            if self._take_ending(ending, listening, now):
                listening = None  # they are not as they were

    def _take_ending(self, ending: Ending, listening: Sequence[TriggerState], now: datetime) -> bool:
        """Whether any trigger has changed, or somebody else was first."""
        found = self._parts.executions.find(ending.execution_id)
        changes: list[tuple[TriggerState, TriggerState]] = []
        started: list[Execution] = []
        ended = replace(found, state=ending.state) if found and found.id == ending.execution_id else None
        for state in listening:
            fired = self._reaction(state, ended, now) if ended and state.enabled else Fired(state=state)
            if fired.state != state:
                changes.append((state, fired.state))
                started += fired.executions
        return not self._store(changes, started, [ending.number]) or bool(changes)

    def _reaction(self, state: TriggerState, ended: Execution, now: datetime) -> Fired:
        """What a trigger does about it; its fault is kept, so that it does not come between others and the news."""
        try:
            return react(self._parts, state, ended, now)
        except StoreBusy:
            raise
        except Exception as error:
            return Fired(state=self._faulty(state, error))

    # ------------------------------------------------------------------ backfills

    def _go_on_with_backfills(self, now: datetime) -> None:
        for backfill in self._parts.backfills.listed(unended=True):
            if self._backfills.step(now, backfill).state is BackfillState.RUNNING:
                self._pause = min(self._pause, BACKFILL_SECONDS)

    # ------------------------------------------------------------------ storing, and what goes wrong

    def _store(
        self,
        changes: Sequence[tuple[TriggerState, TriggerState]],
        executions: Sequence[Execution],
        endings: Sequence[int] = (),
    ) -> bool:
        stored = self._parts.triggers.change(changes, new_executions=executions, taken_endings=endings)
        if stored and executions:
            self._on_fired(executions)
        return stored

    def _guarded(self, state: TriggerState, now: datetime, act: Callable[[], None]) -> None:
        """Does something about one trigger; what is wrong with it is kept with it, and it waits for its next time."""
        try:
            act()
        except StoreBusy:
            raise
        except Exception as error:
            self._keep_fault(state, error, now)

    def _keep_fault(self, state: TriggerState, error: Exception, now: datetime) -> None:
        current = self._parts.triggers.find(state.namespace, state.flow_id, state.trigger_id)
        if current is None:
            return
        after = self._faulty(current, error)
        if after.next_at is not None and after.next_at <= now:
            after = replace(after, next_at=self._next_time(after, now))
        if after != current:
            self._parts.triggers.change([(current, after)])

    def _faulty(self, state: TriggerState, error: Exception) -> TriggerState:
        what = _said(error)
        if what != state.error:
            self._say(f"trigger {state.name}: {what}")
        return replace(state, error=what)

    def _next_time(self, state: TriggerState, now: datetime) -> datetime | None:
        try:
            _, trigger = trigger_of(self._parts, state)
            if trigger.name in _SCHEDULES:
                return next_time(trigger, now)
        except StoreBusy:
            raise
        except Exception as error:
            self._say(f"trigger {state.name}: {error}")
        return now + AGAIN_AFTER

    def _complain(self, line: str) -> None:
        if line != self._complaint:
            self._complaint = line
            self._say(line)


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, PipelineError) else f"internal error: {type(error).__name__}: {error}"
