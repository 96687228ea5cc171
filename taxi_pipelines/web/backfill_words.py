"""What a backfill does, in a sentence; why slots failed; how long the rest takes at the pace so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.domain.states import State
from taxi_pipelines.domain.trigger import Backfill, BackfillSlot, BackfillState, SlotState
from taxi_pipelines.engine.parts import Parts
from taxi_pipelines.scheduler.backfills import BackfillPlan, SlotAction
from taxi_pipelines.web.execution_words import taxi_and_month
from taxi_pipelines.web.slot_cells import Standing
from taxi_pipelines.web.words import first_line, month_name, plural

DONE = (SlotState.SUCCESS, SlotState.WARNING, SlotState.SKIPPED)
_OPEN = (SlotState.WAITING, SlotState.RUNNING)
_PACE_OF = 8
"""The pace is that of so many slots that ended last."""

_WORDS = {
    SlotState.WAITING: "waits",
    SlotState.RUNNING: "runs",
    SlotState.SUCCESS: "done",
    SlotState.WARNING: "done, with a warning",
    SlotState.FAILED: "failed",
    SlotState.SKIPPED: "done before",
    SlotState.CANCELLED: "given up",
}

_BEFORE = {State.SUCCESS: ("SUCCESS", "done already"), State.WARNING: ("WARNING", "ended with a warning")}
"""How a slot that is to be executed stood when it was executed last; all else had failed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """A slot that failed. `month` is of the data, where the execution is about one."""

    slot: BackfillSlot
    month: str
    reason: str


def look_of_backfill(state: BackfillState, counts: Mapping[SlotState, int]) -> str:
    """Its state, but nothing that has failed looks done."""
    return "FAILED" if state is BackfillState.DONE and counts.get(SlotState.FAILED) else str(state)


def sentence(state: BackfillState, counts: Mapping[SlotState, int]) -> str:
    """`9 of 12 done, 1 failed.`"""
    total, done = sum(counts.values()), sum(counts.get(one, 0) for one in DONE)
    parts = [f"All {total:,} done" if done == total > 1 else f"{done:,} of {total:,} done"]
    if before := counts.get(SlotState.SKIPPED):
        parts.append(f"{before:,} of them before it began")
    for slot_state, words in ((SlotState.FAILED, "failed"), (SlotState.RUNNING, "running")):
        if count := counts.get(slot_state):
            parts.append(f"{count:,} {words}")
    if waiting := counts.get(SlotState.WAITING):
        parts.append(f"{waiting:,} waiting to be resumed" if state is BackfillState.PAUSED else f"{waiting:,} to go")
    if given_up := counts.get(SlotState.CANCELLED):
        parts.append(f"{given_up:,} given up")
    return f"{', '.join(parts)}."


def plan_sentence(plan: BackfillPlan, standings: Sequence[Standing], now: datetime) -> str:
    """`12 slots: 9 missing, 3 done already.`"""
    states = [one.state for one in standings]
    said = {
        "CREATED": "missing",
        "FAILED": "failed before",
        "WARNING": "with a warning",
        "SUCCESS": "done already",
        "RUNNING": "running now",
    }
    counts = [f"{states.count(state):,} {words}" for state, words in said.items() if state in states]
    to_come = sum(one.slot > now for one in plan.slots)
    future = f" {plural(to_come, 'slot is', 'slots are')} still to come, and would be executed now." if to_come else ""
    kinds = f", all {counts[0].split(' ', 1)[1]}" if len(counts) == 1 < len(states) else f": {', '.join(counts)}"
    return f"{plural(len(states), 'slot')}{kinds}.{future}"


def standings_of_plan(parts: Parts, plan: BackfillPlan) -> list[Standing]:
    """Each slot: done, running, failed when it was last tried, or missing; so also where what is done is executed again."""
    it = plan.trigger
    executed = parts.backfills.executed(plan.flow.namespace, plan.flow.id, it.id, plan.start, plan.end)
    last = {slot: state for slot, _, state in executed}
    said = {
        SlotAction.SKIP: ("SUCCESS", "done already"),
        SlotAction.WAIT: ("RUNNING", "runs now"),
        SlotAction.RUN: ("CREATED", "missing"),
    }
    found = []
    for one in plan.slots:
        state, words = said[one.action]
        if one.action is SlotAction.RUN and (before := last.get(one.slot)):
            state, words = _BEFORE.get(before, ("FAILED", "failed before"))
        found.append(Standing(slot=one.slot, state=state, words=words, execution_id=one.execution_id))
    return found


def standings_of(slots: Sequence[BackfillSlot]) -> list[Standing]:
    """Of a backfill that was started."""
    return [
        Standing(slot=one.slot, state=str(one.state), words=_WORDS[one.state], execution_id=one.execution_id)
        for one in slots
    ]


def failures_of(parts: Parts, slots: Sequence[BackfillSlot], limit: int) -> list[Failure]:
    """So many of them, with their reasons in one line."""
    failed = list(islice((slot for slot in slots if slot.state is SlotState.FAILED), limit))
    ids = [slot.execution_id for slot in failed if slot.execution_id]
    executions, reasons = parts.statistics.found(ids), parts.statistics.reasons(ids)
    return [
        _failure(slot, executions.get(slot.execution_id or ""), reasons.get(slot.execution_id or "", ""))
        for slot in failed
    ]


def time_left(parts: Parts, backfill: Backfill, slots: Sequence[BackfillSlot]) -> timedelta | None:
    """At the pace of the slots that ended last; None where too few have, or nothing goes on."""
    left = sum(slot.state in _OPEN for slot in slots)
    if backfill.state is not BackfillState.RUNNING or not left:
        return None
    ended = islice((slot for slot in reversed(slots) if slot.state is SlotState.SUCCESS), _PACE_OF)
    found = parts.statistics.found([slot.execution_id for slot in ended if slot.execution_id])
    times = [(one.started_at, one.ended_at) for one in found.values() if one.started_at and one.ended_at]
    if len(times) < 3:
        return None
    took = max(end for _, end in times) - min(start for start, _ in times)
    return left * took / len(times)


def _failure(slot: BackfillSlot, execution: Execution | None, reason: str) -> Failure:
    month = taxi_and_month(execution)[1] if execution else ""
    said = first_line(slot.error or reason) or "no reason is known"
    return Failure(slot=slot, month=month_name(month) if month else "", reason=said)
