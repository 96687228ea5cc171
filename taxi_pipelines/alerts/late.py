"""What is late: looked at once, when it becomes so.

A slot is late where none of its executions has ended well so long after its time; another execution, where it goes on so long
after it was created. Slots that a schedule passed over by its own rules (conditions, `recoverMissedSchedules`) were never due.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta

from taxi_pipelines.alerts.messages import link, minute, month_of
from taxi_pipelines.domain.alert import AlertRule
from taxi_pipelines.domain.execution import Execution
from taxi_pipelines.domain.states import ENDED, State
from taxi_pipelines.domain.trigger import ON_DATES, SCHEDULE, TriggerState
from taxi_pipelines.engine.parts import Parts
from taxi_pipelines.flow_interfaces import ExecutionFilter, Page

_MOMENT = timedelta(microseconds=1)
_WELL = (State.SUCCESS, State.WARNING, State.SKIPPED)
_GOES_ON = frozenset(State) - ENDED - {State.PAUSED}
_AT_A_TIME = 200

FlowName = tuple[str, str]


def find_late(parts: Parts, rule: AlertRule, since: datetime, now: datetime) -> Iterator[tuple[FlowName, str]]:
    """What became late after `since` and until now: the flow, and a sentence."""
    if rule.after is None:
        return
    first, last = since - rule.after + _MOMENT, now - rule.after
    schedules = [state for state in parts.triggers.listed(rule.namespace) if state.type in (SCHEDULE, ON_DATES)]
    schedules = [state for state in schedules if rule.covers(state.namespace, state.flow_id)]
    for state in schedules:
        for said in _late_slots(parts, state, first, last):
            yield (state.namespace, state.flow_id), said
    names = {(state.namespace, state.flow_id, state.trigger_id) for state in schedules}
    for execution in _long_ones(parts, rule, first, last):
        if not _is_judged_by_its_slot(execution, names, rule.after):
            name = (execution.namespace, execution.flow_id)
            yield name, _said(execution, f"is {execution.state} since {minute(execution.created_at)}", parts)


def _late_slots(parts: Parts, state: TriggerState, first: datetime, last: datetime) -> Iterator[str]:
    executed: dict[datetime, list[tuple[str, State]]] = {}
    for slot, id, its_state in parts.backfills.executed(state.namespace, state.flow_id, state.trigger_id, first, last):
        executed.setdefault(slot, []).append((id, its_state))
    for slot, tries in executed.items():
        id, its_state = tries[-1]
        if not any(one in _WELL for _, one in tries) and (execution := parts.executions.find(id)):
            yield _said(execution, f"of the slot {minute(slot)} of {state.trigger_id} is {its_state}", parts)
    if state.next_at and first <= state.next_at <= last and state.next_at not in executed:
        waits = f": it waits for the execution {state.waits_for}" if state.waits_for else ""
        yield f"the slot {minute(state.next_at)} of {state.trigger_id} has not begun{waits}"


def _long_ones(parts: Parts, rule: AlertRule, first: datetime, last: datetime) -> list[Execution]:
    """Those created in that time that go on."""
    wanted = ExecutionFilter(
        namespace=rule.namespace, flow_id=rule.flow, states=_GOES_ON, since=first, until=last + _MOMENT
    )
    found: list[Execution] = []
    while page := parts.executions.search(wanted, Page(limit=_AT_A_TIME, offset=len(found))):
        found += page
    return [one for one in found if concerns(rule, one)]


def concerns(rule: AlertRule, execution: Execution) -> bool:
    """Whether it is about that execution. One that another waits for is left to that one, unless the rule names its flow."""
    is_waited_for = execution.caller is not None and execution.caller.waits
    return rule.covers(execution.namespace, execution.flow_id) and (rule.flow is not None or not is_waited_for)


def _is_judged_by_its_slot(execution: Execution, schedules: Collection[tuple[str, ...]], after: timedelta) -> bool:
    trigger = execution.trigger or {}
    if (execution.namespace, execution.flow_id, trigger.get("id")) not in schedules:
        return False
    return execution.created_at - datetime.fromisoformat(str(trigger["date"])) < after


def _said(execution: Execution, how: str, parts: Parts) -> str:
    of = f" (month: {month})" if (month := month_of(execution)) else ""
    return f"execution {execution.id[:8]}{of} {how}: {link(execution, parts.server_url)}"
